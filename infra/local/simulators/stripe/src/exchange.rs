//! Handles one request, from its bytes to its answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use parking_lot::Mutex;
use serde::Serialize;
use simulator::{Call, headers};

use crate::error::ApiError;
use crate::gate;
use crate::idempotency::{Answer, Claim, Fingerprint, Keys};
use crate::model::Mode;
use crate::params::Params;
use crate::routes;
use crate::settings::Settings;
use crate::store::{Effect, Store, new_id, now};

/// What the log keeps of a request: neither parameters nor body.
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

/// What the account's two modes have each for itself.
#[derive(Debug)]
struct Half {
    keys: Keys,
    store: Mutex<Store>,
}

impl Half {
    fn new(settings: &Settings, mode: Mode) -> Self {
        Self { keys: Keys::new(settings.idempotency_ttl), store: Mutex::new(Store::new(settings, mode)) }
    }
}

#[derive(Debug)]
pub(crate) struct Exchange {
    settings: Settings,
    test: Half,
    live: Half,
    pub(crate) log: Mutex<Vec<Logged>>,
}

impl Exchange {
    pub(crate) fn new(settings: Settings) -> Self {
        let (test, live) = (Half::new(&settings, Mode::Test), Half::new(&settings, Mode::Live));
        Self { settings, test, live, log: Mutex::default() }
    }

    const fn half(&self, mode: Mode) -> &Half {
        match mode {
            Mode::Test => &self.test,
            Mode::Live => &self.live,
        }
    }

    /// The stores of both modes, one after the other.
    pub(crate) fn each_store<T>(&self, read: impl Fn(&Store) -> Vec<T>) -> Vec<T> {
        [&self.test, &self.live].into_iter().flat_map(|half| read(&half.store.lock())).collect()
    }

    /// An error means that the request was refused before its execution. The result of an execution, good or bad, is in
    /// the answer.
    async fn attempt(&self, id: &str, call: &Call) -> Result<Answer, ApiError> {
        let mode = gate::check(&call.headers, !call.body.is_empty(), &self.settings)?;
        // Parameters may be in the query as well as in the body.
        let form = [call.query().as_bytes(), &call.body].join(&b'&');
        let mut params = Params::parse(&form)?;
        let path = call.uri.path();
        let effect = routes::prepare(&call.method, path, &mut params)?;
        params.finish()?;
        // Stripe ignores the key of any other method.
        let key = headers::text(&call.headers, "idempotency-key").filter(|_| call.method == Method::POST);
        let Some(key) = key else { return Ok(self.execute(mode, effect).await) };
        let keys = &self.half(mode).keys;
        match keys.claim(key, Fingerprint::new(path, &form))? {
            Claim::Replay(answer) => Ok(answer),
            Claim::Fresh => {
                let answer = self.execute(mode, effect).await;
                keys.complete(key, Answer { original_request: Some(id.to_owned()), ..answer.clone() });
                Ok(answer)
            }
        }
    }

    async fn execute(&self, mode: Mode, effect: Effect) -> Answer {
        tokio::time::sleep(self.settings.latency).await;
        let result = effect(&mut self.half(mode).store.lock());
        let other = match mode {
            Mode::Test => Mode::Live,
            Mode::Live => Mode::Test,
        };
        result.map_err(|error| error.of_other_mode(mode, other, |id| self.half(other).store.lock().knows(id))).into()
    }
}

pub(crate) async fn handle(State(exchange): State<Arc<Exchange>>, call: Call) -> Response {
    let id = new_id("req", 14);
    let answer = exchange.attempt(&id, &call).await.unwrap_or_else(|refused| Err(refused).into());
    exchange.log.lock().push(Logged {
        at: now(),
        request_id: id.clone(),
        method: call.method.to_string(),
        path: call.uri.path().to_owned(),
        idempotency_key: headers::text(&call.headers, "idempotency-key").map(str::to_owned),
        status: answer.status.as_u16(),
        replayed: answer.original_request.is_some(),
    });
    respond(&id, &call.headers, &answer)
}

fn respond(id: &str, asked: &HeaderMap, answer: &Answer) -> Response {
    let mut response = (answer.status, Json(&answer.body)).into_response();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    };
    set("request-id", id);
    for echoed in ["stripe-version", "idempotency-key"] {
        if let Some(value) = headers::text(asked, echoed) {
            set(echoed, value);
        }
    }
    if let Some(original) = &answer.original_request {
        set("idempotent-replayed", "true");
        set("original-request", original);
    }
    if let Some(should_retry) = answer.should_retry {
        set("stripe-should-retry", if should_retry { "true" } else { "false" });
    }
    if answer.status == StatusCode::UNAUTHORIZED {
        set("www-authenticate", "Bearer realm=\"Stripe\"");
    }
    response
}
