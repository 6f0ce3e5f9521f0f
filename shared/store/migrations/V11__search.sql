-- Tenants are found by a part of their slug, name, address or domain. An index of three-letter pieces serves all four. The
-- extension is a trusted one (PostgreSQL, F.35): whoever may create in the database may create it.
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA control;
CREATE INDEX tenants_search ON control.tenants USING gin
    (slug control.gin_trgm_ops, display_name control.gin_trgm_ops, admin_email control.gin_trgm_ops, custom_domain control.gin_trgm_ops);
