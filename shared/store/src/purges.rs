//! Purges: `control.purges`, its steps and what is proved of each resource. Whoever changes a purge locks the tenant's row first, and
//! whatever decides about one counts a version of that row. So who has read a tenant and its purge writes only if both are as they
//! were.

use std::borrow::Cow;
use std::ops::Deref;
use std::time::{Duration, SystemTime};

use domain::{
    Cause, CauseCode, Failure, ProvisioningState, PurgePolicies, PurgeReason, PurgeState, PurgeStep, PurgedItem, Run,
    Slug, StepState, TenantId,
};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::lease::{LEASE_MARGIN, Purpose, written};
use crate::steps::json;
use crate::tenants::{Tenant, parsed};
use crate::{Author, Catalog, Lease, Reader, Store, StoreError};

/// A purge's row.
#[derive(Clone, Debug)]
pub struct Purge {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// The tenant's slug as it was asked for, also after it is free.
    pub slug: Slug,
    /// How far it is.
    pub state: PurgeState,
    /// The current try, from 1.
    pub attempt: i32,
    /// What is deleted and what is kept.
    pub policies: PurgePolicies,
    /// The first step that cannot be undone.
    pub no_return: PurgeStep,
    /// When that step first began.
    pub no_return_at: Option<Timestamp>,
    /// The installation's retrieval period at that time, in days.
    pub retrieval_days: u32,
    /// Why a paid tier's period was shortened.
    pub reason: Option<String>,
    /// Who asked for it: a [`domain::Actor`].
    pub requested_by: String,
    /// When.
    pub requested_at: Timestamp,
    /// Who approved it. `None`: nobody had to, or nobody has yet.
    pub approved_by: Option<String>,
    /// When.
    pub approved_at: Option<Timestamp>,
    /// The correlation id, in every log line of its execution.
    pub correlation_id: String,
    /// When it was done.
    pub finished_at: Option<Timestamp>,
    /// Why it gave up, if it did.
    pub cause: Option<Cause>,
    /// Whether the slug is free again.
    pub slug_released: bool,
    /// The signed certificate, once it is done.
    pub certificate: Option<Value>,
}

impl TryFrom<&Row> for Purge {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Self::read(row, &|column| column.to_owned())
    }
}

impl Purge {
    /// Reads a row in which the columns that a tenant has as well are called `purge_…`.
    fn beside_tenant(row: &Row) -> Result<Self, StoreError> {
        const SHARED: [&str; 5] = ["slug", "state", "attempt", "correlation_id", "cause"];
        Self::read(row, &|column| if SHARED.contains(&column) { format!("purge_{column}") } else { column.to_owned() })
    }

    fn read(row: &Row, named: &dyn Fn(&str) -> String) -> Result<Self, StoreError> {
        let broken = |column: &str| StoreError::Broken(column.to_owned());
        let cause: Option<Value> = row.try_get(named("cause").as_str())?;
        let retrieval_days: i32 = row.try_get("retrieval_days")?;
        Ok(Self {
            tenant_id: TenantId(row.try_get("tenant_id")?),
            slug: parsed(row, &named("slug"))?,
            state: parsed(row, &named("state"))?,
            attempt: row.try_get(named("attempt").as_str())?,
            policies: PurgePolicies { customer: parsed(row, "customer")?, data: parsed(row, "data")? },
            no_return: PurgeStep::from_number(row.try_get("no_return_step")?)
                .ok_or_else(|| broken("no_return_step"))?,
            no_return_at: row.try_get("no_return_at")?,
            retrieval_days: retrieval_days.try_into().map_err(|_| broken("retrieval_days"))?,
            reason: row.try_get("reason")?,
            requested_by: row.try_get("requested_by")?,
            requested_at: row.try_get("requested_at")?,
            approved_by: row.try_get("approved_by")?,
            approved_at: row.try_get("approved_at")?,
            correlation_id: row.try_get(named("correlation_id").as_str())?,
            finished_at: row.try_get("finished_at")?,
            cause: cause.map(serde_json::from_value).transpose().map_err(|_| broken("cause"))?,
            slug_released: row.try_get("slug_released")?,
            certificate: row.try_get("certificate")?,
        })
    }

