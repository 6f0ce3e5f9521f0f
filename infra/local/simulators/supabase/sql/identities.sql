SELECT id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at, email
FROM auth.identities
WHERE user_id = $1
ORDER BY created_at
