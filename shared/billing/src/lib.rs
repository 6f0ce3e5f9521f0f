//! Billing under a tenant's lease: Stripe at exactly the row's tier, however often it is asked for and whatever crashed
//! before.
//!
//! What holds at every moment: where Stripe may not be at the row's tier, an open intent says so. It is committed before
//! Stripe is called and closed in the statement that makes row and Stripe agree; who dies in between leaves it to the
//! reconciler, which sets Stripe to the row's tier.

mod change;
mod once;
mod open;
mod settle;

use std::env;
use std::time::Duration;

use domain::{Failure, Tier};
use secrecy::SecretString;
use secrets::{Name, Secrets, Source};
use serde::Deserialize;
use stripe::Stripe;

pub use change::{Changed, NotBegun, begin_change, finish_change};
pub use open::{Report, settle_open};
pub use settle::{Change, Settled};

/// The secret `control/stripe`.
#[derive(Clone, Debug, Deserialize)]
pub struct StripeSecret {
    /// The account's secret key, `sk_…` or `rk_…`.
    pub secret_key: SecretString,
}

/// What a tier that is paid for is billed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// [`Tier::Enterprise`].
    Enterprise,
    /// [`Tier::EnterprisePlus`].
    EnterprisePlus,
}

impl Plan {
    /// The tier's plan; none for a tier that costs nothing.
    #[must_use]
    pub const fn of(tier: Tier) -> Option<Self> {
        match tier {
            Tier::Pilot => None,
            Tier::Enterprise => Some(Self::Enterprise),
            Tier::EnterprisePlus => Some(Self::EnterprisePlus),
        }
    }
}

/// The lookup keys of the plans' prices at Stripe.
#[derive(Clone, Debug)]
pub struct Prices {
    /// Of [`Plan::Enterprise`].
    pub enterprise: String,
    /// Of [`Plan::EnterprisePlus`].
    pub enterprise_plus: String,
}

impl Prices {
    /// From `STRIPE_PRICE_ENTERPRISE` and `STRIPE_PRICE_ENTERPRISE_PLUS`.
    #[must_use]
    pub fn from_env() -> Self {
        Self {
            enterprise: given(env::var("STRIPE_PRICE_ENTERPRISE"), "ivory_enterprise"),
            enterprise_plus: given(env::var("STRIPE_PRICE_ENTERPRISE_PLUS"), "ivory_enterprise_plus"),
        }
    }

    fn lookup_key(&self, plan: Plan) -> &str {
        match plan {
            Plan::Enterprise => &self.enterprise,
            Plan::EnterprisePlus => &self.enterprise_plus,
        }
    }

    fn is_ours(&self, lookup_key: Option<&str>) -> bool {
        lookup_key.is_some_and(|key| key == self.enterprise || key == self.enterprise_plus)
    }
}

fn given(variable: Result<String, env::VarError>, default: &str) -> String {
    variable.ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
}

/// The account that bills this installation's tenants.
#[derive(Clone)]
pub struct Billing {
    secret: Source<StripeSecret>,
    api_url: String,
    prices: Prices,
    call: Duration,
}

impl Billing {
    /// Built from the secret `control/stripe`, `STRIPE_API_URL` and the prices' variables. `call` is what one call of
    /// Stripe may take; every fence keeps that much time free.
    #[must_use]
    pub fn new(secrets: &Secrets, call: Duration) -> Self {
        let api_url = given(env::var("STRIPE_API_URL"), "https://api.stripe.com");
        Self::with(secrets.source(Name::Control("stripe")), api_url, Prices::from_env(), call)
    }

    /// Of the account whose secret `secret` reads, at `api_url`.
    #[must_use]
    pub fn with(secret: Source<StripeSecret>, api_url: String, prices: Prices, call: Duration) -> Self {
        Self { secret, api_url, prices, call }
    }

    /// What one call of Stripe may take.
    #[must_use]
    pub const fn call_timeout(&self) -> Duration {
        self.call
    }

    async fn stripe(&self) -> Result<Stripe, Failure> {
        Ok(Stripe::new(&self.api_url, (self.secret)().await?.secret_key, self.call))
    }
}
