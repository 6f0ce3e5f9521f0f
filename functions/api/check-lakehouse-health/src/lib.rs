//! `GET /v1/admin/lakehouse/health`: whether the IOMETE gateway answers, for readiness probes. It needs no database and no
//! credential, names no host, and each environment asks the gateway at most every five seconds.

use std::time::{Duration, Instant};

use api_kit::routes::{self, Route};
use api_kit::{Answer, Handler, Moment, Platform, Problem, Request};
use iomete::Iomete;
use jiff::Timestamp;
use secrecy::SecretString;
use secrets::{Name, Secrets};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use utoipa::ToSchema;

/// How long an answer of the gateway counts.
const COUNTS: Duration = Duration::from_secs(5);
/// Everything, the credential's look-up included, within the three seconds of the contract.
const BUDGET: Duration = Duration::from_millis(2800);
/// Of these, the credential's.
const CREDENTIAL: Duration = Duration::from_secs(1);

/// The route.
pub struct CheckLakehouseHealth {
    secrets: Secrets,
    /// Empty where the installation has no lakehouse.
    base_url: String,
    last: Mutex<Option<Seen>>,
}

/// The secret `control/iomete`.
#[derive(Deserialize)]
struct IometeSecret {
    token: SecretString,
}

/// What the gateway did when it was asked last.
#[derive(Clone)]
struct Seen {
    /// By the wall clock: a monotonic one may stand still while the environment is frozen.
    checked_at: Timestamp,
    outcome: Result<Duration, String>,
}

impl Seen {
    fn counts(&self) -> bool {
        let age = Timestamp::now().duration_since(self.checked_at);
        Duration::try_from(age).is_ok_and(|age| age < COUNTS)
    }
}

/// The gateway answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Healthy {
    /// Always `ok`.
    status: &'static str,
    /// How long the gateway took, in milliseconds.
    latency_ms: u64,
    /// When it was asked.
    checked_at: Moment,
}

/// The gateway does not answer, or not as it should.
#[derive(Debug, Serialize, ToSchema)]
pub struct Unhealthy {
    /// Always `unavailable`.
    status: &'static str,
    /// What happened, e.g. `connection timeout`. Names no host.
    error: String,
}

impl CheckLakehouseHealth {
    /// Built from `IOMETE_URL` and the secret `control/iomete`.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        let base_url = std::env::var("IOMETE_URL").unwrap_or_default();
        Self { secrets: platform.secrets.clone(), base_url, last: Mutex::new(None) }
    }

    async fn ask(&self) -> Result<Duration, String> {
        if self.base_url.is_empty() {
            return Err("not configured".to_owned());
        }
        let started = Instant::now();
        let secret = tokio::time::timeout(CREDENTIAL, self.secrets.read(Name::Control("iomete"))).await;
        let Ok(Ok(IometeSecret { token })) = secret else {
            tracing::error!("the secret control/iomete could not be read");
            return Err("credential unavailable".to_owned());
        };
        let iomete = Iomete::new(&self.base_url, token, BUDGET.saturating_sub(started.elapsed()));
        let asked = Instant::now();
        iomete.probe().await.map(|()| asked.elapsed()).map_err(|error| error.to_string())
    }
}

impl Handler for CheckLakehouseHealth {
    const ROUTE: Route = routes::CHECK_LAKEHOUSE_HEALTH;
    const ANSWERED_WITHIN: Duration = Duration::from_secs(3);

    async fn handle(&self, _: &Request) -> Result<Answer, Problem> {
        let mut last = self.last.lock().await;
        let seen = match last.take().filter(Seen::counts) {
            Some(seen) => seen,
            None => Seen { checked_at: Timestamp::now(), outcome: self.ask().await },
        };
        *last = Some(seen.clone());
        Ok(match seen.outcome {
            Ok(latency) => Answer::ok(&Healthy {
                status: "ok",
                latency_ms: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
                checked_at: Moment(seen.checked_at),
            }),
            Err(error) => {
                tracing::warn!(error, "the lakehouse is unavailable");
                Answer::unavailable(&Unhealthy { status: "unavailable", error })
            }
        })
    }
}
