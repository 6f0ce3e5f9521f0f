-- Whether a Stripe object was asked for in live mode. Under a key of test mode nothing of it is there, which says nothing
-- about it. Null: another kind, or asked for before this was written down.
ALTER TABLE control.resources ADD COLUMN livemode boolean;
