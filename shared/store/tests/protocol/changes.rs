//! Leases of those who are no step, changes by routes, and the deactivation that fences whoever is at work.

use std::time::Duration;

use domain::{Patch, ProvisioningState, Step, TenantChange, TenantId, Tier};
use serde_json::{Value, json};
use store::{
    Activation, Deactivated, Deactivation, Lease, NotBegun, NotLeased, ResourceKind, Resume, StepEffect, StoreError,
    Tenant, Update,
};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{CALL, Database, LONG, cause, intent};

const ACTIVE: &[ProvisioningState] = &[ProvisioningState::Active];

impl Database {
    async fn active(&self, slug: &str, tier: Tier) -> Tenant {
        let tenant = self.tenant(slug).await;
        self.client()
            .await
            .execute(
                "UPDATE control.tenants SET tier = $1 WHERE tenant_id = $2",
                &[&tier.as_str(), &tenant.tenant_id.0],
            )
            .await
            .expect("answers");
        let begun = self.begin(&tenant, Step::ActivateTenant, "step", LONG).await.expect("free");
        let payload = json!({});
        let activation = Activation {
            stripe_customer_id: None,
            tier,
            invalidation: (Uuid::now_v7(), &payload),
            event: (Uuid::now_v7(), &payload),
        };
        assert!(self.store.activate(&begun.lease, activation).await.expect("answers"));
        self.row(&tenant).await
    }

    async fn client(&self) -> Client {
        store::connect(&self.config, "test").await.expect("it takes connections")
    }

    async fn row(&self, tenant: &Tenant) -> Tenant {
        self.store.tenant_by_slug(&tenant.slug).await.expect("answers").expect("there")
    }

    async fn deactivate(&self, tenant: &Tenant) -> Option<Deactivated> {
        let payload = json!({"keys": []});
        let deactivation = Deactivation {
            tenant_id: tenant.tenant_id,
            invalidation: (Uuid::now_v7(), &payload),
            actor: "admin",
            request_id: "r",
        };
        self.store.deactivate_tenant(deactivation).await.expect("answers")
    }

    /// How many undelivered outbox rows of a kind there are.
    async fn promised(&self, kind: &str) -> i64 {
        let sql = "SELECT count(*) FROM control.outbox WHERE kind = $1 AND delivered_at IS NULL";
        self.client().await.query_one(sql, &[&kind]).await.expect("answers").get(0)
    }
}

fn update<'a>(change: &'a TenantChange, version: Option<i64>, payload: &'a Value) -> Update<'a> {
    Update { change, version, invalidation: (Uuid::now_v7(), payload), actor: "admin", request_id: "r" }
}

