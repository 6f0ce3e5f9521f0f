//! `DELETE /v1/admin/tenants/{slug}` and the cache route: a deactivated tenant stays deactivated, and keeps its
//! resources.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{ALL_KEYS, Access, Answer, Cloud, State, Status, calls, read_graph, unique, with_faults};
use fault_proxy::client::{Match, When};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const SOON: Duration = Duration::from_mins(2);

/// The tenant's resources in the outside systems.
#[derive(Debug, PartialEq, Eq)]
struct Built {
    projects: usize,
    graph: bool,
    index: bool,
    mails: usize,
    customers: usize,
    events: usize,
}

const NOTHING: Built = Built { projects: 0, graph: false, index: false, mails: 0, customers: 0, events: 0 };

async fn built(cloud: &Cloud, slug: &str, tenant_id: Uuid) -> Result<Built> {
    let name = format!("client_{slug}");
    let graphs: Vec<String> = redis::cmd("GRAPH.LIST").query_async(&mut cloud.falkordb("us-east-1").await?).await?;
    let indices = cloud.search()?.call(Method::GET, "/_cat/indices?format=json", None).await?;
    let index = format!("{name}_v1");
    let projects = cloud.projects(slug, tenant_id).await?;
    Ok(Built {
        projects: projects.iter().filter(|project| project["deleted"] == false).count(),
        graph: graphs.contains(&name),
        index: indices.as_array().into_iter().flatten().any(|found| found["index"] == index.as_str()),
        mails: cloud.mails_to(&format!("admin@{slug}.example.com")).await?.len(),
        customers: cloud.customers(tenant_id).await?.len(),
        events: cloud.events_of(slug).await?.len(),
    })
}

async fn check_off(cloud: &Cloud, slug: &str, tenant_id: Uuid) -> Result<Status> {
    let record = cloud.tenant(slug).await?;
    let told = ["provisioning_state", "is_active", "error_message"].map(|name| &record[name]);
    assert_eq!(told, [&json!("deprovisioned"), &json!(false), &Value::Null]);
    assert_eq!(cloud.cached(slug, tenant_id).await?, 0);
    cloud.provision(slug, json!({})).await?.problem(409, "tenant_deprovisioned")?;
    let status = cloud.status(slug).await?;
    // No step is running, and no retry is due.
    for step in &status.steps {
        ensure!(step["waiting_for"].is_null() && step["next_retry_at"].is_null(), "{step}");
        ensure!(step["state"] != "running" && step["state"] != "waiting", "{step}");
    }
    Ok(status)
}

/// Checks that the first attempt's execution was stopped, and that there is no second one.
async fn check_stopped(cloud: &Cloud, tenant_id: Uuid) -> Result<()> {
    let run = cloud.aws.execution(&cloud.aws.execution_arn(tenant_id, 1)).await?.context("no execution")?;
    assert_eq!(run["status"], "ABORTED");
    assert_eq!(cloud.aws.executions_of(tenant_id).await?, [format!("{tenant_id}-1")]);
    Ok(())
}

