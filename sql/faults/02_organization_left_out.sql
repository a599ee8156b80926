-- task: 2
-- check: nobody is left without an allocation
-- trigger: Data migration errors or inconsistencies
-- point: before the check
-- reason: one organization was not migrated
UPDATE organizations SET credits_migrated_at = NULL WHERE id = md5('77')::UUID;
