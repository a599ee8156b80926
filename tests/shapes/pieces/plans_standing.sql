-- an enum of statuses knows no 'active'
-- of: plans
-- expect: blocked
-- not with: columns_null, around_api_views, around_storage, around_no_statistics
CREATE TYPE standing AS ENUM ('TRIAL', 'LIVE', 'CLOSED');
ALTER TABLE organizations ALTER status DROP DEFAULT, ALTER status TYPE standing USING (CASE WHEN status = 'active' THEN 'LIVE' ELSE 'CLOSED' END)::standing, ALTER status SET DEFAULT 'LIVE';
