//! Sets Stripe to exactly what is wanted.

use std::time::Duration;

use domain::{CauseCode, Failure, TenantId, word};
use store::{Lease, Resource, ResourceKind, Tenant};
use stripe::{ChosenPrice, Customer, Error, Mode, PreparedPost, Stripe, Subscription, SubscriptionChange};
use uuid::Uuid;

use crate::account::{Biller, BillingSettings, Plan, price};
use crate::once::{Made, Once};

/// A new customer has no payment method, so invoices are sent. They are due after this many days.
const DAYS_UNTIL_DUE: u32 = 30;
/// How long an unanswered request may still take effect, and its result may be missing in a list.
const ON_ITS_WAY: Duration = Duration::from_mins(2);
/// How many rounds are made. If something turns out to be gone, the next round makes it anew: the subscription in the second
/// one, and the customer as well if it is deleted only then.
const ROUNDS: usize = 3;

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
    /// What Stripe says is gone is gone: its ledger row is given up, and it is made anew if it is wanted. Only a key of
    /// test mode cannot say so of something that is billed live.
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
        // Boxed, because what is awaited for Stripe is nested deep.
        let settled = Box::pin(self.settle_subscription(lease, wanted, touched)).await?;
        if let Some(customer_id) = &settled.customer_id {
            self.readdress(lease, customer_id).await?;
        }
        Ok(settled)
    }

    /// Brings the tenant's present address to its customer. The ledger says which one the customer has.
    async fn readdress(self, lease: &Lease<'_>, customer_id: &str) -> Result<(), Failure> {
        let Some(row) = lease.resource(ResourceKind::StripeCustomer).await? else { return Ok(()) };
        let tenant = lease.tenant();
        let email = tenant.admin_email.as_str();
        let wanted = create_customer(tenant);
        let Some(had) = row.request.as_deref().filter(|_| row.external_id.is_some()) else { return Ok(()) };
        if email_of(had) == email_of(&wanted.body) {
            return Ok(());
        }
        let stripe = self.stripe_of(lease).await?;
        lease.fence(stripe.call_timeout()).await?;
        let request = stripe::update_customer(customer_id, email);
        match stripe.post::<Customer>(&request, &Uuid::now_v7().to_string()).await {
            Ok(_) => lease.resource_is(&row, &wanted.body).await,
            // The customer is gone. Whoever needs one makes it anew, with the present address.
            Err(error) if error.is_refusal() => Ok(()),
            Err(error) => Err(error.of_a_write()),
        }
    }

    async fn settle_subscription(
        self,
        lease: &Lease<'_>,
        wanted: Option<Plan>,
        touched: &mut bool,
    ) -> Result<Settled, Failure> {
        let prices = self.settings();
        if let Some(plan) = wanted {
            let stripe = &self.stripe_of(lease).await?;
            return Settling { lease, stripe, prices, touched }.subscribe(prices.lookup_key(plan)).await;
        }
        let customer_id = lease.resource(ResourceKind::StripeCustomer).await?.and_then(|row| row.external_id);
        let Some(subscription) = lease.resource(ResourceKind::StripeSubscription).await? else {
            return Ok(Settled { customer_id, subscription_id: None, change: Change::Nothing });
        };
        let stripe = &self.stripe_of(lease).await?;
        Settling { lease, stripe, prices, touched }.cancel(customer_id, &subscription).await
    }

    /// Stripe, with a key that knows the tenant's objects if they are there at all.
    pub(crate) async fn stripe_of(self, lease: &Lease<'_>) -> Result<Stripe, Failure> {
        let stripe = self.stripe().await?;
        if stripe.mode() == Mode::Test && lease.is_billed_live().await? {
            return Err(CauseCode::StripeKeyOfTestMode.into());
        }
        Ok(stripe)
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
        for _ in 0..ROUNDS {
            if let Some(settled) = self.round(lookup_key).await? {
                return Ok(settled);
            }
        }
        Err(CauseCode::SubscriptionEnds.into())
    }

    /// `None`: something turned out to be gone, and its ledger row was given up.
    async fn round(&mut self, lookup_key: &str) -> Result<Option<Settled>, Failure> {
        let customer_id = self.customer().await?;
        let Some(Made { id, fresh }) = self.subscription(&customer_id, lookup_key).await? else { return Ok(None) };
        let change = if fresh { Some(Change::Created) } else { self.align(&id, lookup_key).await? };
        if let Some(change) = change {
            return Ok(Some(Settled { customer_id: Some(customer_id), subscription_id: Some(id), change }));
        }
        // The row's tier may be one that is paid for, and Stripe does not bill it.
        *self.touched |= Plan::of(self.lease.tenant().tier).is_some();
        self.give_up(ResourceKind::StripeSubscription, &id).await?;
        // With a customer its subscriptions end.
        self.give_up_deleted(&customer_id).await?;
        Ok(None)
    }

    /// The tenant's customer, which may be gone. A new one is created if there is none.
    async fn customer(&mut self) -> Result<String, Failure> {
        let request = create_customer(self.lease.tenant());
        let once = Once { lease: self.lease, stripe: self.stripe, kind: ResourceKind::StripeCustomer, request };
        let find = || find_customer(self.lease, self.stripe);
        // A customer costs nothing, so a new one does not make Stripe differ from the row's tier.
        Ok(once.ensure(|answer: Customer| answer.id, find, &mut false).await?.id)
    }

    /// The tenant's subscription, which may have ended. A new one is created if the ledger knows none. `None`: the customer
    /// was gone, and its ledger row was given up.
    async fn subscription(&mut self, customer_id: &str, lookup_key: &str) -> Result<Option<Made>, Failure> {
        let kind = ResourceKind::StripeSubscription;
        // The price is not looked up first. It may be archived by now, and a tenant with a subscription does not need
        // it.
        if let Some(Resource { external_id: Some(id), .. }) = self.lease.resource(kind).await? {
            return Ok(Some(Made { id, fresh: false }));
        }
        let tenant_id = self.lease.tenant().tenant_id;
        let price = price(self.stripe, lookup_key).await?;
        let price = ChosenPrice { id: &price.id, lookup_key };
        let request = stripe::create_subscription(customer_id, price, &tenant_id.to_string(), DAYS_UNTIL_DUE);
        let once = Once { lease: self.lease, stripe: self.stripe, kind, request };
        let stripe = self.stripe;
        let find = || async move { Ok(find_subscription(stripe, tenant_id, customer_id).await?.map(|found| found.id)) };
        match once.ensure(|answer: Subscription| answer.id, find, self.touched).await {
            Ok(made) => Ok(Some(made)),
            Err(failure) if failure.code() == CauseCode::StripeRejected => {
                if self.give_up_deleted(customer_id).await? {
                    Ok(None)
                } else {
                    Err(failure)
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// Sets the wanted price of the subscription and reverts a cancellation, in one request, if needed. `None`: it is gone.
    async fn align(&mut self, id: &str, lookup_key: &str) -> Result<Option<Change>, Failure> {
        let Some(found) = self.live(id).await? else { return Ok(None) };
        let Some(item) = found.only_item() else {
            return Err(about(CauseCode::SubscriptionItemsSeveral, id));
        };
        let own = item.price.lookup_key.as_deref().filter(|key| self.prices.is_ours(key));
        if own.is_none() && !found.is_tenants(&self.lease.tenant().tenant_id.to_string()) {
            return Err(about(CauseCode::SubscriptionPriceForeign, id));
        }
        // A price that has lost its key still stands for the plan for which it was chosen.
        let has = own.or_else(|| found.chosen_lookup_key());
        let price = if has == Some(lookup_key) { None } else { Some(price(self.stripe, lookup_key).await?) };
        if price.is_none() && !found.cancel_at_period_end {
            return Ok(Some(Change::Nothing));
        }
        let change = SubscriptionChange {
            price: price.as_ref().map(|price| (item.id.as_str(), ChosenPrice { id: &price.id, lookup_key })),
            cancel_at_period_end: found.cancel_at_period_end.then_some(false),
        };
        Ok(self.update(id, change).await?.then_some(Change::Updated))
    }

    /// The subscription, unless it has ended or does not exist.
    async fn live(&self, id: &str) -> Result<Option<Subscription>, Failure> {
        Ok(self.stripe.subscription(id).await?.filter(Subscription::is_live))
    }

    /// Gives the customer up if Stripe does not have it any more.
    async fn give_up_deleted(&self, customer_id: &str) -> Result<bool, Failure> {
        let gone = self.stripe.customer(customer_id).await?.is_none();
        if gone {
            self.give_up(ResourceKind::StripeCustomer, customer_id).await?;
        }
        Ok(gone)
    }

    /// The object with this id is gone.
    async fn give_up(&self, kind: ResourceKind, id: &str) -> Result<(), Failure> {
        let row = self.lease.resource(kind).await?;
        if let Some(row) = row.filter(|row| row.external_id.as_deref() == Some(id)) {
            tracing::warn!(kind = kind.as_str(), id, "gone at Stripe");
            self.lease.give_up(&row).await?;
        }
        Ok(())
    }

    /// Cancels the subscription at the end of the period that is paid for, unless it has ended or is cancelled already.
    async fn cancel(&mut self, customer_id: Option<String>, row: &Resource) -> Result<Settled, Failure> {
        let found = match &row.external_id {
            Some(id) => self.live(id).await?,
            None => self.adopt(customer_id.as_deref(), row).await?,
        };
        let ended = |customer_id| Settled { customer_id, subscription_id: None, change: Change::Nothing };
        let Some(live) = found else { return Ok(ended(customer_id)) };
        let change = if live.cancel_at_period_end {
            Change::Nothing
        } else {
            let change = SubscriptionChange { price: None, cancel_at_period_end: Some(true) };
            if !self.update(&live.id, change).await? {
                return Ok(ended(customer_id));
            }
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
            None => match find_customer(self.lease, self.stripe).await? {
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

    /// The change names the wanted state and not a difference. Repeating it changes nothing more, so each call has its
    /// own idempotency key. False: the subscription has ended.
    async fn update(&mut self, id: &str, change: SubscriptionChange<'_>) -> Result<bool, Failure> {
        self.lease.fence(self.stripe.call_timeout()).await?;
        let request = stripe::update_subscription(id, change);
        match self.stripe.post::<Subscription>(&request, &Uuid::now_v7().to_string()).await {
            Ok(_) => {
                *self.touched = true;
                Ok(true)
            }
            Err(error) if error.is_refusal() => match self.live(id).await? {
                None => Ok(false),
                Some(_) => Err(refused(id, error)),
            },
            Err(error) => {
                *self.touched |= !error.is_definite();
                Err(error.of_a_write())
            }
        }
    }
}

fn create_customer(tenant: &Tenant) -> PreparedPost {
    stripe::create_customer(
        tenant.admin_email.as_str(),
        tenant.display_name.as_str(),
        &tenant.tenant_id.to_string(),
        tenant.slug.as_str(),
    )
}

/// The address in the body of a request for a customer, which begins with it.
fn email_of(body: &str) -> Option<&str> {
    body.split('&').find(|field| field.starts_with("email="))
}

/// The customer with our metadata, among those that were given up and those with exactly an address that the tenant's admin
/// has or had.
pub(crate) async fn find_customer(lease: &Lease<'_>, stripe: &Stripe) -> Result<Option<String>, Failure> {
    let tenant_id = lease.tenant().tenant_id.to_string();
    for id in lease.earlier_ids(ResourceKind::StripeCustomer).await? {
        if let Some(found) = stripe.customer(&id).await?.filter(|customer| customer.is_tenants(&tenant_id)) {
            return addressed(lease, stripe, found).await.map(Some);
        }
    }
    let present = lease.tenant().admin_email.as_str().to_owned();
    let earlier = lease.resource_names(ResourceKind::AdminUser).await?;
    let earlier = earlier.into_iter().filter(|email| *email != present);
    for email in std::iter::once(present.clone()).chain(earlier) {
        let customers = stripe.customers_by_email(&email).await?;
        if let Some(found) = customers.into_iter().find(|customer| customer.is_tenants(&tenant_id)) {
            return addressed(lease, stripe, found).await.map(Some);
        }
    }
    Ok(None)
}

/// The id of a customer that was found, once it has the tenant's present address: the ledger will say so.
async fn addressed(lease: &Lease<'_>, stripe: &Stripe, found: Customer) -> Result<String, Failure> {
    let present = lease.tenant().admin_email.as_str();
    if found.email.as_deref() != Some(present) {
        lease.fence(stripe.call_timeout()).await?;
        let request = stripe::update_customer(&found.id, present);
        stripe.post::<Customer>(&request, &Uuid::now_v7().to_string()).await.map_err(Error::of_a_write)?;
    }
    Ok(found.id)
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
fn refused(subscription: &str, error: Error) -> Failure {
    let failure = Failure::from(error);
    about(CauseCode::SubscriptionChangeRefused, subscription).with_request_id(failure.provider_request_id())
}

/// A failure whose hint names a subscription.
fn about(code: CauseCode, subscription: &str) -> Failure {
    Failure::with_detail(code, word(subscription).unwrap_or_default())
}
