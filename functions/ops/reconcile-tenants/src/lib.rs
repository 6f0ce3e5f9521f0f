//! Every minute: delivers what was promised and left behind, looks after runs nobody runs, settles open billing. One at a time, by a lease in
//! Postgres; every act is safe to repeat, so that dying between any two of them loses nothing.

use std::time::{Duration, Instant};

use billing::Billing;
use domain::Failure;
use executions::Executions;
use pipeline::{Care, IDLE};
use secrets::{Name, SdkConfig, Secrets};
use serde::Serialize;
use store::{Store, StoreError};
use tracing::Instrument;

/// The function's time-out and a margin: who dies holding the lease is waited out.
const LEASE: Duration = Duration::from_secs(65);
/// Per run: what is left over is due again in a minute.
const OUTBOX_ROWS: i64 = 100;
const OUTBOX_BUDGET: Duration = Duration::from_secs(12);
/// Per run, each at most two calls of Step Functions.
const IDLE_RUNS: i64 = 50;
const IDLE_BUDGET: Duration = Duration::from_secs(8);
/// Billing comes last and gets what is left of this: less than the function's time-out.
const ALL_BUDGET: Duration = Duration::from_secs(45);
/// Tries of a promise, about a quarter of an hour, after which a person should know (the alarm of errors in operations).
const STUCK_AFTER: i32 = 5;
/// One call of Stripe: several tenants have to fit.
const STRIPE_CALL: Duration = Duration::from_secs(5);

/// What one run came to.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    delivered: usize,
    started: usize,
    failed: usize,
    billed: usize,
}

/// The reconciler.
pub struct Reconciler {
    secrets: Secrets,
    store: Store,
    executions: Executions,
    billing: Billing,
}

impl Reconciler {
    /// Built from the secrets, `STATE_MACHINE_ARN`, `STRIPE_API_URL`, `STRIPE_PRICE_ENTERPRISE` and
    /// `STRIPE_PRICE_ENTERPRISE_PLUS`.
    pub fn new(sdk: &SdkConfig) -> Result<Self, Failure> {
        let secrets = Secrets::new(sdk);
        let store = Store::new(secrets.source(Name::Control("database")));
        let billing = Billing::new(&secrets, STRIPE_CALL);
        Ok(Self { store, secrets, executions: Executions::from_env(sdk)?, billing })
    }

    /// One run. An error leaves the rest to the next one.
    pub async fn reconcile(&self, request_id: &str) -> Result<Report, Failure> {
        const NAME: &str = "reconcile-tenants";
        let span = telemetry::request_span(NAME, request_id);
        async {
            if !self.store.take_singleton(NAME, request_id, LEASE).await? {
                tracing::info!("another reconciler is at it");
                return Ok(Report::default());
            }
            // Boxed: what a run awaits is nested too deep for the runtime around it.
            let outcome = Box::pin(self.run(request_id)).await;
            self.store.release_singleton(NAME, request_id).await?;
            let report = outcome?;
            tracing::info!(
                delivered = report.delivered,
                started = report.started,
                failed = report.failed,
                billed = report.billed,
                "reconciled"
            );
            Ok(report)
        }
        .instrument(span)
        .await
    }

    /// All parts, whatever becomes of the others.
    async fn run(&self, request_id: &str) -> Result<Report, StoreError> {
        let started = Instant::now();
        let mut report = Report::default();
        let looked_after = self.look_after(request_id, &mut report).await;
        let delivered = self.deliver(&mut report).await;
        let left = ALL_BUDGET.saturating_sub(started.elapsed());
        let settled = billing::settle_open(&self.store, &self.billing, left, request_id).await;
        looked_after.and(delivered)?;
        report.billed = settled?.settled;
        let stuck = self.store.outbox_stuck(STUCK_AFTER).await?;
        if stuck > 0 {
            tracing::error!(stuck, "promises are not kept; control.outbox says why (last_error)");
        }
        Ok(report)
    }

    async fn deliver(&self, report: &mut Report) -> Result<(), StoreError> {
        let due = self.store.outbox_due(OUTBOX_ROWS).await?;
        report.delivered = outbox::deliver(&self.store, &self.secrets, due, OUTBOX_BUDGET).await?;
        Ok(())
    }

    async fn look_after(&self, request_id: &str, report: &mut Report) -> Result<(), StoreError> {
        let started = Instant::now();
        for tenant in self.store.idle_runs(IDLE, IDLE_RUNS).await? {
            if started.elapsed() > IDLE_BUDGET {
                break;
            }
            match pipeline::look_after(&self.store, &self.executions, &tenant, request_id).await {
                Ok(Care::Nothing) => {}
                Ok(Care::Started) => report.started += 1,
                Ok(Care::Failed) => report.failed += 1,
                Err(error) => tracing::error!(tenant_id = %tenant.tenant_id, %error, "a run could not be looked after"),
            }
        }
        Ok(())
    }
}
