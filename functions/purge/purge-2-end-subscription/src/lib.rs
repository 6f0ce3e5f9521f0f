//! Step 2 of a purge: nothing more is billed. The customer stays with its invoices, or is deleted where the request wants that.

use std::time::Duration;

use billing::{Billing, Remains};
use domain::{CauseCode, CustomerPolicy, Failure, PurgeStep, PurgedKind};
use lambda_kit::needs;
use purge_kit::{Outcome, PurgeLease, Thing, Work};
use store::ResourceKind;

/// One call of Stripe.
const STRIPE_CALL: Duration = Duration::from_secs(5);
/// How long a request that was not answered may still take effect.
const ON_ITS_WAY: Duration = Duration::from_mins(2);

needs! {
    /// Ends what is billed.
    pub struct EndSubscription {
        billing: Billing,
    }
}

impl Work for EndSubscription {
    type Step = PurgeStep;
    const STEP: PurgeStep = PurgeStep::EndSubscription;

    async fn run(&self, lease: &PurgeLease<'_>) -> Result<Outcome, Failure> {
        if let Some(remains) = self.billing.within(STRIPE_CALL).remains(lease).await? {
            for id in &remains.subscriptions {
                let ended = remains.end_subscription(id).await?;
                thing(lease, ResourceKind::StripeSubscription, PurgedKind::StripeSubscription, id)
                    .await?
                    .gone(ended)
                    .await?;
            }
            for id in &remains.customers {
                end_customer(lease, &remains, id).await?;
            }
            for kind in [ResourceKind::StripeSubscription, ResourceKind::StripeCustomer] {
                give_up(lease, kind).await?;
            }
        }
        Ok(Outcome::DONE)
    }
}

async fn end_customer(lease: &PurgeLease<'_>, remains: &Remains<'_>, id: &str) -> Result<(), Failure> {
    let customer = thing(lease, ResourceKind::StripeCustomer, PurgedKind::StripeCustomer, id).await?;
    match lease.purge().policies.customer {
        CustomerPolicy::Delete => remains.delete_customer(id).await?,
        CustomerPolicy::Keep if remains.has_customer(id).await? => {
            return customer.kept("it is there", "its invoices are kept, as the request says").await;
        }
        CustomerPolicy::Keep => {}
    }
    customer.gone("it is deleted").await
}

/// A request that was not answered, and of which nothing came.
async fn give_up(lease: &PurgeLease<'_>, kind: ResourceKind) -> Result<(), Failure> {
    match lease.resource(kind).await? {
        Some(row) if row.external_id.is_none() && row.age < ON_ITS_WAY => Err(CauseCode::SubscriptionNotVisible.into()),
        Some(row) if row.external_id.is_none() => lease.give_up(&row).await,
        Some(_) | None => Ok(()),
    }
}

/// The thing with its row in the ledger. Of one kind, the ledger has one live row, which may not know the id.
async fn thing<'a>(
    lease: &'a PurgeLease<'a>,
    kind: ResourceKind,
    purged: PurgedKind,
    id: &str,
) -> Result<Thing<'a>, Failure> {
    let row = lease.resource(kind).await?;
    let its = row.filter(|row| row.external_id.as_deref().is_none_or(|known| known == id));
    Ok(Thing::of(lease, purged, id).with_id(id).in_ledger(its.map(|row| row.id)))
}
