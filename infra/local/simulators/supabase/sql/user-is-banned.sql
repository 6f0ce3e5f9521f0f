SELECT id
FROM auth.users
WHERE $1 <> '' AND (confirmation_token = $1 OR recovery_token = $1) AND banned_until > now()
