-- what remains is generated
-- of: balance
-- debit: used_credits = used_credits + @n@
ALTER TABLE organization_credits DROP COLUMN remaining_credits;
ALTER TABLE organization_credits ADD remaining_credits numeric GENERATED ALWAYS AS (total_credits - used_credits) STORED;
