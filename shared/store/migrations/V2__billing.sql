-- A tier change or a deactivation that Stripe may not know of yet: written before Stripe is called, settled by whoever
-- called, else by the reconciler.
ALTER TABLE control.outbox DROP CONSTRAINT outbox_kind_check;
ALTER TABLE control.outbox ADD CONSTRAINT outbox_kind_check CHECK (kind IN ('publish_event', 'invalidate_cache', 'settle_billing'));
