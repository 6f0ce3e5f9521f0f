UPDATE auth.users
SET banned_until = now() + make_interval(hours => $2), updated_at = now()
WHERE id = $1
RETURNING id, aud, role, email, email_confirmed_at, invited_at, phone, confirmation_sent_at, confirmed_at, last_sign_in_at,
    raw_app_meta_data, raw_user_meta_data, created_at, updated_at, is_anonymous
