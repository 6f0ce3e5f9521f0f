//! The protocol that prevents duplicate resources: lease, fence, ledger, completion, failure, resume.

#[path = "protocol/changes.rs"]
mod changes;
#[path = "protocol/leasing.rs"]
mod leasing;
#[path = "protocol/repairs.rs"]
mod repairs;
#[path = "protocol/restoring.rs"]
mod restoring;
mod support;
#[path = "protocol/verdicts.rs"]
mod verdicts;

use std::time::Duration;

use domain::{CauseCode, Failure, ProvisioningState, Step, StepState, TenantId, Tier};
use leasing::{CALL, LONG, intent, refused, request};
use serde_json::json;
use store::{
    Activation, Ages, Author, Effect, FailOutcome, Intent, KeyedRequest, LEASE_MARGIN, Machine, NotBegun, Outcome,
    ResourceKind, Resume, StepTask, StoreError,
};
use support::Database;
use uuid::Uuid;

fn cause(code: CauseCode) -> domain::Cause {
    Failure::from(code).cause()
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn one_invocation_at_a_time_until_the_lease_ends() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    database.begin(&tenant, Step::CreateEnvironment, "a").await.expect("free");
    assert!(matches!(database.begin(&tenant, Step::CreateEnvironment, "b").await, Err(NotBegun::Busy)));
    database.begin(&tenant, Step::CreateEnvironment, "a").await.expect("its own lease, again");
    database.end_lease(&tenant).await;
    database.begin(&tenant, Step::CreateEnvironment, "b").await.expect("the lease ended");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_lease_outlasts_its_invocation_by_the_margin() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    database.begin(&tenant, Step::CreateEnvironment, "a").await.expect("free");
    let sql = "SELECT extract(epoch FROM lease_until - clock_timestamp())::float8 FROM control.tenants";
    let left: f64 = database.own.connect().await.query_one(sql, &[]).await.expect("answers").get(0);
    let whole = (LONG + LEASE_MARGIN).as_secs_f64();
    assert!((whole - 3.0..=whole).contains(&left), "{left} s of {whole} s");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_stalled_invocation_writes_nothing() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let lease = database.begin(&tenant, Step::CreateEnvironment, "stalled").await.expect("free");
    let open = lease.intend(intent(ResourceKind::Graph)).await.expect("in time");
    database.end_lease(&tenant).await;

    let now = Duration::ZERO;
    assert_eq!(
        refused(lease.intend(Intent::named(ResourceKind::SupabaseProject, "name", now)).await),
        CauseCode::LeaseTooShort
    );
    assert_eq!(refused(lease.renew(&open, now).await), CauseCode::LeaseTooShort);
    assert_eq!(refused(lease.renew_request(&open, request("request", "key"), now).await), CauseCode::LeaseTooShort);
    assert_eq!(refused(lease.fence(now).await), CauseCode::LeaseTooShort);
    assert_eq!(refused(lease.confirm(&open, "external").await), CauseCode::LeaseLapsed);
    assert_eq!(refused(lease.give_up(&open).await), CauseCode::LeaseLapsed);
    assert_eq!(refused(lease.finish(&Outcome::DONE, CALL).await), CauseCode::LeaseLapsed);
    assert_eq!(refused(lease.finish(&Outcome::waiting("x"), CALL).await), CauseCode::LeaseLapsed);
    assert_eq!(refused(lease.environment_dead().await), CauseCode::LeaseLapsed);

    // Nothing was written: the next invocation finds the open intent and nothing else.
    let next = database.begin(&tenant, Step::CreateEnvironment, "next").await.expect("the lease ended");
    let live = next.resource(ResourceKind::Graph).await.expect("answers").expect("there");
    assert_eq!((live.id, live.external_id, live.request), (open.id, None, None));
    assert!(next.resource(ResourceKind::SupabaseProject).await.expect("answers").is_none());
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn no_call_begins_that_the_lease_would_not_outlast() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let lease = database.begin_for(&tenant, Step::CreateEnvironment, "a", LONG, Duration::ZERO).await.expect("free");
    assert_eq!(refused(lease.intend(intent(ResourceKind::Graph)).await), CauseCode::LeaseTooShort, "{LEASE_MARGIN:?}");
    assert!(lease.resource(ResourceKind::Graph).await.expect("answers").is_none());
    lease.fence(Duration::from_secs(1)).await.expect("short enough");
    assert_eq!(refused(lease.fence(CALL).await), CauseCode::LeaseTooShort);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn no_call_begins_that_would_outlast_the_invocation() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let work = Duration::from_secs(2);
    let lease = database.begin_for(&tenant, Step::CreateEnvironment, "a", work, LONG).await.expect("free");
    assert_eq!(refused(lease.intend(intent(ResourceKind::Graph)).await), CauseCode::LeaseTooShort);
    assert!(lease.resource(ResourceKind::Graph).await.expect("answers").is_none());
    assert_eq!(refused(lease.fence(CALL).await), CauseCode::LeaseTooShort);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_completed_step_is_reported_and_an_older_attempt_is_superseded() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let lease = database.begin(&tenant, Step::CreateEnvironment, "a").await.expect("free");
    let effect = Effect {
        supabase_project_ref: Some("ref".to_owned()),
        supabase_url: Some("https://ref".to_owned()),
        ..Effect::NONE
    };
    lease.finish(&Outcome::Completed(effect), CALL).await.expect("in time");
    assert!(matches!(database.begin(&tenant, Step::CreateEnvironment, "b").await, Err(NotBegun::Completed)));
    for (tenant_id, attempt) in [(tenant.tenant_id, 7), (TenantId(Uuid::now_v7()), 1)] {
        let task = StepTask { tenant_id, attempt, step: Step::AwaitEnvironment };
        let begun = database.store.begin_step(task, "b", LONG, LONG).await;
        assert!(matches!(begun, Err(NotBegun::Superseded)), "another attempt, or no such tenant");
    }
    let next = database.begin(&tenant, Step::AwaitEnvironment, "b").await.expect("the completion gave the lease back");
    let row = next.tenant();
    assert_eq!((row.supabase_project_ref.as_deref(), row.supabase_url.as_deref()), (Some("ref"), Some("https://ref")));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn polls_of_a_wait_count_as_one_try() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    for token in ["a", "b", "c"] {
        let lease = database.begin(&tenant, Step::AwaitEnvironment, token).await.expect("free");
        lease.finish(&Outcome::waiting("pooler"), CALL).await.expect("in time");
    }
    let row = &database.store.steps(tenant.tenant_id).await.expect("answers")[1];
    assert_eq!((row.state, row.attempts, row.waiting_for.as_deref()), (StepState::Waiting, 1, Some("pooler")));
    assert!(row.next_retry_at.is_some());
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_failed_run_names_its_step_and_resumes_once() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let store = &database.store;
    let (given, own) = (cause(CauseCode::RunLost), cause(CauseCode::SupabaseProjectLimit));
    let fail =
        async || store.fail_run(Machine::Pipeline, tenant.tenant_id, 1, &given, false, "r").await.expect("answers");
    let lease = database.begin(&tenant, Step::CreateEnvironment, "a").await.expect("free");
    assert_eq!(fail().await, FailOutcome::Busy);
    lease.troubled(&own, None).await.expect("in time");
    assert_eq!(fail().await, FailOutcome::Failed(Step::CreateEnvironment.function()));
    assert_eq!(fail().await, FailOutcome::Over);

    let row = database.row(&tenant).await;
    assert_eq!(row.state, ProvisioningState::Failed);
    let message = format!("step_1: {}: {}", own.code, own.hint);
    assert_eq!(row.error_message, Some(message), "the step's cause takes precedence");

    let resume = || Resume {
        tenant: &row,
        values: (&row).into(),
        correlation_id: "c2",
        author: Author { actor: "test", address: None, request_id: "r" },
    };
    let (one, two) = tokio::join!(store.resume_tenant(resume()), store.resume_tenant(resume()));
    let winners = [one.expect("answers"), two.expect("answers")];
    assert_eq!(winners.iter().flatten().count(), 1, "one of two simultaneous resumes");
    let resumed = winners.into_iter().flatten().next().expect("one");
    assert_eq!((resumed.attempt, resumed.error_message), (2, None));
    let steps = store.steps(tenant.tenant_id).await.expect("answers");
    let is_fresh =
        |row: &store::StepRow| row.state == StepState::Pending && row.cause.is_none() && row.started_at.is_none();
    assert!(steps.iter().all(is_fresh));
    assert!(matches!(database.begin(&tenant, Step::CreateEnvironment, "old").await, Err(NotBegun::Superseded)));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_tenant_has_one_live_resource_of_each_kind() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let lease = database.begin(&tenant, Step::CreateGraph, "a").await.expect("free");
    let first = lease.intend(intent(ResourceKind::Graph)).await.expect("in time");
    let second = lease.intend(intent(ResourceKind::Graph)).await;
    assert_eq!(refused(second), CauseCode::ControlDatabaseMismatch, "the schema refuses a second");
    lease.confirm(&first, "external").await.expect("in time");
    let live = lease.resource(ResourceKind::Graph).await.expect("answers").expect("there");
    assert_eq!((live.id, live.external_id.as_deref()), (first.id, Some("external")));
    lease.give_up(&first).await.expect("in time");
    assert!(lease.resource(ResourceKind::Graph).await.expect("answers").is_none());
    lease.intend(intent(ResourceKind::Graph)).await.expect("a dead one makes room");
    assert_eq!(lease.resource_names(ResourceKind::Graph).await.expect("answers"), ["name"], "each name once");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn what_is_given_up_leaves_its_id_and_is_audited_if_it_existed() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let lease = database.begin(&tenant, Step::ActivateTenant, "a").await.expect("free");
    let kind = ResourceKind::StripeCustomer;
    for (generation, id) in [(1, Some("cus_1")), (2, None), (3, Some("cus_3"))] {
        let live = KeyedRequest { livemode: true, ..request("body", "key") };
        let open = lease.intend(intent(kind).with_request(live)).await.expect("in time");
        assert_eq!((open.generation, open.livemode), (generation, Some(true)));
        assert!(lease.is_billed_live().await.expect("answers"));
        if let Some(id) = id {
            lease.confirm(&open, id).await.expect("in time");
        }
        lease.give_up(&open).await.expect("in time");
        assert!(!lease.is_billed_live().await.expect("answers"));
    }
    assert_eq!(lease.earlier_ids(kind).await.expect("answers"), ["cus_3", "cus_1"]);
    let sql = "SELECT before FROM control.audit_log WHERE action = 'tenant.give_up_resource' ORDER BY id";
    let audited = database.own.connect().await.query(sql, &[]).await.expect("answers");
    let entry = |generation, id| json!({"kind": "stripe_customer", "name": "name", "generation": generation, "external_id": id});
    let audited: Vec<serde_json::Value> = audited.iter().map(|row| row.get(0)).collect();
    assert_eq!(audited, [entry(1, "cus_1"), entry(3, "cus_3")]);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_renewed_intent_holds_the_request_that_is_sent_next() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let lease = database.begin(&tenant, Step::ActivateTenant, "a").await.expect("free");
    let kind = ResourceKind::StripeCustomer;
    let open = lease.intend(intent(kind).with_request(request("first", "key-1"))).await.expect("in time");
    let sent = async || {
        let live = lease.resource(kind).await.expect("answers").expect("there");
        (live.request.expect("a request"), live.idempotency_key.expect("a key"), live.livemode)
    };
    assert_eq!(sent().await, ("first".to_owned(), "key-1".to_owned(), Some(false)));
    let second = KeyedRequest { livemode: true, ..request("second", "key-2") };
    lease.renew_request(&open, second, CALL).await.expect("in time");
    assert_eq!(sent().await, ("second".to_owned(), "key-2".to_owned(), Some(true)));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn activation_is_one_transaction_and_never_undone() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let store = &database.store;
    let lease = database.begin(&tenant, Step::ActivateTenant, "a").await.expect("free");
    let (one, two, payload) = (Uuid::now_v7(), Uuid::now_v7(), json!({}));
    let activation = |tier| Activation {
        stripe_customer_id: Some("cus_1"),
        tier,
        invalidation: (one, &payload),
        event: (two, &payload),
    };
    let other_tier = lease.activate(activation(Tier::Pilot)).await;
    assert_eq!(refused(other_tier), CauseCode::ActivationOvertaken, "another tier was billed");
    assert!(store.outbox(&[one, two]).await.expect("answers").is_empty());
    lease.activate(activation(tenant.tier)).await.expect("in time");
    let row = database.row(&tenant).await;
    assert!(row.is_active && row.state == ProvisioningState::Active && row.activated_at.is_some());
    assert_eq!(store.outbox(&[one, two]).await.expect("answers").len(), 2);
    let late = store
        .fail_run(Machine::Pipeline, tenant.tenant_id, 1, &cause(CauseCode::RunLost), true, "r")
        .await
        .expect("answers");
    assert_eq!(late, FailOutcome::Over);
    assert!(matches!(database.begin(&tenant, Step::ActivateTenant, "b").await, Err(NotBegun::Completed)));
    store.outbox_delivered(one).await.expect("answers");
    assert_eq!(store.outbox(&[one, two]).await.expect("answers").len(), 1);
    store.outbox_postponed(two, CauseCode::ValkeyUnreachable.as_str()).await.expect("answers");
    assert!(store.outbox_due(10).await.expect("answers").is_empty(), "postponed");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn there_is_one_reconciler_and_it_claims_each_idle_run() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let store = &database.store;
    assert!(store.take_singleton("x", "a", LONG).await.expect("answers"));
    assert!(!store.take_singleton("x", "b", LONG).await.expect("answers"));
    store.release_singleton("x", "b").await.expect("answers");
    assert!(!store.take_singleton("x", "b", LONG).await.expect("answers"), "only its holder releases it");
    store.release_singleton("x", "a").await.expect("answers");
    assert!(store.take_singleton("x", "b", LONG).await.expect("answers"));

    let idle = Duration::from_mins(1);
    let claim = async || store.claim_idle_run(Machine::Pipeline, tenant.tenant_id, 1, idle).await.expect("answers");
    assert!(!claim().await, "it is alive");
    assert!(store.idle_runs(idle, 10).await.expect("answers").is_empty());
    let held_up = cause(CauseCode::ExecutionsUnavailable);
    store.hold_up_run(Machine::Pipeline, tenant.tenant_id, 1, &held_up, true).await.expect("answers");
    assert_eq!(store.idle_runs(idle, 10).await.expect("answers").len(), 1);
    assert!(claim().await);
    assert!(!claim().await, "another process has just done so");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_run_is_as_old_as_its_attempt_and_a_promise_is_so_until_it_is_kept() {
    let database = Database::create().await;
    let (store, client) = (&database.store, database.own.connect().await);
    let in_minutes = async || {
        let Ages { run, promise } = store.ages().await.expect("answers");
        (run.as_secs() / 60, promise.as_secs() / 60)
    };
    assert_eq!(store.ages().await.expect("answers"), Ages::default(), "there is nothing");
    let [old, new] = [database.tenant("acme").await, database.tenant("other").await];
    let earlier = "UPDATE control.audit_log SET at = at - interval '1 hour' WHERE tenant_id = $1";
    client.execute(earlier, &[&old.tenant_id.0]).await.expect("answers");
    assert_eq!(in_minutes().await, (60, 0));
    let failed = store
        .fail_run(Machine::Pipeline, old.tenant_id, 1, &cause(CauseCode::RunLost), true, "r")
        .await
        .expect("answers");
    assert!(matches!(failed, FailOutcome::Failed(_)));
    assert_eq!(in_minutes().await, (0, 0), "it is over, and the other one is new");
    client.execute(earlier, &[&new.tenant_id.0]).await.expect("answers");
    assert_eq!(in_minutes().await, (60, 0));
    client.execute(earlier, &[&new.tenant_id.0]).await.expect("answers");
    assert_eq!(in_minutes().await, (120, 0));

    database.active("promised", Tier::Pilot).await;
    let earlier = "UPDATE control.outbox SET created_at = created_at - interval '1 hour' RETURNING id";
    let promises = client.query(earlier, &[]).await.expect("answers");
    assert_eq!((promises.len(), in_minutes().await), (2, (120, 60)));
    for row in promises {
        store.outbox_delivered(row.get(0)).await.expect("answers");
    }
    assert_eq!(in_minutes().await, (120, 0));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_next_step_shows_why_a_run_is_held_up() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let store = &database.store;
    let (unstarted, given) = (cause(CauseCode::ExecutionsUnavailable), cause(CauseCode::RunLost));
    let shown = async |step: usize| {
        let row = store.steps(tenant.tenant_id).await.expect("answers").swap_remove(step - 1);
        (row.state, row.cause, row.next_retry_at.is_some())
    };
    let hold_up = async |attempt| {
        store.hold_up_run(Machine::Pipeline, tenant.tenant_id, attempt, &unstarted, false).await.expect("answers");
    };
    let (fresh, told) = ((StepState::Pending, None, false), (StepState::Pending, Some(unstarted.clone()), true));

    hold_up(2).await;
    assert_eq!(shown(1).await, fresh, "it belongs to another attempt");
    hold_up(1).await;
    assert_eq!((shown(1).await, shown(2).await), (told.clone(), fresh.clone()));
    assert!(store.idle_runs(Duration::from_mins(1), 10).await.expect("answers").is_empty(), "the run is not idle yet");

    let lease = database.begin(&tenant, Step::CreateEnvironment, "a").await.expect("free");
    assert_eq!(shown(1).await, (StepState::Running, None, false), "it began");
    hold_up(1).await;
    assert_eq!(shown(1).await.1, None, "a step that began shows only its own causes");
    lease.finish(&Outcome::DONE, CALL).await.expect("in time");
    hold_up(1).await;
    assert_eq!((shown(1).await.1, shown(2).await), (None, told));

    // A cause that kept a step from beginning is not the cause of the run's failure.
    let outcome = store.fail_run(Machine::Pipeline, tenant.tenant_id, 1, &given, false, "r").await.expect("answers");
    assert_eq!(outcome, FailOutcome::Failed(Step::AwaitEnvironment.function()));
    assert_eq!(shown(2).await, (StepState::Failed, Some(given), false));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_authority_that_is_not_a_certificate_is_named() {
    let database = Database::create().await;
    for ca_pem in ["", "-----BEGIN CERTIFICATE-----"] {
        let mut config = database.own.config().clone();
        config.ca_pem = Some(ca_pem.to_owned());
        let refused = store::connect(&config, "test").await.expect_err("no authority");
        assert!(
            matches!(&refused, StoreError::Credentials(failure) if failure.code() == CauseCode::DatabaseCaMalformed)
        );
    }
}
