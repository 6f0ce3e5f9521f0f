//! Runs, of the pipeline and of purges: their status, their failure, and claims to take care of idle ones.

use std::time::Duration;

use domain::{Cause, PurgeStep, Slug, Step, TenantId};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::steps::{StepRow, json};
use crate::tenants::{Tenant, found};
use crate::{Purge, Reader, Store, StoreError};

/// The state machine that a run is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// The pipeline.
    Pipeline,
    /// That of purges.
    Purge,
}

/// The statements about the runs of one machine.
struct Statements {
    failed: &'static str,
    under_way: &'static str,
    held_up: &'static str,
    touch: &'static str,
}

impl Machine {
    const fn statements(self) -> Statements {
        match self {
            Self::Pipeline => Statements {
                failed: include_str!("../sql/run_failed.sql"),
                under_way: include_str!("../sql/run_under_way.sql"),
                held_up: include_str!("../sql/run_held_up.sql"),
                touch: include_str!("../sql/run_touch.sql"),
            },
            Self::Purge => Statements {
                failed: include_str!("../sql/purge_failed.sql"),
                under_way: include_str!("../sql/purge_under_way.sql"),
                held_up: include_str!("../sql/purge_held_up.sql"),
                touch: include_str!("../sql/purge_touch.sql"),
            },
        }
    }

    /// The function of its step of this number.
    fn function(self, step: i16) -> Option<&'static str> {
        match self {
            Self::Pipeline => Step::from_number(step).map(Step::function),
            Self::Purge => PurgeStep::from_number(step).map(PurgeStep::function),
        }
    }
}

/// The result of recording a failed run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOutcome {
    /// It is failed now, at the step of this function.
    Failed(&'static str),
    /// An invocation of a step holds the lease. Try again once it ended.
    Busy,
    /// There is another attempt, or none is under way; nothing was written.
    Over,
}

impl Reader {
    /// A tenant with its nine steps, read in one statement.
    pub async fn tenant_status(&self, slug: &Slug) -> Result<Option<(Tenant, Vec<StepRow>)>, StoreError> {
        let rows = self.read(include_str!("../sql/read/tenant_status.sql"), &[(&slug.as_str(), Type::TEXT)]).await?;
        let Some(tenant) = found(rows.first())? else { return Ok(None) };
        let steps = rows.iter().map(|row| StepRow::read(row, Step::from_number)).collect::<Result<_, _>>()?;
        Ok(Some((tenant, steps)))
    }
}

impl Store {
    /// Records that a run failed. With `last_word`, `cause` is what ended the run. Otherwise `cause` counts only if no
    /// step left a cause.
    pub async fn fail_run(
        &self,
        machine: Machine,
        tenant_id: TenantId,
        attempt: i32,
        cause: &Cause,
        last_word: bool,
        request_id: &str,
    ) -> Result<FailOutcome, StoreError> {
        let Statements { failed, under_way, .. } = machine.statements();
        let cause = json(cause)?;
        let row = self
            .query_opt(
                failed,
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
            let function = machine.function(row.try_get("step")?);
            return function.map(FailOutcome::Failed).ok_or_else(|| StoreError::Broken("step".to_owned()));
        }
        let rows = self.read(under_way, &[(&tenant_id.0, Type::UUID), (&attempt, Type::INT4)]).await?;
        Ok(if rows.is_empty() { FailOutcome::Over } else { FailOutcome::Busy })
    }

    /// Records why a run could not be started, or why its status is unknown: its next step shows the cause, unless that
    /// step has begun. With `at_once` the run counts as idle from now on.
    pub async fn hold_up_run(
        &self,
        machine: Machine,
        tenant_id: TenantId,
        attempt: i32,
        cause: &Cause,
        at_once: bool,
    ) -> Result<(), StoreError> {
        self.query(
            machine.statements().held_up,
            &[(&tenant_id.0, Type::UUID), (&attempt, Type::INT4), (&json(cause)?, Type::JSONB), (&at_once, Type::BOOL)],
        )
        .await
        .map(drop)
    }

    /// Claims the right to take care of a run that has been idle for `idle`. False: another process has just done so.
    pub async fn claim_idle_run(
        &self,
        machine: Machine,
        tenant_id: TenantId,
        attempt: i32,
        idle: Duration,
    ) -> Result<bool, StoreError> {
        let row = self
            .query_opt(
                machine.statements().touch,
                &[(&tenant_id.0, Type::UUID), (&attempt, Type::INT4), (&idle.as_secs_f64(), Type::FLOAT8)],
            )
            .await?;
        Ok(row.is_some())
    }

    /// Provisioning tenants whose run has shown no sign of life for `idle`, the longest idle first.
    pub async fn idle_runs(&self, idle: Duration, limit: i64) -> Result<Vec<Tenant>, StoreError> {
        self.idle(include_str!("../sql/runs_idle.sql"), idle, limit).await
    }

    /// The same of purges that run.
    pub async fn idle_purges(&self, idle: Duration, limit: i64) -> Result<Vec<Purge>, StoreError> {
        self.idle(include_str!("../sql/purges_idle.sql"), idle, limit).await
    }

    async fn idle<T: for<'a> TryFrom<&'a Row, Error = StoreError>>(
        &self,
        sql: &str,
        idle: Duration,
        limit: i64,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.read(sql, &[(&idle.as_secs_f64(), Type::FLOAT8), (&limit, Type::INT8)]).await?;
        let read = |row: &Row| T::try_from(row).inspect_err(|error| tracing::warn!(%error, "a row was skipped")).ok();
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
