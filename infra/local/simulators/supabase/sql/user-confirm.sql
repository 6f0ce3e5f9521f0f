UPDATE auth.users
SET email_confirmed_at = now(), updated_at = now(),
    raw_user_meta_data = coalesce(raw_user_meta_data, '{}') || '{"email_verified": true}'
WHERE id = $1
RETURNING id, aud, role, email, email_confirmed_at, invited_at, phone, confirmation_sent_at, confirmed_at, last_sign_in_at,
    raw_app_meta_data, raw_user_meta_data, created_at, updated_at, is_anonymous
