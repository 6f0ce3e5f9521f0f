-- A deprovisioned tenant's API keys and database password have to be revoked, where an installation wants that.
ALTER TABLE control.outbox DROP CONSTRAINT outbox_kind_check;
ALTER TABLE control.outbox ADD CONSTRAINT outbox_kind_check
    CHECK (kind IN ('publish_event', 'invalidate_cache', 'settle_billing', 'switch_off_graph_user', 'revoke_access'));
