//! A step's beginning and end under the tenant's lease, and the steps' rows: of the pipeline, and of a purge.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use domain::{Cause, CauseCode, Failure, ProvisioningState, PurgeStep, Step, StepState, TenantId, Tier};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::lease::{LEASE_MARGIN, Purpose, written};
use crate::tenants::{Tenant, parsed};
use crate::{Lease, Reader, Store, StoreError};

/// One step of one attempt.
#[derive(Clone, Copy, Debug)]
pub struct StepTask<S = Step> {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The attempt, from 1.
    pub attempt: i32,
    /// The step.
    pub step: S,
}

/// Why a step was not begun.
#[derive(Debug)]
pub enum NotBegun {
    /// Another invocation holds the lease.
    Busy,
    /// The tenant or its purge moved on to another attempt or state, or is unknown.
    Superseded,
    /// It is completed already.
    Completed,
    /// It is a purge's, and the tenant is under a legal hold.
    Held,
    /// The database.
    Store(StoreError),
}

impl From<StoreError> for NotBegun {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// How a step's invocation ended.
#[derive(Debug)]
pub enum Outcome {
    /// The step's effect exists. These are the columns that it sets in the tenant's row; a purge's step sets none.
    Completed(Effect),
    /// The step has to wait. The state machine invokes it again.
    Waiting {
        /// What it waits for, as the status route shows it.
        waiting_for: Cow<'static, str>,
    },
    /// The step wrote its completion itself, with [`Lease::activate`] or [`PurgeLease::finish_purge`](crate::PurgeLease::finish_purge).
    Written,
}

impl Outcome {
    /// The step's effect exists, and the tenant's row does not change.
    pub const DONE: Self = Self::Completed(Effect::NONE);

    /// Waits for something.
    #[must_use]
    pub fn waiting(waiting_for: impl Into<Cow<'static, str>>) -> Self {
        Self::Waiting { waiting_for: waiting_for.into() }
    }
}

/// The columns of the tenant's row that a completed step sets. `None` leaves a column as it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Step 1: Supabase's reference of the project.
    pub supabase_project_ref: Option<String>,
    /// Step 1: the tenant's public database URL.
    pub supabase_url: Option<String>,
    /// Steps 3 and 4: the highest migration.
    pub schema_version: Option<i32>,
    /// Step 6: the graph's name.
    pub falkordb_graph_name: Option<String>,
    /// Step 7: the alias that readers use.
    pub opensearch_alias: Option<String>,
}

impl Effect {
    /// No column changes.
    pub const NONE: Self = Self {
        supabase_project_ref: None,
        supabase_url: None,
        schema_version: None,
        falkordb_graph_name: None,
        opensearch_alias: None,
    };
}

