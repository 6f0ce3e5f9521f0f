//! `GET /v1/admin/lakehouse/health`: whether the IOMETE gateway answers, for readiness probes. The caller needs no
//! credential, and the answer names no host. Each process asks the gateway at most every five seconds.

use std::time::{Duration, Instant};

use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Moment, Problem, Request};
use iomete::Iomete;
use jiff::Timestamp;
use lambda_kit::{Memory, Read, needs, settings};
use secrets::IometeSecret;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

/// How long a result is reused.
const REUSED: Duration = Duration::from_secs(5);
/// The gateway has at least this long, however late its credential comes.
const GATEWAY: Duration = Duration::from_secs(1);
/// Time for writing the answer.
const ANSWER: Duration = Duration::from_millis(200);

settings! {
    /// Where the gateway is.
    struct IometeSettings {
        /// Empty where the installation has no lakehouse.
        url: String = "IOMETE_URL" or "",
    }
}

needs! {
    /// Probes the lakehouse's gateway.
    pub struct CheckLakehouseHealth {
        settings: IometeSettings,
        secret: Read<IometeSecret>,
        last: Memory<Mutex<Option<Probe>>>,
    }
}

/// The last probe and its result.
#[derive(Clone, Debug)]
struct Probe {
    /// By the wall clock: a monotonic clock may stand still while the environment is frozen.
    checked_at: Timestamp,
    outcome: Result<Duration, String>,
}

impl Probe {
    fn is_recent(&self) -> bool {
        let age = Timestamp::now().duration_since(self.checked_at);
        Duration::try_from(age).is_ok_and(|age| age < REUSED)
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
    /// How long the gateway took to answer.
    async fn probe(&self, budget: Budget) -> Result<Duration, String> {
        if self.settings.url.is_empty() {
            return Err("not configured".to_owned());
        }
        let Some(Ok(IometeSecret { token })) = budget.keeping(GATEWAY).spend(self.secret.read()).await else {
            tracing::error!("the secret control/iomete could not be read");
            return Err("credential unavailable".to_owned());
        };
        let iomete = Iomete::new(&self.settings.url, token, budget.left());
        let asked = Instant::now();
        iomete.probe().await.map(|()| asked.elapsed()).map_err(|error| error.to_string())
    }
}

impl Handler for CheckLakehouseHealth {
    const ROUTE: Route = routes::CHECK_LAKEHOUSE_HEALTH;
    const ANSWERED_WITHIN: Duration = Duration::from_secs(3);
    type Input = ();

    async fn handle(&self, _: &Request, (): (), budget: Budget) -> Result<Answer, Problem> {
        let mut last = self.last.lock().await;
        let probe = match last.take().filter(Probe::is_recent) {
            Some(probe) => probe,
            None => Probe { checked_at: Timestamp::now(), outcome: self.probe(budget.keeping(ANSWER)).await },
        };
        *last = Some(probe.clone());
        Ok(match probe.outcome {
            Ok(latency) => Answer::ok(&Healthy {
                status: "ok",
                latency_ms: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
                checked_at: Moment(probe.checked_at),
            }),
            Err(error) => {
                tracing::warn!(error, "the lakehouse is unavailable");
                Answer::unavailable(&Unhealthy { status: "unavailable", error })
            }
        })
    }
}
