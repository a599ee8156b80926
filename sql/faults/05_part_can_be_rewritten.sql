-- task: 5
-- check: nobody but the owner can change, remove or forge an audit row
-- trigger: Audit trail corruption
-- point: before the check
-- reason: the application may change the rows of a table that inherits the trail
CREATE TABLE credit_actions_of_old () INHERITS (credit_actions);
GRANT UPDATE ON credit_actions_of_old TO service_role;
