-- task: 1
-- check: every foreign key that points at users holds
-- trigger: A foreign key does not hold
-- point: before the check
-- reason: somebody has made a key anew, and nobody has looked whether it holds

ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey;
ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID;
