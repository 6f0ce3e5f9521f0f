//! Sets Stripe to exactly what is wanted.

use std::time::Duration;

use domain::{CauseCode, Failure, TenantId};
use store::{Lease, Resource, ResourceKind};
use stripe::{Customer, Error, Price, Stripe, Subscription, SubscriptionChange};
use uuid::Uuid;

use crate::account::{Biller, BillingSettings, Plan};
use crate::once::{Made, Once};

/// A new customer has no payment method, so invoices are sent. They are due after this many days.
const DAYS_UNTIL_DUE: u32 = 30;
/// How long an unanswered request may still take effect, and its result may be missing in a list.
const ON_ITS_WAY: Duration = Duration::from_mins(2);
/// How many rounds are made. If the subscription turns out to have ended, a second round creates a new one.
const ROUNDS: usize = 2;

/// Stripe's state after settling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The tenant's customer, if it ever had one.
    pub customer_id: Option<String>,
    /// Its live subscription, if it has one. A subscription that is cancelled at the end of the period is live until
    /// then.
    pub subscription_id: Option<String>,
    /// What was done just now.
    pub change: Change,
}

/// What settling did to the subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing, because it was as wanted already.
    Nothing,
    /// A new one was created.
    Created,
    /// Its price was changed, or its cancellation was reverted, or both.
    Updated,
    /// It was cancelled at the end of the period.
    Cancelled,
}

impl Biller<'_> {
    /// Sets Stripe to exactly what is wanted: one live subscription with the plan's price, or none that continues after
    /// the period that is paid for. It can be repeated after any crash, and repeating it changes nothing more. The
    /// lease is not given back. If no billing was ever begun and none is wanted, Stripe is not called.
    ///
    /// A failure of kind [`domain::FailureKind::Rejected`] means that Stripe refused, or that its state does not allow
    /// the wanted change. After any other failure the outcome is unknown until this is called again.
    pub async fn settle(self, lease: &Lease<'_>, wanted: Option<Plan>) -> Result<Settled, Failure> {
        self.settle_noting(lease, wanted, &mut false).await
    }

    /// The same as [`Biller::settle`]. `touched` is set as soon as Stripe may be in another state than before.
    pub(crate) async fn settle_noting(
        self,
        lease: &Lease<'_>,
        wanted: Option<Plan>,
        touched: &mut bool,
    ) -> Result<Settled, Failure> {
        let prices = self.settings();
        if let Some(plan) = wanted {
            let stripe = &self.stripe().await?;
            return Settling { lease, stripe, prices, touched }.subscribe(prices.lookup_key(plan)).await;
        }
        let customer_id = lease.resource(ResourceKind::StripeCustomer).await?.and_then(|row| row.external_id);
        let Some(subscription) = lease.resource(ResourceKind::StripeSubscription).await? else {
            return Ok(Settled { customer_id, subscription_id: None, change: Change::Nothing });
        };
        let stripe = &self.stripe().await?;
        Settling { lease, stripe, prices, touched }.cancel(customer_id, &subscription).await
    }
}

/// One tenant being settled.
struct Settling<'a> {
    lease: &'a Lease<'a>,
    stripe: &'a Stripe,
    prices: &'a BillingSettings,
    touched: &'a mut bool,
}