/// What step 9's transaction writes.
#[derive(Debug)]
pub struct Activation<'a> {
    /// The customer, unless the tier has none.
    pub stripe_customer_id: Option<&'a str>,
    /// The tier that was billed.
    pub tier: Tier,
    /// Id and payload of the promised cache invalidation.
    pub invalidation: (Uuid, &'a Value),
    /// Id and payload of the promised event; the id is the `event_id`.
    pub event: (Uuid, &'a Value),
}

/// A step as the status routes show it.
#[derive(Clone, Debug)]
pub struct StepRow<S = Step> {
    /// Which step.
    pub step: S,
    /// How far it is.
    pub state: StepState,
    /// Invocations that did some work; polls of a wait do not count.
    pub attempts: i32,
    /// First invocation.
    pub started_at: Option<Timestamp>,
    /// Completion or failure.
    pub finished_at: Option<Timestamp>,
    /// What it waits for.
    pub waiting_for: Option<String>,
    /// When the next try is.
    pub next_retry_at: Option<Timestamp>,
    /// The last cause of trouble, unless it is over.
    pub cause: Option<Cause>,
}

impl<S> StepRow<S> {
    pub(crate) fn read(row: &Row, from_number: fn(i16) -> Option<S>) -> Result<Self, StoreError> {
        Ok(Self {
            step: numbered(row, "step", from_number)?,
            state: parsed(row, "state")?,
            attempts: row.try_get("attempts")?,
            started_at: row.try_get("started_at")?,
            finished_at: row.try_get("finished_at")?,
            waiting_for: row.try_get("waiting_for")?,
            next_retry_at: row.try_get("next_retry_at")?,
            cause: cause(row, "cause")?,
        })
    }
}

impl Reader {
    /// The eight steps of a purge, in order.
    pub async fn purge_steps(&self, tenant: TenantId) -> Result<Vec<StepRow<PurgeStep>>, StoreError> {
        let rows = self.read(include_str!("../sql/read/purge_steps.sql"), &[(&tenant.0, Type::UUID)]).await?;
        rows.iter().map(|row| StepRow::read(row, PurgeStep::from_number)).collect()
    }
}

impl Store {
    /// Takes the lease for one invocation of a step and begins the step. `token` is the invocation's request id, `work`
    /// is how long its work may take, and `invocation` how long it can live at most.
    pub async fn begin_step(
        &self,
        task: StepTask,
        token: &str,
        work: Duration,
        invocation: Duration,
    ) -> Result<Lease<'_>, NotBegun> {
        match self.begun(include_str!("../sql/step_begin.sql"), task, token, work, invocation).await? {
            Some((lease, _)) => Ok(lease),
            None => Err(self.why_not_begun(task).await?),
        }
    }

    /// The lease that the statement gave, and what else it read. `None`: the step was not begun.
    pub(crate) async fn begun<S: Into<Purpose>>(
        &self,
        sql: &str,
        task: StepTask<S>,
        token: &str,
        work: Duration,
        invocation: Duration,
    ) -> Result<Option<(Lease<'_>, Row)>, StoreError> {
        let work_ends = SystemTime::now() + work;
        let purpose: Purpose = task.step.into();
        let row = self
            .query_opt(
                sql,
                &[
                    (&task.tenant_id.0, Type::UUID),
                    (&task.attempt, Type::INT4),
                    (&purpose.step()?, Type::INT2),
                    (&token, Type::TEXT),
                    (&(invocation + LEASE_MARGIN).as_secs_f64(), Type::FLOAT8),
                ],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let lease = Lease {
            store: self,
            tenant: Tenant::try_from(&row)?,
            token: token.to_owned(),
            purpose,
            work_ends,
            begun_for: Duration::try_from_secs_f64(row.try_get("begun_secs")?).unwrap_or_default(),
        };
        Ok(Some((lease, row)))
    }

    async fn why_not_begun(&self, task: StepTask) -> Result<NotBegun, StoreError> {
        let parameters: &[(&(dyn ToSql + Sync), Type)] =
            &[(&task.tenant_id.0, Type::UUID), (&task.step.number(), Type::INT2)];
        let rows = self.read(include_str!("../sql/step_look.sql"), parameters).await?;
        let Some(row) = rows.first() else { return Ok(NotBegun::Superseded) };
        let state: ProvisioningState = parsed(row, "provisioning_state")?;
        let same_attempt = row.try_get::<_, i32>("attempt")? == task.attempt;
        let completed = parsed::<StepState>(row, "step_state")? == StepState::Completed;
        Ok(match state {
            // Step 9's answer may have been lost: in that case the tenant is active, and this attempt activated it.
            ProvisioningState::Provisioning | ProvisioningState::Active if same_attempt && completed => {
                NotBegun::Completed
            }
            ProvisioningState::Provisioning if same_attempt => NotBegun::Busy,
            _ => NotBegun::Superseded,
        })
    }

    /// The nine steps, in order.
    pub async fn steps(&self, tenant_id: TenantId) -> Result<Vec<StepRow>, StoreError> {
        let rows = self.read(include_str!("../sql/steps_of_tenant.sql"), &[(&tenant_id.0, Type::UUID)]).await?;
        rows.iter().map(|row| StepRow::read(row, Step::from_number)).collect()
    }
}

/// The statements that only a step makes under its lease.
impl Lease<'_> {
    /// Writes how the step's invocation ended, and gives the lease back. A step that waits polls again in about
    /// `next_poll`.
    pub async fn finish(&self, outcome: &Outcome, next_poll: Duration) -> Result<(), Failure> {
        match outcome {
            Outcome::Written => Ok(()),
            Outcome::Waiting { waiting_for } => {
                let waiting: &[(&(dyn ToSql + Sync), Type)] =
                    &[(waiting_for, Type::TEXT), (&next_poll.as_secs_f64(), Type::FLOAT8)];
                let (own, purges) =
                    (include_str!("../sql/step_waiting.sql"), include_str!("../sql/purge_step_waiting.sql"));
                self.write_step(self.fitting(own, purges), waiting).await
            }
            Outcome::Completed(_) if self.is_purges() => {
                self.write_step(include_str!("../sql/purge_step_complete.sql"), &[]).await
            }
            Outcome::Completed(effect) => {
                let columns: &[(&(dyn ToSql + Sync), Type)] = &[
                    (&effect.supabase_project_ref, Type::TEXT),
                    (&effect.supabase_url, Type::TEXT),
                    (&effect.schema_version, Type::INT4),
                    (&effect.falkordb_graph_name, Type::TEXT),
                    (&effect.opensearch_alias, Type::TEXT),
                ];
                self.write_step(include_str!("../sql/step_complete.sql"), columns).await
            }
        }
    }

    /// Writes the cause of the step's failure, and gives the lease back. `retry_in` is when the state machine tries
    /// again, if that is known.
    pub async fn troubled(&self, cause: &Cause, retry_in: Option<Duration>) -> Result<(), Failure> {
        let (cause, retry_in) = (json(cause)?, retry_in.map(|delay| delay.as_secs_f64()));
        let trouble: &[(&(dyn ToSql + Sync), Type)] = &[(&cause, Type::JSONB), (&retry_in, Type::FLOAT8)];
        let (own, purges) = (include_str!("../sql/step_troubled.sql"), include_str!("../sql/purge_step_troubled.sql"));
        self.write_step(self.fitting(own, purges), trouble).await
    }

    /// Runs a statement whose first parameters are tenant, token and step.
    pub(crate) async fn write_step(&self, sql: &str, more: &[(&(dyn ToSql + Sync), Type)]) -> Result<(), Failure> {
        let step = self.purpose.step()?;
        let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> =
            vec![(&self.tenant.tenant_id.0, Type::UUID), (&self.token, Type::TEXT), (&step, Type::INT2)];
        parameters.extend_from_slice(more);
        written(self.store.query_opt(sql, &parameters).await.map(|row| row.is_some()))
    }

    /// Step 9's transaction. It fails if the tenant's tier is not the one that was billed, or if the lease has ended.
    pub async fn activate(&self, activation: Activation<'_>) -> Result<(), Failure> {
        self.purpose.step()?;
        let row = self
            .store
            .query_opt(
                include_str!("../sql/step_activate.sql"),
                &[
                    (&self.tenant.tenant_id.0, Type::UUID),
                    (&self.token, Type::TEXT),
                    (&activation.stripe_customer_id, Type::TEXT),
                    (&activation.tier.as_str(), Type::TEXT),
                    (&activation.invalidation.0, Type::UUID),
                    (activation.invalidation.1, Type::JSONB),
                    (&activation.event.0, Type::UUID),
                    (activation.event.1, Type::JSONB),
                    (&self.store.actor, Type::TEXT),
                ],
            )
            .await?;
        row.map(drop).ok_or_else(|| CauseCode::ActivationOvertaken.into())
    }

    /// Whether a step was ever begun for this tenant, in any attempt.
    pub async fn step_ever_begun(&self, step: Step) -> Result<bool, Failure> {
        let steps = self.store.steps(self.tenant.tenant_id).await?;
        Ok(steps.iter().any(|row| row.step == step && row.attempts > 0))
    }
}

/// The step whose number is in a column.
pub(crate) fn numbered<S>(row: &Row, column: &str, from_number: fn(i16) -> Option<S>) -> Result<S, StoreError> {
    from_number(row.try_get(column)?).ok_or_else(|| StoreError::Broken(column.to_owned()))
}

/// The cause in a column, if there is one.
pub(crate) fn cause(row: &Row, column: &str) -> Result<Option<Cause>, StoreError> {
    let stored: Option<Value> = row.try_get(column)?;
    stored.map(serde_json::from_value).transpose().map_err(|_| StoreError::Broken(column.to_owned()))
}

/// A value as it is stored in a column of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<Value, StoreError> {
    serde_json::to_value(value).map_err(|_| StoreError::Broken("a value for JSON".to_owned()))
}