fn domain(domain: Option<&str>) -> TenantChange {
    let custom_domain = domain.map_or(Patch::Clear, |domain| Patch::Set(domain.parse().expect("a host name")));
    TenantChange { display_name: None, tier: None, custom_domain }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_lease_is_had_in_the_states_asked_for_and_changes_nothing_visible() {
    let database = Database::create().await;
    let (store, short) = (&database.store, Duration::from_millis(300));
    let tenant = database.active("acme", Tier::Pilot).await;
    let leased = store.lease_tenant(tenant.tenant_id, "a", short, ACTIVE).await.expect("free");
    assert_eq!((leased.tenant.version, leased.tenant.updated_at), (tenant.version, tenant.updated_at));
    assert!(matches!(store.lease_tenant(tenant.tenant_id, "b", LONG, ACTIVE).await, Err(NotLeased::Busy)));
    store.lease_tenant(tenant.tenant_id, "a", short, ACTIVE).await.expect("its own, again");
    tokio::time::sleep(short * 2).await;
    store.lease_tenant(tenant.tenant_id, "b", LONG, ACTIVE).await.expect("lapsed");
    store.release_lease(&leased.lease).await.expect("answers");
    assert!(matches!(store.lease_tenant(tenant.tenant_id, "c", LONG, ACTIVE).await, Err(NotLeased::Busy)), "not a's");
    store.release_lease(&Lease { tenant_id: tenant.tenant_id, token: "b".to_owned() }).await.expect("answers");
    let row = database.row(&tenant).await;
    assert_eq!((row.version, row.updated_at), (tenant.version, tenant.updated_at));

    let elsewhere = store.lease_tenant(tenant.tenant_id, "c", LONG, &[ProvisioningState::Failed]).await;
    assert!(matches!(elsewhere, Err(NotLeased::State(ProvisioningState::Active))));
    let unknown = store.lease_tenant(TenantId(Uuid::now_v7()), "c", LONG, ACTIVE).await;
    assert!(matches!(unknown, Err(NotLeased::Unknown)));
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_row_that_changed_since_it_was_read_is_not_resumed() {
    let database = Database::create().await;
    let (store, tenant) = (&database.store, database.tenant("acme").await);
    store.fail_run(tenant.tenant_id, 1, &cause("given"), false, "r").await.expect("answers");
    let resume = async |row: &Tenant| {
        let resume = Resume {
            tenant: row,
            display_name: &row.display_name,
            tier: row.tier,
            admin_email: &row.admin_email,
            correlation_id: "c",
            actor: "admin",
            request_id: "r",
        };
        store.resume_tenant(resume).await.expect("answers")
    };
    let read = database.row(&tenant).await;
    let name = TenantChange { display_name: "Renamed".parse().ok(), tier: None, custom_domain: Patch::Keep };
    let payload = json!({});
    assert!(store.update_tenant(tenant.tenant_id, &update(&name, None, &payload)).await.expect("answers").is_some());
    assert!(resume(&read).await.is_none(), "the new name would be lost");
    let resumed = resume(&database.row(&tenant).await).await.expect("nobody changed it");
    assert_eq!((resumed.attempt, resumed.display_name.as_str()), (2, "Renamed"));
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn what_a_caller_sees_changing_changes_the_version() {
    let database = Database::create().await;
    let (store, tenant) = (&database.store, database.tenant("acme").await);
    let begun = database.begin(&tenant, Step::AwaitEnvironment, "a", LONG).await.expect("free");
    assert!(store.step_waiting(&begun.lease, Step::AwaitEnvironment, "auth", CALL).await.expect("answers"));
    assert_eq!(database.row(&tenant).await.version, tenant.version + 1);
    let begun = database.begin(&tenant, Step::AwaitEnvironment, "b", LONG).await.expect("free");
    assert!(store.step_troubled(&begun.lease, Step::AwaitEnvironment, &cause("x"), None).await.expect("answers"));
    assert_eq!(database.row(&tenant).await.version, tenant.version + 2);
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn only_what_is_sent_changes() {
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
    let named = named.expect("whatever its version");
    assert_eq!((named.display_name.as_str(), named.custom_domain.as_deref()), ("Other", Some("acme.com")));

    let other = database.tenant("other").await;
    let taken = store.update_tenant(other.tenant_id, &update(&domain(Some("acme.com")), None, &payload)).await;
    assert!(matches!(taken, Err(StoreError::Taken { constraint }) if constraint == "tenants_custom_domain_key"));
    assert!(store.domain_taken(other.tenant_id, "acme.com").await.expect("answers"));
    assert!(!store.domain_taken(tenant.tenant_id, "acme.com").await.expect("answers"), "it is its own");
    let cleared = store.update_tenant(tenant.tenant_id, &update(&domain(None), None, &payload)).await.expect("answers");
    assert_eq!(cleared.expect("there").custom_domain, None);

    let sql = "SELECT actor, before, after FROM control.audit_log WHERE action = 'tenant.update' ORDER BY id";
    let audit = database.client().await.query(sql, &[]).await.expect("answers");
    assert_eq!(audit.len(), 3, "a refused change leaves no trace");
    assert_eq!(audit[1].get::<_, &str>("actor"), "admin");
    assert_eq!(audit[1].get::<_, Value>("before"), json!({"display_name": "Acme", "custom_domain": "acme.com"}));
    assert_eq!(audit[1].get::<_, Value>("after"), json!({"display_name": "Other", "custom_domain": "acme.com"}));
    assert_eq!(database.promised("invalidate_cache").await, 1 + 3);
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_tier_change_is_one_statement_under_the_lease() {
    let database = Database::create().await;
    let (store, payload) = (&database.store, json!({}));
    let tenant = database.active("acme", Tier::Pilot).await;
    let lease = store.lease_tenant(tenant.tenant_id, "a", LONG, ACTIVE).await.expect("free").lease;
    assert!(store.intend_billing(&lease, LONG * 2, None).await.expect("answers").is_none(), "the call is too long");
    let outdated = store.intend_billing(&lease, CALL, Some(tenant.version - 1)).await.expect("answers");
    assert!(outdated.is_none());
    let intent = store.intend_billing(&lease, CALL, Some(tenant.version)).await.expect("answers").expect("in time");
    assert!(store.billing_due(10).await.expect("answers").is_empty(), "not before the lease's end");
    let now = "UPDATE control.outbox SET next_attempt_at = clock_timestamp()";
    database.client().await.batch_execute(now).await.expect("answers");
    let due = store.billing_due(10).await.expect("answers");
    assert_eq!(due.iter().map(|open| (open.id, open.tenant_id)).collect::<Vec<_>>(), [(intent, tenant.tenant_id)]);
    assert_eq!(store.outbox_due(10).await.expect("answers").len(), 2, "the activation's, nothing of billing");
    assert!(store.outbox(&[intent]).await.expect("answers").is_empty());

    let change = TenantChange { tier: Some(Tier::Enterprise), ..domain(Some("acme.com")) };
    let other = Lease { token: "b".to_owned(), ..lease.clone() };
    for (lease, version) in [(&other, None), (&lease, Some(tenant.version + 1))] {
        let written = store.retier_tenant(lease, intent, Some("cus_1"), &update(&change, version, &payload)).await;
        assert!(written.expect("answers").is_none());
    }
    let update = update(&change, Some(tenant.version), &payload);
    let written = store.retier_tenant(&lease, intent, Some("cus_1"), &update).await.expect("answers").expect("written");
    assert_eq!((written.tier, written.version), (Tier::Enterprise, tenant.version + 1));
    assert_eq!(
        (written.stripe_customer_id.as_deref(), written.custom_domain.as_deref()),
        (Some("cus_1"), Some("acme.com"))
    );
    assert_eq!(database.promised("settle_billing").await, 0);
    assert!(store.retier_tenant(&lease, intent, None, &update).await.expect("answers").is_none(), "the lease is over");
    store.lease_tenant(tenant.tenant_id, "b", LONG, ACTIVE).await.expect("given back");
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_intent_is_closed_under_the_lease_only() {
    let database = Database::create().await;
    let store = &database.store;
    let tenant = database.active("acme", Tier::Pilot).await;
    let lease = store.lease_tenant(tenant.tenant_id, "a", LONG, ACTIVE).await.expect("free").lease;
    let intent = store.intend_billing(&lease, CALL, None).await.expect("answers").expect("in time");
    let lapse = "UPDATE control.tenants SET lease_until = clock_timestamp()";
    database.client().await.batch_execute(lapse).await.expect("answers");
    assert!(!store.billing_settled(&lease, intent).await.expect("answers"));
    let lease = store.lease_tenant(tenant.tenant_id, "b", LONG, ACTIVE).await.expect("lapsed").lease;
    assert!(store.billing_settled(&lease, intent).await.expect("answers"));
    assert_eq!(database.promised("settle_billing").await, 0);
    store.lease_tenant(tenant.tenant_id, "c", LONG, ACTIVE).await.expect("given back");
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_deactivation_fences_the_step_at_work() {
    let database = Database::create().await;
    let (store, tenant) = (&database.store, database.tenant("acme").await);
    let lease = Duration::from_secs(8);
    let begun = database.begin(&tenant, Step::CreateGraph, "step", lease).await.expect("free");
    let open = store.intend(&begun.lease, Step::CreateGraph, intent(ResourceKind::Graph)).await;
    let open = open.expect("answers").expect("in time");

    let deactivated = database.deactivate(&tenant).await.expect("it was provisioning");
    let (row, before) = (deactivated.tenant, deactivated.before);
    assert_eq!(
        (before, row.state, row.is_active),
        (ProvisioningState::Provisioning, ProvisioningState::Deprovisioned, false)
    );
    assert_eq!((row.attempt, row.version), (tenant.attempt + 1, tenant.version + 1));

    let (step, held) = (Step::CreateGraph, &begun.lease);
    assert!(store.intend(held, step, intent(ResourceKind::SearchIndex)).await.expect("answers").is_none());
    assert!(!store.lease_outlasts(held, Duration::ZERO).await.expect("answers"));
    assert!(!store.renew_intent(held, open.id, "", "", Duration::ZERO).await.expect("answers"));
    assert!(!store.confirm(held, open.id, "external", None).await.expect("answers"));
    assert!(!store.give_up(held, open.id).await.expect("answers"));
    assert!(!store.complete_step(held, step, StepEffect::Graph { name: "g" }).await.expect("answers"));
    assert!(!store.step_waiting(held, step, "x", CALL).await.expect("answers"));
    assert!(!store.step_troubled(held, step, &cause("x"), None).await.expect("answers"));
    assert!(!store.environment_dead(held).await.expect("answers"));
    store.release_lease(held).await.expect("answers");
    let again = database.begin(&tenant, step, "step", LONG).await;
    assert!(matches!(again, Err(NotBegun::Superseded)), "not even under its own token");

    let gone = &[ProvisioningState::Deprovisioned];
    let other = store.lease_tenant(tenant.tenant_id, "other", LONG, gone).await;
    assert!(matches!(other, Err(NotLeased::Busy)), "its calls may still be on their way");
    assert_eq!((database.promised("settle_billing").await, store.billing_due(9).await.expect("answers").len()), (1, 0));
    let sql = "SELECT o.next_attempt_at = t.lease_until FROM control.outbox o JOIN control.tenants t USING (tenant_id)
               WHERE o.kind = 'settle_billing'";
    assert!(database.client().await.query_one(sql, &[]).await.expect("answers").get::<_, bool>(0));
    let lapse = "UPDATE control.tenants SET lease_until = clock_timestamp()";
    database.client().await.batch_execute(lapse).await.expect("answers");
    store.lease_tenant(tenant.tenant_id, "other", LONG, gone).await.expect("lapsed");

    assert!(database.deactivate(&tenant).await.is_none(), "once");
    let sql = "SELECT before, after FROM control.audit_log WHERE action = 'tenant.deactivate'";
    let audit = database.client().await.query_one(sql, &[]).await.expect("once");
    let expected =
        json!({"provisioning_state": "provisioning", "is_active": false, "attempt": 1, "error_message": null});
    assert_eq!(audit.get::<_, Value>("before"), expected);
    let expected = json!({"provisioning_state": "deprovisioned", "is_active": false, "attempt": 2});
    assert_eq!(audit.get::<_, Value>("after"), expected);
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_intent_waits_for_whoever_is_taking_the_lease_away() {
    let database = Database::create().await;
    let (store, tenant) = (&database.store, database.active("acme", Tier::Enterprise).await);
    let mut client = database.client().await;
    let taken = "UPDATE control.tenants SET lease_token = 'fenced'";
    for kind in [ResourceKind::StripeCustomer, ResourceKind::StripeSubscription] {
        let lease = store.lease_tenant(tenant.tenant_id, "route", LONG, ACTIVE).await.expect("free").lease;
        let fencing = client.transaction().await.expect("begun");
        fencing.batch_execute(taken).await.expect("not committed yet");
        let intent = async {
            if kind == ResourceKind::StripeCustomer {
                store.intend(&lease, Step::ActivateTenant, intent(kind)).await.map(|row| row.is_some())
            } else {
                store.intend_billing(&lease, CALL, None).await.map(|row| row.is_some())
            }
        };
        let commit = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            fencing.commit().await.expect("committed");
        };
        let (intended, ()) = tokio::join!(intent, commit);
        assert!(!intended.expect("answers"), "{kind:?}: committed although the lease was gone");
        client.batch_execute("UPDATE control.tenants SET lease_until = clock_timestamp()").await.expect("answers");
    }
    database.drop().await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_deactivation_promises_what_there_is_to_do() {
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

    let failed = database.tenant("failed").await;
    let begun = database.begin(&failed, Step::ActivateTenant, "step", LONG).await.expect("free");
    let made = store.intend(&begun.lease, Step::ActivateTenant, intent(ResourceKind::StripeCustomer)).await;
    made.expect("answers").expect("in time");
    assert!(store.step_troubled(&begun.lease, Step::ActivateTenant, &cause("x"), None).await.expect("answers"));
    store.fail_run(failed.tenant_id, 1, &cause("x"), true, "r").await.expect("answers");
    let deactivated = database.deactivate(&failed).await.expect("failed");
    assert_eq!((deactivated.before, deactivated.tenant.error_message), (ProvisioningState::Failed, None));
    assert_eq!(deactivated.tenant.attempt, 1);
    let due = store.billing_due(10).await.expect("answers");
    assert_eq!(due.iter().map(|open| open.tenant_id).collect::<Vec<_>>(), [failed.tenant_id], "at once");

    // Step 9 asked for the subscription, asked again long after, was not answered, and gave its lease back.
    let asked = database.tenant("asked").await;
    let begun = database.begin(&asked, Step::ActivateTenant, "step", LONG).await.expect("free");
    let made = store.intend(&begun.lease, Step::ActivateTenant, intent(ResourceKind::StripeSubscription)).await;
    made.expect("answers").expect("in time");
    assert!(store.step_troubled(&begun.lease, Step::ActivateTenant, &cause("x"), None).await.expect("answers"));
    database.deactivate(&asked).await.expect("provisioning");
    let due = store.billing_due(10).await.expect("answers");
    assert_eq!(due.iter().map(|open| open.tenant_id).collect::<Vec<_>>(), [failed.tenant_id], "may be on its way");
    assert_eq!(database.promised("settle_billing").await, 2);

    // The same where the lease is still held, and ends sooner than the request may take.
    let held = database.tenant("held").await;
    let short = CALL + Duration::from_millis(300);
    let begun = database.begin(&held, Step::ActivateTenant, "step", short).await.expect("free");
    let made = store.intend(&begun.lease, Step::ActivateTenant, intent(ResourceKind::StripeSubscription)).await;
    made.expect("answers").expect("in time");
    database.deactivate(&held).await.expect("provisioning");
    tokio::time::sleep(short).await;
    let due = store.billing_due(10).await.expect("answers");
    assert_eq!(due.iter().map(|open| open.tenant_id).collect::<Vec<_>>(), [failed.tenant_id], "not at the lease's end");
    database.drop().await;
}
