SELECT id, tenant_id, kind, payload FROM control.outbox WHERE id = ANY($1) AND delivered_at IS NULL ORDER BY created_at, kind DESC
