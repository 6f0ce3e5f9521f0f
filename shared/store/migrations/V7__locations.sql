-- Where a catalog's data lies, in the one spelling that shared/domain/src/location.rs gives it, and the version of the row
-- that it is of. A row of an older release has none, or that of an older version: its location is worked out when it is
-- compared. So is one that is too long for an index.
ALTER TABLE lakehouse.tenant_catalogs ADD COLUMN location text COLLATE "C", ADD COLUMN location_version bigint;

CREATE INDEX tenant_catalogs_location ON lakehouse.tenant_catalogs (location);
CREATE INDEX tenant_catalogs_unlocated ON lakehouse.tenant_catalogs (tenant_id) WHERE location_version IS DISTINCT FROM version;

-- Whether the caller knew that another target may feed the same Iceberg table.
ALTER TABLE lakehouse.sync_targets ADD COLUMN shared_table boolean NOT NULL DEFAULT false;

-- Which Iceberg table a target feeds. Hive, Glue and most engines do not tell upper from lower case. The collation folds the letters
-- of every script, whatever the locale of the database is (Postgres 17).
CREATE INDEX sync_targets_table ON lakehouse.sync_targets (md5(lower(normalize(iceberg_namespace || '.' || iceberg_table, NFKC) COLLATE pg_c_utf8)));
