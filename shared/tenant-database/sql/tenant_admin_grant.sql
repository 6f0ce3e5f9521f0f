-- Makes the invitee, $1 in auth.users with the address $2, the tenant's admin. Repeating it changes nothing. It always
-- returns one row. If the same address was invited again and has a new auth id, its row is kept, unless the user has acted.
WITH invitee AS (
    INSERT INTO iam.users (auth_user_id, email) VALUES ($1, lower($2))
    ON CONFLICT ON CONSTRAINT users_email_key DO UPDATE
    SET auth_user_id = excluded.auth_user_id, status = CASE users.status WHEN 'disabled' THEN 'active' ELSE users.status END
    RETURNING user_id
), granted AS (
    INSERT INTO iam.user_roles (user_id, role_code) SELECT user_id, 'tenant_admin' FROM invitee
    ON CONFLICT ON CONSTRAINT user_roles_pkey DO NOTHING
)
SELECT user_id FROM invitee
