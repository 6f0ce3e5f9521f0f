SELECT id FROM auth.users WHERE lower(email) = $1 AND invited_at IS NOT NULL
