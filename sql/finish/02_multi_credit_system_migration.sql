-- What the migration leaves behind of the single pool, for a rollback alone.

-- %%archive old balances
SELECT * FROM organization_credits ORDER BY organization_id

-- %%drop old balances
-- The pools count now. What was bought, total_credits, stays with its table.
DROP TRIGGER IF EXISTS refuse_old_debit ON organization_credits;
DROP FUNCTION IF EXISTS refuse_old_debit();
ALTER TABLE organization_credits DROP COLUMN IF EXISTS remaining_credits, DROP COLUMN IF EXISTS used_credits;
