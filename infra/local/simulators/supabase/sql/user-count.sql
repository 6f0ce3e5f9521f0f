SELECT count(*)
FROM auth.users
WHERE $1 = '' OR email LIKE '%' || $1 || '%' OR raw_user_meta_data ->> 'full_name' ILIKE '%' || $1 || '%'
