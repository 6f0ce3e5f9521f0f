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
    /// The last probe if it is recent, else a new one. Its age counts from its end: a gateway that hangs would otherwise be
    /// asked again as soon as the wait for it is over.
    async fn recent(&self, budget: Budget) -> Probe {
        let mut last = self.last.lock().await;
        if let Some(probe) = last.as_ref().filter(|probe| probe.is_recent()) {
            return probe.clone();
        }
        let outcome = self.probe(budget).await;
        last.insert(Probe { checked_at: Timestamp::now(), outcome }).clone()
    }

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
        let probe = self.recent(budget.keeping(ANSWER)).await;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::net::TcpListener;

    use super::*;

    /// A gateway that takes connections and never answers, and how many it took.
    async fn hanging() -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (url, taken) = (format!("http://{}", listener.local_addr().expect("bound")), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&taken);
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                open.push(connection);
            }
        });
        (url, taken)
    }

    #[tokio::test]
    async fn a_gateway_that_hangs_is_left_alone_for_as_long_as_one_that_answers() {
        let (url, taken) = hanging().await;
        let health = CheckLakehouseHealth {
            settings: IometeSettings { url },
            secret: Read::from_fn(|()| async { Ok(IometeSecret { token: "token".into() }) }),
            last: Memory::default(),
        };
        let waited = Duration::from_millis(2500);
        let first = health.recent(Budget::of(waited)).await;
        assert_eq!(first.outcome, Err("connection timeout".to_owned()));
        // More than five seconds since the first probe began, and less since it ended.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let again = Instant::now();
        assert_eq!(health.recent(Budget::of(waited)).await.checked_at, first.checked_at);
        assert!(again.elapsed() < waited, "{:?}", again.elapsed());
        assert_eq!(taken.load(Ordering::SeqCst), 1);
        tokio::time::sleep(Duration::from_millis(2200)).await;
        health.recent(Budget::of(waited)).await;
        assert_eq!(taken.load(Ordering::SeqCst), 2, "it is asked again after that");
    }
}
