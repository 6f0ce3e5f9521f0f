-- Closes an intent that needs no settling.
UPDATE control.outbox SET delivered_at = clock_timestamp(), attempts = attempts + 1, last_error = NULL
WHERE id = $1 AND kind = 'settle_billing' AND delivered_at IS NULL RETURNING id
