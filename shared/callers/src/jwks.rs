//! The keys that an issuer publishes (RFC 7517, section 5). They are fetched when they are needed, and not often.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use domain::{CauseCode, Failure};
use http_kit::{Answer, TransportCodes};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use tokens::{Address, Key, Now, Published, key_set, reachable};
use tokio::sync::{Mutex, watch};
use url::Url;

/// How long fetched keys are used without fetching them again, if the answer does not say less. So long a key that its issuer
/// withdrew is trusted at most.
const FRESH: Duration = Duration::from_mins(10);
/// The bounds within which the answer may say so.
const BOUNDS: RangeInclusive<Duration> = Duration::from_mins(1)..=FRESH;
/// How long fetched keys are used if newer ones cannot be fetched: so long a withdrawn key is trusted if whoever has it can
/// also keep us from the issuer.
const USABLE: Duration = Duration::from_hours(1);
/// The shortest time between two fetches, after success and failure. The limit is needed because anybody can send
/// tokens with unknown keys. A key that was published since the last fetch is found after this time.
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

/// The keys that one issuer publishes.
pub(crate) struct Jwks {
    published: Published,
    client: Client,
    timeout: Duration,
    /// The keys fetched last. They are read without waiting for a fetch.
    fetched: watch::Sender<Option<Fetched>>,
    /// The last fetch. The lock is held during a fetch, and every call that needs the result waits for the lock.
    last: Arc<Mutex<Option<Fetch>>>,
}

#[derive(Clone)]
struct Fetched {
    at: Now,
    fresh_for: Duration,
    keys: Arc<[Key]>,
}

struct Fetch {
    begun_at: Now,
    outcome: Result<Arc<[Key]>, Failure>,
}

/// What of a discovery document is read (`OpenID` Connect Discovery, section 3).
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

impl Jwks {
    /// The keys at this address.
    pub fn new(published: Published) -> Result<Self, Failure> {
        Self::within(published, TIMEOUT)
    }

    fn within(published: Published, timeout: Duration) -> Result<Self, Failure> {
        // Fetches are rare, so a kept connection would usually be dead.
        let client = http_kit::client_without_reuse_trusting(timeout, published.ca_pem.as_deref());
        let client = client.map_err(|_| CauseCode::JwksBadConfiguration)?;
        Ok(Self { published, client, timeout, fetched: watch::Sender::new(None), last: Arc::default() })
    }

    /// Where they are.
    pub const fn published(&self) -> &Published {
        &self.published
    }

    /// The keys that are known, if they are young enough to be used without asking.
    pub fn fresh(&self, now: Now) -> Option<Arc<[Key]>> {
        self.known(now, |fetched| fetched.fresh_for)
    }

    /// Keys that are newer than those that are [`fresh`](Self::fresh), or that were fetched a moment ago.
    pub async fn renewed(self: &Arc<Self>, now: Now) -> Result<Arc<[Key]>, Failure> {
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
        outcome.or_else(|failure| self.known(now, |_| USABLE).ok_or(failure))
    }

    /// How long nobody asks the issuer again: a key that is not known now will not be before.
    pub async fn asked_again_in(&self, now: Now) -> Duration {
        let last = self.last.lock().await;
        let age = last.as_ref().and_then(|last| now.since(last.begun_at));
        age.map_or(Duration::ZERO, |age| INTERVAL.saturating_sub(age))
    }

    fn known(&self, now: Now, limit: impl FnOnce(&Fetched) -> Duration) -> Option<Arc<[Key]>> {
        let fetched = self.fetched.borrow();
        let fetched = fetched.as_ref()?;
        now.since(fetched.at).is_some_and(|age| age < limit(fetched)).then(|| Arc::clone(&fetched.keys))
    }

    async fn fetch(&self, now: Now) -> Result<Arc<[Key]>, Failure> {
        // Both requests of a discovery together.
        let outcome = tokio::time::timeout(self.timeout, self.ask()).await;
        let outcome = outcome.unwrap_or_else(|_| Err(CauseCode::JwksTimeout.into()));
        // Which one of several. A URL may hold a credential, a host does not.
        let host = match &self.published.address {
            Address::KeySet(url) | Address::Discovery { document: url, .. } => url.host_str(),
        };
        match &outcome {
            Ok((keys, fresh_for)) => {
                tracing::info!(host, keys = keys.len(), fresh_s = fresh_for.as_secs(), "fetched the issuer's keys");
                let fetched = Fetched { at: now, fresh_for: *fresh_for, keys: Arc::clone(keys) };
                self.fetched.send_replace(Some(fetched));
            }
            Err(failure) => tracing::warn!(host, code = failure.code().as_str(), "the issuer's keys cannot be fetched"),
        }
        outcome.map(|(keys, _)| keys)
    }

