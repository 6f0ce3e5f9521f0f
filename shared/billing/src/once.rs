//! One customer and one subscription per tenant, however often it is tried.
//!
//! Stripe's idempotency keys do most of it, with two gaps: a key's first answer is replayed even where it was a 500, and
//! a key is forgotten after a day. Then what the request would have made is looked for, by our metadata, in the lists
//! that are read-after-write (search is not), and only what is not there is asked for again, under a new key.

use std::time::Duration;

use domain::{Failure, FailureKind, Owner};
use serde::de::DeserializeOwned;
use store::{Intent, Resource, ResourceKind};
use stripe::{Error, PreparedPost, Stripe};
use tenant_lease::Held;
use uuid::Uuid;

use crate::settle::failure;

/// Stripe may forget a key after 24 hours.
const KEY_REMEMBERED: Duration = Duration::from_hours(23);

/// Something to be made at Stripe exactly once.
pub(crate) struct Once<'a> {
    pub(crate) held: &'a Held<'a>,
    pub(crate) stripe: &'a Stripe,
    pub(crate) kind: ResourceKind,
    pub(crate) request: PreparedPost,
}

/// Something that is there.
pub(crate) struct Made {
    /// Its id at Stripe.
    pub(crate) id: String,
    /// It was made a moment ago, by exactly the request that was asked for; otherwise it may be of an earlier request.
    pub(crate) fresh: bool,
}

impl Once<'_> {
    /// Makes it, or finds it made. `find` looks for what an earlier request of the same kind made. `touched` is set once
    /// there is something at Stripe that the ledger did not know of when this began, or may be.
    pub(crate) async fn ensure<T: DeserializeOwned, F: Future<Output = Result<Option<String>, Error>>>(
        &self,
        id: impl Fn(T) -> String,
        find: impl Fn() -> F,
        touched: &mut bool,
    ) -> Result<Made, Failure> {
        let intent = match self.held.resource(self.kind).await? {
            Some(Resource { external_id: Some(id), .. }) => return Ok(Made { id, fresh: false }),
            Some(open) if open.age < KEY_REMEMBERED => {
                self.held.fence(self.stripe.call_timeout()).await?;
                open
            }
            Some(open) => return self.find_or_renew(&open, id, find, touched).await,
            None => {
                let key = Uuid::now_v7().to_string();
                let intent = Intent {
                    kind: self.kind,
                    name: &self.held.tenant().tenant_id.to_string(),
                    request: Some(&self.request.body),
                    idempotency_key: Some(&key),
                    call: self.stripe.call_timeout(),
                };
                self.held.intend(intent).await?
            }
        };
        match self.send(&intent, &id, touched).await {
            // The answer is the replay of an error that once was: under this key it will never be another.
            Err(Refused::Replayed) => self.find_or_renew(&intent, id, find, touched).await,
            Err(Refused::Failed(failure)) => Err(failure),
            Ok(made) => Ok(made),
        }
    }

    /// Adopts what is there, else asks again under a new key.
    async fn find_or_renew<T: DeserializeOwned, F: Future<Output = Result<Option<String>, Error>>>(
        &self,
        open: &Resource,
        id: impl Fn(T) -> String,
        find: impl Fn() -> F,
        touched: &mut bool,
    ) -> Result<Made, Failure> {
        if let Some(found) = find().await? {
            *touched = true;
            self.held.confirm(open, &found, None).await?;
            return Ok(Made { id: found, fresh: false });
        }
        let key = Uuid::now_v7().to_string();
        self.held.renew(open, &self.request.body, &key, self.stripe.call_timeout()).await?;
        let renewed = Resource {
            request: Some(self.request.body.clone()),
            idempotency_key: Some(key),
            fresh: true,
            ..open.clone()
        };
        match self.send(&renewed, &id, touched).await {
            Err(Refused::Replayed) => Err(Failure::new(
                FailureKind::Busy,
                "stripe_replays",
                Owner::Provider,
                "Stripe replays an old error for a new request; it is tried again.",
            )),
            Err(Refused::Failed(failure)) => Err(failure),
            Ok(made) => Ok(made),
        }
    }

    /// Sends the intent's own request, byte for byte, under its own key.
    async fn send<T: DeserializeOwned>(
        &self,
        intent: &Resource,
        id: &impl Fn(T) -> String,
        touched: &mut bool,
    ) -> Result<Made, Refused> {
        let body = intent.request.clone().unwrap_or_else(|| self.request.body.clone());
        let request = PreparedPost { path: self.request.path.clone(), body };
        let key = intent.idempotency_key.as_deref().unwrap_or_default();
        match self.stripe.post::<T>(&request, key).await {
            Ok(answer) => {
                *touched = true;
                let id = id(answer);
                self.held.confirm(intent, &id, None).await?;
                Ok(Made { id, fresh: intent.fresh })
            }
            Err(error) if error.is_replayed() => Err(Refused::Replayed),
            Err(error) => {
                *touched |= !error.is_definite();
                // "Nothing was made" is said of this request. Where an earlier one under the same key was not answered,
                // only a refusal settles that too: had it made something, Stripe would have answered with it.
                if error.is_refusal() || (intent.fresh && error.is_definite()) {
                    self.held.give_up(intent).await?;
                }
                Err(failure(error).into())
            }
        }
    }
}

/// Why a request did not make anything.
enum Refused {
    /// Its key's stored answer is an error.
    Replayed,
    /// Anything else.
    Failed(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
