//! The keys that an issuer publishes (RFC 7517, section 5). They are fetched when they are needed, and not often.

use std::sync::Arc;
use std::time::Duration;

use domain::{CauseCode, Failure};
use http_kit::TransportCodes;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Mutex, watch};
use url::{Host, Url};

use crate::key::{Jwk, Key};
use crate::now::Now;

/// How long fetched keys are used without fetching them again. So long a key that its issuer withdrew is trusted at most.
const FRESH: Duration = Duration::from_mins(10);
/// How long fetched keys are used if newer ones cannot be fetched: so long a withdrawn key is trusted if whoever has it can
/// also keep us from the issuer.
const USABLE: Duration = Duration::from_hours(1);
/// The shortest time between two fetches, after success and failure. The limit is needed because anybody can send
/// tokens with unknown keys.
const INTERVAL: Duration = Duration::from_secs(30);
/// The time limit for a whole fetch. A caller waits for it, and a route has to answer within 5 s.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The size limit of an answer in bytes: some hundred keys.
const MAX_BODY: usize = 256 * 1024;

const CODES: TransportCodes = TransportCodes {
    unreachable: CauseCode::JwksUnreachable,
    untrusted: CauseCode::JwksUntrusted,
    timeout: CauseCode::JwksTimeout,
    connection_lost: CauseCode::JwksConnectionLost,
    answer_too_large: CauseCode::JwksAnswerTooLarge,
    bad_configuration: CauseCode::JwksBadConfiguration,
};

/// The keys published at one URL.
pub(crate) struct Jwks {
    url: Url,
    client: Client,
    /// The keys fetched last. They are read without waiting for a fetch.
    fetched: watch::Sender<Option<Fetched>>,
    /// The last fetch. The lock is held during a fetch, and every call that needs the result waits for the lock.
    last: Arc<Mutex<Option<Fetch>>>,
}

#[derive(Clone)]
struct Fetched {
    at: Now,
    keys: Arc<[Key]>,
}

struct Fetch {
    begun_at: Now,
    outcome: Result<Arc<[Key]>, Failure>,
}

impl Jwks {
    /// The keys at this URL, if it can be trusted: https, or http on this machine.
    pub fn new(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let here = match url.host()? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        let trusted = url.scheme() == "https" || (url.scheme() == "http" && here);
        trusted.then(|| Self::at(url, TIMEOUT))
    }

    fn at(url: Url, timeout: Duration) -> Self {
        // Fetches are rare, so a kept connection would usually be dead.
        let client = http_kit::client_without_reuse(timeout);
        Self { url, client, fetched: watch::Sender::new(None), last: Arc::default() }
    }

    /// Whether these are the keys at this URL.
    pub fn is_at(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| url == self.url)
    }

    /// All keys. They are fetched again if none of them has this `kid`.
    pub async fn keys(self: &Arc<Self>, kid: Option<&str>, now: Now) -> Result<Arc<[Key]>, Failure> {
        if let Some(keys) = self.fresh(kid, now) {
            return Ok(keys);
        }
        let last = Arc::clone(&self.last).lock_owned().await;
        let outcome = match last.as_ref() {
            // A recent fetch, or the fetch that this call waited for.
            Some(last) if now.since(last.begun_at).is_some_and(|age| age < INTERVAL) => last.outcome.clone(),
            _ => {
                let (jwks, mut last) = (Arc::clone(self), last);
                // A task holds the lock, so that the fetch continues if its caller is dropped.
                let fetch = tokio::spawn(async move {
                    let outcome = jwks.fetch(now).await;
                    *last = Some(Fetch { begun_at: now, outcome: outcome.clone() });
                    outcome
                });
                fetch.await.unwrap_or_else(|_| Err(CauseCode::JwksInterrupted.into()))
            }
        };
        outcome.or_else(|failure| self.no_older_than(USABLE, now).ok_or(failure))
    }

    fn fresh(&self, kid: Option<&str>, now: Now) -> Option<Arc<[Key]>> {
        self.no_older_than(FRESH, now).filter(|keys| keys.iter().any(|key| key.is_named(kid)))
    }

    fn no_older_than(&self, age: Duration, now: Now) -> Option<Arc<[Key]>> {
        let fetched = self.fetched.borrow();
        fetched.as_ref().filter(|it| now.since(it.at).is_some_and(|old| old < age)).map(|it| Arc::clone(&it.keys))
    }

    async fn fetch(&self, now: Now) -> Result<Arc<[Key]>, Failure> {
        let outcome = self.ask().await;
        match &outcome {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), "fetched the issuer's keys");
                self.fetched.send_replace(Some(Fetched { at: now, keys: Arc::clone(keys) }));
            }
            Err(failure) => tracing::warn!(code = failure.code().as_str(), "the issuer's keys cannot be fetched"),
        }
        outcome
    }

    async fn ask(&self) -> Result<Arc<[Key]>, Failure> {
        let answer = http_kit::send_within(self.client.get(self.url.clone()), MAX_BODY).await;
        let answer = answer.map_err(|error| error.failure(&CODES))?;
        if answer.status != StatusCode::OK {
            return Err(CauseCode::JwksRefused.into());
        }
        let document: Document = answer.json().ok_or(CauseCode::JwksMalformed)?;
        Ok(document.keys.into_iter().filter_map(key).collect())
    }
}