impl Settling<'_> {
    async fn subscribe(&mut self, lookup_key: &str) -> Result<Settled, Failure> {
        let customer_id = self.customer().await?;
        for _ in 0..ROUNDS {
            let Made { id, fresh } = self.subscription(&customer_id, lookup_key).await?;
            let settled =
                |id, change| Settled { customer_id: Some(customer_id.clone()), subscription_id: Some(id), change };
            if fresh {
                return Ok(settled(id, Change::Created));
            }
            let found = self.stripe.subscription(&id).await?;
            if found.is_live() {
                let change = self.align(&found, lookup_key).await?;
                return Ok(settled(id, change));
            }
            if let Some(ended) = self.lease.resource(ResourceKind::StripeSubscription).await? {
                self.lease.give_up(&ended).await?;
            }
        }
        Err(CauseCode::SubscriptionEnds.into())
    }

    /// The tenant's customer. A new one is created if there is none.
    async fn customer(&mut self) -> Result<String, Failure> {
        let tenant = self.lease.tenant();
        let request = stripe::create_customer(
            tenant.admin_email.as_str(),
            tenant.display_name.as_str(),
            &tenant.tenant_id.to_string(),
            tenant.slug.as_str(),
        );
        let once = Once { lease: self.lease, stripe: self.stripe, kind: ResourceKind::StripeCustomer, request };
        let find = || find_customer(self.stripe, tenant.tenant_id, tenant.admin_email.as_str());
        // A customer costs nothing, so a new one does not make Stripe differ from the row's tier.
        Ok(once.ensure(|answer: Customer| answer.id, find, &mut false).await?.id)
    }

    /// The tenant's subscription, which may have ended. A new one is created if the ledger knows none.
    async fn subscription(&mut self, customer_id: &str, lookup_key: &str) -> Result<Made, Failure> {
        let kind = ResourceKind::StripeSubscription;
        // The price is not looked up first. It may be archived by now, and a tenant with a subscription does not need
        // it.
        if let Some(Resource { external_id: Some(id), .. }) = self.lease.resource(kind).await? {
            return Ok(Made { id, fresh: false });
        }
        let tenant_id = self.lease.tenant().tenant_id;
        let price = self.price(lookup_key).await?;
        let request = stripe::create_subscription(customer_id, &price.id, &tenant_id.to_string(), DAYS_UNTIL_DUE);
        let once = Once { lease: self.lease, stripe: self.stripe, kind, request };
        let stripe = self.stripe;
        let find = || async move { Ok(find_subscription(stripe, tenant_id, customer_id).await?.map(|found| found.id)) };
        once.ensure(|answer: Subscription| answer.id, find, self.touched).await
    }

    /// Sets the wanted price of a live subscription and reverts a cancellation, in one request, if needed.
    async fn align(&mut self, found: &Subscription, lookup_key: &str) -> Result<Change, Failure> {
        let Some(item) = found.only_item() else {
            return Err(CauseCode::SubscriptionItemsSeveral.into());
        };
        let has = item.price.lookup_key.as_deref();
        if !self.prices.is_ours(has) {
            return Err(CauseCode::SubscriptionPriceForeign.into());
        }
        let price = if has == Some(lookup_key) { None } else { Some(self.price(lookup_key).await?) };
        if price.is_none() && !found.cancel_at_period_end {
            return Ok(Change::Nothing);
        }
        let change = SubscriptionChange {
            price: price.as_ref().map(|price| (item.id.as_str(), price.id.as_str())),
            cancel_at_period_end: found.cancel_at_period_end.then_some(false),
        };
        self.update(&found.id, change).await?;
        Ok(Change::Updated)
    }

    /// Cancels the subscription at the end of the period that is paid for, unless it has ended or is cancelled already.
    async fn cancel(&mut self, customer_id: Option<String>, row: &Resource) -> Result<Settled, Failure> {
        let found = match &row.external_id {
            Some(id) => Some(self.stripe.subscription(id).await?),
            None => self.adopt(customer_id.as_deref(), row).await?,
        };
        let Some(live) = found.filter(Subscription::is_live) else {
            return Ok(Settled { customer_id, subscription_id: None, change: Change::Nothing });
        };
        let change = if live.cancel_at_period_end {
            Change::Nothing
        } else {
            let change = SubscriptionChange { price: None, cancel_at_period_end: Some(true) };
            self.update(&live.id, change).await?;
            Change::Cancelled
        };
        Ok(Settled { customer_id, subscription_id: Some(live.id), change })
    }

    /// Looks for the object that an unanswered request may have created. Only after [`ON_ITS_WAY`] it is certain that
    /// there is none.
    async fn adopt(&mut self, customer_id: Option<&str>, open: &Resource) -> Result<Option<Subscription>, Failure> {
        let tenant = self.lease.tenant();
        let customer_id = match customer_id {
            Some(id) => id.to_owned(),
            None => match find_customer(self.stripe, tenant.tenant_id, tenant.admin_email.as_str()).await? {
                Some(id) => id,
                None => return Ok(None),
            },
        };
        let found = find_subscription(self.stripe, tenant.tenant_id, &customer_id).await?;
        if let Some(found) = &found {
            *self.touched = true;
            self.lease.confirm(open, &found.id).await?;
        } else if open.age < ON_ITS_WAY {
            return Err(CauseCode::SubscriptionNotVisible.into());
        }
        Ok(found)
    }

    async fn price(&self, lookup_key: &str) -> Result<Price, Failure> {
        let price = self.stripe.price_by_lookup_key(lookup_key).await?;
        price.ok_or_else(|| CauseCode::BillingPriceMissing.into())
    }

    /// The change names the wanted state and not a difference. Repeating it changes nothing more, so each call has its
    /// own idempotency key.
    async fn update(&mut self, id: &str, change: SubscriptionChange<'_>) -> Result<(), Failure> {
        self.lease.fence(self.stripe.call_timeout()).await?;
        let request = stripe::update_subscription(id, change);
        match self.stripe.post::<Subscription>(&request, &Uuid::now_v7().to_string()).await {
            Ok(_) => {
                *self.touched = true;
                Ok(())
            }
            Err(error) => {
                *self.touched |= !error.is_definite();
                Err(if error.is_refusal() { refused(error) } else { error.of_a_write() })
            }
        }
    }
}

/// The customer with our metadata, among those with exactly the address that billing began with.
async fn find_customer(stripe: &Stripe, tenant_id: TenantId, email: &str) -> Result<Option<String>, Error> {
    let tenant_id = tenant_id.to_string();
    let customers = stripe.customers_by_email(email).await?;
    Ok(customers.into_iter().find(|customer| customer.is_tenants(&tenant_id)).map(|customer| customer.id))
}

async fn find_subscription(
    stripe: &Stripe,
    tenant_id: TenantId,
    customer_id: &str,
) -> Result<Option<Subscription>, Error> {
    let tenant_id = tenant_id.to_string();
    let subscriptions = stripe.subscriptions_of(customer_id).await?;
    Ok(subscriptions.into_iter().find(|found| found.is_tenants(&tenant_id) && found.is_live()))
}

/// A refused change has its own cause code.
fn refused(error: Error) -> Failure {
    let failure = Failure::from(error);
    Failure::from(CauseCode::SubscriptionChangeRefused).with_request_id(failure.provider_request_id())
}
