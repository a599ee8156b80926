-- task: 0
-- check: the backup, restored, equals the tables
-- trigger: Safety requirements not met
-- point: after step 0.1
-- reason: some rows stand in a child table, which a dump of the table leaves out
CREATE SCHEMA partner;
CREATE TABLE partner.organizations () INHERITS (organizations);
INSERT INTO partner.organizations (name) VALUES ('Left out');
