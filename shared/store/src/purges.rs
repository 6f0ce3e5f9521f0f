//! `control.purges`: what a purge is asked for with, and how far it is. Whoever changes a purge locks the tenant's row first, and
//! whatever decides about one counts a version of that row. So who has read a tenant and its purge writes only if both are as they
//! were.

use domain::{Cause, PurgePolicies, PurgeReason, PurgeState, PurgeStep, Run, Slug, TenantId};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::steps::{cause, numbered};
use crate::tenants::{Tenant, parsed};
use crate::{Author, Catalog, Reader, Store, StoreError};

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
    pub(crate) fn beside_tenant(row: &Row) -> Result<Self, StoreError> {
        const SHARED: [&str; 5] = ["slug", "state", "attempt", "correlation_id", "cause"];
        Self::read(row, &|column| if SHARED.contains(&column) { format!("purge_{column}") } else { column.to_owned() })
    }

    fn read(row: &Row, named: &dyn Fn(&str) -> String) -> Result<Self, StoreError> {
        let retrieval_days: i32 = row.try_get("retrieval_days")?;
        Ok(Self {
            tenant_id: TenantId(row.try_get("tenant_id")?),
            slug: parsed(row, &named("slug"))?,
            state: parsed(row, &named("state"))?,
            attempt: row.try_get(named("attempt").as_str())?,
            policies: PurgePolicies { customer: parsed(row, "customer")?, data: parsed(row, "data")? },
            no_return: numbered(row, "no_return_step", PurgeStep::from_number)?,
            no_return_at: row.try_get("no_return_at")?,
            retrieval_days: retrieval_days.try_into().map_err(|_| StoreError::Broken("retrieval_days".to_owned()))?,
            reason: row.try_get("reason")?,
            requested_by: row.try_get("requested_by")?,
            requested_at: row.try_get("requested_at")?,
            approved_by: row.try_get("approved_by")?,
            approved_at: row.try_get("approved_at")?,
            correlation_id: row.try_get(named("correlation_id").as_str())?,
            finished_at: row.try_get("finished_at")?,
            cause: cause(row, &named("cause"))?,
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
        self.decide(include_str!("../sql/purge_resume.sql"), tenant, correlation_id, author).await
    }

    /// `waiting_approval` → `running`. `None`: the tenant's row changed since it was read, or the author is who asked for the purge.
    pub async fn approve_purge(
        &self,
        tenant: &Tenant,
        correlation_id: &str,
        author: Author<'_>,
    ) -> Result<Option<Purge>, StoreError> {
        self.decide(include_str!("../sql/purge_approve.sql"), tenant, correlation_id, author).await
    }
}
