//! Steps 3 and 4: the IAM schema in the tenant's database, reached with the tenant's secret.

use anyhow::{Context as _, Result};
use e2e::Cloud;
use serde::Deserialize;
use uuid::Uuid;

use crate::Live;

const TABLES: [&str; 14] = [
    "iam.changes",
    "iam.permissions",
    "iam.role_permissions",
    "iam.roles",
    "iam.sod_guard",
    "iam.sod_rules",
    "iam.user_roles",
    "iam.users",
    "workflow.decisions",
    "workflow.instance_steps",
    "workflow.instances",
    "workflow.template_steps",
    "workflow.templates",
    "public.refinery_schema_history",
];

#[derive(Deserialize)]
struct Manifest {
    schema_version: i32,
    roles: i64,
    permissions: i64,
    sod_rules: i64,
    workflow_templates: i64,
}

pub async fn check(cloud: &Cloud, live: &Live) -> Result<()> {
    let database = cloud.tenant_database_by_secret(&live.secret).await?;
    let user: String = database.query_one("SELECT current_user::text", &[]).await?.get(0);
    assert_eq!(user, format!("postgres.{}", live.project_ref));
    for table in TABLES {
        let exists: bool = database.query_one("SELECT to_regclass($1::text) IS NOT NULL", &[&table]).await?.get(0);
        assert!(exists, "{table} is not there");
    }

    let manifest: Manifest =
        serde_json::from_str(include_str!("../../../../shared/tenant-database/migrations/tenant/manifest.json"))?;
    let version: i32 = database.query_one("SELECT max(version) FROM refinery_schema_history", &[]).await?.get(0);
    assert_eq!(version, manifest.schema_version);
    for (table, expected) in [
        ("iam.roles", manifest.roles),
        ("iam.permissions", manifest.permissions),
        ("iam.sod_rules", manifest.sod_rules),
        ("workflow.templates", manifest.workflow_templates),
    ] {
        let found: i64 = database.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?.get(0);
        assert_eq!(found, expected, "{table}");
    }

    // Supabase gives the API's roles all rights on what is made in `public`. The history of the migrations is not theirs.
    let rights = "SELECT count(*) FROM pg_class, aclexplode(relacl)
                  WHERE oid = 'public.refinery_schema_history'::regclass AND grantee <> relowner";
    let rights: i64 = database.query_one(rights, &[]).await?.get(0);
    assert_eq!(rights, 0);

    // A person who enters payments must not approve them. Even the database's owner cannot change that.
    let person = "INSERT INTO iam.users (auth_user_id, email) VALUES ($1, $2) RETURNING user_id";
    let email = format!("clerk@{}.example.com", live.slug);
    let person: Uuid = database.query_one(person, &[&Uuid::new_v4(), &email]).await?.get(0);
    let grant = "INSERT INTO iam.user_roles (user_id, role_code) VALUES ($1, $2)";
    database.execute(grant, &[&person, &"ap_clerk"]).await?;
    let refused = database.execute(grant, &[&person, &"ap_approver"]).await.err().context("a clerk may approve")?;
    let refused = refused.as_db_error().context("no answer of the database")?;
    assert_eq!((refused.code().code(), refused.constraint()), ("23514", Some("sod_rules_no_conflict")), "{refused}");
    // Restores the previous state, because the other checks count users.
    database.execute("DELETE FROM iam.users WHERE user_id = $1", &[&person]).await?;
    Ok(())
}
