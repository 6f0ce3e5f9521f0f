//! Brings Stripe to exactly what is wanted.

use std::time::Duration;

use domain::{Failure, FailureKind, Owner, TenantId};
use store::{Resource, ResourceKind};
use stripe::{Customer, Error, Price, Stripe, Subscription, SubscriptionChange};
use tenant_lease::Held;
use uuid::Uuid;

use crate::once::{Made, Once};
use crate::{Billing, Plan, Prices};

/// A new customer has no payment method: invoices are sent, and due after these many days.
const DAYS_UNTIL_DUE: u32 = 30;
/// How long a request that was not answered may be on its way, and what it makes not to be in a list yet.
const ON_ITS_WAY: Duration = Duration::from_mins(2);
/// A subscription that turns out to have ended is followed by a new one, which has not.
const ROUNDS: usize = 2;

/// Where Stripe stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The tenant's customer, if it ever had one.
    pub customer_id: Option<String>,
    /// Its live subscription, if it has one; one that is cancelled at the period's end is live until then.
    pub subscription_id: Option<String>,
    /// What was done about it just now.
    pub change: Change,
}

/// What settling did about the subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it was as wanted.
    Nothing,
    /// There is a new one.
    Created,
    /// It has another price, or is no longer cancelled, or both.
    Updated,
    /// It is cancelled at the period's end.
    Cancelled,
}

impl Billing {
    /// Brings Stripe to exactly what is wanted: one live subscription to the plan's price, or none that goes on after the
    /// period that is paid for. Done again it changes nothing more, whatever became of the time before. The lease is not
    /// given back. Where no billing was ever begun and none is wanted, Stripe is not called.
    ///
    /// A failure of kind [`FailureKind::Rejected`] says that Stripe, or what was found there, is against it; after any
    /// other kind the outcome is open until this is called again.
    pub async fn settle(&self, held: &Held<'_>, wanted: Option<Plan>) -> Result<Settled, Failure> {
        self.settle_noting(held, wanted, &mut false).await
    }

    /// As [`Billing::settle`]. `touched` is set once Stripe may be in another state than before, whatever the outcome.
    pub(crate) async fn settle_noting(
        &self,
        held: &Held<'_>,
        wanted: Option<Plan>,
        touched: &mut bool,
    ) -> Result<Settled, Failure> {
        if let Some(plan) = wanted {
            let (prices, stripe) = (&self.prices, &self.stripe().await?);
            return Settling { held, stripe, prices, touched }.subscribe(prices.lookup_key(plan)).await;
        }
        let customer_id = held.resource(ResourceKind::StripeCustomer).await?.and_then(|row| row.external_id);
        let Some(subscription) = held.resource(ResourceKind::StripeSubscription).await? else {
            return Ok(Settled { customer_id, subscription_id: None, change: Change::Nothing });
        };
        let (prices, stripe) = (&self.prices, &self.stripe().await?);
        Settling { held, stripe, prices, touched }.cancel(customer_id, &subscription).await
    }
}

