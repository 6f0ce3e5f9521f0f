SELECT id, aud, role, email, email_confirmed_at, invited_at, phone, confirmation_sent_at, confirmed_at, last_sign_in_at,
    raw_app_meta_data, raw_user_meta_data, created_at, updated_at, is_anonymous
FROM auth.users
WHERE $1 = '' OR email LIKE '%' || $1 || '%' OR raw_user_meta_data ->> 'full_name' ILIKE '%' || $1 || '%'
ORDER BY created_at DESC
LIMIT $2 OFFSET $3
