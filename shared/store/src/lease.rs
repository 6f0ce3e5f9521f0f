//! The lease: the right to act for a tenant.
//!
//! Steps, routes and the reconciler change a tenant's outside resources only while they hold its [`Lease`], so two of
//! them never do so for one tenant at once. Every statement under a lease names its token and checks that it has not
//! ended. So an invocation that was stalled until its lease ended can write nothing.

use std::time::{Duration, SystemTime};

use domain::{CauseCode, Failure, ProvisioningState, PurgeStep, Step, TenantId};
use tokio_postgres::types::Type;

use crate::duties::Duty;
use crate::ledger::ResourceKind;
use crate::tenants::{Tenant, parsed};
use crate::{Store, StoreError};

/// How much longer a lease lasts than the invocation that holds it can live.
pub const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// The purpose of a lease. It decides which step the ledger names for a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A step of the pipeline.
    Step(Step),
    /// Billing outside the pipeline: a tier change, or an open intent.
    Billing,
    /// Another mail to the tenant's admin, or to another one, outside the pipeline.
    Invitation,
    /// What is to be done for a deprovisioned tenant.
    Duty(Duty),
    /// What a step made for an active tenant is brought back.
    Repair,
    /// A step of a purge.
    Purge(PurgeStep),
}

impl From<Step> for Purpose {
    fn from(step: Step) -> Self {
        Self::Step(step)
    }
}

impl From<PurgeStep> for Purpose {
    fn from(step: PurgeStep) -> Self {
        Self::Purge(step)
    }
}

impl Purpose {
    /// The number of the step. Under any other lease, no step may be written.
    pub(crate) fn step(self) -> Result<i16, StoreError> {
        match self {
            Self::Step(step) => Ok(step.number()),
            Self::Purge(step) => Ok(step.number()),
            Self::Billing | Self::Invitation | Self::Duty(_) | Self::Repair => {
                Err(StoreError::Broken("a lease that is no step's has no step".to_owned()))
            }
        }
    }

    /// The step of the ledger's rows: the one that does such a thing first.
    pub(crate) const fn ledger_step(self, kind: ResourceKind) -> Step {
        match self {
            Self::Step(step) => step,
            Self::Billing | Self::Purge(PurgeStep::EndSubscription) => Step::ActivateTenant,
            Self::Invitation => Step::InviteAdmin,
            Self::Duty(Duty::SwitchOffGraphUser) | Self::Purge(PurgeStep::DeleteGraph) => Step::CreateGraph,
            Self::Purge(PurgeStep::DeleteIndex) => Step::CreateSearchIndex,
            // A repair does what several steps do.
            Self::Repair => kind.step(),
            Self::Duty(Duty::RevokeAccess)
            | Self::Purge(
                PurgeStep::CloseAccess
                | PurgeStep::DropNamespace
                | PurgeStep::DeleteProject
                | PurgeStep::DeleteSecrets
                | PurgeStep::SignCertificate,
            ) => Step::CreateEnvironment,
        }
    }
}

/// A tenant's lease, and the tenant as it was when the lease was taken.
pub struct Lease<'a> {
    pub(crate) store: &'a Store,
    pub(crate) tenant: Tenant,
    pub(crate) token: String,
    pub(crate) purpose: Purpose,
    pub(crate) work_ends: SystemTime,
    pub(crate) begun_for: Duration,
}

/// Why a lease could not be taken.
#[derive(Debug)]
pub enum NotLeased {
    /// Another invocation holds it.
    Busy,
    /// The tenant is in a state that was not accepted.
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

impl Store {
    /// Takes the lease of a tenant in one of these states, for billing. `token` is the invocation's request id. A lease
    /// that is held with the same token is kept. `work` is how long the work under it may take, and the lease lasts
    /// [`LEASE_MARGIN`] longer. Nothing that a caller can see changes.
    pub async fn lease_for_billing(
        &self,
        tenant_id: TenantId,
        token: &str,
        work: Duration,
        states: &[ProvisioningState],
    ) -> Result<Lease<'_>, NotLeased> {
        self.lease_for(Purpose::Billing, tenant_id, token, work, states).await
    }

