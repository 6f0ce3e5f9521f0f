UPDATE auth.users
SET recovery_token = $2, recovery_sent_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE id = $1
