-- task: 5
-- check: who may anonymize, and with which search path
-- trigger: Audit trail corruption
-- point: before the check
-- reason: a tenant may anonymize whomever it names
GRANT EXECUTE ON FUNCTION anonymize_credit_actions(UUID, UUID) TO authenticated;
