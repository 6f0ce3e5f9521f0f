//! The one lease per tenant, and a step's beginning and end under it.

use std::time::Duration;

use domain::{Cause, ProvisioningState, Step, TenantId};
use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::runs::json;
use crate::tenants::{Tenant, parsed};
use crate::{Store, StoreError};

/// Who may act for a tenant right now. Every statement made under it names it, so that a copy whose lease lapsed can
/// write nothing.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Whose.
    pub tenant_id: TenantId,
    /// The invocation's request id.
    pub token: String,
}

/// A step that was begun.
#[derive(Debug)]
pub struct Begun {
    /// The tenant as it is now.
    pub tenant: Tenant,
    /// The lease it was begun under.
    pub lease: Lease,
    /// How long ago the step was first begun in this attempt, by the database's clock.
    pub begun_for: Duration,
}

/// Why a step was not begun.
#[derive(Debug)]
pub enum NotBegun {
    /// Somebody else holds the lease.
    Busy,
    /// The tenant moved on to another attempt or state, or is unknown.
    Superseded,
    /// It is completed already.
    Completed,
    /// The database.
    Store(StoreError),
}

impl From<StoreError> for NotBegun {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A lease taken by whoever is no step.
#[derive(Debug)]
pub struct Leased {
    /// The tenant as it is now.
    pub tenant: Tenant,
    /// Its lease.
    pub lease: Lease,
}

/// Why a lease was not to be had.
#[derive(Debug)]
pub enum NotLeased {
    /// Somebody else holds it.
    Busy,
    /// The tenant is in a state that was not asked for.
    State(ProvisioningState),
    /// There is no such tenant.
    Unknown,
    /// The database.
    Store(StoreError),
}

impl From<StoreError> for NotLeased {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a completed step leaves behind in the tenant's row.
#[derive(Debug)]
pub enum StepEffect<'a> {
    /// Nothing: the step itself is all.
    None,
    /// Step 1.
    Environment {
        /// Supabase's reference.
        project_ref: &'a str,
        /// The tenant's public database URL.
        url: &'a str,
    },
    /// Step 3.
    Schema {
        /// The highest migration.
        version: i32,
    },
    /// Step 6.
    Graph {
        /// Its key.
        name: &'a str,
    },
    /// Step 7.
    SearchIndex {
        /// The alias readers use.
        alias: &'a str,
    },
}

/// What step 9's transaction writes.
#[derive(Debug)]
pub struct Activation<'a> {
    /// The customer, unless the tier has none.
    pub stripe_customer_id: Option<&'a str>,
    /// The tier that was billed.
    pub tier: domain::Tier,
    /// Id and payload of the promised cache invalidation.
    pub invalidation: (Uuid, &'a Value),
    /// Id and payload of the promised event; the id is the `event_id`.
    pub event: (Uuid, &'a Value),
}

impl Store {
    /// Takes the lease for one invocation of `step` and begins it.
    pub async fn begin_step(
        &self,
        tenant_id: TenantId,
        attempt: i32,
        step: Step,
        token: &str,
        lease: Duration,
    ) -> Result<Begun, NotBegun> {
        let row = self
            .query_opt(
                include_str!("../sql/step_begin.sql"),
                &[
                    (&tenant_id.0, Type::UUID),
                    (&attempt, Type::INT4),
                    (&step.number(), Type::INT2),
                    (&token, Type::TEXT),
                    (&lease.as_secs_f64(), Type::FLOAT8),
                ],
            )
            .await?;
        let Some(row) = row else { return Err(self.why_not_begun(tenant_id, attempt, step).await?) };
        let begun_secs: f64 = row.try_get("begun_secs").map_err(StoreError::from)?;
        Ok(Begun {
            tenant: Tenant::try_from(&row)?,
            lease: Lease { tenant_id, token: token.to_owned() },
            begun_for: Duration::try_from_secs_f64(begun_secs).unwrap_or_default(),
        })
    }

    async fn why_not_begun(&self, tenant_id: TenantId, attempt: i32, step: Step) -> Result<NotBegun, StoreError> {
        let parameters: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)] =
            &[(&tenant_id.0, Type::UUID), (&step.number(), Type::INT2)];
        let rows = self.read(include_str!("../sql/step_look.sql"), parameters).await?;
        let Some(row) = rows.first() else { return Ok(NotBegun::Superseded) };
        let state: ProvisioningState = parsed(row, "provisioning_state")?;
        let same_attempt = row.try_get::<_, i32>("attempt")? == attempt;
        let completed = row.try_get::<_, &str>("step_state")? == "completed";
        Ok(match state {
            // Step 9's answer may have been lost: the tenant is active and this run made it so.
            ProvisioningState::Provisioning | ProvisioningState::Active if same_attempt && completed => {
                NotBegun::Completed
            }
            ProvisioningState::Provisioning if same_attempt => NotBegun::Busy,
            _ => NotBegun::Superseded,
        })
    }

