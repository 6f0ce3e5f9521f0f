-- Who may do what in one tenant. Codes are natural keys: a grant is readable without a join, and seeding is deterministic.
-- They are compared bytewise ("C"), so that their order does not depend on the locale a database was created with.
CREATE SCHEMA iam;
COMMENT ON SCHEMA iam IS 'Permissions, roles, users, and the segregation of duties between them.';

CREATE TABLE iam.permissions (
    permission_code text        COLLATE "C" NOT NULL CONSTRAINT permissions_pkey PRIMARY KEY
                                CONSTRAINT permissions_code_check CHECK (permission_code ~ '^[a-z][a-z_]*\.[a-z][a-z_]*$'),
    description     text        NOT NULL,
    is_system       boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE iam.permissions IS 'What can be allowed, named subject.verb: the unit that roles collect and SoD rules keep apart.';

CREATE TABLE iam.roles (
    role_code   text        COLLATE "C" NOT NULL CONSTRAINT roles_pkey PRIMARY KEY
                            CONSTRAINT roles_code_check CHECK (role_code ~ '^[a-z][a-z0-9_]{1,62}$'),
    name        text        NOT NULL CONSTRAINT roles_name_key UNIQUE,
    description text        NOT NULL,
    is_system   boolean     NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE iam.roles IS 'Named sets of permissions. Users hold roles, never single permissions.';

CREATE TABLE iam.role_permissions (
    role_code       text        COLLATE "C" NOT NULL
                                CONSTRAINT role_permissions_role_fkey REFERENCES iam.roles ON DELETE CASCADE,
    permission_code text        COLLATE "C" NOT NULL
                                CONSTRAINT role_permissions_permission_fkey REFERENCES iam.permissions,
    is_system       boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT role_permissions_pkey PRIMARY KEY (role_code, permission_code)
);
COMMENT ON TABLE iam.role_permissions IS 'Which permissions a role holds. System roles may be given more, but never lose a seeded one.';

CREATE INDEX role_permissions_by_permission ON iam.role_permissions (permission_code);

CREATE TABLE iam.users (
    user_id      uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT users_pkey PRIMARY KEY,
    -- The id in auth.users. No foreign key: that schema belongs to Supabase Auth, which migrates it on its own.
    auth_user_id uuid        NOT NULL CONSTRAINT users_auth_user_id_key UNIQUE,
    email        text        NOT NULL CONSTRAINT users_email_key UNIQUE
                             CONSTRAINT users_email_check CHECK (email = lower(email) AND email LIKE '_%@_%'),
    status       text        NOT NULL DEFAULT 'invited'
                             CONSTRAINT users_status_check CHECK (status IN ('invited', 'active', 'disabled')),
    created_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE iam.users IS 'People who can log in. Whoever has granted or decided something is disabled, never deleted: their acts name them.';

CREATE TABLE iam.user_roles (
    user_id     uuid        NOT NULL CONSTRAINT user_roles_user_fkey REFERENCES iam.users ON DELETE CASCADE,
    role_code   text        COLLATE "C" NOT NULL CONSTRAINT user_roles_role_fkey REFERENCES iam.roles,
    -- NULL: granted by provisioning, as the first tenant_admin is.
    granted_by  uuid        CONSTRAINT user_roles_granted_by_fkey REFERENCES iam.users,
    granted_at  timestamptz NOT NULL DEFAULT now(),
    -- The grant counts in [valid_from, valid_until), which may lie ahead; NULL: until revoked.
    valid_from  timestamptz NOT NULL DEFAULT now(),
    valid_until timestamptz,
    CONSTRAINT user_roles_pkey PRIMARY KEY (user_id, role_code),
    CONSTRAINT user_roles_not_self_check CHECK (granted_by <> user_id),
    CONSTRAINT user_roles_validity_check CHECK (valid_from < valid_until)
);
COMMENT ON TABLE iam.user_roles IS 'Which roles a user holds, since and until when, and by whose hand. Nobody grants a role to themselves.';

CREATE INDEX user_roles_by_role ON iam.user_roles (role_code);
CREATE INDEX user_roles_by_granter ON iam.user_roles (granted_by);

-- security_invoker: a view must not let anybody around the tables' row level security.
CREATE VIEW iam.effective_permissions WITH (security_invoker = true) AS
SELECT DISTINCT users.user_id, users.auth_user_id, held.permission_code
FROM iam.users
JOIN iam.user_roles AS granted USING (user_id)
JOIN iam.role_permissions AS held USING (role_code)
WHERE users.status <> 'disabled'
  AND tstzrange(granted.valid_from, granted.valid_until) @> now();
COMMENT ON VIEW iam.effective_permissions IS 'What each user may do at this moment.';
