//! Each step fails, is repaired and resumes.

use anyhow::Result;
use e2e::{calls, with_faults};
use fault_proxy::client::Match;
use serde_json::json;

use crate::scenario::{Scenario, connection, forbidden};

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn step_1_supabase_refuses_the_project() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "step1");
        let create = Match { body_regex: Some(tenant.slug.clone()), ..Match::request("POST", "^/v1/projects$") };
        let fault = faults.answer("supabase", create, 403, &forbidden()).await?;
        cloud.accepted(&tenant.slug, json!({})).await?;
        tenant.fails(1, "supabase_forbidden").await?;
        faults.mend(fault).await?;
        tenant.resumes_at(1).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn step_2_supabase_refuses_the_keys() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "step2");
        let fault = faults.answer("supabase", Match::request("GET", "/api-keys"), 403, &forbidden()).await?;
        cloud.accepted(&tenant.slug, json!({})).await?;
        tenant.fails(2, "supabase_forbidden").await?;
        faults.mend(fault).await?;
        tenant.resumes_at(2).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn step_3_the_database_refuses_the_migrations() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "step3");
        let pause = faults.hold("pooler", connection(1)).await?;
        cloud.accepted(&tenant.slug, json!({})).await?;
        faults.held(pause).await?;
        let database = cloud.tenant_database(&cloud.environment(&tenant.slug).await?).await?;
        let close = "CREATE FUNCTION public.closed() RETURNS event_trigger LANGUAGE plpgsql
                     AS $$ BEGIN RAISE EXCEPTION 'closed'; END $$;
                     CREATE EVENT TRIGGER closed ON ddl_command_end WHEN TAG IN ('CREATE VIEW')
                     EXECUTE FUNCTION public.closed()";
        database.batch_execute(close).await?;
        faults.mend(pause).await?;
        tenant.fails(3, "migration_refused").await?;
        let left = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('iam', 'workflow')";
        assert_eq!(database.query_one(left, &[]).await?.get::<_, i64>(0), 0, "a part of a migration was kept");
        database.batch_execute("DROP EVENT TRIGGER closed; DROP FUNCTION public.closed()").await?;
        tenant.resumes_at(3).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn step_4_finds_an_additional_role() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "step4");
        // The role is added between the migrations and their verification.
        let pause = faults.hold("pooler", connection(2)).await?;
        cloud.accepted(&tenant.slug, json!({})).await?;
        faults.held(pause).await?;
        let database = cloud.tenant_database(&cloud.environment(&tenant.slug).await?).await?;
        let unprotected = |sql: &str| {
            let switch = |way: &str| format!("ALTER TABLE iam.roles {way} TRIGGER system_rows");
            format!("{}; {sql}; {}", switch("DISABLE"), switch("ENABLE"))
        };
        let surplus = "INSERT INTO iam.roles (role_code, name, description, is_system)
                       VALUES ('surplus', 'Surplus', '', true)";
        database.batch_execute(&unprotected(surplus)).await?;
        faults.mend(pause).await?;
        let failed = tenant.fails(4, "seed_mismatch").await?;
        assert!(failed.last_error.is_some_and(|error| error.contains("9 of 8 roles")));
        database.batch_execute(&unprotected("DELETE FROM iam.roles WHERE role_code = 'surplus'")).await?;
        tenant.resumes_at(4).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn step_5_supabase_refuses_the_mail_settings() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "step5");
        let fault = faults.answer("supabase", Match::request("PATCH", "/config/auth$"), 403, &forbidden()).await?;
        cloud.accepted(&tenant.slug, json!({})).await?;
        tenant.fails(5, "supabase_forbidden").await?;
        assert_eq!(cloud.mails_to(&tenant.email()).await?.len(), 0);
        faults.mend(fault).await?;
        tenant.resumes_at(5).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn step_6_the_graph_is_not_permitted() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "step6");
        let query = format!(r"^GRAPH\.QUERY client_{} ", tenant.slug);
        let fault = faults.refuse("falkordb-us-east-1", &query, "NOPERM this user has no permissions").await?;
        cloud.accepted(&tenant.slug, json!({})).await?;
        tenant.fails(6, "falkordb_unauthorized").await?;
        faults.mend(fault).await?;
        tenant.resumes_at(6).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn step_7_the_index_is_not_permitted() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "step7");
        let body = json!({ "error": { "type": "security_exception", "reason": "no permissions" }, "status": 403 });
        let create = calls::index(&tenant.slug);
        let fault = faults.answer("opensearch-us-east-1", create, 403, &body.to_string()).await?;
        cloud.accepted(&tenant.slug, json!({})).await?;
        tenant.fails(7, "opensearch_permission_missing").await?;
        faults.mend(fault).await?;
        tenant.resumes_at(7).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn step_8_the_cache_is_not_permitted() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "step8");
        let unlink = format!("^UNLINK tenant:slug:{}$", tenant.slug);
        let fault = faults.refuse("valkey", &unlink, "NOPERM this user has no permissions").await?;
        cloud.accepted(&tenant.slug, json!({})).await?;
        tenant.fails(8, "valkey_unauthorized").await?;
        faults.mend(fault).await?;
        tenant.resumes_at(8).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn step_9_stripe_refuses_the_subscription() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "step9");
        let body = json!({ "error": { "type": "card_error", "code": "card_declined", "message": "Declined." } });
        let subscribe = Match::request("POST", "^/v1/subscriptions$");
        let fault = faults.answer("stripe", subscribe, 402, &body.to_string()).await?;
        cloud.accepted(&tenant.slug, json!({})).await?;
        tenant.fails(9, "stripe_rejected").await?;
        assert_eq!(cloud.events_of(&tenant.slug).await?.len(), 0);
        faults.mend(fault).await?;
        tenant.resumes_at(9).await
    })
    .await
}
