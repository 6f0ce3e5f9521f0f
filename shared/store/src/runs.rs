//! Runs of the pipeline: their status, their failure, and claims to take care of idle ones.

use std::time::Duration;

use domain::{Cause, ProvisioningState, Slug, Step, TenantId};
use tokio_postgres::types::Type;

use crate::steps::{StepRow, json};
use crate::tenants::{Tenant, found, parsed};
use crate::{Reader, Store, StoreError};

/// The result of recording a failed run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOutcome {
    /// The tenant is failed now, and this is the failed step.
    Failed(Step),
    /// An invocation of a step holds the lease. Try again once it ended.
    Busy,
    /// The tenant has another attempt or is not provisioning; nothing was written.
    Over,
}

impl Reader {
    /// A tenant with its nine steps, read in one statement.
    pub async fn tenant_status(&self, slug: &Slug) -> Result<Option<(Tenant, Vec<StepRow>)>, StoreError> {
        let rows = self.read(include_str!("../sql/read/tenant_status.sql"), &[(&slug.as_str(), Type::TEXT)]).await?;
        let Some(tenant) = found(rows.first())? else { return Ok(None) };
        let steps = rows.iter().map(StepRow::try_from).collect::<Result<_, _>>()?;
        Ok(Some((tenant, steps)))
    }
}

impl Store {
    /// Records that a run failed. With `last_word`, `cause` is what ended the run. Otherwise `cause` counts only if no
    /// step left a cause.
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
                    (&self.actor, Type::TEXT),
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

    /// Records why a run could not be started, or why its status is unknown: its next step shows the cause, unless that
    /// step has begun. With `at_once` the run counts as idle from now on.
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

    /// Claims the right to take care of a run that has been idle for `idle`. False: another process has just done so.
    pub async fn claim_idle_run(&self, tenant_id: TenantId, attempt: i32, idle: Duration) -> Result<bool, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/run_touch.sql"),
                &[(&tenant_id.0, Type::UUID), (&attempt, Type::INT4), (&idle.as_secs_f64(), Type::FLOAT8)],
            )
            .await?;
        Ok(row.is_some())
    }

    /// Provisioning tenants whose run has shown no sign of life for `idle`, the longest idle first.
    pub async fn idle_runs(&self, idle: Duration, limit: i64) -> Result<Vec<Tenant>, StoreError> {
        let rows = self
            .read(include_str!("../sql/runs_idle.sql"), &[(&idle.as_secs_f64(), Type::FLOAT8), (&limit, Type::INT8)])
            .await?;
        let read = |row| Tenant::try_from(row).inspect_err(|error| tracing::warn!(%error, "a row was skipped")).ok();
        Ok(rows.iter().filter_map(read).collect())
    }

    /// Takes the lease of that name for `duration`. False: another process holds it.
    pub async fn take_singleton(&self, name: &str, token: &str, duration: Duration) -> Result<bool, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/singleton_take.sql"),
                &[(&name, Type::TEXT), (&token, Type::TEXT), (&duration.as_secs_f64(), Type::FLOAT8)],
            )
            .await?;
        Ok(row.is_some())
    }

    /// Gives the lease of that name back.
    pub async fn release_singleton(&self, name: &str, token: &str) -> Result<(), StoreError> {
        let sql = include_str!("../sql/singleton_release.sql");
        self.query(sql, &[(&name, Type::TEXT), (&token, Type::TEXT)]).await.map(drop)
    }
}
