SELECT id, recovery_sent_at
FROM auth.users
WHERE email = $1 AND NOT is_sso_user
FOR UPDATE
