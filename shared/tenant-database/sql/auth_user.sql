-- The user with exactly this address (compared in lower case). Times are microseconds since 1970.
SELECT id, email_confirmed_at IS NOT NULL AS confirmed, coalesce(banned_until > clock_timestamp(), false) AS banned,
       invited_at IS NOT NULL AS invited,
       (extract(epoch FROM confirmation_sent_at) * 1000000)::bigint AS invitation_sent,
       (extract(epoch FROM recovery_sent_at) * 1000000)::bigint AS recovery_sent
FROM auth.users WHERE lower(email) = $1 AND NOT is_sso_user
