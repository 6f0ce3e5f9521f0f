//! The protocol that keeps a tenant from being made twice: lease, fence, ledger, completion, failure, resume.

#[path = "protocol/changes.rs"]
mod changes;
mod support;

use std::time::Duration;

use domain::{Failure, FailureKind, Owner, ProvisioningState, Step, TenantId};
use serde_json::json;
use store::{
    Activation, Begun, DatabaseConfig, FailOutcome, Intent, Lease, NotBegun, ResourceKind, Resume, StepEffect,
    StoreError, Tenant,
};
use support::Database;
use uuid::Uuid;

const LONG: Duration = Duration::from_secs(30);
const CALL: Duration = Duration::from_secs(5);

impl Database {
    async fn begin(&self, tenant: &Tenant, step: Step, token: &str, lease: Duration) -> Result<Begun, NotBegun> {
        self.store.begin_step(tenant.tenant_id, tenant.attempt, step, token, lease).await
    }
}

fn intent(kind: ResourceKind) -> Intent<'static> {
    Intent { kind, name: "name", request: None, idempotency_key: None, call: CALL }
}

fn cause(code: &str) -> domain::Cause {
    Failure::new(FailureKind::Rejected, code, Owner::Provider, "hint").cause
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn one_at_a_time_until_the_lease_lapses() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let short = Duration::from_millis(300);
    database.begin(&tenant, Step::CreateEnvironment, "a", short).await.expect("free");
    assert!(matches!(database.begin(&tenant, Step::CreateEnvironment, "b", LONG).await, Err(NotBegun::Busy)));
    database.begin(&tenant, Step::CreateEnvironment, "a", short).await.expect("its own lease, again");
    tokio::time::sleep(short * 2).await;
    database.begin(&tenant, Step::CreateEnvironment, "b", LONG).await.expect("lapsed");
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_stalled_copy_writes_nothing() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let store = &database.store;
    let stalled =
        database.begin(&tenant, Step::CreateEnvironment, "stalled", Duration::from_millis(200)).await.expect("free");
    let open = store
        .intend(&stalled.lease, Step::CreateEnvironment, Intent { call: Duration::ZERO, ..intent(ResourceKind::Graph) })
        .await;
    let open = open.expect("the database answers").expect("in time");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let lease = &stalled.lease;
    assert!(
        store
            .intend(lease, Step::CreateEnvironment, intent(ResourceKind::SupabaseProject))
            .await
            .expect("answers")
            .is_none()
    );
    assert!(!store.confirm(lease, open.id, "external", None).await.expect("answers"));
    assert!(!store.give_up(lease, open.id).await.expect("answers"));
    assert!(!store.renew_intent(lease, open.id, "", "", Duration::ZERO).await.expect("answers"));
    assert!(!store.complete_step(lease, Step::CreateEnvironment, StepEffect::None).await.expect("answers"));
    assert!(!store.step_waiting(lease, Step::CreateEnvironment, "x", CALL).await.expect("answers"));
    assert!(!store.environment_dead(lease).await.expect("answers"));
    assert!(!store.lease_outlasts(lease, Duration::ZERO).await.expect("answers"));
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn nothing_is_begun_that_the_lease_would_not_outlast() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let begun = database.begin(&tenant, Step::CreateEnvironment, "a", Duration::from_secs(3)).await.expect("free");
    let store = &database.store;
    assert!(
        store
            .intend(&begun.lease, Step::CreateEnvironment, intent(ResourceKind::Graph))
            .await
            .expect("answers")
            .is_none()
    );
    assert!(store.lease_outlasts(&begun.lease, Duration::from_secs(1)).await.expect("answers"));
    assert!(!store.lease_outlasts(&begun.lease, CALL).await.expect("answers"));
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_completed_step_says_so_and_an_older_run_is_over() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let begun = database.begin(&tenant, Step::CreateEnvironment, "a", LONG).await.expect("free");
    let effect = StepEffect::Environment { project_ref: "ref", url: "https://ref" };
    assert!(database.store.complete_step(&begun.lease, Step::CreateEnvironment, effect).await.expect("answers"));
    assert!(matches!(database.begin(&tenant, Step::CreateEnvironment, "b", LONG).await, Err(NotBegun::Completed)));
    let older = database.store.begin_step(tenant.tenant_id, 7, Step::AwaitEnvironment, "b", LONG).await;
    assert!(matches!(older, Err(NotBegun::Superseded)));
    let unknown = database.store.begin_step(TenantId(Uuid::now_v7()), 1, Step::AwaitEnvironment, "b", LONG).await;
    assert!(matches!(unknown, Err(NotBegun::Superseded)));
    let next = database.begin(&tenant, Step::AwaitEnvironment, "b", LONG).await.expect("released by the completion");
    assert_eq!(next.tenant.supabase_project_ref.as_deref(), Some("ref"));
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn polls_of_a_wait_are_no_attempts() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    for token in ["a", "b", "c"] {
        let begun = database.begin(&tenant, Step::AwaitEnvironment, token, LONG).await.expect("free");
        assert!(
            database.store.step_waiting(&begun.lease, Step::AwaitEnvironment, "pooler", CALL).await.expect("answers")
        );
    }
    let row = &database.store.steps(tenant.tenant_id).await.expect("answers")[1];
    assert_eq!((row.state.as_str(), row.attempts, row.waiting_for.as_deref()), ("waiting", 1, Some("pooler")));
    assert!(row.next_retry_at.is_some());
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_failed_run_names_its_step_and_resumes_once() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let store = &database.store;
    let begun = database.begin(&tenant, Step::CreateEnvironment, "a", LONG).await.expect("free");
    assert_eq!(
        store.fail_run(tenant.tenant_id, 1, &cause("given"), false, "r").await.expect("answers"),
        FailOutcome::Busy
    );
    assert!(store.step_troubled(&begun.lease, Step::CreateEnvironment, &cause("own"), None).await.expect("answers"));
    let failed = store.fail_run(tenant.tenant_id, 1, &cause("given"), false, "r").await.expect("answers");
    assert_eq!(failed, FailOutcome::Failed(Step::CreateEnvironment));
    assert_eq!(
        store.fail_run(tenant.tenant_id, 1, &cause("given"), false, "r").await.expect("answers"),
        FailOutcome::Over
    );

    let row = store.tenant_by_slug(&tenant.slug).await.expect("answers").expect("there");
    assert_eq!(row.state, ProvisioningState::Failed);
    assert_eq!(row.error_message.as_deref(), Some("step_1: own: hint"), "the step's own cause says more");

    let resume = || Resume {
        tenant: &row,
        display_name: &row.display_name,
        tier: row.tier,
        admin_email: &row.admin_email,
        correlation_id: "c2",
        actor: "test",
        request_id: "r",
    };
    let (one, two) = tokio::join!(store.resume_tenant(resume()), store.resume_tenant(resume()));
    let winners = [one.expect("answers"), two.expect("answers")];
    assert_eq!(winners.iter().flatten().count(), 1, "one of two simultaneous resumes");
    let resumed = winners.into_iter().flatten().next().expect("one");
    assert_eq!((resumed.attempt, resumed.error_message), (2, None));
    let steps = store.steps(tenant.tenant_id).await.expect("answers");
    assert!(steps.iter().all(|row| row.state == "pending" && row.cause.is_none() && row.started_at.is_none()));
    assert!(matches!(database.begin(&tenant, Step::CreateEnvironment, "old", LONG).await, Err(NotBegun::Superseded)));
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn one_live_resource_of_a_kind() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let store = &database.store;
    let Begun { lease, .. } = database.begin(&tenant, Step::CreateGraph, "a", LONG).await.expect("free");
    let lease: Lease = lease;
    let first =
        store.intend(&lease, Step::CreateGraph, intent(ResourceKind::Graph)).await.expect("answers").expect("in time");
    assert!(
        store.intend(&lease, Step::CreateGraph, intent(ResourceKind::Graph)).await.is_err(),
        "the schema refuses a second"
    );
    assert!(store.confirm(&lease, first.id, "external", Some("req_1")).await.expect("answers"));
    let live = store.resource(tenant.tenant_id, ResourceKind::Graph).await.expect("answers").expect("there");
    assert_eq!((live.id, live.external_id.as_deref()), (first.id, Some("external")));
    assert!(store.give_up(&lease, first.id).await.expect("answers"));
    assert!(store.resource(tenant.tenant_id, ResourceKind::Graph).await.expect("answers").is_none());
    let second = store.intend(&lease, Step::CreateGraph, intent(ResourceKind::Graph)).await.expect("answers");
    assert!(second.is_some(), "a dead one makes room");
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn activation_is_one_transaction_and_never_undone() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let store = &database.store;
    let begun = database.begin(&tenant, Step::ActivateTenant, "a", LONG).await.expect("free");
    let (one, two, payload) = (Uuid::now_v7(), Uuid::now_v7(), json!({}));
    let activation = |tier| Activation {
        stripe_customer_id: Some("cus_1"),
        tier,
        invalidation: (one, &payload),
        event: (two, &payload),
    };
    assert!(
        !store.activate(&begun.lease, activation(domain::Tier::Pilot)).await.expect("answers"),
        "another tier was billed"
    );
    assert!(store.outbox(&[one, two]).await.expect("answers").is_empty());
    assert!(store.activate(&begun.lease, activation(tenant.tier)).await.expect("answers"));
    let row = store.tenant_by_slug(&tenant.slug).await.expect("answers").expect("there");
    assert!(row.is_active && row.state == ProvisioningState::Active && row.activated_at.is_some());
    assert_eq!(store.outbox(&[one, two]).await.expect("answers").len(), 2);
    assert_eq!(
        store.fail_run(tenant.tenant_id, 1, &cause("late"), true, "r").await.expect("answers"),
        FailOutcome::Over
    );
    assert!(matches!(database.begin(&tenant, Step::ActivateTenant, "b", LONG).await, Err(NotBegun::Completed)));
    store.outbox_delivered(one).await.expect("answers");
    assert_eq!(store.outbox(&[one, two]).await.expect("answers").len(), 1);
    store.outbox_postponed(two, "valkey_unreachable").await.expect("answers");
    assert!(store.outbox_due(10).await.expect("answers").is_empty(), "postponed");
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn one_reconciler_and_one_who_looks_after_a_run() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let store = &database.store;
    assert!(store.take_singleton("x", "a", LONG).await.expect("answers"));
    assert!(!store.take_singleton("x", "b", LONG).await.expect("answers"));
    store.release_singleton("x", "b").await.expect("answers");
    assert!(!store.take_singleton("x", "b", LONG).await.expect("answers"), "only its holder releases it");
    store.release_singleton("x", "a").await.expect("answers");
    assert!(store.take_singleton("x", "b", LONG).await.expect("answers"));

    assert!(!store.claim_idle_run(tenant.tenant_id, 1, Duration::from_mins(1)).await.expect("answers"), "it is alive");
    assert!(store.idle_runs(Duration::from_mins(1), 10).await.expect("answers").is_empty());
    store.hold_up_run(tenant.tenant_id, 1, &cause("unstarted"), true).await.expect("answers");
    assert_eq!(store.idle_runs(Duration::from_mins(1), 10).await.expect("answers").len(), 1);
    assert!(store.claim_idle_run(tenant.tenant_id, 1, Duration::from_mins(1)).await.expect("answers"));
    assert!(
        !store.claim_idle_run(tenant.tenant_id, 1, Duration::from_mins(1)).await.expect("answers"),
        "somebody just did"
    );
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn what_holds_up_a_run_is_said_by_the_step_that_has_not_begun() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let store = &database.store;
    let told = async |step: usize| {
        let row = store.steps(tenant.tenant_id).await.expect("answers").swap_remove(step - 1);
        (row.state, row.cause.map(|cause| cause.code), row.next_retry_at.is_some())
    };
    let hold_up = async |attempt| {
        store.hold_up_run(tenant.tenant_id, attempt, &cause("unstarted"), false).await.expect("answers");
    };
    let pending = |code: Option<&str>| ("pending".to_owned(), code.map(str::to_owned), code.is_some());

    hold_up(2).await;
    assert_eq!(told(1).await, pending(None), "another attempt's");
    hold_up(1).await;
    assert_eq!((told(1).await, told(2).await), (pending(Some("unstarted")), pending(None)));
    assert!(store.idle_runs(Duration::from_mins(1), 10).await.expect("answers").is_empty(), "nobody was to hurry");

    let Begun { lease, .. } = database.begin(&tenant, Step::CreateEnvironment, "a", LONG).await.expect("free");
    assert_eq!(told(1).await, ("running".to_owned(), None, false), "it began");
    hold_up(1).await;
    assert_eq!(told(1).await.1, None, "a step that began speaks for itself");
    assert!(store.complete_step(&lease, Step::CreateEnvironment, StepEffect::None).await.expect("answers"));
    hold_up(1).await;
    assert_eq!((told(1).await.1, told(2).await), (None, pending(Some("unstarted"))));

    // What kept a step from beginning is not why the run failed.
    let outcome = store.fail_run(tenant.tenant_id, 1, &cause("given"), false, "r").await.expect("answers");
    assert_eq!(outcome, FailOutcome::Failed(Step::AwaitEnvironment));
    assert_eq!(told(2).await, ("failed".to_owned(), Some("given".to_owned()), false));
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_authority_that_is_no_certificate_is_said_so() {
    let database = Database::create().await;
    for ca_pem in ["", "-----BEGIN CERTIFICATE-----"] {
        let config = DatabaseConfig { ca_pem: Some(ca_pem.to_owned()), ..database.config.clone() };
        let refused = store::connect(&config, "test").await.expect_err("no authority");
        assert!(matches!(&refused, StoreError::Credentials(failure) if failure.cause.code == "database_ca_malformed"));
    }
    database.drop().await;
}