    /// The same for an invitation, in a state in which no run is at work.
    pub async fn lease_for_invitation(
        &self,
        tenant_id: TenantId,
        token: &str,
        work: Duration,
    ) -> Result<Lease<'_>, NotLeased> {
        let states = [ProvisioningState::Active, ProvisioningState::Failed];
        self.lease_for(Purpose::Invitation, tenant_id, token, work, &states).await
    }

    pub(crate) async fn lease_for(
        &self,
        purpose: Purpose,
        tenant_id: TenantId,
        token: &str,
        work: Duration,
        states: &[ProvisioningState],
    ) -> Result<Lease<'_>, NotLeased> {
        let work_ends = SystemTime::now() + work;
        let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
        let row = self
            .query_opt(
                include_str!("../sql/tenant_lease_take.sql"),
                &[
                    (&tenant_id.0, Type::UUID),
                    (&token, Type::TEXT),
                    (&(work + LEASE_MARGIN).as_secs_f64(), Type::FLOAT8),
                    (&states, Type::TEXT_ARRAY),
                ],
            )
            .await?;
        if let Some(row) = row {
            return Ok(Lease {
                store: self,
                tenant: Tenant::try_from(&row)?,
                token: token.to_owned(),
                purpose,
                work_ends,
                begun_for: match purpose {
                    // What a step makes is not new any more.
                    Purpose::Invitation | Purpose::Repair => Duration::MAX,
                    Purpose::Billing | Purpose::Duty(_) | Purpose::Step(_) | Purpose::Purge(_) => Duration::ZERO,
                },
            });
        }
        let rows = self.read(include_str!("../sql/tenant_state.sql"), &[(&tenant_id.0, Type::UUID)]).await?;
        let Some(row) = rows.first() else { return Err(NotLeased::Unknown) };
        let state: ProvisioningState = parsed(row, "provisioning_state")?;
        Err(if states.contains(&state.as_str()) { NotLeased::Busy } else { NotLeased::State(state) })
    }
}

impl<'a> Lease<'a> {
    /// The control database.
    #[must_use]
    pub const fn store(&self) -> &'a Store {
        self.store
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The purpose of the lease.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// How long ago the step was first begun in this attempt, by the database's clock. Zero if the lease is held for
    /// billing, and the longest time if it is held for an invitation or a repair.
    #[must_use]
    pub const fn begun_for(&self) -> Duration {
        self.begun_for
    }

    /// Checks that the lease outlasts a call of that length. This is done before every call that changes something
    /// outside and has no intent.
    pub async fn fence(&self, call: Duration) -> Result<(), Failure> {
        if self.outlasts(call).await? { self.in_time(call) } else { Err(CauseCode::LeaseTooShort.into()) }
    }

    /// Gives the lease back. Nothing changes if it has ended or was taken over.
    pub async fn release(&self) -> Result<(), StoreError> {
        let sql = include_str!("../sql/tenant_lease_release.sql");
        self.store.query(sql, &[(&self.tenant.tenant_id.0, Type::UUID), (&self.token, Type::TEXT)]).await.map(drop)
    }

    /// Whether the lease is still held and outlasts a call of that length, by the database's clock.
    async fn outlasts(&self, call: Duration) -> Result<bool, StoreError> {
        let parameters: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)] =
            &[(&self.tenant.tenant_id.0, Type::UUID), (&self.token, Type::TEXT), (&call.as_secs_f64(), Type::FLOAT8)];
        let (own, purges) = (include_str!("../sql/lease_check.sql"), include_str!("../sql/purge_lease_check.sql"));
        Ok(!self.store.read(self.fitting(own, purges), parameters).await?.is_empty())
    }

    /// Whether a step of a purge holds it.
    pub(crate) const fn is_purges(&self) -> bool {
        matches!(self.purpose, Purpose::Purge(_))
    }

    /// The statement itself, or a purge's own form of it.
    pub(crate) const fn fitting<'s>(&self, own: &'s str, purges: &'s str) -> &'s str {
        if self.is_purges() { purges } else { own }
    }

    /// Refuses a call that could not end before this invocation does. This is checked after the database has answered:
    /// if the process was frozen in between, its lease may have ended although the answer says otherwise. The wall
    /// clock is used, because a monotonic clock may stand still while the process is frozen.
    pub(crate) fn in_time(&self, call: Duration) -> Result<(), Failure> {
        if SystemTime::now() + call <= self.work_ends { Ok(()) } else { Err(CauseCode::LeaseTooShort.into()) }
    }
}

/// If a statement under a lease wrote nothing, the lease has ended. The next invocation finds out whether another one
/// took over.
pub(crate) fn written(outcome: Result<bool, StoreError>) -> Result<(), Failure> {
    if outcome? { Ok(()) } else { Err(CauseCode::LeaseLapsed.into()) }
}
