-- task: 5
-- check: personal data outside the audit trail can be erased by the application
-- trigger: GDPR compliance issues
-- point: before the check
-- reason: the application may no longer change the contact address
REVOKE UPDATE ON organizations FROM service_role;
