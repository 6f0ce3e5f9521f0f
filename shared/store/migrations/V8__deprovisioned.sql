-- A custom domain belongs to one tenant that is not deprovisioned. A deprovisioned tenant's row remembers its own, which is
-- free for others, and can have it back only if nobody else has it then.
ALTER TABLE control.tenants DROP CONSTRAINT tenants_custom_domain_key;
CREATE UNIQUE INDEX tenants_custom_domain_key ON control.tenants (custom_domain) WHERE provisioning_state <> 'deprovisioned';

-- A deprovisioned tenant's user of its graph has to be switched off.
ALTER TABLE control.outbox DROP CONSTRAINT outbox_kind_check;
ALTER TABLE control.outbox ADD CONSTRAINT outbox_kind_check
    CHECK (kind IN ('publish_event', 'invalidate_cache', 'settle_billing', 'switch_off_graph_user'));
-- So have those of the tenants that were deprovisioned before.
INSERT INTO control.outbox (id, tenant_id, kind, payload)
SELECT gen_random_uuid(), t.tenant_id, 'switch_off_graph_user', '{}' FROM control.tenants t
WHERE t.provisioning_state = 'deprovisioned'
  AND EXISTS (SELECT FROM control.resources r WHERE r.tenant_id = t.tenant_id AND r.kind = 'graph' AND r.dead_at IS NULL);
