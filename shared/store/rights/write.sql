-- What the statements in sql/ need: to write, only the columns that they name. In particular nobody can choose the time or the
-- number of a row of the audit log.
GRANT INSERT (action, actor, after, before, request_id, tenant_id) ON control.audit_log TO {role};
GRANT SELECT ON control.leases TO {role};
GRANT INSERT (name, token, until) ON control.leases TO {role};
GRANT UPDATE (token, until) ON control.leases TO {role};
GRANT DELETE ON control.leases TO {role};
GRANT SELECT ON control.outbox TO {role};
GRANT INSERT (id, kind, next_attempt_at, payload, tenant_id) ON control.outbox TO {role};
GRANT UPDATE (attempts, delivered_at, last_error, next_attempt_at) ON control.outbox TO {role};
GRANT SELECT ON control.provisioning_steps TO {role};
GRANT INSERT (step, tenant_id) ON control.provisioning_steps TO {role};
GRANT UPDATE (attempts, cause, finished_at, next_retry_at, started_at, state, waiting_for) ON control.provisioning_steps TO {role};
GRANT SELECT ON control.resources TO {role};
GRANT INSERT (attempt, confirmed_at, external_id, generation, id, idempotency_key, kind, livemode, name, request, step, tenant_id) ON control.resources TO {role};
GRANT UPDATE (confirmed_at, dead_at, external_id, idempotency_key, livemode, request, sent_at) ON control.resources TO {role};
GRANT SELECT ON control.tenants TO {role};
GRANT INSERT (admin_email, correlation_id, display_name, region, slug, tenant_id, tier) ON control.tenants TO {role};
GRANT UPDATE (activated_at, admin_email, attempt, correlation_id, custom_domain, display_name, error_message, falkordb_graph_name, is_active, lease_token, lease_until, opensearch_alias, provisioning_state, schema_version, stripe_customer_id, supabase_project_ref, supabase_url, tier, touched_at, updated_at, version) ON control.tenants TO {role};
GRANT SELECT ON control.verdicts TO {role};
GRANT INSERT (cause, checked_at, region, stops, system, tier, warnings) ON control.verdicts TO {role};
GRANT UPDATE (cause, checked_at, stops, warnings) ON control.verdicts TO {role};
GRANT DELETE ON control.verdicts TO {role};
GRANT SELECT ON lakehouse.sync_targets TO {role};
GRANT INSERT (catalog_name, created_at, cursor_col, fivetran_connector_id, iceberg_namespace, iceberg_table, id, metadata, primary_key_cols, source_schema, source_table, sync_mode, tenant_id) ON lakehouse.sync_targets TO {role};
GRANT UPDATE (catalog_name, cursor_col, fivetran_connector_id, metadata, primary_key_cols, sync_mode, updated_at) ON lakehouse.sync_targets TO {role};
GRANT SELECT ON lakehouse.tenant_catalogs TO {role};
GRANT INSERT (catalog_name, catalog_type, catalog_uri, id, is_active, metadata, s3_endpoint, storage_prefix, tenant_id, version, warehouse) ON lakehouse.tenant_catalogs TO {role};
GRANT UPDATE (catalog_type, catalog_uri, is_active, metadata, s3_endpoint, secret_version, storage_prefix, updated_at, version, warehouse) ON lakehouse.tenant_catalogs TO {role};
