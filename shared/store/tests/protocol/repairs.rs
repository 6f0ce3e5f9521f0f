//! A repair: what it is about to do is written before its first call, and what came of it in one statement under its lease.

use domain::{CauseCode, ProvisioningState, Step, TenantPart};
use serde_json::{Value, json};
use store::{Author, Intent, Lease, NotLeased, Repaired, ResourceKind, Tenant};
use uuid::Uuid;

use crate::leasing::{CALL, LONG, refused};
use crate::support::Database;

const AUTHOR: Author<'_> = Author { actor: "admin", address: None, request_id: "r" };

impl Database {
    async fn lease_for_repair(&self, tenant: &Tenant, token: &str) -> Result<Lease<'_>, NotLeased> {
        self.store.lease_for_repair(tenant.tenant_id, token, LONG).await
    }

    /// The rows of the audit log that repairs wrote: action, before, after.
    async fn repairs(&self) -> Vec<(String, Option<Value>, Value)> {
        let sql = "SELECT action, before, after FROM control.audit_log WHERE action LIKE 'tenant.repair%' ORDER BY id";
        let rows = self.own.connect().await.query(sql, &[]).await.expect("answers");
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }

    async fn activated(&self, slug: &str) -> Tenant {
        let tenant = self.tenant(slug).await;
        let sql = "UPDATE control.tenants SET provisioning_state = 'active', is_active = true, schema_version = 6
                   WHERE tenant_id = $1";
        self.own.connect().await.execute(sql, &[&tenant.tenant_id.0]).await.expect("answers");
        self.row(&tenant).await
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn only_an_active_tenant_is_repaired_and_by_one_at_a_time() {
    let database = Database::create().await;
    let early = database.tenant("early").await;
    let refusal = database.lease_for_repair(&early, "a").await.err();
    assert!(matches!(refusal, Some(NotLeased::State(ProvisioningState::Provisioning))), "{refusal:?}");
    let tenant = database.activated("acme").await;
    database.lease_for_repair(&tenant, "a").await.expect("free");
    assert!(matches!(database.lease_for_repair(&tenant, "b").await, Err(NotLeased::Busy)));
    database.lease_for_repair(&tenant, "a").await.expect("its own lease, again");
    let unknown = Tenant { tenant_id: domain::TenantId(Uuid::now_v7()), ..tenant };
    assert!(matches!(database.lease_for_repair(&unknown, "a").await, Err(NotLeased::Unknown)));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_repair_is_written_down_before_and_after() {
    let database = Database::create().await;
    let tenant = database.activated("acme").await;
    let lease = database.lease_for_repair(&tenant, "first").await.expect("free");
    lease.begin_repair(&[TenantPart::Schema, TenantPart::Subscription], AUTHOR).await.expect("in time");
    let asked = json!({ "resources": ["schema", "subscription"] });
    assert_eq!(database.repairs().await, [("tenant.repair".to_owned(), None, asked)]);

    let intent = lease.intend_billing(CALL, None).await.expect("answers").expect("active");
    // The ledger says which step does such a thing first.
    let password = Intent::named(ResourceKind::DatabasePassword, "name", CALL);
    lease.intend(password).await.expect("in time");
    let step = "SELECT step FROM control.resources WHERE kind = 'database_password'";
    let step: i16 = database.own.connect().await.query_one(step, &[]).await.expect("one row").get(0);
    assert_eq!(step, Step::MigrateTenant.number());

    let (outcomes, payload) = (json!({ "schema": "mended", "subscription": "mended" }), json!({ "keys": [] }));
    let repaired = Repaired { schema_version: Some(7), settled: Some((intent, Some("cus_1".to_owned()))) };
    let before = database.promised("invalidate_cache").await;
    let row = lease.repaired(&repaired, &outcomes, (Uuid::now_v7(), &payload), AUTHOR).await.expect("in time");
    assert_eq!((row.schema_version, row.stripe_customer_id.as_deref()), (Some(7), Some("cus_1")));
    assert_eq!(row.version, tenant.version + 1, "a caller can see it");
    assert_eq!(database.promised("invalidate_cache").await, before + 1);
    assert_eq!(database.promised("settle_billing").await, 0, "the intent is closed");
    let (action, was, is) = database.repairs().await.pop().expect("two rows");
    assert_eq!(action, "tenant.repaired");
    assert_eq!(was, Some(json!({ "schema_version": 6, "stripe_customer_id": null })));
    assert_eq!(is, json!({ "schema_version": 7, "stripe_customer_id": "cus_1", "resources": outcomes }));
    // The lease is given back, so nothing more is written.
    let again = lease.repaired(&repaired, &outcomes, (Uuid::now_v7(), &payload), AUTHOR).await;
    assert_eq!(refused(again), CauseCode::LeaseLapsed);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_repair_that_changes_no_row_changes_no_version_and_promises_nothing() {
    let database = Database::create().await;
    let tenant = database.activated("acme").await;
    let before = database.promised("invalidate_cache").await;
    for repaired in [Repaired::default(), Repaired { schema_version: Some(6), settled: None }] {
        let lease = database.lease_for_repair(&tenant, "token").await.expect("free");
        let (outcomes, payload) = (json!({ "cache": "sound" }), json!({}));
        let row = lease.repaired(&repaired, &outcomes, (Uuid::now_v7(), &payload), AUTHOR).await.expect("in time");
        assert_eq!((row.version, row.schema_version), (tenant.version, Some(6)), "{repaired:?}");
    }
    assert_eq!(database.promised("invalidate_cache").await, before);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_repair_whose_lease_has_ended_writes_nothing() {
    let database = Database::create().await;
    let tenant = database.activated("acme").await;
    let lease = database.lease_for_repair(&tenant, "stalled").await.expect("free");
    let intent = lease.intend_billing(CALL, None).await.expect("answers").expect("active");
    database.end_lease(&tenant).await;
    assert_eq!(refused(lease.begin_repair(&[TenantPart::Cache], AUTHOR).await), CauseCode::LeaseLapsed);
    let repaired = Repaired { schema_version: Some(7), settled: Some((intent, None)) };
    let written = lease.repaired(&repaired, &json!({}), (Uuid::now_v7(), &json!({})), AUTHOR).await;
    assert_eq!(refused(written), CauseCode::LeaseLapsed);
    assert_eq!(database.repairs().await, []);
    assert_eq!(database.promised("settle_billing").await, 1, "the reconciler settles it");
    assert_eq!(database.row(&tenant).await, tenant);
}
