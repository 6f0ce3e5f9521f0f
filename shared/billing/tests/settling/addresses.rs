//! Another person becomes the tenant's admin. The customer keeps its id and gets the new address.

use billing::Plan;
use domain::Tier;
use store::{Lease, Tenant};

use crate::wire::Fault;
use crate::world::World;

impl World {
    /// Another admin, as an invitation writes it. The ledger keeps the address before.
    async fn readmin(&self, tenant: &Tenant) -> Tenant {
        let sql = "WITH former AS (
                       INSERT INTO control.resources (id, tenant_id, kind, generation, name, step, attempt, dead_at)
                       SELECT gen_random_uuid(), tenant_id, 'admin_user', 1, admin_email, 5, attempt, clock_timestamp()
                       FROM control.tenants WHERE tenant_id = $1
                   ), promised AS (
                       INSERT INTO control.outbox (id, tenant_id, kind, payload) VALUES (gen_random_uuid(), $1, 'settle_billing', '{}')
                   )
                   UPDATE control.tenants SET admin_email = 'chief-' || admin_email WHERE tenant_id = $1";
        self.database.client.execute(sql, &[&tenant.tenant_id.0]).await.expect("answers");
        self.row(tenant).await
    }

    async fn customers(&self, tenant: &Tenant) -> Vec<String> {
        let customers = self.stripe().customers_by_email(tenant.admin_email.as_str()).await.expect("answers");
        customers.into_iter().map(|customer| customer.id).collect()
    }
}

#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_customer_gets_the_address_of_another_admin_once() {
    let world = World::start().await;
    for fault in [None, Some(Fault::Request), Some(Fault::Answer)] {
        let before = world.active(Tier::Enterprise).await;
        let after = world.readmin(&before).await;
        if let Some(fault) = fault {
            world.wire.fault("POST /v1/customers/", fault);
            assert_eq!(world.reconcile().await.failed, 1, "{fault:?}");
            world.wire.mend();
            world.time_passes().await;
        }
        assert_eq!(world.reconcile().await.settled, 1, "{fault:?}");
        assert_eq!(world.customers(&before).await.len(), 0);
        assert_eq!(world.customers(&after).await, [after.stripe_customer_id.clone().expect("a customer")]);
        world.check(&after).await;
        // From then on it is not written again.
        world.wire.seen();
        world.changed(&after, Tier::EnterprisePlus).await;
        let seen = world.wire.seen();
        assert!(!seen.iter().any(|line| line.starts_with("POST /v1/customers")), "{seen:?}");
    }
}

/// Nobody knows whether the customer was made, and the key under which it was asked for is forgotten.
#[tokio::test]
#[ignore = "needs STRIPE_API_URL, STRIPE_SECRET_KEY, TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_customer_is_found_under_the_address_before() {
    let world = World::start().await;
    let tenant = {
        let lease: Lease<'_> = world.provisioning(Tier::Enterprise).await;
        world.wire.fault("POST /v1/customers ", Fault::Answer);
        world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect_err("no answer");
        world.wire.mend();
        lease.release().await.expect("answers");
        lease.tenant().clone()
    };
    let made = world.customers(&tenant).await;
    assert_eq!(made.len(), 1);
    let after = world.readmin(&tenant).await;
    let day = "UPDATE control.resources SET sent_at = sent_at - interval '25 hours'";
    world.database.client.batch_execute(day).await.expect("answers");
    let task = store::StepTask { tenant_id: after.tenant_id, attempt: 1, step: domain::Step::ActivateTenant };
    let long = std::time::Duration::from_secs(30);
    let lease = world.database.store.begin_step(task, "again", long, long).await.expect("free");
    let settled = world.biller().settle(&lease, Some(Plan::Enterprise)).await.expect("billed");
    assert_eq!(settled.customer_id.as_ref(), Some(&made[0]));
    assert_eq!(world.customers(&after).await, made);
    assert_eq!(world.customers(&tenant).await.len(), 0);
}
