//! Every minute: looks after idle runs and purges, delivers promises that were left behind, switches off the graph users of deprovisioned
//! tenants and revokes their keys and passwords, seals the audit log, settles open billing intents. A lease in Postgres lets one reconciler work at a
//! time. Every act may be repeated, so an invocation that dies between two of them
//! loses nothing.

use std::time::Duration;

use billing::Billing;
use graph_users::GraphUsers;
use lambda_kit::metrics::{Directive, Measured, Metric, Metrics, Unit};
use lambda_kit::operation::Operation;
use lambda_kit::{Budget, needs, telemetry};
use outbox::Outbox;
use runs::{Care, CareError, IDLE, Purges, Runs};
use serde::Serialize;
use serde_json::Value;
use store::{Ages, ControlDatabase, StoreError};
use supabase_project::Revocation;
use tracing::Instrument;

/// The function's time-out and a margin. If an invocation dies while it holds the lease, the next one waits this long.
const LEASE: Duration = Duration::from_secs(65);
/// Per invocation. The rest is due again in a minute.
const OUTBOX_ROWS: i64 = 100;
const OUTBOX_TIME: Duration = Duration::from_secs(12);
/// Per invocation, each with at most two calls of Step Functions.
const IDLE_RUNS: i64 = 50;
const IDLE_TIME: Duration = Duration::from_secs(8);
/// The same for purges, which are rare.
const IDLE_PURGES_TIME: Duration = Duration::from_secs(4);
/// Rows of the audit log that are sealed in one statement. There are more of them only after an update from an older release.
const AUDIT_ROWS: u32 = 2_000;
const AUDIT_TIME: Duration = Duration::from_secs(4);
/// Graph users of deprovisioned tenants that are still on.
const GRAPH_USERS_TIME: Duration = Duration::from_secs(6);
/// Projects of deprovisioned tenants. Only one fits in if Supabase is slow.
const REVOCATIONS_TIME: Duration = Duration::from_secs(10);
/// Billing comes last and gets what is left of this. It is less than the function's time-out.
const WHOLE_TIME: Duration = Duration::from_secs(45);
/// After so many tries of one promise, about a quarter of an hour, a person should know (the alarm of errors in operations).
const STUCK_AFTER: i32 = 5;
/// One call of Stripe. It is short, so that one invocation can settle several tenants.
const STRIPE_CALL: Duration = Duration::from_secs(5);

/// What one invocation did.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    delivered: usize,
    sealed: usize,
    switched_off: usize,
    revoked: usize,
    started: usize,
    failed: usize,
    billed: usize,
}

/// What the line of a reconciler measures. The alarms `RunOld` and `PromiseOld` look at it.
struct Reconciled;

impl Measured for Reconciled {
    const DIRECTIVES: &'static [Directive] = &[Directive {
        by: &[&[]],
        metrics: &[
            Metric { name: "RunAge", unit: Unit::Seconds },
            Metric { name: "OutboxAge", unit: Unit::Seconds },
            // Runs and purges that had died, and were started again or recorded as failed.
            Metric { name: "Repairs", unit: Unit::Count },
        ],
    }];
}

needs! {
    /// The reconciler.
    pub struct ReconcileTenants {
        store: ControlDatabase,
        outbox: Outbox,
        graph_users: GraphUsers,
        revocation: Revocation,
        runs: Runs,
        purges: Purges,
        billing: Billing,
        metrics: Metrics<Reconciled>,
    }
}

impl Operation for ReconcileTenants {
    const NAME: &'static str = "reconcile-tenants";
    type Event = Value;
    type Answer = Report;
    type Error = lambda_runtime::Error;

    /// After an error the next invocation does the rest.
    async fn invoke(&self, _: Value, request_id: &str) -> Result<Report, lambda_runtime::Error> {
        if !self.store.take_singleton(Self::NAME, request_id, LEASE).await.map_err(domain::Failure::from)? {
            tracing::info!("another reconciler is at work");
            return Ok(Report::default());
        }
        let outcome = self.reconcile(request_id).await;
        let ages = self.store.ages().await;
        self.store.release_singleton(Self::NAME, request_id).await.map_err(domain::Failure::from)?;
        let report = outcome.map_err(domain::Failure::from)?;
        let Report { delivered, sealed, switched_off, revoked, started, failed, billed } = report;
        // As they are after what could be done.
        let Ages { run, promise } = ages.map_err(domain::Failure::from)?;
        tracing::info!(
            _aws = ?self.metrics.now(),
            RunAge = run.as_secs(),
            OutboxAge = promise.as_secs(),
            Repairs = started + failed,
            delivered,
            sealed,
            switched_off,
            revoked,
            started,
            failed,
            billed,
            "reconciled"
        );
        Ok(report)
    }
}

