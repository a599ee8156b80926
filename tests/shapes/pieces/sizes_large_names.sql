-- names of two megabytes
-- of: sizes
UPDATE organizations SET name = repeat('Ärger ', 350000) WHERE name ~ 'inactive';
