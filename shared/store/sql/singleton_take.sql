INSERT INTO control.leases (name, token, until) VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
ON CONFLICT ON CONSTRAINT leases_pkey DO UPDATE SET token = excluded.token, until = excluded.until
WHERE control.leases.until <= clock_timestamp() OR control.leases.token = excluded.token
RETURNING name
