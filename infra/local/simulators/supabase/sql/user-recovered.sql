UPDATE auth.users
SET email_confirmed_at = coalesce(email_confirmed_at, now()), last_sign_in_at = now(), updated_at = now(), recovery_token = '',
    raw_user_meta_data = coalesce(raw_user_meta_data, '{}') || '{"email_verified": true}'
WHERE recovery_token = $1 AND recovery_token <> ''
    AND recovery_sent_at > now() - make_interval(secs => $2) AND NOT coalesce(banned_until > now(), false)
RETURNING id, aud, role, email, email_confirmed_at, invited_at, phone, confirmation_sent_at, confirmed_at, last_sign_in_at,
    raw_app_meta_data, raw_user_meta_data, created_at, updated_at, is_anonymous
