//! What Stripe has of a tenant. Nothing is changed.

use domain::{CauseCode, Failure, TenantId};
use store::{LedgerEntry, ResourceKind};
use stripe::Mode;

use crate::account::{Biller, Plan};

/// What Stripe has of a tenant, by the ids that the ledger knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billed {
    /// Whether the customer is there; `None`: the ledger knows none.
    pub customer: Option<bool>,
    /// The subscription; `None`: the ledger knows none, or Stripe does not know it.
    pub subscription: Option<Subscribed>,
}

/// A subscription, as it is at Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// It is in force, or may come into force.
    pub live: bool,
    /// It ends with the period that is paid for.
    pub ends: bool,
    /// What it bills.
    pub price: Priced,
}

/// What a subscription bills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Priced {
    /// The price of this plan.
    For(Plan),
    /// A price that belongs to no plan.
    Foreign,
    /// Not exactly one thing.
    Several,
}

impl Biller<'_> {
    /// What Stripe has of a tenant. `ledger` is all that was made for it.
    pub async fn look(self, tenant_id: TenantId, ledger: &[LedgerEntry]) -> Result<Billed, Failure> {
        let stripe = self.stripe().await?;
        let live = |kind| ledger.iter().find(move |entry| entry.is_live(kind));
        let (customer, subscription) = (live(ResourceKind::StripeCustomer), live(ResourceKind::StripeSubscription));
        let in_live_mode = [customer, subscription].into_iter().flatten().any(|entry| entry.livemode == Some(true));
        if in_live_mode && stripe.mode() == Mode::Test {
            return Err(CauseCode::StripeKeyOfTestMode.into());
        }
        let customer = match customer.and_then(|entry| entry.external_id.as_deref()) {
            Some(id) => Some(stripe.customer(id).await?.is_some()),
            None => None,
        };
        let subscription = match subscription.and_then(|entry| entry.external_id.as_deref()) {
            Some(id) => stripe.subscription(id).await?,
            None => None,
        };
        let subscription = subscription.map(|found| {
            let price = match found.only_item() {
                None => Priced::Several,
                Some(item) => {
                    let own = item.price.lookup_key.as_deref().and_then(|key| self.settings().plan(key));
                    // A price that has lost its key still stands for the plan for which it was chosen.
                    let chosen = found.chosen_lookup_key().filter(|_| found.is_tenants(&tenant_id.to_string()));
                    own.or_else(|| self.settings().plan(chosen?)).map_or(Priced::Foreign, Priced::For)
                }
            };
            Subscribed { live: found.is_live(), ends: found.cancel_at_period_end, price }
        });
        Ok(Billed { customer, subscription })
    }
}
