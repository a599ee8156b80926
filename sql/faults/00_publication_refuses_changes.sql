-- task: 0
-- check: nothing refuses the statements of the migration
-- trigger: Technical environment issues
-- point: before the check
-- reason: a publication asks for a column that no key has, so that PostgreSQL refuses every change of an organization
CREATE PUBLICATION active FOR TABLE organizations WHERE (total_credits > 0);
