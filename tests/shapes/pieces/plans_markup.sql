-- names of plans and organizations that look like markup
-- of: plans
UPDATE organizations SET plan_name = '$\frac{1}{$ plan' WHERE plan_name = 'free';
UPDATE organizations SET plan_name = '<script>alert(1)</script>' WHERE plan_name = 'starter';
UPDATE organizations SET plan_name = E'a\nb\t\u202e%s {x} :y $1' WHERE plan_name = 'professional';
UPDATE organizations SET name = '$$; DROP TABLE organizations; -- ' || name WHERE name ~ 'AG$';
