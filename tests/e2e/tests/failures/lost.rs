//! Lost credentials of a project: the database password, the API keys, or the tenant's secret that holds both.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Cloud, Faults, State, calls, with_faults};
use fault_proxy::client::{HeaderMatch, Match};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::scenario::{RUN, Scenario};

async fn set_password(cloud: &Cloud, project_ref: &str, password: &Value) -> Result<()> {
    let path = format!("/v1/projects/{project_ref}/database/password");
    cloud.supabase_call(Method::PATCH, &path, &json!({ "password": password })).await?;
    Ok(())
}

fn secret_name(cloud: &Cloud, tenant_id: Uuid) -> Result<String> {
    Ok(format!("{}/tenants/{tenant_id}", cloud.secret_prefix()?))
}

async fn secret(cloud: &Cloud, tenant_id: Uuid) -> Result<Value> {
    cloud.aws.secret(&secret_name(cloud, tenant_id)?).await
}

/// How often the ledger says that the password was set again.
async fn times_set(cloud: &Cloud, tenant_id: Uuid) -> Result<i64> {
    let sql = "SELECT count(*) FROM control.resources
               WHERE tenant_id = $1 AND kind = 'database_password' AND confirmed_at IS NOT NULL";
    Ok(cloud.control().await?.query_one(sql, &[&tenant_id]).await?.get(0))
}

async fn password_changed_before(cloud: &Cloud, faults: &Faults, step: usize) -> Result<()> {
    let tenant = Scenario::new(cloud, faults, "locked");
    let another = async |project_ref: &str| set_password(cloud, project_ref, &json!("set-by-somebody-else")).await;
    let tenant_id = tenant.changed_at_log_in(u64::try_from(step - 2)?, another).await?;
    tenant.retries(step, "tenant_database_refused", "platform").await?;
    tenant.goes_live(1).await?;
    // The test set the password once and the product once. The tenant's secret still opens the database.
    assert_eq!((tenant.calls(tenant_id, "update_password").await?, times_set(cloud, tenant_id).await?), (2, 1));
    cloud.tenant_database_by_secret(&secret(cloud, tenant_id).await?).await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_password_changed_before_the_migrations_is_set_again() -> Result<()> {
    with_faults(async |cloud, faults| password_changed_before(cloud, faults, 3).await).await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_password_changed_after_the_migrations_is_set_again() -> Result<()> {
    with_faults(async |cloud, faults| password_changed_before(cloud, faults, 4).await).await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_password_changed_before_the_invitation_is_set_again() -> Result<()> {
    with_faults(async |cloud, faults| password_changed_before(cloud, faults, 5).await).await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_pooler_that_accepts_the_new_password_late_is_waited_for() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "late");
        let another = async |project_ref: &str| set_password(cloud, project_ref, &json!("not-known-yet")).await;
        let tenant_id = tenant.changed_at_log_in(1, another).await?;
        tenant.retries(3, "tenant_database_refused", "platform").await?;
        let known = secret(cloud, tenant_id).await?;
        set_password(cloud, &cloud.environment(&tenant.slug).await?, &known["db_pass"]).await?;
        tenant.goes_live(1).await?;
        assert_eq!(times_set(cloud, tenant_id).await?, 0);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn if_the_log_in_stays_refused_the_password_is_set_only_once() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "barred");
        // The project is healthy according to its status, but its role must not log in. No password helps.
        let log_in = async |project_ref: &str, may: &str| -> Result<()> {
            let sql = format!(r#"ALTER ROLE "postgres.{project_ref}" {may}"#);
            Ok(cloud.tenant_database(project_ref).await?.batch_execute(&sql).await?)
        };
        let tenant_id = tenant.changed_at_log_in(2, async |project_ref| log_in(project_ref, "NOLOGIN").await).await?;
        sleep(Duration::from_secs(25)).await;
        let status = tenant.retries(4, "tenant_database_refused", "platform").await?;
        ensure!(status.step(4)["attempts"].as_u64() > Some(5), "it was hardly tried: {status:?}");
        assert_eq!((tenant.calls(tenant_id, "update_password").await?, times_set(cloud, tenant_id).await?), (1, 1));
        log_in(&cloud.environment(&tenant.slug).await?, "LOGIN").await?;
        tenant.goes_live(1).await?;
        assert_eq!(tenant.calls(tenant_id, "update_password").await?, 1);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn keys_that_were_replaced_at_supabase_are_read_again() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "rekeyed");
        let pause = faults.hold("supabase", calls::invitation(&tenant.slug).times(1)).await?;
        let tenant_id = tenant.again().await?;
        faults.held(pause).await?;
        let before = secret(cloud, tenant_id).await?;
        cloud.rotate_keys(&cloud.environment(&tenant.slug).await?).await?;
        faults.mend(pause).await?;
        tenant.retries(5, "environment_keys_renewed", "provider").await?;
        tenant.goes_live(1).await?;
        let after = secret(cloud, tenant_id).await?;
        for key in ["publishable_key", "secret_key"] {
            ensure!(after[key].is_string() && after[key] != before[key], "{key} is the old one");
        }
        for kept in ["db_pass", "graph_pass", "pooler"] {
            ensure!(after[kept] == before[kept], "{kept} is another");
        }
        Ok(())
    })
    .await
}

