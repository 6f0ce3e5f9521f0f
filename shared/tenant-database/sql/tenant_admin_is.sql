-- Whether the user $1 in auth.users is the tenant's admin now, and not disabled.
SELECT EXISTS (SELECT FROM iam.users JOIN iam.user_roles AS granted USING (user_id)
               WHERE users.auth_user_id = $1 AND users.status <> 'disabled' AND granted.role_code = 'tenant_admin'
                 AND tstzrange(granted.valid_from, granted.valid_until) @> clock_timestamp()) AS is_admin
