-- Takes the grant that provisioning made from the user with the address $1: a grant without a grantor. With $2 the user is
-- removed unless an act names it; with $3 a user who stays is disabled. Returns a row if a user stays. Repeating it changes
-- nothing. Before version 7 of the schema there is no column "acted".
WITH leaving AS (
    SELECT user_id,
           $2 AND to_jsonb(users) -> 'acted' IS DISTINCT FROM 'true'
              AND NOT EXISTS (SELECT FROM workflow.decisions AS decision WHERE decision.user_id = users.user_id)
              AND NOT EXISTS (SELECT FROM iam.user_roles AS granted WHERE granted.granted_by = users.user_id) AS removed
    FROM iam.users AS users WHERE email = lower($1)
), revoked AS (
    DELETE FROM iam.user_roles AS granted USING leaving
    WHERE granted.user_id = leaving.user_id AND NOT leaving.removed
      AND granted.role_code = 'tenant_admin' AND granted.granted_by IS NULL
), disabled AS (
    UPDATE iam.users SET status = 'disabled' FROM leaving
    WHERE users.user_id = leaving.user_id AND NOT leaving.removed AND $3
), removed AS (
    DELETE FROM iam.users USING leaving WHERE users.user_id = leaving.user_id AND leaving.removed
)
SELECT user_id FROM leaving WHERE NOT removed