impl ReconcileTenants {
    /// Tries all parts, whatever becomes of the others.
    async fn reconcile(&self, request_id: &str) -> Result<Report, StoreError> {
        let budget = Budget::of(WHOLE_TIME);
        let mut report = Report::default();
        let looked_after = self.look_after(request_id, &mut report).await;
        let purged = self.look_after_purges(request_id, &mut report).await;
        let delivered = self.deliver(&mut report).await;
        let sealed = self.seal(request_id, &mut report).await;
        let within = budget.at_most(GRAPH_USERS_TIME);
        let switched_off = self.graph_users.switch_off_due(&self.store, request_id, within).await;
        let within = budget.at_most(REVOCATIONS_TIME);
        let revoked = self.revocation.revoke_due(&self.store, request_id, within).await;
        let settled = self.billing.within(STRIPE_CALL).settle_open(&self.store, budget, request_id).await;
        looked_after.and(purged).and(delivered).and(sealed)?;
        report.switched_off = switched_off?;
        report.revoked = revoked?;
        report.billed = settled?.settled;
        let stuck = self.store.outbox_stuck(STUCK_AFTER).await?;
        if stuck > 0 {
            tracing::error!(stuck, "promises cannot be delivered; last_error of control.outbox says why");
        }
        Ok(report)
    }

    async fn deliver(&self, report: &mut Report) -> Result<(), StoreError> {
        let due = self.store.outbox_due(OUTBOX_ROWS).await?;
        report.delivered = self.outbox.deliver(&self.store, due, Budget::of(OUTBOX_TIME)).await?;
        Ok(())
    }

    async fn seal(&self, request_id: &str, report: &mut Report) -> Result<(), StoreError> {
        let budget = Budget::of(AUDIT_TIME);
        while !budget.is_over() {
            let sealed = self.store.seal_audit(Self::NAME, request_id, AUDIT_ROWS).await?;
            report.sealed += sealed;
            if u32::try_from(sealed).is_ok_and(|sealed| sealed < AUDIT_ROWS) {
                break;
            }
        }
        Ok(())
    }

    async fn look_after(&self, request_id: &str, report: &mut Report) -> Result<(), StoreError> {
        let budget = Budget::of(IDLE_TIME);
        for tenant in self.store.idle_runs(IDLE, IDLE_RUNS).await? {
            if budget.is_over() {
                break;
            }
            // A run's lines carry its ids, whoever looks after it.
            let span = telemetry::request_span(Self::NAME, request_id);
            telemetry::name_run(&span, &tenant.run());
            let care = runs::look_after(&self.store, &self.runs.of(&tenant), request_id).instrument(span.clone()).await;
            span.in_scope(|| report.count(care));
        }
        Ok(())
    }

    async fn look_after_purges(&self, request_id: &str, report: &mut Report) -> Result<(), StoreError> {
        let budget = Budget::of(IDLE_PURGES_TIME);
        for purge in self.store.idle_purges(IDLE, IDLE_RUNS).await? {
            if budget.is_over() {
                break;
            }
            let span = telemetry::request_span(Self::NAME, request_id);
            telemetry::name_run(&span, &purge.run());
            let care =
                runs::look_after(&self.store, &self.purges.of(&purge), request_id).instrument(span.clone()).await;
            span.in_scope(|| report.count(care));
        }
        Ok(())
    }
}

impl Report {
    fn count(&mut self, care: Result<Care, CareError>) {
        match care {
            Ok(Care::Nothing) => {}
            Ok(Care::Started) => self.started += 1,
            Ok(Care::Failed) => self.failed += 1,
            Err(error) => tracing::error!(%error, "a run or a purge could not be looked after"),
        }
    }
}
