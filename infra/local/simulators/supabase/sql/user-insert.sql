INSERT INTO auth.users (id, aud, role, email, raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
    confirmation_token, recovery_token, email_change_token_new, email_change, encrypted_password)
VALUES (gen_random_uuid(), '', '', $1, '{"provider": "email", "providers": ["email"]}', $2, now(), now(), '', '', '', '', '')
RETURNING id, aud, role, email, email_confirmed_at, invited_at, phone, confirmation_sent_at, confirmed_at, last_sign_in_at,
    raw_app_meta_data, raw_user_meta_data, created_at, updated_at, is_anonymous
