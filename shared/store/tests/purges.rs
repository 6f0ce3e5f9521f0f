//! Purges: who may begin one, what a step may do under it, and when the slug is free.

mod support;

use std::time::Duration;

use domain::{
    CauseCode, CustomerPolicy, DataPolicy, Failure, HoldReason, ProvisioningState, PurgeOutcome, PurgePolicies,
    PurgeState, PurgeStep, PurgedItem, PurgedKind, StepState, SyncTargetRequest,
};
use jiff::Timestamp;
use serde_json::json;
use store::{
    Author, Deactivation, FailOutcome, Machine, NewPurge, NewSyncTarget, NotBegun, Outcome, Purge, PurgeLease,
    StepTask, Tenant,
};
use support::Database;
use uuid::Uuid;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(30);
const POLICIES: PurgePolicies = PurgePolicies { customer: CustomerPolicy::Keep, data: DataPolicy::Drop };

const ALICE: Author<'_> = Author { actor: "api_key:alice#11111111", address: None, request_id: "r" };
const BOB: Author<'_> = Author { actor: "api_key:bob#22222222", address: None, request_id: "r" };

fn refused<T>(outcome: Result<T, Failure>) -> CauseCode {
    outcome.err().expect("refused").code()
}

impl Database {
    async fn deprovisioned(&self, slug: &str) -> Tenant {
        let tenant = self.tenant(slug).await;
        self.deactivate(&tenant).await
    }

    async fn deactivate(&self, tenant: &Tenant) -> Tenant {
        let deactivation = Deactivation {
            tenant_id: tenant.tenant_id,
            version: None,
            invalidation: (Uuid::now_v7(), &json!([])),
            revoke_access: false,
            author: ALICE,
        };
        self.store.deactivate_tenant(deactivation).await.expect("answers").expect("was on").tenant
    }

    async fn row(&self, tenant: &Tenant) -> Tenant {
        self.store.tenant_by_id(tenant.tenant_id).await.expect("answers").expect("there")
    }

    async fn purge(&self, tenant: &Tenant) -> Purge {
        self.store.purge(tenant.tenant_id).await.expect("answers").expect("there")
    }

    /// Asks for a purge of the tenant as it was read.
    async fn request_as(&self, tenant: &Tenant, needs_approval: bool, policies: PurgePolicies) -> Option<Purge> {
        let new = NewPurge {
            tenant,
            policies,
            reason: None,
            retrieval_days: 30,
            needs_approval,
            correlation_id: "c",
            author: ALICE,
        };
        self.store.request_purge(new).await.expect("answers")
    }

    async fn request(&self, tenant: &Tenant) -> Purge {
        self.request_as(&self.row(tenant).await, false, POLICIES).await.expect("begun")
    }

    async fn begin(&self, purge: &Purge, step: PurgeStep, token: &str) -> Result<PurgeLease<'_>, NotBegun> {
        let task = StepTask { tenant_id: purge.tenant_id, attempt: purge.attempt, step };
        self.store.begin_purge_step(task, token, LONG, LONG).await
    }

    async fn hold(&self, tenant: &Tenant) {
        let reason: HoldReason = "a lawsuit".parse().expect("a reason");
        self.store.hold_tenant(&self.row(tenant).await, &reason, BOB).await.expect("answers").expect("held");
    }

    async fn release_hold(&self, tenant: &Tenant) {
        self.store.release_hold(&self.row(tenant).await, BOB).await.expect("answers").expect("released");
    }

    async fn restore(&self, tenant: &Tenant) -> Option<Tenant> {
        let tenant = &self.row(tenant).await;
        self.store.restore_tenant(tenant, "c", ALICE).await.expect("answers")
    }

    async fn catalog(&self, tenant: &Tenant) {
        let sql = "INSERT INTO lakehouse.tenant_catalogs (id, tenant_id, catalog_name, catalog_type, catalog_uri, warehouse, storage_prefix,
                                                          metadata, is_active, version, location, location_version)
                   VALUES (gen_random_uuid(), $1, 'main', 'rest', 'https://c.example', 's3://w', 'acme', '{}', true, 1, 's3://w/acme/', 1)";
        self.own.connect().await.execute(sql, &[&tenant.tenant_id.0]).await.expect("written");
    }

    /// Completes the steps before this one.
    async fn complete_until(&self, purge: &Purge, last: PurgeStep) {
        for step in PurgeStep::ALL.into_iter().filter(|step| *step < last) {
            let lease = self.begin(purge, step, "t").await.expect("free");
            lease.finish(&Outcome::DONE, Duration::ZERO).await.expect("written");
        }
    }
}