    async fn ask(&self) -> Result<(Arc<[Key]>, Duration), Failure> {
        let url = match &self.published.address {
            Address::KeySet(url) => url.clone(),
            Address::Discovery { document, issuer } => {
                let discovered: Discovered =
                    self.get(document.clone()).await?.json().ok_or(CauseCode::JwksMalformed)?;
                // Otherwise whoever can write documents at one path of a host could name the keys of another issuer there.
                if discovered.issuer != *issuer {
                    return Err(CauseCode::JwksOtherIssuer.into());
                }
                reachable(&discovered.jwks_uri).ok_or(CauseCode::JwksMalformed)?
            }
        };
        let answer = self.get(url).await?;
        let keys = key_set(&answer.body).ok_or(CauseCode::JwksMalformed)?;
        Ok((keys.into(), fresh_for(&answer)))
    }

    async fn get(&self, url: Url) -> Result<Answer, Failure> {
        let answer = http_kit::send_within(self.client.get(url), MAX_BODY).await;
        let answer = answer.map_err(|error| error.failure(&CODES))?;
        if answer.status == StatusCode::OK { Ok(answer) } else { Err(CauseCode::JwksRefused.into()) }
    }
}

/// How long an answer says that it is good for (RFC 9111, sections 5.2.2 and 5.1), within our bounds.
fn fresh_for(answer: &Answer) -> Duration {
    let lines = answer.headers.get_all("cache-control").iter().filter_map(|line| line.to_str().ok());
    let directives: Vec<String> =
        lines.flat_map(|line| line.split(',')).map(|directive| directive.trim().to_ascii_lowercase()).collect();
    let named = |name: &str| directives.iter().any(|directive| directive.split('=').next() == Some(name));
    if named("no-store") || named("no-cache") {
        return *BOUNDS.start();
    }
    let seconds = |text: &str| text.trim_matches('"').parse().ok();
    let Some(age) = directives.iter().find_map(|it| seconds(it.strip_prefix("max-age=")?)) else { return FRESH };
    let already = answer.header("age").and_then(seconds).unwrap_or_default();
    Duration::from_secs(u64::saturating_sub(age, already)).clamp(*BOUNDS.start(), *BOUNDS.end())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_tokens::Es256;
    use tokio::task::JoinSet;

    use super::*;
    use crate::fixtures::Server;

    const SECOND: Duration = Duration::from_secs(1);
    /// When each test begins, since 1970.
    const NOW: Duration = Duration::from_secs(test_tokens::NOW);

    /// A limit that is long enough for a fetch on a busy machine.
    fn jwks(server: &Server) -> Arc<Jwks> {
        within(server.url(), 20 * SECOND)
    }

    fn within(url: Url, timeout: Duration) -> Arc<Jwks> {
        let published = Published { address: Address::KeySet(url), ca_pem: None };
        Arc::new(Jwks::within(published, timeout).expect("a client"))
    }

    fn document(kids: &[&str]) -> Value {
        json!({ "keys": kids.iter().map(|kid| Es256::new().jwk(Some(kid))).collect::<Vec<_>>() })
    }

    /// The code of the failure, or whether the key was there, asked for as a token's verification does.
    async fn ask(jwks: &Arc<Jwks>, kid: &str, now: Duration) -> Result<bool, CauseCode> {
        let has = |keys: &Arc<[Key]>| keys.iter().any(|key| key.kid() == Some(kid));
        match jwks.fresh(Now(now)) {
            Some(keys) if has(&keys) => Ok(true),
            _ => jwks.renewed(Now(now)).await.map(|keys| has(&keys)).map_err(|failure| failure.code()),
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
        let (jwks, now) = (within(server.url(), Duration::from_millis(200)), NOW);
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
        let jwks = within(url, SECOND);
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
        assert_eq!(jwks.fresh(Now(now)).expect("fetched").len(), 1);
    }

    #[tokio::test]
    async fn the_longest_answer_is_read() {
        let mut body = document(&["a"]).to_string();
        body.push_str(&" ".repeat(MAX_BODY - body.len()));
        let server = Server::start(200, body).await;
        assert_eq!(ask(&jwks(&server), "a", NOW).await, Ok(true));
    }

    #[tokio::test]
    async fn an_answer_says_within_bounds_how_long_it_is_good_for() {
        for (headers, fresh) in [
            ("", 600),
            ("Cache-Control: public", 600),
            ("Cache-Control: max-age=x", 600),
            ("Cache-Control: max-age=86400", 600),
            ("Cache-Control: max-age=300", 300),
            ("Cache-Control: public, MAX-AGE=\"300\", must-revalidate", 300),
            ("Cache-Control: public\r\nCache-Control: max-age=300", 300),
            ("Cache-Control: max-age=300\r\nAge: 100", 200),
            ("Cache-Control: max-age=300\r\nAge: 1000", 60),
            ("Cache-Control: max-age=0", 60),
            ("Cache-Control: no-cache", 60),
            ("Cache-Control: max-age=300, no-store", 60),
            ("Cache-Control: s-maxage=1", 600),
            ("Expires: Thu, 01 Jan 1970 00:00:00 GMT", 600),
        ] {
            let server = Server::start(200, document(&["a"])).await;
            server.answer_with(200, headers, &document(&["a"]));
            let (jwks, now) = (jwks(&server), NOW);
            for (after, requests) in [(0, 1), (fresh - 1, 1), (fresh, 2)] {
                assert_eq!(ask(&jwks, "a", now + after * SECOND).await, Ok(true));
                assert_eq!(server.requests(), requests, "{headers} after {after} s");
            }
        }
    }

    #[tokio::test]
    async fn a_key_that_was_rotated_meanwhile_is_found_as_soon_as_the_interval_allows() {
        let server = Server::start(200, document(&["a"])).await;
        let (jwks, now) = (jwks(&server), NOW);
        assert_eq!(jwks.asked_again_in(Now(now)).await, Duration::ZERO);
        assert_eq!(ask(&jwks, "a", now).await, Ok(true));
        server.answer(200, &document(&["b"]));
        for (after, known, wait) in [(1, false, 29), (29, false, 1), (30, true, 30)] {
            assert_eq!(ask(&jwks, "b", now + after * SECOND).await, Ok(known));
            assert_eq!(jwks.asked_again_in(Now(now + after * SECOND)).await, wait * SECOND, "after {after} s");
        }
    }

    #[tokio::test]
    async fn discovery_finds_the_keys_of_exactly_its_issuer() {
        let keys = Server::start(200, document(&["a"])).await;
        let issuer = "https://issuer.example/";
        let good = json!({ "issuer": issuer, "jwks_uri": keys.url().as_str(), "more": [1] });
        for (status, body, expected) in [
            (200, good.to_string(), Ok(true)),
            (404, good.to_string(), Err(CauseCode::JwksRefused)),
            (200, "<html>".to_owned(), Err(CauseCode::JwksMalformed)),
            (200, json!({ "issuer": issuer }).to_string(), Err(CauseCode::JwksMalformed)),
            (200, json!({ "jwks_uri": keys.url().as_str() }).to_string(), Err(CauseCode::JwksMalformed)),
            (
                200,
                json!({ "issuer": "https://issuer.example", "jwks_uri": keys.url().as_str() }).to_string(),
                Err(CauseCode::JwksOtherIssuer),
            ),
            (
                200,
                json!({ "issuer": "https://other.example/", "jwks_uri": keys.url().as_str() }).to_string(),
                Err(CauseCode::JwksOtherIssuer),
            ),
            (
                200,
                json!({ "issuer": issuer, "jwks_uri": "http://issuer.example/" }).to_string(),
                Err(CauseCode::JwksMalformed),
            ),
            (
                200,
                json!({ "issuer": issuer, "jwks_uri": "file:///etc/passwd" }).to_string(),
                Err(CauseCode::JwksMalformed),
            ),
        ] {
            let server = Server::start(status, &body).await;
            let address = Address::Discovery { document: server.url(), issuer: issuer.to_owned() };
            let jwks = Arc::new(Jwks::within(Published { address, ca_pem: None }, 20 * SECOND).expect("a client"));
            assert_eq!(ask(&jwks, "a", NOW).await, expected, "{body}");
            assert_eq!(ask(&jwks, "a", NOW + 29 * SECOND).await, expected, "{body}");
            assert_eq!(server.requests(), 1, "{body}");
        }
        assert_eq!(keys.requests(), 1);
    }

    #[tokio::test]
    async fn the_documents_silence_and_the_keys_share_one_limit() {
        let (document, keys) = (Server::start(200, "").await, Server::start(200, "").await);
        document.answer(200, &json!({ "issuer": "i", "jwks_uri": keys.url().as_str() }));
        keys.hang();
        let address = Address::Discovery { document: document.url(), issuer: "i".to_owned() };
        let jwks = Jwks::within(Published { address, ca_pem: None }, Duration::from_millis(300)).expect("a client");
        assert_eq!(ask(&Arc::new(jwks), "a", NOW).await, Err(CauseCode::JwksTimeout));
    }

    #[tokio::test]
    async fn a_private_authority_vouches_for_its_own_issuer_only() {
        let (server, ca_pem) = Server::over_tls(document(&["a"])).await;
        let fetch = async |ca_pem: Option<&str>| {
            let published = Published { address: Address::KeySet(server.clone()), ca_pem: ca_pem.map(str::to_owned) };
            let jwks = Arc::new(Jwks::within(published, 20 * SECOND).expect("a client"));
            ask(&jwks, "a", NOW).await
        };
        assert_eq!(fetch(Some(&ca_pem)).await, Ok(true));
        assert_eq!(fetch(None).await, Err(CauseCode::JwksUntrusted));
        let (_, another) = Server::over_tls(document(&["a"])).await;
        assert_eq!(fetch(Some(&another)).await, Err(CauseCode::JwksUntrusted));
    }
}
