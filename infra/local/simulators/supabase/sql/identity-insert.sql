INSERT INTO auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
VALUES ($1::uuid::text, $1, jsonb_build_object('sub', $1::uuid, 'email', $2::text, 'email_verified', false, 'phone_verified', false),
    'email', now(), now(), now())