fn gone(kind: PurgedKind, name: &str) -> PurgedItem {
    PurgedItem {
        kind,
        name: name.to_owned(),
        external_id: Some("id".to_owned()),
        asked_at: Timestamp::from_second(1_700_000_000).expect("a time"),
        answered: "not found".to_owned(),
        outcome: PurgeOutcome::Gone,
        why: None,
        until: None,
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_period_begins_with_the_last_delete() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let since = async || database.store.deprovisioned_at(tenant.tenant_id).await.expect("answers");
    assert_eq!(since().await.0, None);
    database.deactivate(&tenant).await;
    let (first, now) = since().await;
    assert!(first.is_some_and(|first| first <= now));
    // Nothing that happens to a tenant that is off begins it anew.
    database.hold(&tenant).await;
    database.release_hold(&tenant).await;
    assert_eq!(since().await.0, first);
    let restored = database.restore(&tenant).await.expect("restored");
    assert_eq!(since().await.0, None);
    database.deactivate(&restored).await;
    assert!(since().await.0 > first);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn only_what_is_off_and_not_held_can_be_purged() {
    let database = Database::create().await;
    let live = database.tenant("at-work").await;
    assert!(database.request_as(&live, false, POLICIES).await.is_none());
    let tenant = database.deprovisioned("acme").await;
    database.hold(&tenant).await;
    assert!(database.request_as(&database.row(&tenant).await, false, POLICIES).await.is_none());
    database.release_hold(&tenant).await;
    // Whoever read the row before the hold decides nothing.
    assert!(database.request_as(&tenant, false, POLICIES).await.is_none());
    let purge = database.request(&tenant).await;
    assert_eq!((purge.state, purge.attempt, purge.slug.as_str()), (PurgeState::Running, 1, "acme"));
    assert_eq!(purge.no_return, PurgeStep::DeleteIndex);
    // A second one does not begin beside it.
    assert!(database.request_as(&database.row(&tenant).await, false, POLICIES).await.is_none());
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn another_consumer_approves_what_it_has_read() {
    let database = Database::create().await;
    let tenant = database.deprovisioned("acme").await;
    let purge = database.request_as(&tenant, true, POLICIES).await.expect("asked for");
    assert_eq!((purge.state, purge.approved_by), (PurgeState::WaitingApproval, None));
    assert!(matches!(
        database.begin(&database.purge(&tenant).await, PurgeStep::CloseAccess, "t").await,
        Err(NotBegun::Superseded)
    ));
    let read = database.row(&tenant).await;
    let approve =
        async |tenant: &Tenant, author| database.store.approve_purge(tenant, "c", author).await.expect("answers");
    assert!(approve(&read, ALICE).await.is_none());
    let other_key = Author { actor: "api_key:alice#33333333", ..ALICE };
    assert!(approve(&read, other_key).await.is_none());
    // Asked anew with other policies: what was read is not what would be approved.
    let deletes = PurgePolicies { customer: CustomerPolicy::Delete, ..POLICIES };
    let replaced = database.request_as(&read, true, deletes).await.expect("replaced");
    assert_eq!((replaced.attempt, replaced.no_return), (2, PurgeStep::EndSubscription));
    assert!(approve(&read, BOB).await.is_none());
    let approved = approve(&database.row(&tenant).await, BOB).await.expect("approved");
    assert_eq!((approved.state, approved.approved_by.as_deref()), (PurgeState::Running, Some(BOB.actor)));
    assert!(approve(&database.row(&tenant).await, BOB).await.is_none());
    database.begin(&approved, PurgeStep::CloseAccess, "t").await.expect("begun");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_approval_does_not_count_under_a_hold() {
    let database = Database::create().await;
    let tenant = database.deprovisioned("acme").await;
    database.request_as(&tenant, true, POLICIES).await.expect("asked for");
    database.hold(&tenant).await;
    assert!(database.store.approve_purge(&database.row(&tenant).await, "c", BOB).await.expect("answers").is_none());
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_step_has_the_lease_alone_and_loses_it_to_a_hold() {
    let database = Database::create().await;
    let tenant = database.deprovisioned("acme").await;
    let purge = database.request(&tenant).await;
    let lease = database.begin(&purge, PurgeStep::CloseAccess, "a").await.expect("free");
    assert!(matches!(database.begin(&purge, PurgeStep::CloseAccess, "b").await, Err(NotBegun::Busy)));
    lease.fence(Duration::from_secs(5)).await.expect("free to delete");
    database.hold(&tenant).await;
    assert_eq!(refused(lease.fence(Duration::from_secs(5)).await), CauseCode::LeaseTooShort);
    // What was deleted before is still written down.
    lease.write_item(&gone(PurgedKind::CacheEntries, "keys"), None).await.expect("written");
    lease.troubled(&Failure::from(CauseCode::PurgeHeld).cause(), None).await.expect("written");
    assert!(matches!(database.begin(&purge, PurgeStep::CloseAccess, "b").await, Err(NotBegun::Held)));
    let held = Failure::from(CauseCode::PurgeHeld).cause();
    let failed = database.store.fail_run(Machine::Purge, tenant.tenant_id, 1, &held, true, "r").await.expect("answers");
    assert_eq!(failed, FailOutcome::Failed(PurgeStep::CloseAccess.function()));
    assert!(database.store.resume_purge(&database.row(&tenant).await, "c", ALICE).await.expect("answers").is_none());
    database.release_hold(&tenant).await;
    let resumed = database.store.resume_purge(&database.row(&tenant).await, "c", ALICE).await.expect("answers");
    let resumed = resumed.expect("resumed");
    assert_eq!((resumed.state, resumed.attempt, resumed.cause.is_none()), (PurgeState::Running, 2, true));
    assert!(matches!(database.begin(&purge, PurgeStep::CloseAccess, "b").await, Err(NotBegun::Superseded)));
    database.begin(&resumed, PurgeStep::CloseAccess, "b").await.expect("free");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_failed_purge_goes_on_after_what_is_completed() {
    let database = Database::create().await;
    let tenant = database.deprovisioned("acme").await;
    let purge = database.request(&tenant).await;
    database.complete_until(&purge, PurgeStep::DeleteIndex).await;
    let lease = database.begin(&purge, PurgeStep::DeleteIndex, "t").await.expect("free");
    let cause = Failure::from(CauseCode::OpenSearchUnavailable).cause();
    assert_eq!(
        database.store.fail_run(Machine::Purge, tenant.tenant_id, 1, &cause, true, "r").await.expect("answers"),
        FailOutcome::Busy
    );
    lease.troubled(&cause, None).await.expect("written");
    let lost = Failure::from(CauseCode::PurgeLost).cause();
    // The step's own cause counts more than that the execution ended.
    let failed =
        database.store.fail_run(Machine::Purge, tenant.tenant_id, 1, &lost, false, "r").await.expect("answers");
    assert_eq!(failed, FailOutcome::Failed(PurgeStep::DeleteIndex.function()));
    assert_eq!(database.purge(&tenant).await.cause, Some(cause.clone()));
    assert_eq!(
        database.store.fail_run(Machine::Purge, tenant.tenant_id, 1, &lost, true, "r").await.expect("answers"),
        FailOutcome::Over
    );
    let resumed =
        database.store.resume_purge(&database.row(&tenant).await, "c", ALICE).await.expect("answers").expect("resumed");
    assert!(matches!(database.begin(&resumed, PurgeStep::CloseAccess, "t").await, Err(NotBegun::Completed)));
    let (_, step) = database.store.purge_and_step(tenant.tenant_id).await.expect("answers").expect("there");
    assert_eq!(step, Some(PurgeStep::DeleteIndex));
    let states: Vec<_> =
        database.store.purge_steps(tenant.tenant_id).await.expect("answers").iter().map(|row| row.state).collect();
    assert_eq!(states[..3], [StepState::Completed, StepState::Completed, StepState::Pending]);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn what_a_delete_left_to_be_done_is_done_with_the_steps() {
    let database = Database::create().await;
    let tenant = database.deprovisioned("acme").await;
    let client = database.own.connect().await;
    let promise = "INSERT INTO control.outbox (id, tenant_id, kind, payload)
                   SELECT gen_random_uuid(), $1, kind, '{}' FROM unnest(ARRAY['switch_off_graph_user', 'revoke_access', 'settle_billing']) kind";
    client.execute(promise, &[&tenant.tenant_id.0]).await.expect("promised");
    let open = async || {
        let sql = "SELECT DISTINCT kind FROM control.outbox WHERE delivered_at IS NULL AND kind <> 'invalidate_cache' ORDER BY kind";
        let rows = client.query(sql, &[]).await.expect("answers");
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    let purge = database.request(&tenant).await;
    database.complete_until(&purge, PurgeStep::EndSubscription).await;
    assert_eq!(open().await, ["settle_billing"]);
    assert!(
        database.store.duty_of(store::Duty::SwitchOffGraphUser, tenant.tenant_id).await.expect("answers").is_none()
    );
    let lease = database.begin(&purge, PurgeStep::EndSubscription, "t").await.expect("free");
    lease.finish(&Outcome::DONE, Duration::ZERO).await.expect("written");
    assert_eq!(open().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_tenant_comes_back_until_something_is_lost() {
    let database = Database::create().await;
    let tenant = database.deprovisioned("acme").await;
    // While it waits, and after it failed early.
    database.request_as(&tenant, true, POLICIES).await.expect("asked for");
    let restored = database.restore(&tenant).await.expect("restored");
    assert_eq!(database.purge(&tenant).await.state, PurgeState::Withdrawn);
    assert!(database.store.approve_purge(&restored, "c", BOB).await.expect("answers").is_none());
    database.deactivate(&restored).await;
    let purge = database.request(&tenant).await;
    assert_eq!(purge.attempt, 2, "an execution of before is not this one");
    assert!(database.restore(&tenant).await.is_none(), "it runs");
    database.complete_until(&purge, PurgeStep::DeleteIndex).await;
    let lost = Failure::from(CauseCode::PurgeLost).cause();
    database.store.fail_run(Machine::Purge, tenant.tenant_id, 2, &lost, true, "r").await.expect("answers");
    let restored = database.restore(&tenant).await.expect("restored");
    assert_eq!(restored.state, ProvisioningState::Provisioning);
    database.deactivate(&restored).await;
    // Once the index is being deleted, it does not come back, whatever becomes of the step.
    let purge = database.request(&tenant).await;
    let steps = database.store.purge_steps(tenant.tenant_id).await.expect("answers");
    assert!(steps.iter().all(|row| row.state == StepState::Pending && row.attempts == 0));
    database.complete_until(&purge, PurgeStep::DeleteIndex).await;
    let lease = database.begin(&purge, PurgeStep::DeleteIndex, "t").await.expect("free");
    assert!(lease.purge().no_return_at.is_some());
    lease.troubled(&lost, None).await.expect("written");
    database.store.fail_run(Machine::Purge, tenant.tenant_id, 3, &lost, true, "r").await.expect("answers");
    assert!(database.restore(&tenant).await.is_none());
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn what_is_proved_is_written_once_and_dead_in_the_ledger() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let client = database.own.connect().await;
    let sql = "INSERT INTO control.resources (id, tenant_id, kind, generation, name, step, attempt, external_id)
               VALUES ($1, $2, $3, 1, $3, 6, 1, 'x')";
    let (graph, customer) = (Uuid::now_v7(), Uuid::now_v7());
    for (id, kind) in [(graph, "graph"), (customer, "stripe_customer")] {
        client.execute(sql, &[&id, &tenant.tenant_id.0, &kind]).await.expect("written");
    }
    database.deactivate(&tenant).await;
    let purge = database.request(&tenant).await;
    let lease = database.begin(&purge, PurgeStep::CloseAccess, "t").await.expect("free");
    let kept = PurgedItem {
        outcome: PurgeOutcome::Kept,
        why: Some("as it was asked for".to_owned()),
        ..gone(PurgedKind::StripeCustomer, "customer")
    };
    for _ in 0..2 {
        lease.write_item(&gone(PurgedKind::Graph, "client_acme"), Some(graph)).await.expect("written");
        lease.write_item(&kept, Some(customer)).await.expect("written");
    }
    let live = client.query("SELECT id FROM control.resources WHERE dead_at IS NULL", &[]).await.expect("answers");
    assert_eq!(live.iter().map(|row| row.get(0)).collect::<Vec<Uuid>>(), [customer]);
    let items = database.store.purged_items(tenant.tenant_id).await.expect("answers");
    assert_eq!(items, [gone(PurgedKind::Graph, "client_acme"), kept]);
    let audited = "SELECT count(*) FROM control.audit_log WHERE action = 'tenant.purge_resource'";
    assert_eq!(client.query_one(audited, &[]).await.expect("answers").get::<_, i64>(0), 2);
    // Nothing is written once the lease has ended.
    client.execute("UPDATE control.tenants SET lease_until = clock_timestamp()", &[]).await.expect("ended");
    let late = lease.write_item(&gone(PurgedKind::Graph, "client_acme"), Some(graph)).await;
    assert_eq!(refused(late), CauseCode::LeaseLapsed);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_slug_is_free_in_the_statement_that_ends_the_purge() {
    let database = Database::create().await;
    let tenant = database.deprovisioned("acme").await;
    let purge = database.request(&tenant).await;
    let early = database.begin(&purge, PurgeStep::SignCertificate, "t").await.expect("free");
    assert_eq!(refused(early.finish_purge(&json!({}), true).await), CauseCode::PurgeOvertaken);
    early.finish(&Outcome::waiting("the others"), Duration::ZERO).await.expect("written");
    database.complete_until(&purge, PurgeStep::SignCertificate).await;
    let last = database.begin(&purge, PurgeStep::SignCertificate, "t").await.expect("free");
    let certificate = json!({ "signed": true });
    last.finish_purge(&certificate, true).await.expect("written");
    assert!(matches!(database.begin(&purge, PurgeStep::SignCertificate, "t").await, Err(NotBegun::Completed)));
    let done = database.purge(&tenant).await;
    assert_eq!((done.state, done.slug_released, done.slug.as_str()), (PurgeState::Done, true, "acme"));
    assert_eq!(done.certificate, Some(certificate));
    // The record stays under its id; the name is another's.
    let record = database.row(&tenant).await;
    assert_eq!(
        (record.slug.as_str(), record.state),
        (tenant.tenant_id.to_string().as_str(), ProvisioningState::Deprovisioned)
    );
    let next = database.tenant("acme").await;
    assert_ne!(next.tenant_id, tenant.tenant_id);
    assert!(database.store.purge(next.tenant_id).await.expect("answers").is_none());
    assert!(database.restore(&tenant).await.is_none());
    assert!(database.request_as(&record, false, POLICIES).await.is_none());
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_slug_that_is_not_free_stays_reserved() {
    let database = Database::create().await;
    let tenant = database.deprovisioned("acme").await;
    let purge = database.request(&tenant).await;
    database.complete_until(&purge, PurgeStep::SignCertificate).await;
    let last = database.begin(&purge, PurgeStep::SignCertificate, "t").await.expect("free");
    last.finish_purge(&json!({}), false).await.expect("written");
    assert_eq!(database.row(&tenant).await.slug.as_str(), "acme");
    assert!(!database.purge(&tenant).await.slug_released);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn one_process_at_a_time_looks_after_an_idle_purge() {
    let database = Database::create().await;
    let tenant = database.deprovisioned("acme").await;
    let purge = database.request(&tenant).await;
    let minute = Duration::from_mins(1);
    assert!(database.store.idle_purges(minute, 10).await.expect("answers").is_empty());
    let cause = Failure::from(CauseCode::ExecutionsUnavailable).cause();
    database.store.hold_up_run(Machine::Purge, tenant.tenant_id, 1, &cause, true).await.expect("answers");
    let steps = database.store.purge_steps(tenant.tenant_id).await.expect("answers");
    assert_eq!(steps[0].cause, Some(cause));
    let idle = database.store.idle_purges(minute, 10).await.expect("answers");
    assert_eq!(idle.iter().map(|purge| purge.tenant_id).collect::<Vec<_>>(), [tenant.tenant_id]);
    assert!(database.store.claim_idle_run(Machine::Purge, tenant.tenant_id, 1, minute).await.expect("answers"));
    assert!(!database.store.claim_idle_run(Machine::Purge, tenant.tenant_id, 1, minute).await.expect("answers"));
    // A step that begins is a sign of life, and takes the cause away.
    database.begin(&purge, PurgeStep::CloseAccess, "t").await.expect("free");
    assert!(database.store.purge_steps(tenant.tenant_id).await.expect("answers")[0].cause.is_none());
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_place_of_dropped_data_is_free() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    database.catalog(&tenant).await;
    let client = database.own.connect().await;
    database.deactivate(&tenant).await;
    let purge = database.request(&tenant).await;
    let lease = database.begin(&purge, PurgeStep::DropNamespace, "t").await.expect("free");
    let catalogs = lease.store().catalogs_of(tenant.tenant_id).await.expect("answers");
    lease.catalog_dropped(&catalogs[0]).await.expect("written");
    let near = include_str!("../sql/storage_near.sql");
    let (other, above) = (Uuid::now_v7(), vec!["s3://w/acme/".to_owned()]);
    let near = client.query(near, &[&other, &above, &"s3://w/acme/"]).await.expect("answers");
    assert!(near.is_empty());
    database.catalog(&database.tenant("other").await).await;
    assert_eq!(store::inspect(&client).await.expect("answers"), [], "it lies where nothing is");
    let catalog = &lease.store().catalogs_of(tenant.tenant_id).await.expect("answers")[0];
    assert_eq!((catalog.is_active, catalog.version, catalog.storage_prefix.as_str()), (false, 2, "acme"));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_tables_of_whoever_had_the_slug_are_nobodys() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let register = async |tenant: &Tenant| {
        database.catalog(tenant).await;
        let body = json!({ "tenant_id": tenant.tenant_id, "source_schema": "public", "source_table": "companies",
                           "iceberg_namespace": "ivory_tenant_acme", "iceberg_table": "companies" });
        let request = SyncTargetRequest::parse(body.as_object().expect("an object")).expect("valid");
        database.store.register_sync_target(NewSyncTarget { request: &request, author: ALICE }).await
    };
    register(&tenant).await.expect("registered");
    database.deactivate(&tenant).await;
    let purge = database.request(&tenant).await;
    database.complete_until(&purge, PurgeStep::SignCertificate).await;
    let last = database.begin(&purge, PurgeStep::SignCertificate, "t").await.expect("free");
    last.finish_purge(&json!({}), true).await.expect("written");
    register(&database.tenant("acme").await).await.expect("the slug's next owner may have such a table");
}