/// A JWKS. Its keys are parsed one by one, so that one bad key does not make the others unusable.
#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

fn key(value: Value) -> Option<Key> {
    Key::from_jwk(&serde_json::from_value::<Jwk>(value).ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::task::JoinSet;

    use super::*;
    use crate::fixtures::{Es256, Server};

    const SECOND: Duration = Duration::from_secs(1);
    /// When each test begins, since 1970.
    const NOW: Duration = Duration::from_secs(crate::fixtures::NOW);

    /// A limit that is long enough for a fetch on a busy machine.
    fn jwks(server: &Server) -> Arc<Jwks> {
        Arc::new(Jwks::at(server.url(), 20 * SECOND))
    }

    fn document(kids: &[&str]) -> Value {
        json!({ "keys": kids.iter().map(|kid| Es256::new().jwk(Some(kid))).collect::<Vec<_>>() })
    }

    /// The code of the failure, or whether the key was there.
    async fn ask(jwks: &Arc<Jwks>, kid: &str, now: Duration) -> Result<bool, CauseCode> {
        let keys = jwks.keys(Some(kid), Now(now)).await.map_err(|failure| failure.code())?;
        Ok(keys.iter().any(|key| key.is_named(Some(kid))))
    }

    #[test]
    fn keys_are_fetched_over_tls_or_from_this_machine() {
        for good in [
            "https://issuer.example/.well-known/jwks.json",
            "http://127.0.0.1:1/",
            "http://127.1.2.3/",
            "http://localhost/",
            "http://[::1]:1/",
        ] {
            assert!(Jwks::new(good).is_some_and(|jwks| jwks.is_at(good) && !jwks.is_at("https://another.example")));
        }
        for bad in [
            "http://issuer.example/",
            "http://localhost.example/",
            "http://127.0.0.1.example/",
            "http://127.0.0.1@issuer.example/",
            "http://10.0.0.1/",
            "http://0.0.0.0/",
            "http://[::]/",
            "ftp://localhost/",
            "file:///etc/passwd",
            "data:application/json,{}",
            "issuer.example",
            "",
        ] {
            assert!(Jwks::new(bad).is_none(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_known_key_is_fetched_again_after_ten_minutes() {
        let server = Server::start(200, document(&["a"])).await;
        let (jwks, now) = (jwks(&server), NOW);
        for (after, requests) in [(0, 1), (599, 1), (600, 2), (1199, 2), (1200, 3)] {
            assert_eq!(ask(&jwks, "a", now + after * SECOND).await, Ok(true));
            assert_eq!(server.requests(), requests, "after {after} s");
        }
    }

    #[tokio::test]
    async fn an_unknown_key_is_fetched_at_most_every_30_s() {
        let server = Server::start(200, document(&["a"])).await;
        let (jwks, now) = (jwks(&server), NOW);
        assert_eq!(ask(&jwks, "a", now).await, Ok(true));
        for (after, requests) in [(0, 1), (29, 1), (30, 2), (31, 2), (59, 2), (60, 3)] {
            for kid in ["b", "c"] {
                assert_eq!(ask(&jwks, kid, now + after * SECOND).await, Ok(false));
            }
            assert_eq!(server.requests(), requests, "after {after} s");
        }
    }

    #[tokio::test]
    async fn a_new_key_is_found_and_a_withdrawn_one_is_removed() {
        let server = Server::start(200, document(&["a"])).await;
        let (jwks, now) = (jwks(&server), NOW);
        assert_eq!(ask(&jwks, "a", now).await, Ok(true));
        server.answer(200, &document(&["b"]));
        assert_eq!(ask(&jwks, "b", now + 30 * SECOND).await, Ok(true));
        assert_eq!(ask(&jwks, "a", now + 31 * SECOND).await, Ok(false));
        assert_eq!(server.requests(), 2);
    }

    #[tokio::test]
    async fn fifty_at_once_cost_one_request() {
        let server = Server::start(200, document(&["a"])).await;
        let (jwks, now) = (jwks(&server), NOW);
        for (kid, requests) in [("a", 1), ("b", 2)] {
            let mut asking = JoinSet::new();
            for _ in 0..50 {
                let jwks = Arc::clone(&jwks);
                asking.spawn(async move { ask(&jwks, kid, now + requests * 60 * SECOND).await });
            }
            assert_eq!(asking.join_all().await, vec![Ok(kid == "a"); 50]);
            assert_eq!(server.requests(), requests as usize);
        }
    }

    #[tokio::test]
    async fn a_caller_does_not_wait_for_a_fetch_it_does_not_need() {
        let server = Server::start(200, document(&["a"])).await;
        let (jwks, now) = (jwks(&server), NOW);
        assert_eq!(ask(&jwks, "a", now).await, Ok(true));
        server.hang();
        let fetch = tokio::spawn({
            let jwks = Arc::clone(&jwks);
            async move { ask(&jwks, "b", now + 30 * SECOND).await }
        });
        while server.requests() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(ask(&jwks, "a", now + 30 * SECOND).await, Ok(true));
        assert!(!fetch.is_finished());
    }

    #[tokio::test]
    async fn a_fetch_continues_if_its_caller_is_dropped() {
        let server = Server::start(200, document(&["a"])).await;
        let (jwks, now) = (jwks(&server), NOW);
        let first = tokio::spawn({
            let jwks = Arc::clone(&jwks);
            async move { ask(&jwks, "a", now).await }
        });
        while jwks.last.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        first.abort();
        assert!(first.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(ask(&jwks, "a", now).await, Ok(true));
        assert_eq!(server.requests(), 1);
    }

    #[tokio::test]
    async fn an_answer_that_is_not_a_jwks_is_a_failure() {
        let padding = "x".repeat(MAX_BODY);
        for (status, body, code) in [
            (500, document(&["a"]).to_string(), CauseCode::JwksRefused),
            (404, document(&["a"]).to_string(), CauseCode::JwksRefused),
            (302, document(&["a"]).to_string(), CauseCode::JwksRefused),
            (204, String::new(), CauseCode::JwksRefused),
            (200, "<html>".to_owned(), CauseCode::JwksMalformed),
            (200, "[]".to_owned(), CauseCode::JwksMalformed),
            (200, "{}".to_owned(), CauseCode::JwksMalformed),
            (200, r#"{"keys":{}}"#.to_owned(), CauseCode::JwksMalformed),
            (200, json!({ "keys": [], "padding": padding }).to_string(), CauseCode::JwksAnswerTooLarge),
        ] {
            let server = Server::start(status, body).await;
            let (jwks, now) = (jwks(&server), NOW);
            for after in [0, 29] {
                assert_eq!(ask(&jwks, "a", now + after * SECOND).await, Err(code));
                assert_eq!(server.requests(), 1, "{code:?} after {after} s");
            }
            server.answer(200, &document(&["a"]));
            assert_eq!(ask(&jwks, "a", now + 30 * SECOND).await, Ok(true));
        }
    }

    #[tokio::test]
    async fn a_time_out_is_a_failure_and_is_not_waited_for_again() {
        let server = Server::start(200, document(&["a"])).await;
        server.hang();
        let (jwks, now) = (Arc::new(Jwks::at(server.url(), Duration::from_millis(200))), NOW);
        let mut asking = JoinSet::new();
        for _ in 0..50 {
            let jwks = Arc::clone(&jwks);
            asking.spawn(async move { ask(&jwks, "a", now).await });
        }
        let began = std::time::Instant::now();
        assert_eq!(asking.join_all().await, vec![Err(CauseCode::JwksTimeout); 50]);
        assert!(began.elapsed() < 5 * SECOND, "one time-out of 200 ms for all, not 50");
        while server.requests() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(ask(&jwks, "a", now + 29 * SECOND).await, Err(CauseCode::JwksTimeout));
        assert_eq!(server.requests(), 1);
    }

    #[tokio::test]
    async fn a_refused_connection_is_a_failure() {
        let url = Server::nowhere().await;
        let jwks = Arc::new(Jwks::at(url, SECOND));
        assert_eq!(ask(&jwks, "a", NOW).await, Err(CauseCode::JwksUnreachable));
    }

    #[tokio::test]
    async fn old_keys_are_used_for_an_hour_while_newer_ones_cannot_be_fetched() {
        let server = Server::start(200, document(&["a"])).await;
        let (jwks, now) = (jwks(&server), NOW);
        assert_eq!(ask(&jwks, "a", now).await, Ok(true));
        server.answer(500, "");
        for (after, requests) in [(600, 2), (601, 2), (629, 2), (630, 3), (3599, 4)] {
            assert_eq!(ask(&jwks, "a", now + after * SECOND).await, Ok(true));
            assert_eq!(ask(&jwks, "b", now + after * SECOND).await, Ok(false));
            assert_eq!(server.requests(), requests, "after {after} s");
        }
        for after in [3600, 3660, 24 * 3600] {
            assert_eq!(ask(&jwks, "a", now + after * SECOND).await, Err(CauseCode::JwksRefused));
        }
        server.answer(200, &document(&["a"]));
        assert_eq!(ask(&jwks, "a", now + 24 * 3600 * SECOND + 30 * SECOND).await, Ok(true));
    }

    #[tokio::test]
    async fn a_withdrawn_key_is_trusted_for_ten_minutes_and_not_by_anybody_who_was_frozen() {
        for frozen in [600, 3600, 7 * 24 * 3600] {
            let server = Server::start(200, document(&["a", "b"])).await;
            let (jwks, now) = (jwks(&server), NOW);
            assert_eq!(ask(&jwks, "a", now).await, Ok(true));
            server.answer(200, &document(&["b"]));
            assert_eq!(ask(&jwks, "a", now + 599 * SECOND).await, Ok(true));
            // The next request that this process sees comes after a while in which its own clock may have stood still.
            assert_eq!(ask(&jwks, "a", now + frozen * SECOND).await, Ok(false), "{frozen}");
            assert_eq!(ask(&jwks, "b", now + frozen * SECOND).await, Ok(true), "{frozen}");
        }
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_makes_no_key_younger() {
        let server = Server::start(200, document(&["a"])).await;
        let (jwks, now) = (jwks(&server), NOW);
        assert_eq!(ask(&jwks, "a", now + 60 * SECOND).await, Ok(true));
        server.answer(200, &document(&["b"]));
        assert_eq!(ask(&jwks, "a", now + 59 * SECOND).await, Ok(false));
        server.answer(500, "");
        assert_eq!(ask(&jwks, "b", now).await, Err(CauseCode::JwksRefused));
    }

    #[tokio::test]
    async fn a_flood_of_unknown_keys_costs_two_requests_a_minute_and_nobody_elses_token() {
        let server = Server::start(200, document(&["a"])).await;
        let (jwks, now) = (jwks(&server), NOW);
        assert_eq!(ask(&jwks, "a", now).await, Ok(true));
        for second in 1..60 {
            for kid in 0..20 {
                let (kid, now) = (format!("{second}-{kid}"), now + second * SECOND);
                assert_eq!(ask(&jwks, &kid, now).await, Ok(false));
            }
            assert_eq!(ask(&jwks, "a", now + second * SECOND).await, Ok(true));
        }
        assert_eq!(server.requests(), 2, "the first one, and one after 30 s");
    }

    #[tokio::test]
    async fn one_bad_key_does_not_affect_the_others() {
        let good = Es256::new().jwk(Some("good"));
        let bad =
            [json!(null), json!("key"), json!({}), json!({ "kty": "RSA", "kid": "bad", "n": "AQAB", "e": "AQAB" })];
        let wrong_types = json!({ "kty": "EC", "kid": 1, "crv": "P-256", "x": good["x"], "y": good["y"] });
        let oct = json!({ "kty": "oct", "kid": "bad", "k": "A".repeat(64), "alg": "HS256" });
        let keys: Vec<Value> = bad.into_iter().chain([wrong_types, oct, good]).collect();
        let server = Server::start(200, json!({ "keys": keys })).await;
        let (jwks, now) = (jwks(&server), NOW);
        assert_eq!(ask(&jwks, "good", now).await, Ok(true));
        assert_eq!(ask(&jwks, "bad", now).await, Ok(false));
        assert_eq!(jwks.keys(None, Now(now)).await.expect("fetched").len(), 1);
    }

    #[tokio::test]
    async fn the_longest_answer_is_read() {
        let mut body = document(&["a"]).to_string();
        body.push_str(&" ".repeat(MAX_BODY - body.len()));
        let server = Server::start(200, body).await;
        assert_eq!(ask(&jwks(&server), "a", NOW).await, Ok(true));
    }
}
