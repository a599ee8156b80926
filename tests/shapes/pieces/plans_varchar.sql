-- plans and names are short varchar, actions too
-- of: plans
ALTER TABLE organizations ALTER plan_name TYPE varchar(40), ALTER status TYPE varchar(20);
ALTER TABLE credit_actions ALTER action_type TYPE varchar(16), ALTER description TYPE varchar(120);