    /// Takes the lease of a tenant in one of these states, for a route or the reconciler. `token` is the invocation's
    /// request id; who holds the lease already under that token holds it on. Nothing a caller can see changes.
    pub async fn lease_tenant(
        &self,
        tenant_id: TenantId,
        token: &str,
        duration: Duration,
        states: &[ProvisioningState],
    ) -> Result<Leased, NotLeased> {
        let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
        let row = self
            .query_opt(
                include_str!("../sql/tenant_lease_take.sql"),
                &[
                    (&tenant_id.0, Type::UUID),
                    (&token, Type::TEXT),
                    (&duration.as_secs_f64(), Type::FLOAT8),
                    (&states, Type::TEXT_ARRAY),
                ],
            )
            .await?;
        if let Some(row) = row {
            let tenant = Tenant::try_from(&row)?;
            return Ok(Leased { tenant, lease: Lease { tenant_id, token: token.to_owned() } });
        }
        let rows = self.read(include_str!("../sql/run_look.sql"), &[(&tenant_id.0, Type::UUID)]).await?;
        let Some(row) = rows.first() else { return Err(NotLeased::Unknown) };
        let state: ProvisioningState = parsed(row, "provisioning_state")?;
        Err(if states.contains(&state.as_str()) { NotLeased::Busy } else { NotLeased::State(state) })
    }

    /// Gives a lease back. One that lapsed or was taken over is left alone.
    pub async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        let sql = include_str!("../sql/tenant_lease_release.sql");
        self.query(sql, &[(&lease.tenant_id.0, Type::UUID), (&lease.token, Type::TEXT)]).await.map(drop)
    }

    /// Whether the lease is still held and outlasts a call of that length. Asked before every call that changes
    /// something outside.
    pub async fn lease_outlasts(&self, lease: &Lease, call: Duration) -> Result<bool, StoreError> {
        let sql = include_str!("../sql/lease_check.sql");
        let rows = self
            .read(
                sql,
                &[(&lease.tenant_id.0, Type::UUID), (&lease.token, Type::TEXT), (&call.as_secs_f64(), Type::FLOAT8)],
            )
            .await?;
        Ok(!rows.is_empty())
    }

    /// The step waits for something and will look again in about `delay`. False: the lease had lapsed.
    pub async fn step_waiting(
        &self,
        lease: &Lease,
        step: Step,
        waiting_for: &str,
        delay: Duration,
    ) -> Result<bool, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/step_waiting.sql"),
                &[
                    (&lease.tenant_id.0, Type::UUID),
                    (&lease.token, Type::TEXT),
                    (&step.number(), Type::INT2),
                    (&waiting_for, Type::TEXT),
                    (&delay.as_secs_f64(), Type::FLOAT8),
                ],
            )
            .await?;
        Ok(row.is_some())
    }

    /// The step met trouble; `retry_in` is when the state machine will try again, if it will.
    pub async fn step_troubled(
        &self,
        lease: &Lease,
        step: Step,
        cause: &Cause,
        retry_in: Option<Duration>,
    ) -> Result<bool, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/step_troubled.sql"),
                &[
                    (&lease.tenant_id.0, Type::UUID),
                    (&lease.token, Type::TEXT),
                    (&step.number(), Type::INT2),
                    (&json(cause)?, Type::JSONB),
                    (&retry_in.map(|d| d.as_secs_f64()), Type::FLOAT8),
                ],
            )
            .await?;
        Ok(row.is_some())
    }

    /// The step's effect is there. False: the lease had lapsed, and nothing was written.
    pub async fn complete_step(&self, lease: &Lease, step: Step, effect: StepEffect<'_>) -> Result<bool, StoreError> {
        let (mut project_ref, mut url, mut schema_version, mut graph, mut alias) = (None, None, None, None, None);
        match effect {
            StepEffect::None => {}
            StepEffect::Environment { project_ref: r, url: u } => (project_ref, url) = (Some(r), Some(u)),
            StepEffect::Schema { version } => schema_version = Some(version),
            StepEffect::Graph { name } => graph = Some(name),
            StepEffect::SearchIndex { alias: a } => alias = Some(a),
        }
        let row = self
            .query_opt(
                include_str!("../sql/step_complete.sql"),
                &[
                    (&lease.tenant_id.0, Type::UUID),
                    (&lease.token, Type::TEXT),
                    (&step.number(), Type::INT2),
                    (&project_ref, Type::TEXT),
                    (&url, Type::TEXT),
                    (&schema_version, Type::INT4),
                    (&graph, Type::TEXT),
                    (&alias, Type::TEXT),
                ],
            )
            .await?;
        Ok(row.is_some())
    }

    /// Step 9's transaction. False: the lease had lapsed, or the tier is not the one that was billed.
    pub async fn activate(&self, lease: &Lease, activation: Activation<'_>) -> Result<bool, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/step_activate.sql"),
                &[
                    (&lease.tenant_id.0, Type::UUID),
                    (&lease.token, Type::TEXT),
                    (&activation.stripe_customer_id, Type::TEXT),
                    (&activation.tier.as_str(), Type::TEXT),
                    (&activation.invalidation.0, Type::UUID),
                    (activation.invalidation.1, Type::JSONB),
                    (&activation.event.0, Type::UUID),
                    (activation.event.1, Type::JSONB),
                ],
            )
            .await?;
        Ok(row.is_some())
    }
}