/// The project's own keys are refused. Reading them again does not help, so the cause asks for a person.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn refused_keys_that_are_the_projects_own_have_their_own_cause() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "revoked");
        let body = json!({ "message": "Invalid API key" }).to_string();
        let fault = faults.answer("supabase", calls::invitation(&tenant.slug), 401, &body).await?;
        tenant.again().await?;
        tenant.fails_for(5, "supabase_auth_unauthorized", "platform").await?;
        faults.mend(fault).await?;
        tenant.again().await?;
        tenant.goes_live(2).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn an_invitee_who_vanished_before_the_grant_is_invited_again() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "restored");
        let pause = faults.hold("supabase", calls::invitation(&tenant.slug).times(1)).await?;
        tenant.again().await?;
        faults.held(pause).await?;
        let database = cloud.tenant_database(&cloud.environment(&tenant.slug).await?).await?;
        database.batch_execute("ALTER TABLE iam.users RENAME TO users_away").await?;
        faults.mend(pause).await?;
        tenant.fails_for(5, "tenant_database_mismatch", "platform").await?;
        // The admin was invited, and the step knows that. Then the database is set back to the state before.
        database.batch_execute("ALTER TABLE iam.users_away RENAME TO users; DELETE FROM auth.users").await?;
        tenant.again().await?;
        let live = cloud.wait_until(&tenant.slug, State::Active, RUN).await?;
        assert_eq!(live.attempt, 2);
        assert_eq!(cloud.mails_to(&tenant.email()).await?.len(), 2);
        Ok(())
    })
    .await
}

/// Overwrites a tenant's secret as soon as step 2 has written it. The tenant becomes active, its secret is complete
/// again, and no password was set.
async fn overwritten(cloud: &Cloud, faults: &Faults, name: &str, forget: impl Fn(&mut Value)) -> Result<()> {
    let tenant = Scenario::new(cloud, faults, name);
    let header =
        Some(HeaderMatch { name: "x-amz-target".to_owned(), regex: r"^secretsmanager\.PutSecretValue$".to_owned() });
    let tenant_id = tenant.again().await?;
    let put = Match { header, body_regex: Some(tenant_id.to_string()), ..Match::default() };
    let pause = faults.hold_answer("aws", put.times(1)).await?;
    faults.held(pause).await?;
    let complete = secret(cloud, tenant_id).await?;
    let mut other = complete.clone();
    forget(&mut other);
    ensure!(other != complete, "the secret was not changed");
    cloud.aws.put_secret(&secret_name(cloud, tenant_id)?, &other).await?;
    faults.mend(pause).await?;
    tenant.goes_live(1).await?;
    ensure!(secret(cloud, tenant_id).await? == complete, "the secret is not as it was");
    assert_eq!(times_set(cloud, tenant_id).await?, 0);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_secret_restored_to_an_older_version_is_completed_again() -> Result<()> {
    with_faults(async |cloud, faults| {
        overwritten(cloud, faults, "restored", |secret| {
            *secret = json!({ "db_pass": secret["db_pass"], "graph_pass": secret["graph_pass"] });
        })
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_pooler_that_moved_is_found() -> Result<()> {
    // No server listens on the discard port.
    with_faults(async |cloud, faults| {
        overwritten(cloud, faults, "moved", |secret| secret["pooler"]["port"] = json!(9)).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_pooler_that_no_longer_knows_the_project_is_replaced() -> Result<()> {
    with_faults(async |cloud, faults| {
        overwritten(cloud, faults, "left", |secret| secret["pooler"]["user"] = json!("postgres.moved")).await
    })
    .await
}
