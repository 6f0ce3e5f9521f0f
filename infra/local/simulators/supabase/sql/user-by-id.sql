SELECT id, aud, role, email, email_confirmed_at, invited_at, phone, confirmation_sent_at, confirmed_at, last_sign_in_at,
    raw_app_meta_data, raw_user_meta_data, created_at, updated_at, is_anonymous
FROM auth.users
WHERE id = $1
