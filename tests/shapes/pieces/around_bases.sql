-- the tables inherit bases of a schema of their own, which others inherit too
-- of: around
-- not with: columns_no_defaults, columns_strict_trail, ids_partitioned, ids_partitioned_by_type, types_short_domains, columns_never_empty, columns_null, tenancy_self_service
CREATE SCHEMA base;
CREATE TABLE base.entity (created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE base.audited (description text, created_at timestamptz NOT NULL DEFAULT now());
ALTER TABLE organizations INHERIT base.entity;
ALTER TABLE credit_actions INHERIT base.audited;
CREATE TABLE base.other () INHERITS (base.entity);