    /// The current try's execution.
    #[must_use]
    pub fn run(&self) -> Run {
        Run {
            tenant_id: self.tenant_id,
            attempt: self.attempt,
            slug: Some(self.slug.to_string()),
            correlation_id: Some(self.correlation_id.clone()),
        }
    }
}

/// A step of a purge, as it is shown.
#[derive(Clone, Debug)]
pub struct PurgeStepRow {
    /// Which step.
    pub step: PurgeStep,
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

impl TryFrom<&Row> for PurgeStepRow {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let broken = |column: &str| StoreError::Broken(column.to_owned());
        let cause: Option<Value> = row.try_get("cause")?;
        Ok(Self {
            step: PurgeStep::from_number(row.try_get("step")?).ok_or_else(|| broken("step"))?,
            state: parsed(row, "state")?,
            attempts: row.try_get("attempts")?,
            started_at: row.try_get("started_at")?,
            finished_at: row.try_get("finished_at")?,
            waiting_for: row.try_get("waiting_for")?,
            next_retry_at: row.try_get("next_retry_at")?,
            cause: cause.map(serde_json::from_value).transpose().map_err(|_| broken("cause"))?,
        })
    }
}

fn item(row: &Row) -> Result<PurgedItem, StoreError> {
    Ok(PurgedItem {
        kind: parsed(row, "kind")?,
        name: row.try_get("name")?,
        external_id: row.try_get("external_id")?,
        asked_at: row.try_get("asked_at")?,
        answered: row.try_get("answered")?,
        outcome: parsed(row, "outcome")?,
        why: row.try_get("why")?,
        until: row.try_get("until")?,
    })
}

impl Reader {
    /// The tenant's purge, if somebody ever asked for one.
    pub async fn purge(&self, tenant: TenantId) -> Result<Option<Purge>, StoreError> {
        Ok(self.purge_and_step(tenant).await?.map(|(purge, _)| purge))
    }

