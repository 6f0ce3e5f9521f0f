//! Leases that are held for billing, changes by routes, and a deactivation while an invocation holds the lease.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use domain::{CauseCode, Patch, ProvisioningState, Step, StepState, TenantChange, TenantId, Tier};
use serde_json::{Value, json};
use store::{
    Activation, Author, Deactivated, Deactivation, Duty, Effect, Intent, Invited, Lease, Machine, NotBegun, NotLeased,
    Outcome, ResourceKind, Resume, StoreError, Tenant, Update, Values,
};
use uuid::Uuid;

use super::cause;
use super::leasing::{CALL, LONG, intent, refused};
use super::support::Database;

/// From where the changes of the test's routes come.
const IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));
const ACTIVE: &[ProvisioningState] = &[ProvisioningState::Active];

impl Database {
    pub(super) async fn active(&self, slug: &str, tier: Tier) -> Tenant {
        let tenant = self.tenant(slug).await;
        let sql = "UPDATE control.tenants SET tier = $1 WHERE tenant_id = $2";
        let client = self.own.connect().await;
        client.execute(sql, &[&tier.as_str(), &tenant.tenant_id.0]).await.expect("answers");
        let lease = self.begin(&tenant, Step::ActivateTenant, "step").await.expect("free");
        let payload = json!({});
        let activation = Activation {
            stripe_customer_id: None,
            tier,
            invalidation: (Uuid::now_v7(), &payload),
            event: (Uuid::now_v7(), &payload),
        };
        lease.activate(activation).await.expect("in time");
        self.row(&tenant).await
    }

    async fn lease(&self, tenant: &Tenant, token: &str, states: &[ProvisioningState]) -> Result<Lease<'_>, NotLeased> {
        self.store.lease_for_billing(tenant.tenant_id, token, LONG, states).await
    }

    pub(super) async fn deactivate(&self, tenant: &Tenant) -> Option<Deactivated> {
        self.deactivate_and(tenant, false).await
    }

    pub(super) async fn deactivate_and(&self, tenant: &Tenant, revoke_access: bool) -> Option<Deactivated> {
        let payload = json!({"keys": []});
        let deactivation = Deactivation {
            tenant_id: tenant.tenant_id,
            version: None,
            invalidation: (Uuid::now_v7(), &payload),
            revoke_access,
            author: Author { actor: "admin", address: None, request_id: "r" },
        };
        self.store.deactivate_tenant(deactivation).await.expect("answers")
    }

    /// How many undelivered outbox rows of a kind there are.
    pub(crate) async fn promised(&self, kind: &str) -> i64 {
        let sql = "SELECT count(*) FROM control.outbox WHERE kind = $1 AND delivered_at IS NULL";
        self.own.connect().await.query_one(sql, &[&kind]).await.expect("answers").get(0)
    }
}

pub(super) fn update<'a>(change: &'a TenantChange, version: Option<i64>, payload: &'a Value) -> Update<'a> {
    Update {
        change,
        version,
        invalidation: (Uuid::now_v7(), payload),
        author: Author { actor: "admin", address: Some(IPV6), request_id: "r" },
    }
}

