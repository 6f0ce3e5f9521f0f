//! Step 9: billing, then the transaction that makes the tenant live, then what that transaction promised.

use std::collections::BTreeMap;
use std::time::Duration;

use billing::{Billing, Plan};
use domain::{Failure, Owner, Step};
use outbox::{Event, Invalidation, cache_keys};
use secrets::Secrets;
use step_kit::{Outcome, Platform, Run, StepError, Work};
use store::{Activation, Tenant};
use uuid::Uuid;

/// The stream other systems follow.
const STREAM: &str = "iam:tenants:provisioned";

/// One call of Stripe.
const STRIPE_CALL: Duration = Duration::from_secs(10);

/// The step.
pub struct ActivateTenant {
    secrets: Secrets,
    billing: Billing,
}

impl ActivateTenant {
    /// Built from `STRIPE_API_URL`, `STRIPE_PRICE_ENTERPRISE`, `STRIPE_PRICE_ENTERPRISE_PLUS`, `TENANT_CACHE_KEYS`.
    pub fn new(platform: &Platform) -> Result<Self, Failure> {
        Ok(Self { secrets: platform.secrets.clone(), billing: Billing::new(&platform.secrets, STRIPE_CALL) })
    }

    /// The tenant's Stripe customer with the tier's subscription; none for a tier that costs nothing.
    async fn bill(&self, run: &Run<'_>) -> Result<Option<String>, StepError> {
        let Some(plan) = Plan::of(run.tenant().tier) else { return Ok(None) };
        Ok(self.billing.settle(run, Some(plan)).await?.customer_id)
    }
}

impl Work for ActivateTenant {
    const STEP: Step = Step::ActivateTenant;

    async fn run(&self, run: &Run<'_>) -> Result<Outcome, StepError> {
        let customer = self.bill(run).await?;
        let tenant = run.tenant();
        let (invalidation_id, event_id) = (Uuid::now_v7(), Uuid::now_v7());
        let activation = Activation {
            stripe_customer_id: customer.as_deref(),
            tier: tenant.tier,
            // Once more: the middleware may have cached "inactive" since step 8.
            invalidation: (invalidation_id, &payload(&Invalidation { keys: cache_keys(tenant) })),
            event: (event_id, &payload(&event(tenant))),
        };
        if !run.activate(activation).await? {
            return Err(StepError::busy(
                "activation_overtaken",
                Owner::Platform,
                "The tenant changed, or the lease lapsed, before it could be made live; it is tried again.",
            ));
        }
        outbox::deliver_now(run.store(), &self.secrets, &[invalidation_id, event_id]).await;
        Ok(Outcome::Written)
    }
}

fn payload(payload: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(payload).unwrap_or_default()
}

/// `iam:tenants:provisioned`, version 1: flat strings, no address, no Stripe id, no secret.
fn event(tenant: &Tenant) -> Event {
    let fields = [
        ("event_type", STREAM.to_owned()),
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
    let fields: BTreeMap<String, String> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Event { stream: STREAM.to_owned(), fields }
}