    /// The same with the first step that is not completed.
    pub async fn purge_and_step(&self, tenant: TenantId) -> Result<Option<(Purge, Option<PurgeStep>)>, StoreError> {
        let rows = self.read(include_str!("../sql/read/purge_of_tenant.sql"), &[(&tenant.0, Type::UUID)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let next: Option<i16> = row.try_get("next_step")?;
        let step = |number| PurgeStep::from_number(number).ok_or_else(|| StoreError::Broken("next_step".to_owned()));
        Ok(Some((Purge::try_from(row)?, next.map(step).transpose()?)))
    }

    /// Its eight steps, in order.
    pub async fn purge_steps(&self, tenant: TenantId) -> Result<Vec<PurgeStepRow>, StoreError> {
        let rows = self.read(include_str!("../sql/read/purge_steps.sql"), &[(&tenant.0, Type::UUID)]).await?;
        rows.iter().map(PurgeStepRow::try_from).collect()
    }

    /// What it proved so far, in the order of the steps.
    pub async fn purged_items(&self, tenant: TenantId) -> Result<Vec<PurgedItem>, StoreError> {
        let rows = self.read(include_str!("../sql/read/purge_items.sql"), &[(&tenant.0, Type::UUID)]).await?;
        rows.iter().map(item).collect()
    }

    /// When a tenant was deprovisioned last, and what time it is, by the database's clock.
    pub async fn deprovisioned_at(&self, tenant: TenantId) -> Result<(Option<Timestamp>, Timestamp), StoreError> {
        let rows = self.read(include_str!("../sql/read/deprovisioned_at.sql"), &[(&tenant.0, Type::UUID)]).await?;
        let row = rows.first().ok_or_else(|| StoreError::Broken("no row".to_owned()))?;
        Ok((row.try_get("deprovisioned_at")?, row.try_get("now")?))
    }

    /// All catalogs of a tenant, in use or not, by name.
    pub async fn catalogs_of(&self, tenant: TenantId) -> Result<Vec<Catalog>, StoreError> {
        let rows = self.read(include_str!("../sql/read/purge_catalogs.sql"), &[(&tenant.0, Type::UUID)]).await?;
        rows.iter().map(Catalog::try_from).collect()
    }
}

/// A purge to ask for.
#[derive(Debug)]
pub struct NewPurge<'a> {
    /// The tenant as it was read. If its row changed since, nothing is written.
    pub tenant: &'a Tenant,
    /// What is deleted and what is kept.
    pub policies: PurgePolicies,
    /// Why a paid tier's period is shortened.
    pub reason: Option<&'a PurgeReason>,
    /// The installation's retrieval period, in days.
    pub retrieval_days: u32,
    /// Whether another consumer has to approve it.
    pub needs_approval: bool,
    /// Its correlation id.
    pub correlation_id: &'a str,
    /// By whom.
    pub author: Author<'a>,
}

/// One step of one try.
#[derive(Clone, Copy, Debug)]
pub struct PurgeTask {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The try, from 1.
    pub attempt: i32,
    /// The step.
    pub step: PurgeStep,
}

/// Why a step of a purge was not begun.
#[derive(Debug)]
pub enum PurgeNotBegun {
    /// Another invocation holds the lease.
    Busy,
    /// The purge has another attempt or state, the tenant was brought back, or there is no such purge.
    Superseded,
    /// It is completed already.
    Completed,
    /// The tenant is under a legal hold.
    Held,
    /// The database.
    Store(StoreError),
}

impl From<StoreError> for PurgeNotBegun {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// How an invocation of a purge's step ended.
#[derive(Debug)]
pub enum PurgeStepOutcome {
    /// Everything that the step deletes is gone, or kept, and its items are written.
    Completed,
    /// The step has to wait. The state machine invokes it again.
    Waiting {
        /// What it waits for, as the purge's status shows it.
        waiting_for: Cow<'static, str>,
    },
    /// The step wrote its completion itself, with [`PurgeLease::finish_purge`].
    Written,
}

impl PurgeStepOutcome {
    /// Waits for something.
    #[must_use]
    pub fn waiting(waiting_for: impl Into<Cow<'static, str>>) -> Self {
        Self::Waiting { waiting_for: waiting_for.into() }
    }
}

/// The result of recording that a purge gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurgeFailOutcome {
    /// It is failed now, and this is the failed step.
    Failed(PurgeStep),
    /// An invocation of a step holds the lease. Try again once it ended.
    Busy,
    /// It has another attempt or is not running; nothing was written.
    Over,
}

/// A live row of the ledger.
#[derive(Clone, Debug)]
pub struct LedgerRow {
    /// The row, for [`PurgeLease::write_item`].
    pub id: Uuid,
    /// The kind, in the ledger's spelling.
    pub kind: String,
    /// The name with which it was requested.
    pub name: String,
    /// Its id in the outside system; `None` while the outcome of the request is unknown.
    pub external_id: Option<String>,
}

/// The tenant's lease for one invocation of a purge's step. Whatever takes a [`Lease`] can be used with it; its
/// [`fence`](Lease::fence) also refuses under a legal hold.
pub struct PurgeLease<'a> {
    lease: Lease<'a>,
    purge: Purge,
    step: PurgeStep,
}

impl<'a> Deref for PurgeLease<'a> {
    type Target = Lease<'a>;

    fn deref(&self) -> &Lease<'a> {
        &self.lease
    }
}

impl Store {
    /// Asks for a purge, which begins, or waits for approval. `None`: the tenant's row changed since it was read, or its purge is
    /// under way.
    pub async fn request_purge(&self, new: NewPurge<'_>) -> Result<Option<Purge>, StoreError> {
        let state = if new.needs_approval { PurgeState::WaitingApproval } else { PurgeState::Running };
        let retrieval_days = i32::try_from(new.retrieval_days).unwrap_or(i32::MAX);
        let row = self
            .query_opt(
                include_str!("../sql/purge_request.sql"),
                &[
                    (&new.tenant.tenant_id.0, Type::UUID),
                    (&new.tenant.version, Type::INT8),
                    (&state.as_str(), Type::TEXT),
                    (&new.policies.customer.as_str(), Type::TEXT),
                    (&new.policies.data.as_str(), Type::TEXT),
                    (&new.policies.point_of_no_return().number(), Type::INT2),
                    (&retrieval_days, Type::INT4),
                    (&new.reason.map(PurgeReason::as_str), Type::TEXT),
                    (&new.author.actor, Type::TEXT),
                    (&new.correlation_id, Type::TEXT),
                    (&new.author.request_id, Type::TEXT),
                    (&new.author.address, Type::INET),
                ],
            )
            .await?;
        row.as_ref().map(Purge::try_from).transpose()
    }

