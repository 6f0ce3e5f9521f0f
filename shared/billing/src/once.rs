//! One customer and one subscription per tenant, even if their creation is tried several times.
//!
//! Each request has a row in the ledger and a key of its own. If Stripe says that an object is gone, its row is given up,
//! and the next row has another key: the old one would be answered with the old object for a day.
//!
//! Stripe's idempotency keys do most of the work, with two gaps. A key's first answer is repeated even if it was a 500,
//! and a key is forgotten after a day. In these cases the request's result is looked for by our metadata, in the lists
//! that are read-after-write (Stripe's search is not). If nothing is found, a new request is sent with a new key.

use std::time::Duration;

use domain::{CauseCode, Failure};
use serde::de::DeserializeOwned;
use store::{Intent, KeyedRequest, Lease, Resource, ResourceKind};
use stripe::{Mode, PreparedPost, Stripe};
use uuid::Uuid;

/// Stripe may forget a key after 24 hours.
const KEY_REMEMBERED: Duration = Duration::from_hours(23);

/// An object that must be created at Stripe exactly once.
pub(crate) struct Once<'a> {
    pub(crate) lease: &'a Lease<'a>,
    pub(crate) stripe: &'a Stripe,
    pub(crate) kind: ResourceKind,
    pub(crate) request: PreparedPost,
}

/// An object that exists at Stripe.
pub(crate) struct Made {
    /// Its id at Stripe.
    pub(crate) id: String,
    /// It was created just now, by exactly the wanted request. Otherwise an earlier request may have created it.
    pub(crate) fresh: bool,
}

impl Once<'_> {
    /// Creates the object, or finds it. `find` looks for an object that an earlier request of the same kind created. A
    /// returned object that is not fresh may be gone by now.
    /// `touched` is set once Stripe holds something, or may hold something, that the ledger did not know at the
    /// beginning.
    pub(crate) async fn ensure<T: DeserializeOwned, F: Future<Output = Result<Option<String>, Failure>>>(
        &self,
        id: impl Fn(T) -> String,
        find: impl Fn() -> F,
        touched: &mut bool,
    ) -> Result<Made, Failure> {
        let intent = match self.row().await? {
            Some(Resource { external_id: Some(id), .. }) => return Ok(Made { id, fresh: false }),
            Some(open) if open.age < KEY_REMEMBERED => {
                self.lease.fence(self.stripe.call_timeout()).await?;
                open
            }
            Some(open) => return self.find_or_renew(&open, id, find, touched).await,
            None => {
                let (key, name) = (Uuid::now_v7().to_string(), self.lease.tenant().tenant_id.to_string());
                let intent = Intent::named(self.kind, &name, self.stripe.call_timeout());
                self.lease.intend(intent.with_request(self.keyed(&key))).await?
            }
        };
        // The rows before were given up. If that was under another account's key, their object is still there.
        if intent.generation > 1 {
            if let Some(found) = find().await? {
                return self.adopt(&intent, found, touched).await;
            }
            self.lease.fence(self.stripe.call_timeout()).await?;
        }
        match self.send(&intent, &id, touched).await {
            // The answer repeats an old error. With this key Stripe will never answer anything else.
            Err(Refused::Replayed) => self.find_or_renew(&intent, id, find, touched).await,
            Err(Refused::Failed(failure)) => Err(failure),
            Ok(made) => Ok(made),
        }
    }

    /// The live row. An open request to the key's other mode is given up: what it may have made is not here.
    async fn row(&self) -> Result<Option<Resource>, Failure> {
        let row = self.lease.resource(self.kind).await?;
        match row {
            Some(open) if open.external_id.is_none() && open.livemode == Some(!self.is_live()) => {
                self.lease.give_up(&open).await?;
                Ok(None)
            }
            row => Ok(row),
        }
    }

    fn is_live(&self) -> bool {
        self.stripe.mode() == Mode::Live
    }

    /// The wanted request with a new key.
    fn keyed<'a>(&'a self, idempotency_key: &'a str) -> KeyedRequest<'a> {
        KeyedRequest { body: &self.request.body, idempotency_key, livemode: self.is_live() }
    }

    async fn adopt(&self, open: &Resource, id: String, touched: &mut bool) -> Result<Made, Failure> {
        *touched = true;
        self.lease.confirm(open, &id).await?;
        Ok(Made { id, fresh: false })
    }

    /// Adopts the object that an earlier request created, or sends the request again with a new key.
    async fn find_or_renew<T: DeserializeOwned, F: Future<Output = Result<Option<String>, Failure>>>(
        &self,
        open: &Resource,
        id: impl Fn(T) -> String,
        find: impl Fn() -> F,
        touched: &mut bool,
    ) -> Result<Made, Failure> {
        if let Some(found) = find().await? {
            return self.adopt(open, found, touched).await;
        }
        let key = Uuid::now_v7().to_string();
        let request = self.keyed(&key);
        self.lease.renew_request(open, request, self.stripe.call_timeout()).await?;
        let renewed = Resource {
            request: Some(request.body.to_owned()),
            livemode: Some(request.livemode),
            idempotency_key: Some(key),
            fresh: true,
            ..open.clone()
        };
        match self.send(&renewed, &id, touched).await {
            Err(Refused::Replayed) => Err(CauseCode::StripeReplays.into()),
            Err(Refused::Failed(failure)) => Err(failure),
            Ok(made) => Ok(made),
        }
    }

    /// Sends the intent's request, byte for byte, with its key.
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
                self.lease.confirm(intent, &id).await?;
                Ok(Made { id, fresh: intent.fresh })
            }
            Err(error) if error.is_replayed() => Err(Refused::Replayed),
            Err(error) => {
                *touched |= !error.is_definite();
                // "Nothing was created" is true for this request. An earlier request with the same key may not have
                // been answered. A refusal covers that one too: if it had created something, Stripe would have answered
                // with it.
                if error.is_refusal() || (intent.fresh && error.is_definite()) {
                    self.lease.give_up(intent).await?;
                }
                Err(error.of_a_write().into())
            }
        }
    }
}

/// Why a request did not create anything.
enum Refused {
    /// The answer stored under its key is an error.
    Replayed,
    /// Any other failure.
    Failed(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
