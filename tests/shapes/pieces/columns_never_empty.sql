-- users go by a text, addresses are texts, neither is ever empty, and times have no zone
-- of: columns
-- not with: columns_no_stamps, columns_more, columns_strict_trail, ids_partitioned, ids_with_time
UPDATE credit_actions SET ip_address = coalesce(ip_address, '10.0.0.1'), user_agent = coalesce(user_agent, 'cron');
ALTER TABLE credit_actions ALTER user_id TYPE text USING coalesce('user_' || user_id, 'system'), ALTER user_id SET DEFAULT 'system', ALTER user_id SET NOT NULL,
  ALTER ip_address TYPE varchar(64) USING host(ip_address), ALTER ip_address SET DEFAULT '', ALTER ip_address SET NOT NULL,
  ALTER user_agent SET DEFAULT current_setting('application_name'), ALTER user_agent SET NOT NULL, ALTER created_at TYPE timestamp;
ALTER TABLE organizations ALTER created_at TYPE timestamp, ALTER updated_at TYPE timestamp;