    /// failed → running, with the next try. `None`: the tenant's row changed since it was read, or a stalled invocation holds the
    /// lease.
    pub async fn resume_purge(
        &self,
        tenant: &Tenant,
        correlation_id: &str,
        author: Author<'_>,
    ) -> Result<Option<Purge>, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/purge_resume.sql"),
                &[
                    (&tenant.tenant_id.0, Type::UUID),
                    (&tenant.version, Type::INT8),
                    (&correlation_id, Type::TEXT),
                    (&author.actor, Type::TEXT),
                    (&author.request_id, Type::TEXT),
                    (&author.address, Type::INET),
                ],
            )
            .await?;
        row.as_ref().map(Purge::try_from).transpose()
    }

    /// `waiting_approval` → `running`. `None`: the tenant's row changed since it was read, or the author is who asked for the purge.
    pub async fn approve_purge(
        &self,
        tenant: &Tenant,
        correlation_id: &str,
        author: Author<'_>,
    ) -> Result<Option<Purge>, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/purge_approve.sql"),
                &[
                    (&tenant.tenant_id.0, Type::UUID),
                    (&tenant.version, Type::INT8),
                    (&author.actor, Type::TEXT),
                    (&correlation_id, Type::TEXT),
                    (&author.request_id, Type::TEXT),
                    (&author.address, Type::INET),
                ],
            )
            .await?;
        row.as_ref().map(Purge::try_from).transpose()
    }

    /// Takes the lease for one invocation of a step and begins the step. `token` is the invocation's request id, `work` is how long
    /// its work may take, and `invocation` how long it can live at most.
    pub async fn begin_purge_step(
        &self,
        task: PurgeTask,
        token: &str,
        work: Duration,
        invocation: Duration,
    ) -> Result<PurgeLease<'_>, PurgeNotBegun> {
        let work_ends = SystemTime::now() + work;
        let row = self
            .query_opt(
                include_str!("../sql/purge_step_begin.sql"),
                &[
                    (&task.tenant_id.0, Type::UUID),
                    (&task.attempt, Type::INT4),
                    (&task.step.number(), Type::INT2),
                    (&token, Type::TEXT),
                    (&(invocation + LEASE_MARGIN).as_secs_f64(), Type::FLOAT8),
                ],
            )
            .await?;
        let Some(row) = row else { return Err(self.why_purge_not_begun(task).await?) };
        let begun_secs: f64 = row.try_get("begun_secs").map_err(StoreError::from)?;
        let lease = Lease {
            store: self,
            tenant: Tenant::try_from(&row)?,
            token: token.to_owned(),
            purpose: Purpose::Purge(task.step),
            work_ends,
            begun_for: Duration::try_from_secs_f64(begun_secs).unwrap_or_default(),
        };
        Ok(PurgeLease { lease, purge: Purge::beside_tenant(&row)?, step: task.step })
    }

    async fn why_purge_not_begun(&self, task: PurgeTask) -> Result<PurgeNotBegun, StoreError> {
        let parameters: &[(&(dyn ToSql + Sync), Type)] =
            &[(&task.tenant_id.0, Type::UUID), (&task.step.number(), Type::INT2)];
        let rows = self.read(include_str!("../sql/purge_step_look.sql"), parameters).await?;
        let Some(row) = rows.first() else { return Ok(PurgeNotBegun::Superseded) };
        let state: PurgeState = parsed(row, "state")?;
        if row.try_get::<_, i32>("attempt")? != task.attempt {
            return Ok(PurgeNotBegun::Superseded);
        }
        let is_off = parsed::<ProvisioningState>(row, "provisioning_state")? == ProvisioningState::Deprovisioned;
        let completed = parsed::<StepState>(row, "step_state")? == StepState::Completed;
        Ok(match state {
            // The last step's answer may have been lost.
            PurgeState::Running | PurgeState::Done if completed => PurgeNotBegun::Completed,
            PurgeState::Running if is_off && row.try_get("held")? => PurgeNotBegun::Held,
            PurgeState::Running if is_off => PurgeNotBegun::Busy,
            _ => PurgeNotBegun::Superseded,
        })
    }

    /// Records that a purge gave up. With `last_word`, `cause` is what ended it. Otherwise `cause` counts only if no step left one.
    pub async fn fail_purge(
        &self,
        tenant_id: TenantId,
        attempt: i32,
        cause: &Cause,
        last_word: bool,
        request_id: &str,
    ) -> Result<PurgeFailOutcome, StoreError> {
        let cause = json(cause)?;
        let row = self
            .query_opt(
                include_str!("../sql/purge_failed.sql"),
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
            let step = PurgeStep::from_number(row.try_get("step")?);
            return step.map(PurgeFailOutcome::Failed).ok_or_else(|| StoreError::Broken("step".to_owned()));
        }
        let rows = self.read(include_str!("../sql/purge_look.sql"), &[(&tenant_id.0, Type::UUID)]).await?;
        let Some(row) = rows.first() else { return Ok(PurgeFailOutcome::Over) };
        let current = (parsed::<PurgeState>(row, "state")?, row.try_get::<_, i32>("attempt")?);
        Ok(if current == (PurgeState::Running, attempt) { PurgeFailOutcome::Busy } else { PurgeFailOutcome::Over })
    }

    /// Records why a purge could not be started, or why its execution's status is unknown. With `at_once` it counts as idle from now
    /// on.
    pub async fn hold_up_purge(
        &self,
        tenant_id: TenantId,
        attempt: i32,
        cause: &Cause,
        at_once: bool,
    ) -> Result<(), StoreError> {
        self.query(
            include_str!("../sql/purge_held_up.sql"),
            &[(&tenant_id.0, Type::UUID), (&attempt, Type::INT4), (&json(cause)?, Type::JSONB), (&at_once, Type::BOOL)],
        )
        .await
        .map(drop)
    }

    /// Claims the right to take care of a purge that has been idle for `idle`. False: another process has just done so.
    pub async fn claim_idle_purge(
        &self,
        tenant_id: TenantId,
        attempt: i32,
        idle: Duration,
    ) -> Result<bool, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/purge_touch.sql"),
                &[(&tenant_id.0, Type::UUID), (&attempt, Type::INT4), (&idle.as_secs_f64(), Type::FLOAT8)],
            )
            .await?;
        Ok(row.is_some())
    }

    /// Purges that have shown no sign of life for `idle`, the longest idle first.
    pub async fn idle_purges(&self, idle: Duration, limit: i64) -> Result<Vec<Purge>, StoreError> {
        let rows = self
            .read(include_str!("../sql/purges_idle.sql"), &[(&idle.as_secs_f64(), Type::FLOAT8), (&limit, Type::INT8)])
            .await?;
        let read = |row| Purge::try_from(row).inspect_err(|error| tracing::warn!(%error, "a row was skipped")).ok();
        Ok(rows.iter().filter_map(read).collect())
    }
}

