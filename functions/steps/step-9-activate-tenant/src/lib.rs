//! Step 9: billing, then the transaction that activates the tenant, then the delivery of what that transaction promised.

use std::time::Duration;

use billing::{Billing, Plan};
use domain::{Failure, Step, names};
use lambda_kit::{Budget, needs};
use outbox::{Event, Outbox};
use step_kit::{Lease, Outcome, Work};
use store::{Activation, Tenant};
use tenant_cache::CacheSettings;
use uuid::Uuid;

/// One call of Stripe.
const STRIPE_CALL: Duration = Duration::from_secs(10);
/// What is not delivered within this time is left to the reconciler.
const DELIVERY: Duration = Duration::from_secs(10);

needs! {
    /// Bills and activates the tenant.
    pub struct ActivateTenant {
        billing: Billing,
        outbox: Outbox,
        cache: CacheSettings,
    }
}

impl ActivateTenant {
    /// The tenant's Stripe customer with the tier's subscription; `None` for a tier that costs nothing. A tenant that is brought
    /// back may have had another tier once: then its customer stays, and a subscription ends with its period. Stripe is not
    /// called for a tenant that it never knew.
    async fn bill(&self, lease: &Lease<'_>) -> Result<Option<String>, Failure> {
        let plan = Plan::of(lease.tenant().tier);
        Ok(self.billing.within(STRIPE_CALL).settle(lease, plan).await?.customer_id)
    }
}

impl Work for ActivateTenant {
    type Step = Step;
    const STEP: Step = Step::ActivateTenant;

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        let customer = self.bill(lease).await?;
        let tenant = lease.tenant();
        let (invalidation_id, event_id) = (Uuid::now_v7(), Uuid::now_v7());
        let activation = Activation {
            stripe_customer_id: customer.as_deref(),
            tier: tenant.tier,
            // Once more: the middleware may have cached "inactive" since step 8.
            invalidation: (invalidation_id, &payload(&self.cache.entries(tenant))),
            event: (event_id, &payload(&event(tenant))),
        };
        lease.activate(activation).await?;
        self.outbox.deliver_now(lease.store(), &[invalidation_id, event_id], Budget::of(DELIVERY)).await;
        Ok(Outcome::Written)
    }
}

fn payload(payload: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(payload).unwrap_or_default()
}

/// `iam:tenants:provisioned`, or `iam:tenants:restored`, version 1: flat strings, no address, no Stripe id, no secret.
fn event(tenant: &Tenant) -> Event {
    let stream = if tenant.restored_at.is_some() { names::RESTORED } else { names::EVENTS };
    let fields = [
        ("event_type", stream.to_owned()),
        ("schema_version", "1".to_owned()),
        ("occurred_at", format!("{:.6}", jiff::Timestamp::now())),
        ("tenant_id", tenant.tenant_id.to_string()),
        ("slug", tenant.slug.to_string()),
        ("display_name", tenant.display_name.as_str().to_owned()),
        ("region", tenant.region.to_string()),
        ("tier", tenant.tier.to_string()),
        ("supabase_url", tenant.supabase_url.clone().unwrap_or_default()),
        ("supabase_project_ref", tenant.supabase_project_ref.clone().unwrap_or_default()),
        ("falkordb_graph_name", tenant.falkordb_graph_name.clone().unwrap_or_default()),
        ("opensearch_alias", tenant.opensearch_alias.clone().unwrap_or_default()),
        ("correlation_id", tenant.correlation_id.clone()),
    ];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Event { stream: stream.to_owned(), fields }
}
