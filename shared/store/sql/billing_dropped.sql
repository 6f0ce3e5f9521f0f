-- Closes an intent that nobody has to settle.
UPDATE control.outbox SET delivered_at = clock_timestamp(), attempts = attempts + 1, last_error = NULL
WHERE id = $1 AND kind = 'settle_billing' AND delivered_at IS NULL RETURNING id