impl PurgeLease<'_> {
    /// The purge.
    #[must_use]
    pub const fn purge(&self) -> &Purge {
        &self.purge
    }

    /// The live rows of the tenant's ledger: what is ours and not known to be gone.
    pub async fn ledger(&self) -> Result<Vec<LedgerRow>, Failure> {
        let rows = async {
            let sql = include_str!("../sql/purge_ledger.sql");
            let rows = self.store.read(sql, &[(&self.tenant.tenant_id.0, Type::UUID)]).await?;
            let read = |row: &Row| {
                Ok(LedgerRow {
                    id: row.try_get("id")?,
                    kind: row.try_get("kind")?,
                    name: row.try_get("name")?,
                    external_id: row.try_get("external_id")?,
                })
            };
            rows.iter().map(read).collect::<Result<_, StoreError>>()
        };
        Ok(rows.await?)
    }

    /// Writes what is proved of a resource. Unless it is kept, its row of the ledger is dead from now on. It may be repeated; the
    /// last answer counts.
    pub async fn write_item(&self, item: &PurgedItem, ledger: Option<Uuid>) -> Result<(), Failure> {
        let row = self
            .store
            .query_opt(
                include_str!("../sql/purge_item.sql"),
                &[
                    (&self.tenant.tenant_id.0, Type::UUID),
                    (&self.token, Type::TEXT),
                    (&self.step.number(), Type::INT2),
                    (&item.kind.as_str(), Type::TEXT),
                    (&item.name, Type::TEXT),
                    (&item.external_id, Type::TEXT),
                    (&item.asked_at, Type::TIMESTAMPTZ),
                    (&item.answered, Type::TEXT),
                    (&item.outcome.as_str(), Type::TEXT),
                    (&item.why, Type::TEXT),
                    (&item.until, Type::TIMESTAMPTZ),
                    (&ledger, Type::UUID),
                    (&self.store.actor, Type::TEXT),
                ],
            )
            .await;
        written(row.map(|row| row.is_some()))
    }

    /// A catalog's data is gone: it is out of use, and its place is free for other tenants.
    pub async fn catalog_dropped(&self, catalog: &Catalog) -> Result<(), Failure> {
        let parameters: &[(&(dyn ToSql + Sync), Type)] = &[
            (&self.tenant.tenant_id.0, Type::UUID),
            (&self.token, Type::TEXT),
            (&catalog.id.0, Type::UUID),
            (&self.store.actor, Type::TEXT),
        ];
        let row = self.store.query_opt(include_str!("../sql/purge_catalog_dropped.sql"), parameters).await;
        written(row.map(|row| row.is_some()))
    }

    /// Writes how the step's invocation ended, and gives the lease back. A step that waits polls again in about `next_poll`.
    pub async fn finish_step(&self, outcome: &PurgeStepOutcome, next_poll: Duration) -> Result<(), Failure> {
        match outcome {
            PurgeStepOutcome::Written => Ok(()),
            PurgeStepOutcome::Waiting { waiting_for } => {
                let waiting: &[(&(dyn ToSql + Sync), Type)] =
                    &[(waiting_for, Type::TEXT), (&next_poll.as_secs_f64(), Type::FLOAT8)];
                self.write(include_str!("../sql/purge_step_waiting.sql"), waiting).await
            }
            PurgeStepOutcome::Completed => self.write(include_str!("../sql/purge_step_complete.sql"), &[]).await,
        }
    }

    /// Writes the cause of the step's failure, and gives the lease back. `retry_in` is when the state machine tries again, if that is
    /// known.
    pub async fn step_troubled(&self, cause: &Cause, retry_in: Option<Duration>) -> Result<(), Failure> {
        let (cause, retry_in) = (json(cause)?, retry_in.map(|delay| delay.as_secs_f64()));
        let trouble: &[(&(dyn ToSql + Sync), Type)] = &[(&cause, Type::JSONB), (&retry_in, Type::FLOAT8)];
        self.write(include_str!("../sql/purge_step_troubled.sql"), trouble).await
    }

    /// Runs a statement whose first parameters are tenant, token and step.
    async fn write(&self, sql: &str, more: &[(&(dyn ToSql + Sync), Type)]) -> Result<(), Failure> {
        let step = self.step.number();
        let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> =
            vec![(&self.tenant.tenant_id.0, Type::UUID), (&self.token, Type::TEXT), (&step, Type::INT2)];
        parameters.extend_from_slice(more);
        written(self.store.query_opt(sql, &parameters).await.map(|row| row.is_some()))
    }

    /// The last step's transaction: keeps the certificate, ends the purge and the lease, and frees the slug if the certificate says
    /// so. It fails if the lease has ended, if the tenant is held, or if another step is not completed.
    pub async fn finish_purge(&self, certificate: &Value, release_slug: bool) -> Result<(), Failure> {
        let parameters: &[(&(dyn ToSql + Sync), Type)] = &[
            (&self.tenant.tenant_id.0, Type::UUID),
            (&self.token, Type::TEXT),
            (certificate, Type::JSONB),
            (&release_slug, Type::BOOL),
            (&self.purge.attempt, Type::INT4),
            (&self.store.actor, Type::TEXT),
        ];
        let row = self.store.query_opt(include_str!("../sql/purge_finish.sql"), parameters).await?;
        row.map(drop).ok_or_else(|| CauseCode::PurgeOvertaken.into())
    }
}
