//! The Stripe account, and the prices of the tiers.

use std::time::Duration;

use domain::{CauseCode, Failure, Tier};
use lambda_kit::{Read, needs, settings};
use secrets::StripeSecret;
use stripe::{Mode, Price, Stripe};

/// The plan of a tier that is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// [`Tier::Enterprise`].
    Enterprise,
    /// [`Tier::EnterprisePlus`].
    EnterprisePlus,
}

impl Plan {
    /// The tier's plan; `None` for a tier without a price.
    #[must_use]
    pub const fn of(tier: Tier) -> Option<Self> {
        match tier {
            Tier::Pilot => None,
            Tier::Enterprise => Some(Self::Enterprise),
            Tier::EnterprisePlus => Some(Self::EnterprisePlus),
        }
    }
}

settings! {
    /// Stripe's address, and the lookup keys of the plans' prices.
    pub struct BillingSettings {
        /// The API's base URL.
        pub api_url: String = "STRIPE_API_URL" or "https://api.stripe.com",
        /// The price of [`Plan::Enterprise`].
        pub enterprise: String = "STRIPE_PRICE_ENTERPRISE" or "ivory_enterprise",
        /// The price of [`Plan::EnterprisePlus`].
        pub enterprise_plus: String = "STRIPE_PRICE_ENTERPRISE_PLUS" or "ivory_enterprise_plus",
    }
}

impl BillingSettings {
    pub(crate) fn lookup_key(&self, plan: Plan) -> &str {
        match plan {
            Plan::Enterprise => &self.enterprise,
            Plan::EnterprisePlus => &self.enterprise_plus,
        }
    }

    /// The plan whose price has this lookup key.
    pub(crate) fn plan(&self, lookup_key: &str) -> Option<Plan> {
        [Plan::Enterprise, Plan::EnterprisePlus].into_iter().find(|plan| self.lookup_key(*plan) == lookup_key)
    }

    /// Whether this is the lookup key of a plan's price.
    pub(crate) fn is_ours(&self, lookup_key: &str) -> bool {
        self.plan(lookup_key).is_some()
    }
}

needs! {
    /// The Stripe account that bills this installation's tenants.
    pub struct Billing {
        /// The account's key.
        pub account: Read<StripeSecret>,
        /// Stripe's address and the prices.
        pub settings: BillingSettings,
    }
}

impl Billing {
    /// Bills with calls to Stripe that take at most `call` each. Before every call it checks that the lease outlasts
    /// it.
    #[must_use]
    pub const fn within(&self, call: Duration) -> Biller<'_> {
        Biller { billing: self, call }
    }
}

/// [`Billing`] with a limit for each call of Stripe.
#[derive(Clone, Copy)]
pub struct Biller<'a> {
    billing: &'a Billing,
    pub(crate) call: Duration,
}

impl<'a> Biller<'a> {
    pub(crate) const fn settings(self) -> &'a BillingSettings {
        &self.billing.settings
    }

    /// Checks that the account can bill the plan: the key is accepted and may read what billing reads, and the plan has a
    /// price. Nothing is changed. False: the key is one of test mode.
    pub async fn check(self, plan: Plan) -> Result<bool, Failure> {
        let stripe = self.stripe().await?;
        price(&stripe, self.settings().lookup_key(plan)).await?;
        // What nobody has. A restricted key that may not look for it is refused.
        stripe.customers_by_email("preflight@ivory-control-plane.invalid").await?;
        stripe.subscriptions_of("cus_ivorypreflight").await?;
        Ok(stripe.mode() == Mode::Live)
    }

    pub(crate) async fn stripe(self) -> Result<Stripe, Failure> {
        let secret = self.billing.account.read().await?;
        Ok(Stripe::new(&self.settings().api_url, secret.secret_key, self.call))
    }
}

/// The price with this lookup key, which a subscription can have.
pub(crate) async fn price(stripe: &Stripe, lookup_key: &str) -> Result<Price, Failure> {
    match stripe.price_by_lookup_key(lookup_key).await? {
        Some(price) if price.is_recurring() => Ok(price),
        Some(_) => Err(Failure::with_detail(CauseCode::BillingPriceOnce, lookup_key)),
        None => Err(Failure::with_detail(CauseCode::BillingPriceMissing, lookup_key)),
    }
}
