//! Runs of the pipeline: their steps for whoever asks, their failure, and who looks after them.

use std::time::Duration;

use domain::{Cause, ProvisioningState, Slug, Step, TenantId};
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::tenants::{Tenant, parsed};
use crate::{Store, StoreError};

/// A step as the status route shows it.
#[derive(Clone, Debug)]
pub struct StepRow {
    /// Which.
    pub step: Step,
    /// `pending`, `running`, `waiting`, `completed` or `failed`.
    pub state: String,
    /// Invocations that did something; polls of a wait are not among them.
    pub attempts: i32,
    /// First invocation.
    pub started_at: Option<Timestamp>,
    /// Completion or failure.
    pub finished_at: Option<Timestamp>,
    /// What it waits for.
    pub waiting_for: Option<String>,
    /// When it is tried again.
    pub next_retry_at: Option<Timestamp>,
    /// The trouble it met last, unless it got over it.
    pub cause: Option<Cause>,
}

impl TryFrom<&Row> for StepRow {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let broken = |column: &str| StoreError::Broken(column.to_owned());
        let cause: Option<serde_json::Value> = row.try_get("cause")?;
        Ok(Self {
            step: Step::from_number(row.try_get("step")?).ok_or_else(|| broken("step"))?,
            state: row.try_get("state")?,
            attempts: row.try_get("attempts")?,
            started_at: row.try_get("started_at")?,
            finished_at: row.try_get("finished_at")?,
            waiting_for: row.try_get("waiting_for")?,
            next_retry_at: row.try_get("next_retry_at")?,
            cause: cause.map(serde_json::from_value).transpose().map_err(|_| broken("cause"))?,
        })
    }
}

/// What became of an attempt to fail a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOutcome {
    /// The tenant is failed now, at this step.
    Failed(Step),
    /// A copy of a step still holds the lease: try again once it lapsed.
    Busy,
    /// The run is not the tenant's current one any more, or the tenant is not provisioning: nothing to write.
    Over,
}

impl Store {
    /// A tenant with its nine steps, all of one moment.
    pub async fn tenant_status(&self, slug: &Slug) -> Result<Option<(Tenant, Vec<StepRow>)>, StoreError> {
        let rows = self.read(include_str!("../sql/tenant_status.sql"), &[(&slug.as_str(), Type::TEXT)]).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let steps = rows.iter().map(StepRow::try_from).collect::<Result<_, _>>()?;
        Ok(Some((Tenant::try_from(first)?, steps)))
    }

    /// The nine steps, in order.
    pub async fn steps(&self, tenant_id: TenantId) -> Result<Vec<StepRow>, StoreError> {
        let rows = self.read(include_str!("../sql/steps_of_tenant.sql"), &[(&tenant_id.0, Type::UUID)]).await?;
        rows.iter().map(StepRow::try_from).collect()
    }

    /// Writes down that a run failed. `cause` is the last word of the run where `last_word` says so, and otherwise counts
    /// only where no step left one behind.
    pub async fn fail_run(
        &self,
        tenant_id: TenantId,
        attempt: i32,
        cause: &Cause,
        last_word: bool,
        request_id: &str,
    ) -> Result<FailOutcome, StoreError> {
        let cause = json(cause)?;
        let row = self
            .query_opt(
                include_str!("../sql/run_failed.sql"),
                &[
                    (&tenant_id.0, Type::UUID),
                    (&attempt, Type::INT4),
                    (&cause, Type::JSONB),
                    (&request_id, Type::TEXT),
                    (&last_word, Type::BOOL),
                ],
            )
            .await?;
        if let Some(row) = row {
            let step = Step::from_number(row.try_get("step")?).ok_or_else(|| StoreError::Broken("step".to_owned()))?;
            return Ok(FailOutcome::Failed(step));
        }
        let rows = self.read(include_str!("../sql/run_look.sql"), &[(&tenant_id.0, Type::UUID)]).await?;
        let current = rows
            .first()
            .map(|row| {
                Ok::<_, StoreError>((
                    parsed::<ProvisioningState>(row, "provisioning_state")?,
                    row.try_get::<_, i32>("attempt")?,
                ))
            })
            .transpose()?;
        Ok(if current == Some((ProvisioningState::Provisioning, attempt)) {
            FailOutcome::Busy
        } else {
            FailOutcome::Over
        })
    }

    /// A run could not be started, or nobody can say how it stands: its next step says why unless it has begun. With
    /// `at_once` whoever looks after idle runs should not wait before they do.
    pub async fn hold_up_run(
        &self,
        tenant_id: TenantId,
        attempt: i32,
        cause: &Cause,
        at_once: bool,
    ) -> Result<(), StoreError> {
        self.query(
            include_str!("../sql/run_held_up.sql"),
            &[(&tenant_id.0, Type::UUID), (&attempt, Type::INT4), (&json(cause)?, Type::JSONB), (&at_once, Type::BOOL)],
        )
        .await
        .map(drop)
    }

    /// Whether a step was ever begun, in any attempt.
    pub async fn step_ever_begun(&self, tenant_id: TenantId, step: Step) -> Result<bool, StoreError> {
        let steps = self.steps(tenant_id).await?;
        Ok(steps.iter().any(|row| row.step == step && row.attempts > 0))
    }

    /// Claims the right to look after a run that has been idle for `idle`; false where somebody else just did.
    pub async fn claim_idle_run(&self, tenant_id: TenantId, attempt: i32, idle: Duration) -> Result<bool, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/run_touch.sql"),
                &[(&tenant_id.0, Type::UUID), (&attempt, Type::INT4), (&idle.as_secs_f64(), Type::FLOAT8)],
            )
            .await?;
        Ok(row.is_some())
    }

    /// Provisioning tenants whose run has shown no sign of life for `idle`, the longest first.
    pub async fn idle_runs(&self, idle: Duration, limit: i64) -> Result<Vec<Tenant>, StoreError> {
        let rows = self
            .read(include_str!("../sql/runs_idle.sql"), &[(&idle.as_secs_f64(), Type::FLOAT8), (&limit, Type::INT8)])
            .await?;
        let read = |row| Tenant::try_from(row).inspect_err(|error| tracing::warn!(%error, "a row was skipped")).ok();
        Ok(rows.iter().filter_map(read).collect())
    }

    /// Becomes the only one of that name for `duration`; false where somebody else is.
    pub async fn take_singleton(&self, name: &str, token: &str, duration: Duration) -> Result<bool, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/singleton_take.sql"),
                &[(&name, Type::TEXT), (&token, Type::TEXT), (&duration.as_secs_f64(), Type::FLOAT8)],
            )
            .await?;
        Ok(row.is_some())
    }

    /// Stops being the only one of that name.
    pub async fn release_singleton(&self, name: &str, token: &str) -> Result<(), StoreError> {
        let sql = include_str!("../sql/singleton_release.sql");
        self.query(sql, &[(&name, Type::TEXT), (&token, Type::TEXT)]).await.map(drop)
    }
}

/// As the column holds it.
pub(crate) fn json(cause: &Cause) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(cause).map_err(|_| StoreError::Broken("cause".to_owned()))
}
