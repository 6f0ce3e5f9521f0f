-- The pause doubles after every failure, up to an hour.
UPDATE control.outbox
SET attempts = attempts + 1, last_error = $2, next_attempt_at = clock_timestamp() + make_interval(secs => least(3600, 30 * 2 ^ least(attempts, 10)))
WHERE id = $1 AND delivered_at IS NULL RETURNING id
