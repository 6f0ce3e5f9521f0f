//! A deprovisioned tenant is brought back, and a tenant is held.

use std::time::Duration;

use domain::{CauseCode, HoldReason, ProvisioningState, Step, StepState, TenantChange, Tier};
use serde_json::{Value, json};
use store::{Author, Duty, Machine, NotLeased, Outcome, ResourceKind, Resume, StoreError, Tenant};

use super::cause;
use super::changes::{domain, update};
use super::leasing::{CALL, LONG, intent};
use super::support::Database;

const ADMIN: Author<'_> = Author { actor: "admin", address: None, request_id: "r" };

impl Database {
    async fn restore(&self, tenant: &Tenant) -> Result<Option<Tenant>, StoreError> {
        self.store.restore_tenant(tenant, "back", ADMIN).await
    }

    /// A tenant that was deprovisioned while its step 6 had been completed, and whose access is to be revoked.
    async fn gone(&self, slug: &str) -> Tenant {
        let tenant = self.tenant(slug).await;
        for (step, kind) in
            [(Step::CreateEnvironment, ResourceKind::SupabaseProject), (Step::CreateGraph, ResourceKind::Graph)]
        {
            let lease = self.begin(&tenant, step, "step").await.expect("free");
            let made = lease.intend(intent(kind)).await.expect("in time");
            lease.confirm(&made, "external").await.expect("in time");
            lease.finish(&Outcome::DONE, CALL).await.expect("in time");
        }
        self.deactivate_and(&tenant, true).await.expect("provisioning").tenant
    }

    /// The one row of the audit log about this action.
    async fn audited(&self, action: &str) -> (Value, Value) {
        let sql = "SELECT before, after FROM control.audit_log WHERE action = $1";
        let row = self.own.connect().await.query_one(sql, &[&action]).await.expect("once");
        (row.get(0), row.get(1))
    }
}

