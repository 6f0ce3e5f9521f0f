//! One request from its bytes to its answer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, header};
use serde::Serialize;

use crate::Config;
use crate::answer::Answer;
use crate::error::ApiError;
use crate::gate;
use crate::idempotency::{Claim, Fingerprint, Keys};
use crate::params::Params;
use crate::routes::{self, Effect};
use crate::store::{Store, now};

/// A request, read completely.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// Parameters count wherever they stand.
    fn form(&self) -> Vec<u8> {
        [self.query.as_bytes(), &self.body].join(&b'&')
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Only a POST is idempotent by a key; elsewhere Stripe ignores it.
    fn idempotency_key(&self) -> Option<&str> {
        self.header("idempotency-key").filter(|_| self.method == Method::POST)
    }
}

/// What is remembered of a request, for counting: no parameters, no body.
#[derive(Debug, Serialize)]
pub(crate) struct Logged {
    /// Unix seconds.
    at: i64,
    request_id: String,
    method: String,
    path: String,
    idempotency_key: Option<String>,
    status: u16,
    replayed: bool,
}

#[derive(Debug)]
pub(crate) struct Exchange {
    config: Config,
    keys: Keys,
    store: Mutex<Store>,
    log: Mutex<Vec<Logged>>,
}

impl Exchange {
    pub(crate) fn new(config: Config) -> Self {
        let store = Mutex::new(Store::new(&config));
        let keys = Keys::new(config.idempotency_ttl);
        Self { config, keys, store, log: Mutex::default() }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Vec<Logged>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn answer(&self, call: &Call) -> Answer {
        let answer = self.attempt(call).await.unwrap_or_else(|error| Answer::of(Err(error)));
        tracing::info!(request = %call.id, method = %call.method, path = %call.path, status = answer.status.as_u16());
        self.log().push(Logged {
            at: now(),
            request_id: call.id.clone(),
            method: call.method.to_string(),
            path: call.path.clone(),
            idempotency_key: call.header("idempotency-key").map(str::to_owned),
            status: answer.status.as_u16(),
            replayed: answer.original_request.is_some(),
        });
        answer
    }

    /// An error is a refusal before execution; what executing led to is in the answer, good or bad.
    async fn attempt(&self, call: &Call) -> Result<Answer, ApiError> {
        gate::authenticate(&call.headers, &self.config.secret_key)?;
        gate::version(&call.headers)?;
        check_content_type(call)?;
        let form = call.form();
        let mut params = Params::parse(&form)?;
        let effect = routes::prepare(&call.method, &call.path, &mut params)?;
        params.finish()?;
        let Some(key) = call.idempotency_key() else { return Ok(self.execute(effect).await) };
        match self.keys.claim(key, Fingerprint::new(&call.path, &form))? {
            Claim::Replay(answer) => Ok(answer),
            Claim::Fresh => {
                let answer = self.execute(effect).await;
                let remembered = Answer { original_request: Some(call.id.clone()), ..answer.clone() };
                self.keys.complete(key, remembered);
                Ok(answer)
            }
        }
    }

    async fn execute(&self, effect: Effect) -> Answer {
        tokio::time::sleep(self.config.latency).await;
        Answer::of(effect(&mut self.store()))
    }
}

fn check_content_type(call: &Call) -> Result<(), ApiError> {
    let given = call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default().trim();
    if call.body.is_empty() || given == "application/x-www-form-urlencoded" {
        return Ok(());
    }
    let message = "Invalid request (check that your POST content type is application/x-www-form-urlencoded).";
    Err(ApiError::invalid(message))
}