/// One tenant being settled.
struct Settling<'a> {
    held: &'a Held<'a>,
    stripe: &'a Stripe,
    prices: &'a Prices,
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
            if let Some(ended) = self.held.resource(ResourceKind::StripeSubscription).await? {
                self.held.give_up(&ended).await?;
            }
        }
        Err(Failure::new(
            FailureKind::Busy,
            "subscription_ends",
            Owner::Provider,
            "The tenant's new subscription ended at once; it is looked at again.",
        ))
    }

    /// The tenant's customer.
    async fn customer(&mut self) -> Result<String, Failure> {
        let tenant = self.held.tenant();
        let request = stripe::create_customer(
            tenant.admin_email.as_str(),
            tenant.display_name.as_str(),
            &tenant.tenant_id.to_string(),
            tenant.slug.as_str(),
        );
        let once = Once { held: self.held, stripe: self.stripe, kind: ResourceKind::StripeCustomer, request };
        let find = || find_customer(self.stripe, tenant.tenant_id, tenant.admin_email.as_str());
        // A customer costs nothing: that it is there now does not put Stripe beside the row's tier.
        Ok(once.ensure(|answer: Customer| answer.id, find, &mut false).await?.id)
    }

    /// The tenant's subscription, which may have ended; a new one where the ledger knows of none.
    async fn subscription(&mut self, customer_id: &str, lookup_key: &str) -> Result<Made, Failure> {
        let kind = ResourceKind::StripeSubscription;
        // A price that was archived since must not hold up a tenant who has its subscription.
        if let Some(Resource { external_id: Some(id), .. }) = self.held.resource(kind).await? {
            return Ok(Made { id, fresh: false });
        }
        let tenant_id = self.held.tenant().tenant_id;
        let price = self.price(lookup_key).await?;
        let request = stripe::create_subscription(customer_id, &price.id, &tenant_id.to_string(), DAYS_UNTIL_DUE);
        let once = Once { held: self.held, stripe: self.stripe, kind, request };
        let stripe = self.stripe;
        let find = || async move { Ok(find_subscription(stripe, tenant_id, customer_id).await?.map(|found| found.id)) };
        once.ensure(|answer: Subscription| answer.id, find, self.touched).await
    }

    /// Gives a live subscription the wanted price and takes back a cancellation, in one request, if it needs either.
    async fn align(&mut self, found: &Subscription, lookup_key: &str) -> Result<Change, Failure> {
        let Some(item) = found.only_item() else {
            return Err(Failure::new(
                FailureKind::Rejected,
                "subscription_items_several",
                Owner::Platform,
                "The tenant's subscription does not have exactly one item; leave one with a tier's price in Stripe, then send the request again.",
            ));
        };
        let has = item.price.lookup_key.as_deref();
        if !self.prices.is_ours(has) {
            return Err(Failure::new(
                FailureKind::Rejected,
                "subscription_price_foreign",
                Owner::Platform,
                "The tenant's subscription has a price that is no tier's; give it a tier's price in Stripe or name its lookup key in the parameters, then send the request again.",
            ));
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

    /// Ends the subscription with the period that is paid for, if it is there and not ending already.
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

    /// What a request that was never answered made, if it made anything. That nothing is found counts only once nothing
    /// can be on its way any more.
    async fn adopt(&mut self, customer_id: Option<&str>, open: &Resource) -> Result<Option<Subscription>, Failure> {
        let tenant = self.held.tenant();
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
            self.held.confirm(open, &found.id, None).await?;
        } else if open.age < ON_ITS_WAY {
            return Err(Failure::new(
                FailureKind::Busy,
                "subscription_not_visible",
                Owner::Provider,
                "The request for the tenant's subscription was not answered; what it made is looked for until it would be there.",
            ));
        }
        Ok(found)
    }

    async fn price(&self, lookup_key: &str) -> Result<Price, Failure> {
        self.stripe.price_by_lookup_key(lookup_key).await?.ok_or_else(|| {
            Failure::new(
                FailureKind::Rejected,
                "billing_price_missing",
                Owner::Platform,
                "Stripe has no active price with the tier's lookup key; create one or change the parameter, then send the request again.",
            )
        })
    }

    /// Absolute, so that every call has a key of its own: the same change again is no other change.
    async fn update(&mut self, id: &str, change: SubscriptionChange<'_>) -> Result<(), Failure> {
        self.held.fence(self.stripe.call_timeout()).await?;
        let request = stripe::update_subscription(id, change);
        match self.stripe.post::<Subscription>(&request, &Uuid::now_v7().to_string()).await {
            Ok(_) => {
                *self.touched = true;
                Ok(())
            }
            Err(error) => {
                *self.touched |= !error.is_definite();
                Err(if error.is_refusal() { refused(error) } else { failure(error) })
            }
        }
    }
}

/// Of exactly the address billing was begun with, the one with our metadata.
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

/// Stripe's no to a change, in words about the change.
fn refused(error: Error) -> Failure {
    let request_id = Failure::from(error).cause.provider_request_id;
    Failure::new(
        FailureKind::Rejected,
        "subscription_change_refused",
        Owner::Platform,
        "Stripe refused to change the tenant's subscription; look the request's id up in Stripe's dashboard, mend what it names, then send the request again.",
    )
    .with_request_id(request_id.as_deref())
}

/// A request whose effect is unknown is never a refusal, whatever came back.
pub(crate) fn failure(error: Error) -> Failure {
    let definite = error.is_definite();
    let mut failure = Failure::from(error);
    if !definite && failure.kind == FailureKind::Rejected {
        failure.kind = FailureKind::Transient;
        failure.cause.retryable = true;
    }
    failure
}
