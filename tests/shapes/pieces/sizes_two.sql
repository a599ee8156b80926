-- two organizations, of which one is empty
-- of: sizes
CREATE TEMP TABLE kept AS SELECT id FROM organizations WHERE name ~ 'total 0|largest total';
DELETE FROM credit_actions WHERE organization_id <> ALL (SELECT id FROM kept);
DELETE FROM organization_credits WHERE organization_id <> ALL (SELECT id FROM kept);
DELETE FROM organizations WHERE id <> ALL (SELECT id FROM kept);
DROP TABLE kept;
