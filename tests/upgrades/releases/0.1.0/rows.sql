-- Tenants in every state of their life, as the release's functions leave them.
INSERT INTO control.tenants (tenant_id, slug, display_name, region, tier, admin_email, correlation_id, provisioning_state,
                             is_active, error_message, attempt, supabase_project_ref, supabase_url, schema_version,
                             falkordb_graph_name, opensearch_alias, stripe_customer_id, custom_domain, activated_at)
VALUES
    ('01900000-0000-7000-8000-000000000001', 'running-bank', 'Running', 'us-east-1', 'enterprise', 'a@running.example', 'c',
     'provisioning', false, NULL, 1, 'abcdefghijklmnopqrst', 'https://abcdefghijklmnopqrst.supabase.co', 6, NULL, NULL, NULL, NULL, NULL),
    ('01900000-0000-7000-8000-000000000002', 'waiting-bank', 'Waiting', 'eu-central-1', 'pilot', 'a@waiting.example', 'c',
     'provisioning', false, NULL, 2, 'bbcdefghijklmnopqrst', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('01900000-0000-7000-8000-000000000003', 'failed-bank', 'Failed', 'us-east-1', 'enterprise', 'a@failed.example', 'c',
     'failed', false, 'Check the user.', 1, 'cbcdefghijklmnopqrst', 'https://cbcdefghijklmnopqrst.supabase.co', 6, NULL, NULL, NULL, NULL, NULL),
    ('01900000-0000-7000-8000-000000000004', 'live-bank', 'Live', 'us-east-1', 'enterprise', 'a@live.example', 'c',
     'active', true, NULL, 1, 'dbcdefghijklmnopqrst', 'https://dbcdefghijklmnopqrst.supabase.co', 6, 'client_live-bank',
     'client_live-bank', 'cus_live', 'live.example.com', clock_timestamp()),
    ('01900000-0000-7000-8000-000000000005', 'off-bank', 'Off', 'us-east-1', 'enterprise', 'a@off.example', 'c',
     'deprovisioned', false, NULL, 1, 'ebcdefghijklmnopqrst', 'https://ebcdefghijklmnopqrst.supabase.co', 6, 'client_off-bank',
     'client_off-bank', 'cus_off', 'live.example.com', clock_timestamp());

-- How many steps of each tenant are completed, and what the next one is.
INSERT INTO control.provisioning_steps (tenant_id, step, state, attempts, started_at, finished_at, waiting_for, next_retry_at, cause)
SELECT t.tenant_id, s.step,
       CASE WHEN s.step <= done THEN 'completed' WHEN s.step = done + 1 THEN next ELSE 'pending' END,
       CASE WHEN s.step <= done THEN 1 WHEN s.step = done + 1 THEN 3 ELSE 0 END,
       CASE WHEN s.step <= done + 1 THEN clock_timestamp() END,
       CASE WHEN s.step <= done OR (s.step = done + 1 AND next = 'failed') THEN clock_timestamp() END,
       CASE WHEN s.step = done + 1 AND next = 'waiting' THEN 'project' END,
       CASE WHEN s.step = done + 1 AND next <> 'failed' THEN clock_timestamp() + interval '30 seconds' END,
       CASE WHEN s.step = done + 1 AND next <> 'waiting' THEN
           jsonb_build_object('code', code, 'owner', 'quota', 'retryable', true, 'hint', 'A hint.', 'provider_request_id', 'req-1') END
FROM (VALUES ('running-bank', 4, 'running', 'supabase_auth_rate_limited'), ('waiting-bank', 1, 'waiting', NULL),
             ('failed-bank', 5, 'failed', 'falkordb_unauthorized'), ('live-bank', 9, NULL, NULL), ('off-bank', 9, NULL, NULL))
         AS life (slug, done, next, code)
JOIN control.tenants t USING (slug), generate_series(1, 9) AS s (step);

-- The ledger: resources that are confirmed, one that was given up, and open intents. Rows of before V4 say no mode.
INSERT INTO control.resources (id, tenant_id, kind, generation, name, step, attempt, request, idempotency_key, external_id,
                               confirmed_at, dead_at, livemode)
SELECT gen_random_uuid(), t.tenant_id, made.kind, made.generation, made.name, made.step, 1, made.request, made.key, made.external,
       CASE WHEN made.external IS NOT NULL THEN clock_timestamp() END, CASE WHEN made.dead THEN clock_timestamp() END, made.live
FROM (VALUES
    ('running-bank', 'tenant_secret', 1, 'tenants/01900000-0000-7000-8000-000000000001', 1, NULL, NULL, 'tenants/01900000-0000-7000-8000-000000000001', false, NULL::boolean),
    ('running-bank', 'supabase_project', 1, 'running-bank-01900000-0000-7000-8000-000000000001', 1, NULL, NULL, 'zbcdefghijklmnopqrst', true, NULL),
    ('running-bank', 'supabase_project', 2, 'running-bank-01900000-0000-7000-8000-000000000001', 1, NULL, NULL, 'abcdefghijklmnopqrst', false, NULL),
    ('running-bank', 'auth_configuration', 1, 'https://app.example.com smtp:v1 links:86400s', 5, 'disable_signup,site_url', NULL, 'abcdefghijklmnopqrst', false, NULL),
    ('running-bank', 'admin_user', 1, 'a@running.example', 5, NULL, NULL, NULL, false, NULL),
    ('live-bank', 'stripe_customer', 1, '01900000-0000-7000-8000-000000000004', 9, 'email=a%40live.example', 'key-1', 'cus_live', false, NULL),
    ('live-bank', 'stripe_subscription', 1, '01900000-0000-7000-8000-000000000004', 9, 'customer=cus_live', 'key-2', 'sub_live', false, true),
    ('off-bank', 'graph', 1, 'client_off-bank', 6, NULL, NULL, 'client_off-bank', false, NULL)
) AS made (slug, kind, generation, name, step, request, key, external, dead, live)
JOIN control.tenants t USING (slug);

-- What is promised and not delivered yet.
INSERT INTO control.outbox (id, tenant_id, kind, payload)
SELECT gen_random_uuid(), t.tenant_id, promised.kind, promised.payload::jsonb
FROM (VALUES
    ('live-bank', 'invalidate_cache', '{"keys": ["tenant:slug:live-bank", "tenant:id:01900000-0000-7000-8000-000000000004"]}'),
    ('live-bank', 'publish_event', '{"stream": "iam:tenants:provisioned", "fields": {"event_type": "iam:tenants:provisioned",
        "schema_version": "1", "slug": "live-bank", "tenant_id": "01900000-0000-7000-8000-000000000004"}}'),
    ('live-bank', 'settle_billing', '{}'),
    ('off-bank', 'switch_off_graph_user', '{}'),
    ('off-bank', 'revoke_access', '{}')
) AS promised (slug, kind, payload)
JOIN control.tenants t USING (slug);