async fn invalidate(cloud: &Cloud, slug: &str) -> Result<Answer> {
    cloud.send(cloud.admin(Method::POST, &format!("/v1/admin/tenants/{slug}/cache/invalidate"))).await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_deactivated_tenant_stops_routing_and_keeps_its_resources() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("off", json!({})).await?;
    let (record, before) = (cloud.tenant(&slug).await?, built(&cloud, &slug, tenant_id).await?);
    assert_eq!(before, Built { projects: 1, graph: true, index: true, mails: 1, customers: 1, events: 1 });
    // The second time, another client has written the cache entry.
    for _ in 0..2 {
        cloud.cache(&slug, tenant_id).await?;
        cloud.deactivate(&slug).await?.no_content()?;
        let status = check_off(&cloud, &slug, tenant_id).await?;
        assert_eq!((status.attempt, status.completed_steps.len()), (1, 9));
    }
    assert_eq!(built(&cloud, &slug, tenant_id).await?, before);
    let now = cloud.tenant(&slug).await?;
    for name in ["supabase_project_ref", "falkordb_graph_name", "stripe_customer_id", "activated_at", "tier"] {
        assert_eq!(now[name], record[name], "{name}");
    }
    let audited = "SELECT count(*) FROM control.audit_log WHERE tenant_id = $1 AND action = 'tenant.deactivate'";
    assert_eq!(cloud.control().await?.query_one(audited, &[&tenant_id]).await?.get::<_, i64>(0), 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_unknown_tenant_is_not_found() -> Result<()> {
    let cloud = Cloud::from_env()?;
    for slug in [unique("absent").as_str(), "Acme-Bank", "x"] {
        cloud.deactivate(slug).await?.problem(404, "tenant_not_found")?;
        invalidate(&cloud, slug).await?.problem(404, "tenant_not_found")?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_waiting_run_is_stopped() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slug = unique("waits");
    let tenant_id = cloud.accepted(&slug, json!({})).await?;
    cloud.wait_for(&slug, SOON, |status| status.step(2)["state"] == "waiting").await?;
    cloud.deactivate(&slug).await?.no_content()?;
    check_stopped(&cloud, tenant_id).await?;
    // The project would be ready by now, and the reconciler finds no run to continue.
    let project_ref = cloud.environment(&slug).await?;
    let end = Instant::now() + SOON;
    while cloud.supabase(&format!("/v1/projects/{project_ref}")).await?["status"] != "ACTIVE_HEALTHY" {
        ensure!(Instant::now() < end, "{project_ref} does not become ready");
        sleep(Duration::from_secs(1)).await;
    }
    cloud.aws.invoke("reconcile-tenants", &json!({})).await?;
    let status = check_off(&cloud, &slug, tenant_id).await?;
    assert_eq!((status.attempt, status.completed_steps), (2, vec!["step_1".to_owned()]));
    assert_eq!(built(&cloud, &slug, tenant_id).await?, Built { projects: 1, ..NOTHING });
    check_stopped(&cloud, tenant_id).await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_running_step_does_not_reactivate_the_tenant() -> Result<()> {
    with_faults(async |cloud, faults| {
        let slug = unique("held");
        let pause = faults.hold("opensearch-us-east-1", calls::index(&slug)).await?;
        let tenant_id = cloud.accepted(&slug, json!({})).await?;
        faults.held(pause).await?;
        cloud.cache(&slug, tenant_id).await?;
        cloud.deactivate(&slug).await?.no_content()?;
        check_stopped(cloud, tenant_id).await?;
        faults.mend(pause).await?;
        // The call that was held has its effect. The calls after it are not made.
        let expected = Built { projects: 1, graph: true, index: true, mails: 1, ..NOTHING };
        let end = Instant::now() + SOON;
        while !built(cloud, &slug, tenant_id).await?.index {
            ensure!(Instant::now() < end, "the index was not made");
            sleep(Duration::from_millis(250)).await;
        }
        cloud.aws.invoke("reconcile-tenants", &json!({})).await?;
        sleep(Duration::from_secs(3)).await;
        let status = check_off(cloud, &slug, tenant_id).await?;
        assert_eq!((status.attempt, status.completed_steps.len()), (2, 6), "{status:?}");
        assert_eq!(built(cloud, &slug, tenant_id).await?, expected);
        check_stopped(cloud, tenant_id).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_failed_tenant_can_be_deactivated() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let slug = unique("givenup");
    let tenant_id = cloud.accepted(&slug, json!({})).await?;
    cloud.impose(&cloud.environment(&slug).await?, "INIT_FAILED").await?;
    cloud.wait_until(&slug, State::Failed, SOON).await?;
    cloud.deactivate(&slug).await?.no_content()?;
    assert_eq!(check_off(&cloud, &slug, tenant_id).await?.attempt, 1);
    assert_eq!(cloud.aws.executions_of(tenant_id).await?.len(), 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn if_the_cache_is_down_the_tenant_is_deactivated_but_the_answer_is_503() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("uncached", json!({ "tier": "pilot" })).await?;
    with_faults(async |cloud, faults| {
        cloud.cache(&slug, tenant_id).await?;
        let fault = faults.cut("valkey", Match::command(&format!("^UNLINK tenant:slug:{slug}$")), When::Before).await?;
        invalidate(cloud, &slug).await?.later(503, "unavailable", "5")?;
        for _ in 0..2 {
            cloud.deactivate(&slug).await?.later(503, "unavailable", "5")?;
            assert_eq!(cloud.tenant(&slug).await?["provisioning_state"], "deprovisioned");
        }
        assert_eq!(cloud.cached(&slug, tenant_id).await?, 2);
        faults.mend(fault).await?;
        cloud.deactivate(&slug).await?.no_content()?;
        check_off(cloud, &slug, tenant_id).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_cache_entry_alone_can_be_removed() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("stale", json!({ "tier": "pilot" })).await?;
    let (record, neighbour) = (cloud.tenant(&slug).await?, format!("{slug}-bank"));
    cloud.cache(&slug, tenant_id).await?;
    cloud.cache(&neighbour, Uuid::new_v4()).await?;
    // The second time there is no entry to remove, which is a success as well.
    for _ in 0..2 {
        let answer = invalidate(&cloud, &slug).await?.expect(200)?;
        assert_eq!(answer, json!({ "slug": slug, "cache": "invalidated" }));
        assert_eq!(cloud.cached(&slug, tenant_id).await?, 0);
    }
    assert_eq!(cloud.cached(&neighbour, tenant_id).await?, 1);
    assert_eq!(cloud.tenant(&slug).await?, record);
    Ok(())
}

async fn audited(cloud: &Cloud, tenant_id: Uuid, action: &str) -> Result<i64> {
    let sql = "SELECT count(*) FROM control.audit_log WHERE tenant_id = $1 AND action = $2";
    Ok(cloud.control().await?.query_one(sql, &[&tenant_id, &action]).await?.get(0))
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_deactivated_tenants_graph_user_is_off_at_once() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("closed", json!({ "tier": "pilot" })).await?;
    let mut open = cloud.graph_user(&slug, tenant_id).await?;
    cloud.deactivate(&slug).await?.no_content()?;
    assert!(read_graph(&mut open, &slug).await.is_err(), "a connection that was open before");
    assert!(cloud.graph_user(&slug, tenant_id).await.is_err(), "a new one");
    cloud.deactivate(&slug).await?.no_content()?;
    assert_eq!(audited(&cloud, tenant_id, "tenant.switch_off_graph_user").await?, 1);
    // What belongs to the tenant is kept.
    let mut administrator = cloud.falkordb("us-east-1").await?;
    read_graph(&mut administrator, &slug).await?;
    Ok(())
}

/// The request is answered although the region's server is away. The reconciler does it later, and not to a tenant that was
/// brought back meanwhile.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_graph_user_that_cannot_be_switched_off_now_is_switched_off_later() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = cloud.live("later", json!({ "tier": "pilot" })).await?;
    let (back, back_id) = cloud.live("back", json!({ "tier": "pilot" })).await?;
    with_faults(async |cloud, faults| {
        let refused = [&slug, &back].map(|slug| format!("^ACL SETUSER client_{slug} reset$"));
        let mut rules = Vec::new();
        for command in &refused {
            rules.push(faults.refuse("falkordb-us-east-1", command, "LOADING the server is loading its data").await?);
        }
        for (slug, tenant_id) in [(&slug, tenant_id), (&back, back_id)] {
            cloud.deactivate(slug).await?.no_content()?;
            cloud.graph_user(slug, tenant_id).await.context("the server did not do it")?;
        }
        let control = cloud.control().await?;
        let brought = "UPDATE control.tenants SET provisioning_state = 'active', is_active = true WHERE tenant_id = $1";
        control.execute(brought, &[&back_id]).await?;
        for rule in rules {
            faults.mend(rule).await?;
        }
        let open = "SELECT count(*) FROM control.outbox WHERE tenant_id = ANY ($1) AND delivered_at IS NULL
                    AND kind = 'switch_off_graph_user'";
        let due = "UPDATE control.outbox SET next_attempt_at = clock_timestamp() WHERE tenant_id = ANY ($1)
                   AND delivered_at IS NULL AND kind = 'switch_off_graph_user'";
        let both = [tenant_id, back_id];
        cloud
            .reconcile_until(async || {
                control.execute(due, &[&both.as_slice()]).await?;
                Ok(control.query_one(open, &[&both.as_slice()]).await?.get::<_, i64>(0) == 0)
            })
            .await?;
        assert!(cloud.graph_user(&slug, tenant_id).await.is_err(), "switched off");
        cloud.graph_user(&back, back_id).await.context("it is there again")?;
        assert_eq!(audited(cloud, back_id, "tenant.switch_off_graph_user").await?, 0);
        Ok(())
    })
    .await
}

/// A step that was making the user when the tenant was deactivated may have its effect afterwards.
#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_graph_user_that_a_fenced_step_makes_does_not_stay() -> Result<()> {
    with_faults(async |cloud, faults| {
        let slug = unique("granted");
        let grant = calls::graph_user(&slug);
        let pause = faults.hold("falkordb-us-east-1", grant).await?;
        let tenant_id = cloud.accepted(&slug, json!({ "tier": "pilot" })).await?;
        faults.held(pause).await?;
        cloud.deactivate(&slug).await?.no_content()?;
        faults.mend(pause).await?;
        let control = cloud.control().await?;
        let open = "SELECT count(*) FROM control.outbox WHERE tenant_id = $1 AND delivered_at IS NULL
                    AND kind = 'switch_off_graph_user'";
        let end = Instant::now() + SOON;
        while control.query_one(open, &[&tenant_id]).await?.get::<_, i64>(0) > 0 {
            ensure!(Instant::now() < end, "the promise is not kept");
            cloud.aws.invoke("reconcile-tenants", &json!({})).await.ok();
            sleep(Duration::from_millis(500)).await;
        }
        assert!(cloud.graph_user(&slug, tenant_id).await.is_err(), "switched off");
        assert_eq!(audited(cloud, tenant_id, "tenant.switch_off_graph_user").await?, 1);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_deactivated_tenants_custom_domain_is_free() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (former, former_id) = cloud.live("former", json!({ "tier": "pilot" })).await?;
    let (next, _) = cloud.live("next", json!({ "tier": "pilot" })).await?;
    let domain = format!("{}.example.com", unique("bank"));
    let asked = json!({ "custom_domain": domain });
    cloud.change(&former, asked.clone()).await?.expect(200)?;
    cloud.change(&next, asked.clone()).await?.problem(409, "domain_taken")?;
    cloud.deactivate(&former).await?.no_content()?;
    assert_eq!(cloud.tenant(&former).await?["custom_domain"], Value::Null);
    let refused = cloud.change(&former, json!({ "custom_domain": null })).await?.problem(409, "tenant_not_active")?;
    let detail = refused["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("its custom domain is free"), "nothing is left to do: {detail}");
    assert_eq!(cloud.change(&next, asked).await?.expect(200)?["custom_domain"], domain.as_str());
    let sql = "SELECT before ->> 'custom_domain', after ->> 'custom_domain' FROM control.audit_log
               WHERE tenant_id = $1 AND action = 'tenant.deactivate'";
    let row = cloud.control().await?.query_one(sql, &[&former_id]).await?;
    assert_eq!((row.get::<_, Option<&str>>(0), row.get::<_, Option<&str>>(1)), (Some(domain.as_str()), None));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn keys_and_password_are_revoked_if_the_installation_wants_that() -> Result<()> {
    let cloud = Cloud::from_env()?;
    // The function that other tests call is started anew.
    let _alone = e2e::alone().await;
    let (slug, tenant_id) = cloud.live("revoked", json!({ "tier": "pilot" })).await?;
    let (kept, kept_id) = cloud.live("unrevoked", json!({ "tier": "pilot" })).await?;
    let (back, back_id) = cloud.live("restored", json!({ "tier": "pilot" })).await?;
    let access = Access::of(&cloud, &slug, tenant_id).await?;
    let others = [Access::of(&cloud, &kept, kept_id).await?, Access::of(&cloud, &back, back_id).await?];
    assert_eq!(access.good(&cloud).await?, (ALL_KEYS.to_vec(), true));

    cloud.deactivate(&kept).await?.no_content()?;
    cloud.deactivate_and_revoke(&slug).await?.no_content()?;
    // A promise that was made before the tenant was brought back.
    let control = cloud.control().await?;
    let late = "INSERT INTO control.outbox (id, tenant_id, kind, payload) VALUES (gen_random_uuid(), $1, 'revoke_access', '{}')";
    control.execute(late, &[&back_id]).await?;
    let all = [tenant_id, kept_id, back_id];
    let open = "SELECT count(*) FROM control.outbox WHERE tenant_id = ANY ($1) AND kind = 'revoke_access'
                AND delivered_at IS NULL";
    cloud
        .reconcile_until(async || Ok(control.query_one(open, &[&all.as_slice()]).await?.get::<_, i64>(0) == 0))
        .await?;

    assert_eq!(access.good(&cloud).await?, (Vec::new(), false));
    assert_eq!(audited(&cloud, tenant_id, "tenant.revoke_access").await?, 1);
    let left = Access::of(&cloud, &slug, tenant_id).await?;
    assert_eq!(
        left.keys.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ALL_KEYS[..2],
        "the others are gone"
    );
    assert_eq!(left.secret, access.secret, "the tenant's secret is left as it is");
    for (other, id) in others.iter().zip([kept_id, back_id]) {
        assert_eq!(other.good(&cloud).await?, (ALL_KEYS.to_vec(), true));
        assert_eq!(audited(&cloud, id, "tenant.revoke_access").await?, 0);
    }
    // The project itself is kept.
    assert_eq!(built(&cloud, &slug, tenant_id).await?.projects, 1);
    Ok(())
}