pub(super) fn domain(domain: Option<&str>) -> TenantChange {
    let custom_domain = domain.map_or(Patch::Clear, |domain| Patch::Set(domain.parse().expect("a host name")));
    TenantChange { display_name: None, tier: None, custom_domain }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_lease_is_given_in_the_states_asked_for_and_changes_nothing_visible() {
    let database = Database::create().await;
    let tenant = database.active("acme", Tier::Pilot).await;
    let first = database.lease(&tenant, "a", ACTIVE).await.expect("free");
    assert_eq!((first.tenant().version, first.tenant().updated_at), (tenant.version, tenant.updated_at));
    assert!(matches!(database.lease(&tenant, "b", ACTIVE).await, Err(NotLeased::Busy)));
    database.lease(&tenant, "a", ACTIVE).await.expect("its own, again");
    database.end_lease(&tenant).await;
    let second = database.lease(&tenant, "b", ACTIVE).await.expect("the first ended");
    first.release().await.expect("answers");
    assert!(matches!(database.lease(&tenant, "c", ACTIVE).await, Err(NotLeased::Busy)), "released by the first");
    second.release().await.expect("answers");
    let row = database.row(&tenant).await;
    assert_eq!((row.version, row.updated_at), (tenant.version, tenant.updated_at));

    let elsewhere = database.lease(&tenant, "c", &[ProvisioningState::Failed]).await;
    assert!(matches!(elsewhere, Err(NotLeased::State(ProvisioningState::Active))));
    let unknown = database.store.lease_for_billing(TenantId(Uuid::now_v7()), "c", LONG, ACTIVE).await;
    assert!(matches!(unknown, Err(NotLeased::Unknown)));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_lease_for_billing_writes_no_step() {
    let database = Database::create().await;
    let tenant = database.active("acme", Tier::Pilot).await;
    let lease = database.lease(&tenant, "a", ACTIVE).await.expect("free");
    let payload = json!({});
    let activation = Activation {
        stripe_customer_id: None,
        tier: Tier::Pilot,
        invalidation: (Uuid::now_v7(), &payload),
        event: (Uuid::now_v7(), &payload),
    };
    let (trouble, mismatch) = (cause(CauseCode::StripeTimeout), CauseCode::ControlDatabaseMismatch);
    assert_eq!(refused(lease.finish(&Outcome::DONE, CALL).await), mismatch);
    assert_eq!(refused(lease.finish(&Outcome::waiting("x"), CALL).await), mismatch);
    assert_eq!(refused(lease.troubled(&trouble, None).await), mismatch);
    assert_eq!(refused(lease.activate(activation).await), mismatch);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_row_that_changed_since_it_was_read_is_not_resumed() {
    let database = Database::create().await;
    let (store, tenant) = (&database.store, database.tenant("acme").await);
    store
        .fail_run(Machine::Pipeline, tenant.tenant_id, 1, &cause(CauseCode::RunLost), false, "r")
        .await
        .expect("answers");
    let resume = async |row: &Tenant| {
        let resume = Resume {
            tenant: row,
            values: row.into(),
            correlation_id: "c",
            author: Author { actor: "admin", address: None, request_id: "r" },
        };
        store.resume_tenant(resume).await.expect("answers")
    };
    let read = database.row(&tenant).await;
    let name = TenantChange { display_name: "Renamed".parse().ok(), tier: None, custom_domain: Patch::Keep };
    let payload = json!({});
    assert!(store.update_tenant(tenant.tenant_id, &update(&name, None, &payload)).await.expect("answers").is_some());
    assert!(resume(&read).await.is_none(), "the new name would be lost");
    let resumed = resume(&database.row(&tenant).await).await.expect("the row is unchanged");
    assert_eq!((resumed.attempt, resumed.display_name.as_str()), (2, "Renamed"));
}

/// A correction is written only if no step can have read the old values since the row was looked at.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_value_that_a_step_may_use_is_not_corrected() {
    let database = Database::create().await;
    let (store, tenant) = (&database.store, database.tenant("acme").await);
    let email = "chief@acme.com".parse().expect("an address");
    let correct = async |row: &Tenant| {
        let values = Values { admin_email: &email, ..row.into() };
        let author = Author { actor: "admin", address: None, request_id: "r" };
        store.correct_tenant(row, values, author).await.expect("answers")
    };
    let begun = async || {
        let begun = store.begun_effects(tenant.tenant_id).await.expect("answers");
        (begun.invited, begun.billed)
    };
    let looked = database.row(&tenant).await;
    let lease = database.begin(&tenant, Step::MigrateTenant, "a").await.expect("free");
    assert!(correct(&looked).await.is_none(), "a step has begun since");
    assert_eq!(begun().await, (false, false), "a step at work that uses neither");
    let corrected = correct(&database.row(&tenant).await).await.expect("nothing uses it");
    assert_eq!((corrected.admin_email.as_str(), corrected.version), ("chief@acme.com", looked.version + 1));
    assert_eq!(
        (corrected.touched_at, corrected.correlation_id),
        (database.row(&tenant).await.touched_at, looked.correlation_id)
    );
    lease.finish(&Outcome::waiting("something"), CALL).await.expect("in time");

    let lease = database.begin(&tenant, Step::InviteAdmin, "b").await.expect("free");
    assert_eq!(begun().await, (true, false), "its invitation may begin at any moment");
    lease.finish(&Outcome::waiting("the settings"), CALL).await.expect("in time");
    assert_eq!(begun().await, (false, false), "it waits, and reads the address again");
    let lease = database.begin(&tenant, Step::InviteAdmin, "c").await.expect("free");
    assert_eq!(begun().await, (true, false), "a poll");
    lease.intend(intent(ResourceKind::AdminUser)).await.expect("in time");
    database.end_lease(&tenant).await;
    assert_eq!(begun().await, (true, false), "an intent");

    database.begin(&tenant, Step::ActivateTenant, "d").await.expect("free");
    assert_eq!(begun().await, (true, true));
    let looked = database.row(&tenant).await;
    database.deactivate(&tenant).await.expect("deactivated");
    assert!(correct(&looked).await.is_none(), "nothing is corrected any more");
    assert!(correct(&database.row(&tenant).await).await.is_none());
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn every_visible_change_changes_the_version() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let lease = database.begin(&tenant, Step::AwaitEnvironment, "a").await.expect("free");
    lease.finish(&Outcome::waiting("auth"), CALL).await.expect("in time");
    assert_eq!(database.row(&tenant).await.version, tenant.version + 1);
    let lease = database.begin(&tenant, Step::AwaitEnvironment, "b").await.expect("free");
    lease.troubled(&cause(CauseCode::SupabaseTimeout), None).await.expect("in time");
    assert_eq!(database.row(&tenant).await.version, tenant.version + 2);
    let shown = async || {
        let steps = database.store.steps(tenant.tenant_id).await.expect("answers");
        let step = steps.into_iter().nth(1).expect("step 2");
        (step.state, step.waiting_for, step.attempts)
    };
    assert_eq!(shown().await, (StepState::Running, None, 1), "a poll is no attempt, and a failed step does not wait");
    database.begin(&tenant, Step::AwaitEnvironment, "c").await.expect("free");
    assert_eq!(shown().await, (StepState::Running, None, 2));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn only_the_fields_that_are_sent_change() {
    let database = Database::create().await;
    let (store, payload) = (&database.store, json!({"keys": ["k"]}));
    let tenant = database.active("acme", Tier::Pilot).await;
    let own = domain(Some("acme.com"));
    let set = store.update_tenant(tenant.tenant_id, &update(&own, Some(tenant.version), &payload)).await;
    let set = set.expect("answers").expect("its version");
    assert_eq!((set.custom_domain.as_deref(), set.version), (Some("acme.com"), tenant.version + 1));
    assert!(set.updated_at > tenant.updated_at);
    let name =
        TenantChange { display_name: Some("Other".parse().expect("a name")), tier: None, custom_domain: Patch::Keep };
    let stale = store.update_tenant(tenant.tenant_id, &update(&name, Some(tenant.version), &payload)).await;
    assert!(stale.expect("answers").is_none(), "another version");
    let named = store.update_tenant(tenant.tenant_id, &update(&name, None, &payload)).await.expect("answers");
    let named = named.expect("any version");
    assert_eq!((named.display_name.as_str(), named.custom_domain.as_deref()), ("Other", Some("acme.com")));

    let other = database.tenant("other").await;
    let taken = store.update_tenant(other.tenant_id, &update(&domain(Some("acme.com")), None, &payload)).await;
    assert!(matches!(taken, Err(StoreError::Taken { constraint }) if constraint == "tenants_custom_domain_key"));
    assert!(store.domain_taken(other.tenant_id, "acme.com").await.expect("answers"));
    assert!(!store.domain_taken(tenant.tenant_id, "acme.com").await.expect("answers"), "the domain is its own");
    let cleared = store.update_tenant(tenant.tenant_id, &update(&domain(None), None, &payload)).await.expect("answers");
    assert_eq!(cleared.expect("there").custom_domain, None);

    let sql = "SELECT actor, source_address, before, after FROM control.audit_log \
               WHERE action = 'tenant.update' ORDER BY id";
    let audit = database.own.connect().await.query(sql, &[]).await.expect("answers");
    assert_eq!(audit.len(), 3, "a refused change leaves no trace");
    assert_eq!(audit[1].get::<_, &str>("actor"), "admin");
    assert_eq!(audit[1].get::<_, Option<IpAddr>>("source_address"), Some(IPV6));
    assert_eq!(audit[1].get::<_, Value>("before"), json!({"display_name": "Acme", "custom_domain": "acme.com"}));
    assert_eq!(audit[1].get::<_, Value>("after"), json!({"display_name": "Other", "custom_domain": "acme.com"}));
    assert_eq!(database.promised("invalidate_cache").await, 1 + 3);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_tier_change_is_one_statement_under_the_lease() {
    let database = Database::create().await;
    let (store, payload) = (&database.store, json!({}));
    let tenant = database.active("acme", Tier::Pilot).await;
    let ended = database.lease(&tenant, "b", ACTIVE).await.expect("free");
    database.end_lease(&tenant).await;
    let lease = database.lease(&tenant, "a", ACTIVE).await.expect("free");
    assert!(lease.intend_billing(LONG * 2, None).await.expect("answers").is_none(), "the call is too long");
    let outdated = lease.intend_billing(CALL, Some(tenant.version - 1)).await.expect("answers");
    assert!(outdated.is_none());
    let intent = lease.intend_billing(CALL, Some(tenant.version)).await.expect("answers").expect("in time");
    assert!(store.billing_due(10).await.expect("answers").is_empty(), "not before the lease's end");
    let now = "UPDATE control.outbox SET next_attempt_at = clock_timestamp()";
    database.own.connect().await.batch_execute(now).await.expect("answers");
    let due = store.billing_due(10).await.expect("answers");
    assert_eq!(due.iter().map(|open| (open.id, open.tenant_id)).collect::<Vec<_>>(), [(intent, tenant.tenant_id)]);
    assert_eq!(store.outbox_due(10).await.expect("answers").len(), 2, "those of the activation, and no billing");
    assert!(store.outbox(&[intent]).await.expect("answers").is_empty());

    let change = TenantChange { tier: Some(Tier::Enterprise), ..domain(Some("acme.com")) };
    for (lease, version) in [(&ended, None), (&lease, Some(tenant.version + 1))] {
        let written = lease.retier(intent, Some("cus_1"), &update(&change, version, &payload)).await;
        assert!(written.expect("answers").is_none());
    }
    let update = update(&change, Some(tenant.version), &payload);
    let written = lease.retier(intent, Some("cus_1"), &update).await.expect("answers").expect("written");
    assert_eq!((written.tier, written.version), (Tier::Enterprise, tenant.version + 1));
    assert_eq!(
        (written.stripe_customer_id.as_deref(), written.custom_domain.as_deref()),
        (Some("cus_1"), Some("acme.com"))
    );
    assert_eq!(database.promised("settle_billing").await, 0);
    assert!(lease.retier(intent, None, &update).await.expect("answers").is_none(), "the lease is over");
    database.lease(&tenant, "b", ACTIVE).await.expect("given back");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_intent_is_closed_under_the_lease_only() {
    let database = Database::create().await;
    let tenant = database.active("acme", Tier::Pilot).await;
    let ended = database.lease(&tenant, "a", ACTIVE).await.expect("free");
    let intent = ended.intend_billing(CALL, None).await.expect("answers").expect("in time");
    database.end_lease(&tenant).await;
    assert!(!ended.billing_settled(intent, Some("cus_2")).await.expect("answers"));
    assert_eq!(database.promised("settle_billing").await, 1);
    let lease = database.lease(&tenant, "b", ACTIVE).await.expect("the first ended");
    assert!(lease.billing_settled(intent, None).await.expect("answers"));
    assert_eq!(database.promised("settle_billing").await, 0);
    let lease = database.lease(&tenant, "c", ACTIVE).await.expect("given back");
    assert_eq!(lease.tenant().version, tenant.version, "nothing that a caller sees has changed");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn another_customer_is_written_once_and_audited() {
    let database = Database::create().await;
    let tenant = database.active("acme", Tier::Enterprise).await;
    let billed = "UPDATE control.tenants SET stripe_customer_id = 'cus_1'";
    database.own.connect().await.batch_execute(billed).await.expect("answers");
    for (token, customer, version) in [("a", Some("cus_2"), 1), ("b", Some("cus_2"), 1), ("c", None, 1)] {
        let lease = database.lease(&tenant, token, ACTIVE).await.expect("free");
        let intent = lease.intend_billing(CALL, None).await.expect("answers").expect("in time");
        assert!(lease.billing_settled(intent, customer).await.expect("answers"));
        let row = database.store.tenant_by_slug(&tenant.slug).await.expect("answers").expect("there");
        assert_eq!((row.stripe_customer_id.as_deref(), row.version), (Some("cus_2"), tenant.version + version));
    }
    let sql =
        "SELECT actor, source_address, request_id, before, after FROM control.audit_log WHERE action = 'tenant.rebill'";
    let audit = database.own.connect().await.query_one(sql, &[]).await.expect("once");
    let customer = |id: &str| json!({ "stripe_customer_id": id });
    let written = (audit.get("request_id"), audit.get("before"), audit.get("after"));
    assert_eq!(written, ("a", customer("cus_1"), customer("cus_2")));
    // No caller asked for that.
    let by = (audit.get::<_, &str>("actor"), audit.get::<_, Option<IpAddr>>("source_address"));
    assert_eq!(by, ("system:a-test", None));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_intent_may_be_dropped_or_postponed_without_a_lease() {
    let database = Database::create().await;
    let (store, tenant) = (&database.store, database.active("acme", Tier::Enterprise).await);
    database.deactivate(&tenant).await.expect("active");
    let open = *store.billing_due(10).await.expect("answers").first().expect("due at once");
    store.postpone_billing_intent(open, CauseCode::StripeTimeout.as_str()).await.expect("answers");
    assert!(store.billing_due(10).await.expect("answers").is_empty());
    assert_eq!(database.promised("settle_billing").await, 1);
    store.drop_billing_intent(open).await.expect("answers");
    assert_eq!(database.promised("settle_billing").await, 0);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_deactivation_fences_the_running_step() {
    let database = Database::create().await;
    let (store, tenant) = (&database.store, database.tenant("acme").await);
    let step = Step::CreateGraph;
    let lease = database.begin(&tenant, step, "step").await.expect("free");
    let open = lease.intend(intent(ResourceKind::Graph)).await.expect("in time");

    let deactivated = database.deactivate(&tenant).await.expect("it was provisioning");
    let (row, before) = (deactivated.tenant, deactivated.before);
    assert_eq!(
        (before, row.state, row.is_active),
        (ProvisioningState::Provisioning, ProvisioningState::Deprovisioned, false)
    );
    assert_eq!((row.attempt, row.version), (tenant.attempt + 1, tenant.version + 1));

    let (now, graph) = (Duration::ZERO, Effect { falkordb_graph_name: Some("g".to_owned()), ..Effect::NONE });
    assert_eq!(refused(lease.intend(intent(ResourceKind::SearchIndex)).await), CauseCode::LeaseTooShort);
    assert_eq!(refused(lease.fence(now).await), CauseCode::LeaseTooShort);
    assert_eq!(refused(lease.renew(&open, now).await), CauseCode::LeaseTooShort);
    assert_eq!(refused(lease.confirm(&open, "external").await), CauseCode::LeaseLapsed);
    assert_eq!(refused(lease.give_up(&open).await), CauseCode::LeaseLapsed);
    assert_eq!(refused(lease.finish(&Outcome::Completed(graph), CALL).await), CauseCode::LeaseLapsed);
    assert_eq!(refused(lease.finish(&Outcome::waiting("x"), CALL).await), CauseCode::LeaseLapsed);
    assert_eq!(refused(lease.troubled(&cause(CauseCode::StepTimeout), None).await), CauseCode::LeaseLapsed);
    assert_eq!(refused(lease.environment_dead().await), CauseCode::LeaseLapsed);
    lease.release().await.expect("answers");
    let again = database.begin(&tenant, step, "step").await;
    assert!(matches!(again, Err(NotBegun::Superseded)), "not even under its own token");

    let gone = &[ProvisioningState::Deprovisioned];
    let other = database.lease(&tenant, "other", gone).await;
    assert!(matches!(other, Err(NotLeased::Busy)), "calls of the step may still be on their way");
    assert_eq!((database.promised("settle_billing").await, store.billing_due(9).await.expect("answers").len()), (1, 0));
    let sql = "SELECT o.next_attempt_at = t.lease_until FROM control.outbox o JOIN control.tenants t USING (tenant_id)
               WHERE o.kind = 'settle_billing'";
    assert!(database.own.connect().await.query_one(sql, &[]).await.expect("answers").get::<_, bool>(0));
    database.end_lease(&tenant).await;
    database.lease(&tenant, "other", gone).await.expect("it ended");

    assert!(database.deactivate(&tenant).await.is_none(), "once");
    let sql = "SELECT before, after FROM control.audit_log WHERE action = 'tenant.deactivate'";
    let audit = database.own.connect().await.query_one(sql, &[]).await.expect("once");
    let expected = json!({"provisioning_state": "provisioning", "is_active": false, "attempt": 1, "error_message": null, "custom_domain": null});
    assert_eq!(audit.get::<_, Value>("before"), expected);
    let expected =
        json!({"provisioning_state": "deprovisioned", "is_active": false, "attempt": 2, "custom_domain": null});
    assert_eq!(audit.get::<_, Value>("after"), expected);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_intent_waits_for_a_statement_that_takes_the_lease_away() {
    let database = Database::create().await;
    let tenant = database.active("acme", Tier::Enterprise).await;
    let mut client = database.own.connect().await;
    for kind in [Some(ResourceKind::StripeCustomer), None] {
        let lease = database.lease(&tenant, "route", ACTIVE).await.expect("free");
        let fencing = client.transaction().await.expect("begun");
        let taken = "UPDATE control.tenants SET lease_token = 'fenced'";
        fencing.batch_execute(taken).await.expect("not committed yet");
        let intended = async {
            match kind {
                Some(kind) => refused(lease.intend(intent(kind)).await) != CauseCode::LeaseTooShort,
                None => lease.intend_billing(CALL, None).await.expect("answers").is_some(),
            }
        };
        let commit = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            fencing.commit().await.expect("committed");
        };
        let (intended, ()) = tokio::join!(intended, commit);
        assert!(!intended, "{kind:?}: committed although the lease was gone");
        database.end_lease(&tenant).await;
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_deactivation_writes_the_promises_that_are_needed() {
    let database = Database::create().await;
    let store = &database.store;
    let pilot = database.active("pilot", Tier::Pilot).await;
    let version = pilot.version;
    let deactivated = database.deactivate(&pilot).await.expect("active").tenant;
    assert_eq!((deactivated.attempt, deactivated.version), (pilot.attempt, version + 1), "there was no run to stop");
    assert_eq!(database.promised("settle_billing").await, 0);
    assert_eq!(database.promised("invalidate_cache").await, 2);
    let refused = store.update_tenant(pilot.tenant_id, &update(&domain(Some("acme.com")), None, &Value::Null)).await;
    assert!(refused.expect("answers").is_none(), "a deprovisioned tenant stays as it is");

    let trouble = cause(CauseCode::StripeTimeout);
    let failed = database.tenant("failed").await;
    let lease = database.begin(&failed, Step::ActivateTenant, "step").await.expect("free");
    lease.intend(intent(ResourceKind::StripeCustomer)).await.expect("in time");
    lease.troubled(&trouble, None).await.expect("in time");
    store.fail_run(Machine::Pipeline, failed.tenant_id, 1, &trouble, true, "r").await.expect("answers");
    let deactivated = database.deactivate(&failed).await.expect("failed");
    assert_eq!((deactivated.before, deactivated.tenant.error_message), (ProvisioningState::Failed, None));
    assert_eq!(deactivated.tenant.attempt, 1);
    let due = async || {
        let due = store.billing_due(10).await.expect("answers");
        due.iter().map(|open| open.tenant_id).collect::<Vec<_>>()
    };
    assert_eq!(due().await, [failed.tenant_id], "at once");

    // Step 9 sent the request for the subscription, sent it again much later, got no answer, and gave its lease back.
    let asked = database.tenant("asked").await;
    let lease = database.begin(&asked, Step::ActivateTenant, "step").await.expect("free");
    lease.intend(intent(ResourceKind::StripeSubscription)).await.expect("in time");
    lease.troubled(&trouble, None).await.expect("in time");
    database.deactivate(&asked).await.expect("provisioning");
    assert_eq!(due().await, [failed.tenant_id], "the request may be on its way");
    assert_eq!(database.promised("settle_billing").await, 2);

    // The same while the lease is still held. The lease ends before the request can no longer take effect.
    let held = database.tenant("held").await;
    let lease = database.begin(&held, Step::ActivateTenant, "step").await.expect("free");
    lease.intend(intent(ResourceKind::StripeSubscription)).await.expect("in time");
    database.deactivate(&held).await.expect("provisioning");
    assert_eq!(due().await, [failed.tenant_id]);
    let sql = "SELECT o.next_attempt_at > t.lease_until FROM control.outbox o JOIN control.tenants t USING (tenant_id)
               WHERE o.kind = 'settle_billing' AND t.slug = 'held'";
    let later = database.own.connect().await.query_one(sql, &[]).await.expect("answers");
    assert!(later.get::<_, bool>(0), "later than the lease's end");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_invitation_ends_in_one_statement_under_its_lease() {
    let database = Database::create().await;
    let tenant = database.active("inviting", Tier::Enterprise).await;
    let lease_for =
        async |token: &'static str| database.store.lease_for_invitation(tenant.tenant_id, token, LONG).await;
    let lease = lease_for("first").await.expect("free");
    assert!(matches!(lease_for("second").await, Err(NotLeased::Busy)));
    assert_eq!(lease.recent_mails().await.expect("answers").mails, 0);
    let asked = Intent::named(ResourceKind::AdminMail, "chief@acme.com", CALL).asking("asked");
    let mail = lease.intend(asked).await.expect("in time");
    assert_eq!(lease.recent_mails().await.expect("answers").mails, 1, "it may have been sent");
    lease.confirm(&mail, "user").await.expect("in time");
    assert!(lease.last_mail().await.expect("answers").is_none(), "not everything is done");
    let (email, payload, user) = ("chief@acme.com".parse().expect("an address"), json!({}), Uuid::now_v7());
    let invited = || Invited {
        mail: &mail,
        done: "done",
        email: &email,
        user,
        kind: "invitation",
        invalidation: &payload,
        author: Author { actor: "admin", address: None, request_id: "r" },
    };
    let before = database.promised("invalidate_cache").await;
    let row = lease.invited(invited()).await.expect("in time");
    assert_eq!((row.admin_email.as_str(), row.version), ("chief@acme.com", tenant.version + 1));
    assert_eq!(database.promised("invalidate_cache").await, before + 1);
    assert_eq!(database.promised("settle_billing").await, 0, "there is no customer");
    // The lease is given back, so nothing more is written.
    assert_eq!(refused(lease.invited(invited()).await), CauseCode::LeaseLapsed);

    // The same address again changes nothing that a caller can see.
    let lease = lease_for("second").await.expect("given back");
    let last = lease.last_mail().await.expect("answers").expect("done");
    assert_eq!((last.email.as_str(), last.done.as_deref()), ("chief@acme.com", Some("done")));
    let admin = lease.resource(ResourceKind::AdminUser).await.expect("answers").expect("the admin");
    assert_eq!((admin.name.as_str(), admin.external_id), ("chief@acme.com", Some(user.to_string())));
    let mail = lease.intend(Intent::named(ResourceKind::AdminMail, "chief@acme.com", CALL)).await.expect("in time");
    let row = lease.invited(Invited { mail: &mail, ..invited() }).await.expect("in time");
    assert_eq!(row.version, tenant.version + 1);
    assert_eq!(database.promised("invalidate_cache").await, before + 1);
    let lease = lease_for("third").await.expect("given back");
    assert_eq!(lease.resource(ResourceKind::AdminUser).await.expect("answers").expect("the admin").id, admin.id);
    database.deactivate(&tenant).await.expect("active");
    assert!(matches!(lease_for("fourth").await, Err(NotLeased::State(ProvisioningState::Deprovisioned))));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_deactivation_releases_the_custom_domain() {
    let database = Database::create().await;
    let store = &database.store;
    let asked = domain(Some("bank.example"));
    let (former, next) = (database.active("former", Tier::Pilot).await, database.active("next", Tier::Pilot).await);
    let taken = update(&asked, None, &Value::Null);
    store.update_tenant(former.tenant_id, &taken).await.expect("free").expect("active");
    assert!(store.domain_taken(next.tenant_id, "bank.example").await.expect("answers"));
    database.deactivate(&former).await.expect("active");
    assert!(!store.domain_taken(next.tenant_id, "bank.example").await.expect("answers"), "free for others");
    let sql = "SELECT before ->> 'custom_domain', after ? 'custom_domain' AND after ->> 'custom_domain' IS NULL
               FROM control.audit_log WHERE action = 'tenant.deactivate'";
    let admin = database.own.connect().await;
    let audited = admin.query_one(sql, &[]).await.expect("one row");
    assert_eq!((audited.get::<_, Option<&str>>(0), audited.get::<_, bool>(1)), (Some("bank.example"), true));

    // It is remembered. Whoever brings the tenant back gets it if it is still free, and is told if it is not.
    let back = "UPDATE control.tenants SET provisioning_state = 'failed', error_message = 'x' WHERE slug = 'former'";
    admin.batch_execute(back).await.expect("still free");
    let again = update(&asked, None, &Value::Null);
    let refused = store.update_tenant(next.tenant_id, &again).await;
    assert!(matches!(refused, Err(StoreError::Taken { constraint }) if constraint == "tenants_custom_domain_key"));
    database.deactivate(&former).await.expect("failed");
    store.update_tenant(next.tenant_id, &again).await.expect("free").expect("active");
    let error = admin.batch_execute(back).await.expect_err("somebody else has it");
    assert_eq!(error.as_db_error().and_then(|error| error.constraint()), Some("tenants_custom_domain_key"));
    // Tenants that are off may have had the same one.
    database.deactivate(&next).await.expect("active");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_deactivation_promises_to_switch_the_graph_user_off() {
    let database = Database::create().await;
    let store = &database.store;
    let due = async || {
        let due = store.duties_due(Duty::SwitchOffGraphUser, 10).await.expect("answers");
        due.iter().map(|open| open.tenant_id).collect::<Vec<_>>()
    };
    let without = database.active("without", Tier::Pilot).await;
    database.deactivate(&without).await.expect("active");
    assert!(due().await.is_empty(), "there is no graph");
    assert!(store.duty_of(Duty::SwitchOffGraphUser, without.tenant_id).await.expect("answers").is_none());

    let tenant = database.tenant("acme").await;
    let step = database.begin(&tenant, Step::CreateGraph, "step").await.expect("free");
    step.intend(intent(ResourceKind::Graph)).await.expect("in time");
    database.deactivate(&tenant).await.expect("provisioning");
    assert!(due().await.is_empty(), "the step may still be making it");
    let promise = store.duty_of(Duty::SwitchOffGraphUser, tenant.tenant_id).await.expect("answers").expect("promised");
    let lease_for = async |token: &'static str| store.lease_for_duty(promise, token, LONG).await;
    assert!(matches!(lease_for("early").await, Err(NotLeased::Busy)));
    database.end_lease(&tenant).await;

    let lease = lease_for("reconciler").await.expect("the step is over");
    assert_eq!(lease.resource(ResourceKind::Graph).await.expect("answers").expect("intended").name, "name");
    // It stalls. Its lease ends, and somebody else does the work.
    database.end_lease(&tenant).await;
    assert!(!lease.duty_done(promise, Some(&json!({ "user": "user" }))).await.expect("answers"), "too late");
    let lease = lease_for("next").await.expect("it ended");
    assert!(lease.duty_done(promise, Some(&json!({ "user": "user" }))).await.expect("answers"));
    assert!(!lease.duty_done(promise, Some(&json!({ "user": "user" }))).await.expect("answers"), "once");
    assert!(store.duty_of(Duty::SwitchOffGraphUser, tenant.tenant_id).await.expect("answers").is_none());
    let sql = "SELECT count(*) FROM control.audit_log WHERE action = 'tenant.switch_off_graph_user' AND after ->> 'user' = 'user'";
    assert_eq!(database.own.connect().await.query_one(sql, &[]).await.expect("answers").get::<_, i64>(0), 1);
}

/// A promise of before must not switch off a tenant that is there again. Its lease is never given.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_tenant_that_is_back_keeps_its_graph_user() {
    let database = Database::create().await;
    let (store, tenant) = (&database.store, database.tenant("acme").await);
    let step = database.begin(&tenant, Step::CreateGraph, "step").await.expect("free");
    step.intend(intent(ResourceKind::Graph)).await.expect("in time");
    database.deactivate(&tenant).await.expect("provisioning");
    database.end_lease(&tenant).await;
    let promise = store.duty_of(Duty::SwitchOffGraphUser, tenant.tenant_id).await.expect("answers").expect("promised");
    for (state, rest) in
        [("provisioning", ""), ("active", ", is_active = true"), ("failed", ", is_active = false, error_message = 'x'")]
    {
        let back = format!("UPDATE control.tenants SET provisioning_state = '{state}'{rest}");
        database.own.connect().await.batch_execute(&back).await.expect("back");
        let lease = store.lease_for_duty(promise, "late", LONG).await;
        assert!(matches!(lease, Err(NotLeased::State(_))), "{state}");
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_deactivation_promises_to_revoke_access_if_that_is_wanted() {
    let database = Database::create().await;
    let store = &database.store;
    let due = async || {
        let due = store.duties_due(Duty::RevokeAccess, 10).await.expect("answers");
        due.iter().map(|open| (open.tenant_id, open.id)).collect::<Vec<_>>()
    };
    let projectless = database.active("projectless", Tier::Pilot).await;
    database.deactivate_and(&projectless, true).await.expect("active");
    let making = async |slug: &str| {
        let tenant = database.tenant(slug).await;
        let step = database.begin(&tenant, Step::CreateEnvironment, "step").await.expect("free");
        step.intend(intent(ResourceKind::SupabaseProject)).await.expect("in time");
        tenant
    };
    let kept = making("kept").await;
    database.deactivate(&kept).await.expect("provisioning");
    assert_eq!(database.promised("revoke_access").await, 0, "there is no project, or it is not wanted");

    let tenant = making("acme").await;
    database.deactivate_and(&tenant, true).await.expect("provisioning");
    assert!(database.deactivate_and(&tenant, true).await.is_none(), "once");
    assert_eq!(database.promised("revoke_access").await, 1);
    assert!(due().await.is_empty(), "the step may still be making the project");
    let promise = store.duty_of(Duty::RevokeAccess, tenant.tenant_id).await.expect("answers").expect("promised");
    let lease_for = async |token: &'static str| store.lease_for_duty(promise, token, LONG).await;
    assert!(matches!(lease_for("early").await, Err(NotLeased::Busy)));
    database.end_lease(&tenant).await;
    let over = "UPDATE control.outbox SET next_attempt_at = clock_timestamp() WHERE kind = 'revoke_access'";
    let admin = database.own.connect().await;
    admin.batch_execute(over).await.expect("answers");
    assert_eq!(due().await.iter().map(|(tenant_id, _)| *tenant_id).collect::<Vec<_>>(), [tenant.tenant_id]);

    // A refusal leaves it open and is tried again later.
    store.outbox_postponed(promise.id, CauseCode::SupabaseForbidden.as_str()).await.expect("answers");
    assert!(due().await.is_empty());
    assert_eq!(database.promised("revoke_access").await, 1);

    let projects = json!({ "projects": ["abcdefghijklmnopqrst"] });
    let lease = lease_for("reconciler").await.expect("the step is over");
    // It stalls. Its lease ends, and somebody else does the work.
    database.end_lease(&tenant).await;
    assert!(!lease.duty_done(promise, Some(&projects)).await.expect("answers"), "too late");
    let lease = lease_for("next").await.expect("it ended");
    assert!(lease.duty_done(promise, Some(&projects)).await.expect("answers"));
    assert!(!lease.duty_done(promise, Some(&projects)).await.expect("answers"), "once");
    assert_eq!(database.promised("revoke_access").await, 0);
    let sql = "SELECT actor, after FROM control.audit_log WHERE action = 'tenant.revoke_access'";
    let audited = admin.query_one(sql, &[]).await.expect("one row");
    assert_eq!(audited.get::<_, &str>(0), "system:a-test");
    assert_eq!(audited.get::<_, Value>(1), projects);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_tenant_that_is_back_keeps_its_access() {
    let database = Database::create().await;
    let (store, tenant) = (&database.store, database.tenant("acme").await);
    let step = database.begin(&tenant, Step::CreateEnvironment, "step").await.expect("free");
    step.intend(intent(ResourceKind::SupabaseProject)).await.expect("in time");
    database.deactivate_and(&tenant, true).await.expect("provisioning");
    database.end_lease(&tenant).await;
    let promise = store.duty_of(Duty::RevokeAccess, tenant.tenant_id).await.expect("answers").expect("promised");
    for (state, rest) in
        [("provisioning", ""), ("active", ", is_active = true"), ("failed", ", is_active = false, error_message = 'x'")]
    {
        let back = format!("UPDATE control.tenants SET provisioning_state = '{state}'{rest}");
        database.own.connect().await.batch_execute(&back).await.expect("back");
        let lease = store.lease_for_duty(promise, "late", LONG).await;
        assert!(matches!(lease, Err(NotLeased::State(_))), "{state}");
    }
}