INSERT INTO control.verdicts (system, region, tier, cause, stops, warnings, checked_at)
VALUES ('falkordb', 'us-east-1', NULL, '{"code": "falkordb_no_users", "owner": "platform", "retryable": false, "hint": "A hint.", "provider_request_id": null, "foreseen_at": null}',
        true, '{}', clock_timestamp()),
       ('stripe', NULL, 'enterprise', NULL, false, '{stripe_test_mode}', clock_timestamp());

-- A catalog that no release after it has written again: nobody has worked out its location.
INSERT INTO lakehouse.tenant_catalogs (id, tenant_id, catalog_name, catalog_type, catalog_uri, warehouse, storage_prefix, secret_version,
                                       metadata, is_active, version)
VALUES ('01900000-0000-5000-8000-000000000001', '01900000-0000-7000-8000-000000000004', 'main', 'rest',
        'https://iomete.internal/api/v1/catalog', 's3://ivory-iceberg/', 'tenants/live-bank/', 'v1', '{"a": 1.50}', true, 1);
INSERT INTO lakehouse.sync_targets (id, tenant_id, catalog_name, source_schema, source_table, iceberg_namespace, iceberg_table,
                                    sync_mode, primary_key_cols, cursor_col, metadata)
VALUES ('01900000-0000-7000-8000-00000000000a', '01900000-0000-7000-8000-000000000004', 'main', 'public', 'companies',
        'ivory_tenant_live-bank', 'companies_snapshot', 'incremental', '{id}', 'updated_at', '{}');

INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
VALUES ('platform-admin', 'tenant.create', '01900000-0000-7000-8000-000000000004', 'r', '203.0.113.7', NULL, '{"slug": "live-bank"}');
