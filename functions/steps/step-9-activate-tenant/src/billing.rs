//! Billing: one customer and one subscription per tenant, however often it is tried.
//!
//! Stripe's idempotency keys do most of it, with two gaps: a key's first answer is replayed even where it was a 500, and
//! a key is forgotten after a day. Then what the request would have made is looked for, by our metadata, in the lists
//! that are read-after-write (search is not), and only what is not there is asked for again, under a new key.

use std::time::Duration;

use domain::Owner;
use step_kit::{Run, StepError};
use store::{Intent, Resource, ResourceKind};
use stripe::{CALL_TIMEOUT, Customer, Error, PreparedPost, Stripe, Subscription};
use uuid::Uuid;

/// Stripe may forget a key after 24 hours.
const KEY_REMEMBERED: Duration = Duration::from_hours(23);
/// A new customer has no payment method: invoices are sent, and due after these many days.
const DAYS_UNTIL_DUE: u32 = 30;

/// The tenant's customer, once it has a live subscription to the price of that lookup key.
pub async fn subscribe(run: &Run<'_>, stripe: &Stripe, lookup_key: &str) -> Result<String, StepError> {
    let tenant = run.tenant();
    let tenant_id = tenant.tenant_id.to_string();
    let customer = Wanted {
        kind: ResourceKind::StripeCustomer,
        request: stripe::create_customer(
            tenant.admin_email.as_str(),
            tenant.display_name.as_str(),
            &tenant_id,
            tenant.slug.as_str(),
        ),
    };
    let customer_id = customer
        .ensure(
            run,
            stripe,
            |answer: Customer| answer.id,
            async || {
                let customers = stripe.customers_by_email(tenant.admin_email.as_str()).await?;
                Ok(customers.into_iter().find(|customer| customer.is_tenants(&tenant_id)).map(|customer| customer.id))
            },
        )
        .await?;

    // A price that was archived since must not hold up a tenant who has its subscription.
    if let Some(Resource { external_id: Some(_), .. }) = run.resource(ResourceKind::StripeSubscription).await? {
        return Ok(customer_id);
    }
    let price = stripe.price_by_lookup_key(lookup_key).await?.ok_or_else(|| {
        StepError::rejected("billing_price_missing", Owner::Platform, "Stripe has no active price with the tier's lookup key; create one or change the parameter, then POST again.")
    })?;
    let subscription = Wanted {
        kind: ResourceKind::StripeSubscription,
        request: stripe::create_subscription(&customer_id, &price.id, &tenant_id, DAYS_UNTIL_DUE),
    };
    subscription
        .ensure(
            run,
            stripe,
            |answer: Subscription| answer.id,
            async || {
                let subscriptions = stripe.subscriptions_of(&customer_id).await?;
                Ok(subscriptions.into_iter().find(|s| s.is_tenants(&tenant_id) && s.is_live()).map(|s| s.id))
            },
        )
        .await?;
    Ok(customer_id)
}

/// Something to be made at Stripe exactly once.
struct Wanted {
    kind: ResourceKind,
    request: PreparedPost,
}

impl Wanted {
    /// Its id at Stripe. `find` looks for what an earlier request of the same kind made.
    async fn ensure<T: serde::de::DeserializeOwned>(
        self,
        run: &Run<'_>,
        stripe: &Stripe,
        id: impl Fn(T) -> String,
        find: impl AsyncFn() -> Result<Option<String>, Error>,
    ) -> Result<String, StepError> {
        let intent = match run.resource(self.kind).await? {
            Some(Resource { external_id: Some(id), .. }) => return Ok(id),
            Some(open) if open.age < KEY_REMEMBERED => {
                run.fence(CALL_TIMEOUT).await?;
                open
            }
            Some(open) => return self.find_or_renew(run, stripe, &open, id, find).await,
            None => {
                let key = Uuid::now_v7().to_string();
                let intent = Intent {
                    kind: self.kind,
                    name: &run.tenant().tenant_id.to_string(),
                    request: Some(&self.request.body),
                    idempotency_key: Some(&key),
                    call: CALL_TIMEOUT,
                };
                run.intend(intent).await?
            }
        };
        match self.send(run, stripe, &intent, &id).await {
            // The answer is the replay of an error that once was: under this key it will never be another.
            Err(Refused::Replayed) => self.find_or_renew(run, stripe, &intent, id, find).await,
            Err(Refused::Failed(error)) => Err(error),
            Ok(id) => Ok(id),
        }
    }

    /// Adopts what is there, else asks again under a new key.
    async fn find_or_renew<T: serde::de::DeserializeOwned>(
        self,
        run: &Run<'_>,
        stripe: &Stripe,
        open: &Resource,
        id: impl Fn(T) -> String,
        find: impl AsyncFn() -> Result<Option<String>, Error>,
    ) -> Result<String, StepError> {
        if let Some(found) = find().await? {
            run.confirm(open, &found, None).await?;
            return Ok(found);
        }
        let key = Uuid::now_v7().to_string();
        run.renew(open, &self.request.body, &key, CALL_TIMEOUT).await?;
        let renewed = Resource {
            request: Some(self.request.body.clone()),
            idempotency_key: Some(key),
            fresh: true,
            ..open.clone()
        };
        match self.send(run, stripe, &renewed, &id).await {
            Err(Refused::Replayed) => Err(StepError::busy(
                "stripe_replays",
                Owner::Provider,
                "Stripe replays an old error for a new request; it is tried again.",
            )),
            Err(Refused::Failed(error)) => Err(error),
            Ok(id) => Ok(id),
        }
    }

    /// Sends the intent's own request, byte for byte, under its own key.
    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        run: &Run<'_>,
        stripe: &Stripe,
        intent: &Resource,
        id: &impl Fn(T) -> String,
    ) -> Result<String, Refused> {
        let body = intent.request.clone().unwrap_or_else(|| self.request.body.clone());
        let request = PreparedPost { path: self.request.path.clone(), body };
        let key = intent.idempotency_key.as_deref().unwrap_or_default();
        match stripe.post::<T>(&request, key).await {
            Ok(answer) => {
                let id = id(answer);
                run.confirm(intent, &id, None).await.map_err(|failure| Refused::Failed(failure.into()))?;
                Ok(id)
            }
            Err(error) if error.is_replayed() => Err(Refused::Replayed),
            Err(error) => {
                // "Nothing was made" is said of this request. Where an earlier one under the same key was not answered,
                // only a refusal settles that too: had it made something, Stripe would have answered with it.
                if error.is_refusal() || (intent.fresh && error.is_definite()) {
                    run.give_up(intent).await.map_err(|failure| Refused::Failed(failure.into()))?;
                }
                Err(Refused::Failed(error.into()))
            }
        }
    }
}

/// Why a request did not make anything.
enum Refused {
    /// Its key's stored answer is an error.
    Replayed,
    /// Anything else.
    Failed(StepError),
}