fn reason(text: &str) -> HoldReason {
    text.parse().expect("a reason")
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_restore_begins_at_step_1_and_supersedes_what_the_delete_left() {
    let database = Database::create().await;
    let (store, gone) = (&database.store, database.gone("acme").await);
    for kind in ["switch_off_graph_user", "revoke_access"] {
        assert_eq!(database.promised(kind).await, 1, "{kind}");
    }
    let back = database.restore(&gone).await.expect("answers").expect("restored");
    assert_eq!((back.state, back.is_active), (ProvisioningState::Provisioning, false));
    assert_eq!((back.attempt, back.version), (gone.attempt + 1, gone.version + 1));
    assert_eq!((back.correlation_id.as_str(), back.restored_at.is_some()), ("back", true));
    for kind in ["switch_off_graph_user", "revoke_access"] {
        assert_eq!(database.promised(kind).await, 0, "{kind}");
    }
    for row in store.steps(back.tenant_id).await.expect("answers") {
        assert_eq!((row.state, row.started_at, row.finished_at), (StepState::Pending, None, None), "{:?}", row.step);
        let tried = [Step::CreateEnvironment, Step::CreateGraph].contains(&row.step);
        assert_eq!(row.attempts, i32::from(tried), "{:?}: that there may be data is not forgotten", row.step);
    }
    let (before, after) = database.audited("tenant.restore").await;
    let expected =
        json!({"provisioning_state": "deprovisioned", "attempt": 2, "custom_domain": null, "lost_domain": null});
    assert_eq!(before, expected);
    let expected =
        json!({"provisioning_state": "provisioning", "attempt": 3, "custom_domain": null, "lost_domain": null});
    assert_eq!(after, expected);

    let lease = database.begin(&back, Step::CreateEnvironment, "step").await.expect("the new run's");
    assert_eq!(lease.tenant().restore_mark(), back.restore_mark());
    assert!(back.restore_mark().is_some() && gone.restore_mark().is_none());
    assert!(lease.access_was_revoked().await.expect("answers"), "it may have been");
    for stale in [&gone, &back] {
        assert!(database.restore(stale).await.expect("answers").is_none(), "once");
    }
}

/// What is settled is the tier that the tenant has, whoever settles it.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_restore_leaves_billing_to_whoever_settles_it() {
    let database = Database::create().await;
    let tenant = database.active("acme", Tier::Enterprise).await;
    let gone = database.deactivate(&tenant).await.expect("active").tenant;
    assert_eq!(database.promised("settle_billing").await, 1);
    let back = database.restore(&gone).await.expect("answers").expect("restored");
    assert_eq!((database.promised("settle_billing").await, back.tier), (1, Tier::Enterprise));
    let lease = database.begin(&back, Step::ActivateTenant, "step").await.expect("free");
    assert!(!lease.access_was_revoked().await.expect("answers"), "nobody asked for it");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn nobody_restores_a_tenant_for_which_somebody_may_still_act() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    database.begin(&tenant, Step::CreateGraph, "step").await.expect("free");
    let gone = database.deactivate(&tenant).await.expect("provisioning").tenant;
    assert!(database.restore(&gone).await.expect("answers").is_none(), "the step is fenced, and its calls may go on");
    database.end_lease(&gone).await;
    let back = database.restore(&gone).await.expect("answers").expect("it ended");

    // The duty of a second DELETE is done in this moment.
    let again = database.deactivate(&back).await.expect("provisioning").tenant;
    let duty = database.store.duty_of(Duty::SwitchOffGraphUser, again.tenant_id).await.expect("answers");
    assert!(duty.is_none(), "there is no graph");
    let lease = database.store.lease_for_billing(again.tenant_id, "r", LONG, &[ProvisioningState::Deprovisioned]).await;
    let lease = lease.expect("free");
    assert!(database.restore(&again).await.expect("answers").is_none(), "it is held");
    lease.release().await.expect("answers");
    database.restore(&again).await.expect("answers").expect("given back");
    let late = database.store.lease_for_billing(again.tenant_id, "r", LONG, &[ProvisioningState::Deprovisioned]).await;
    assert!(matches!(late, Err(NotLeased::State(ProvisioningState::Provisioning))), "too late for the duty");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_retry_of_a_restore_is_a_restore() {
    let database = Database::create().await;
    let (store, gone) = (&database.store, database.gone("acme").await);
    let back = database.restore(&gone).await.expect("answers").expect("restored");
    store
        .fail_run(Machine::Pipeline, back.tenant_id, back.attempt, &cause(CauseCode::RunLost), true, "r")
        .await
        .expect("answers");
    let failed = database.row(&back).await;
    assert!(database.restore(&failed).await.expect("answers").is_none(), "it is failed");
    let resume = Resume { tenant: &failed, values: (&failed).into(), correlation_id: "c", author: ADMIN };
    let resumed = store.resume_tenant(resume).await.expect("answers").expect("failed");
    assert_eq!((resumed.attempt, resumed.restore_mark()), (back.attempt + 1, back.restore_mark()));
    // The next restore is another one.
    let gone = database.deactivate(&resumed).await.expect("provisioning").tenant;
    let next = database.restore(&gone).await.expect("answers").expect("restored");
    assert_ne!(next.restore_mark(), back.restore_mark());
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_domain_comes_back_unless_somebody_has_it() {
    let database = Database::create().await;
    let store = &database.store;
    let (asked, cleared) = (domain(Some("bank.example")), domain(None));
    let (former, next) = (database.active("former", Tier::Pilot).await, database.active("next", Tier::Pilot).await);
    let set = async |tenant: &Tenant, change: &TenantChange| {
        store.update_tenant(tenant.tenant_id, &update(change, None, &Value::Null)).await.expect("free").expect("there")
    };
    let off_and_on = async |tenant: &Tenant| {
        let gone = database.deactivate(tenant).await.expect("not off").tenant;
        database.restore(&gone).await.expect("answers").expect("restored")
    };
    set(&former, &asked).await;
    let back = off_and_on(&former).await;
    assert_eq!((back.custom_domain.as_deref(), back.lost_domain.as_deref()), (Some("bank.example"), None));

    let gone = database.deactivate(&back).await.expect("provisioning").tenant;
    set(&next, &asked).await;
    let back = database.restore(&gone).await.expect("answers").expect("restored");
    assert_eq!((back.custom_domain.as_deref(), back.lost_domain.as_deref()), (None, Some("bank.example")));
    // It is not forgotten: the next restore tries again.
    set(&next, &cleared).await;
    let back = off_and_on(&former).await;
    assert_eq!((back.custom_domain.as_deref(), back.lost_domain.as_deref()), (Some("bank.example"), None));
    // Whoever says which domain the tenant has decides about the lost one.
    let gone = database.deactivate(&back).await.expect("provisioning").tenant;
    set(&next, &asked).await;
    database.restore(&gone).await.expect("answers").expect("restored");
    let decided = set(&former, &cleared).await;
    assert_eq!((decided.custom_domain, decided.lost_domain), (None, None));
    // A tenant that is off may have had the same one.
    let other = off_and_on(&next).await;
    assert_eq!(other.custom_domain.as_deref(), Some("bank.example"));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_domain_that_is_taken_in_the_same_moment_is_not_given_twice() {
    let database = Database::create().await;
    let store = &database.store;
    let asked = domain(Some("bank.example"));
    let former = database.active("former", Tier::Pilot).await;
    store.update_tenant(former.tenant_id, &update(&asked, None, &Value::Null)).await.expect("free").expect("active");
    let gone = database.deactivate(&database.row(&former).await).await.expect("active").tenant;
    database.active("next", Tier::Pilot).await;
    let mut client = database.own.connect().await;
    let taking = client.transaction().await.expect("begun");
    let take = "UPDATE control.tenants SET custom_domain = 'bank.example' WHERE slug = 'next'";
    taking.batch_execute(take).await.expect("not committed yet");
    let commit = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        taking.commit().await.expect("committed");
    };
    let (restored, ()) = tokio::join!(database.restore(&gone), commit);
    assert!(matches!(restored, Err(StoreError::Taken { constraint }) if constraint == "tenants_custom_domain_key"));
    let back = database.restore(&gone).await.expect("answers").expect("nothing was changed");
    assert_eq!(back.lost_domain.as_deref(), Some("bank.example"));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_hold_has_a_reason_and_stops_a_restore() {
    let database = Database::create().await;
    let (store, tenant) = (&database.store, database.active("acme", Tier::Pilot).await);
    let held = store.hold_tenant(&tenant, &reason("Acme v. Bank"), ADMIN).await.expect("answers").expect("as read");
    let first = held.hold.clone().expect("held");
    assert_eq!((first.reason.as_str(), first.by.as_str(), held.version), ("Acme v. Bank", "admin", tenant.version + 1));
    let (before, after) = database.audited("tenant.hold").await;
    assert_eq!(before, json!({"hold_reason": null, "hold_at": null, "hold_by": null}));
    assert_eq!((&after["hold_reason"], &after["hold_by"]), (&json!("Acme v. Bank"), &json!("admin")));
    let stale = store.hold_tenant(&tenant, &reason("another"), ADMIN).await.expect("answers");
    assert!(stale.is_none(), "the row is another one");

    // It switches nothing off, and what is switched off keeps it.
    let gone = database.deactivate(&held).await.expect("active").tenant;
    assert_eq!(gone.hold, held.hold);
    assert!(database.restore(&gone).await.expect("answers").is_none(), "it is held");
    let other = store.hold_tenant(&gone, &reason("another"), ADMIN).await.expect("answers").expect("as read");
    let after = other.hold.clone().expect("held");
    assert!(after.reason == "another" && after.at > first.at, "{after:?}");

    assert!(store.release_hold(&gone, ADMIN).await.expect("answers").is_none(), "the row is another one");
    let released = store.release_hold(&other, ADMIN).await.expect("answers").expect("held");
    assert_eq!((released.hold.as_ref(), released.version), (None, other.version + 1));
    assert!(store.release_hold(&released, ADMIN).await.expect("answers").is_none(), "there is none");
    let (before, after) = database.audited("tenant.release_hold").await;
    assert_eq!((&before["hold_reason"], &after["hold_reason"]), (&json!("another"), &Value::Null));
    database.restore(&released).await.expect("answers").expect("not held any more");
}
