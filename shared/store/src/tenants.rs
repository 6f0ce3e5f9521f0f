//! `control.tenants`: the statements of the routes.

use domain::{
    AdminEmail, DisplayName, Fact, Failure, HoldReason, Patch, ProvisionRequest, ProvisioningState, Region, Run, Slug,
    Step, TenantChange, TenantId, Tier, names,
};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use tracing::Span;
use tracing::field::display;
use uuid::Uuid;

use crate::{Author, Reader, Store, StoreError};

/// A tenant's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Primary key.
    pub tenant_id: TenantId,
    /// Unique name.
    pub slug: Slug,
    /// Name for people.
    pub display_name: DisplayName,
    /// Its region.
    pub region: Region,
    /// Its tier.
    pub tier: Tier,
    /// Its admin's address.
    pub admin_email: AdminEmail,
    /// Its public database URL, once step 1 is completed.
    pub supabase_url: Option<String>,
    /// Its Supabase project, once step 1 is completed.
    pub supabase_project_ref: Option<String>,
    /// Its graph, once step 6 is completed.
    pub falkordb_graph_name: Option<String>,
    /// Its search alias, once step 7 is completed.
    pub opensearch_alias: Option<String>,
    /// The highest migration of its database, once step 3 is completed.
    pub schema_version: Option<i32>,
    /// Its custom domain, if it has one.
    pub custom_domain: Option<String>,
    /// Its Stripe customer, once step 9 created one.
    pub stripe_customer_id: Option<String>,
    /// Its state.
    pub state: ProvisioningState,
    /// Whether it is live.
    pub is_active: bool,
    /// Why it failed, if it did.
    pub error_message: Option<String>,
    /// The current attempt, from 1.
    pub attempt: i32,
    /// The correlation id, in every log line of the tenant's run.
    pub correlation_id: String,
    /// Counts visible changes.
    pub version: i64,
    /// The last sign of life of the current run, or of a stalled invocation that holds the lease.
    pub touched_at: Timestamp,
    /// When the row was inserted.
    pub provisioned_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// When it went live.
    pub activated_at: Option<Timestamp>,
    /// When it was brought back last. From then on each of its attempts is a restore.
    pub restored_at: Option<Timestamp>,
    /// The domain that a restore could not give back.
    pub lost_domain: Option<String>,
    /// Its legal hold.
    pub hold: Option<Hold>,
}

/// A legal hold: nothing of the tenant may be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// Who says so: a [`domain::Actor`].
    pub by: String,
}

impl Hold {
    fn of(row: &Row) -> Result<Option<Self>, StoreError> {
        let Some(at) = row.try_get("hold_at")? else { return Ok(None) };
        Ok(Some(Self { reason: row.try_get("hold_reason")?, at, by: row.try_get("hold_by")? }))
    }
}

impl TryFrom<&Row> for Tenant {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            tenant_id: TenantId(row.try_get("tenant_id")?),
            slug: parsed(row, "slug")?,
            display_name: DisplayName::stored(row.try_get("display_name")?),
            region: parsed(row, "region")?,
            tier: parsed(row, "tier")?,
            admin_email: AdminEmail::stored(row.try_get("admin_email")?),
            supabase_url: row.try_get("supabase_url")?,
            supabase_project_ref: row.try_get("supabase_project_ref")?,
            falkordb_graph_name: row.try_get("falkordb_graph_name")?,
            opensearch_alias: row.try_get("opensearch_alias")?,
            schema_version: row.try_get("schema_version")?,
            custom_domain: row.try_get("custom_domain")?,
            stripe_customer_id: row.try_get("stripe_customer_id")?,
            state: parsed(row, "provisioning_state")?,
            is_active: row.try_get("is_active")?,
            error_message: row.try_get("error_message")?,
            attempt: row.try_get("attempt")?,
            correlation_id: row.try_get("correlation_id")?,
            version: row.try_get("version")?,
            touched_at: row.try_get("touched_at")?,
            provisioned_at: row.try_get("provisioned_at")?,
            updated_at: row.try_get("updated_at")?,
            activated_at: row.try_get("activated_at")?,
            restored_at: row.try_get("restored_at")?,
            lost_domain: row.try_get("lost_domain")?,
            hold: Hold::of(row)?,
        })
    }
}

impl Tenant {
    /// A configured template, filled with this tenant's slug, id and project reference.
    #[must_use]
    pub fn fill(&self, template: &str) -> String {
        let project_ref = self.supabase_project_ref.as_deref().unwrap_or_default();
        names::fill(template, &self.slug, self.tenant_id, project_ref)
    }

    /// What the ledger says of a thing that is made once for each restore; `None` if the tenant was never restored.
    #[must_use]
    pub fn restore_mark(&self) -> Option<String> {
        self.restored_at.map(|at| format!("for the restore of {at:.6}"))
    }

    /// The failure of an operation on this tenant, whose hint can name what is the tenant's.
    #[must_use]
    pub fn named_in(&self, failure: Failure) -> Failure {
        let failure = failure
            .naming(Fact::Region, self.region.as_str())
            .naming(Fact::Graph, names::graph(&self.slug))
            .naming(Fact::Index, names::search_index(&self.slug))
            .naming(Fact::Alias, names::search_alias(&self.slug));
        match &self.supabase_project_ref {
            Some(project) => failure.naming(Fact::Project, project),
            None => failure,
        }
    }
}

/// Parses a text column. The column has a constraint that allows only values that parse.
pub(crate) fn parsed<T: std::str::FromStr>(row: &Row, column: &str) -> Result<T, StoreError> {
    row.try_get::<_, &str>(column)?.parse().map_err(|_| StoreError::Broken(column.to_owned()))
}

/// A tenant to insert.
#[derive(Debug)]
pub struct NewTenant<'a> {
    /// Its id.
    pub tenant_id: TenantId,
    /// The request.
    pub request: &'a ProvisionRequest,
    /// The run's correlation id.
    pub correlation_id: &'a str,
    /// By whom, for the audit log.
    pub author: Author<'a>,
}

/// Values of a tenant that a request may correct before it is active.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// Its name for people.
    pub display_name: &'a DisplayName,
    /// Its tier.
    pub tier: Tier,
    /// Its admin's address.
    pub admin_email: &'a AdminEmail,
}

impl<'a> From<&'a Tenant> for Values<'a> {
    fn from(tenant: &'a Tenant) -> Self {
        Self { display_name: &tenant.display_name, tier: tenant.tier, admin_email: &tenant.admin_email }
    }
}

/// A failed tenant to resume, with the allowed corrections.
#[derive(Debug)]
pub struct Resume<'a> {
    /// The row as it was read. If it changed since, the tenant is not resumed.
    pub tenant: &'a Tenant,
    /// Its values from now on.
    pub values: Values<'a>,
    /// The run's correlation id.
    pub correlation_id: &'a str,
    /// By whom, for the audit log.
    pub author: Author<'a>,
}

/// A change to write.
#[derive(Debug)]
pub struct Update<'a> {
    /// What changes.
    pub change: &'a TenantChange,
    /// The version that the caller read. If the row has another one, nothing is changed.
    pub version: Option<i64>,
    /// Id and payload of the promised cache invalidation.
    pub invalidation: (Uuid, &'a Value),
    /// By whom, for the audit log.
    pub author: Author<'a>,
}

impl Update<'_> {
    pub(crate) fn display_name(&self) -> Option<&str> {
        self.change.display_name.as_ref().map(DisplayName::as_str)
    }

    /// Whether the domain changes, and to what.
    pub(crate) fn custom_domain(&self) -> (bool, Option<&str>) {
        match &self.change.custom_domain {
            Patch::Keep => (false, None),
            Patch::Clear => (true, None),
            Patch::Set(domain) => (true, Some(domain.as_str())),
        }
    }
}

/// A tenant to deactivate.
#[derive(Debug)]
pub struct Deactivation<'a> {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The version that the row must have, if any.
    pub version: Option<i64>,
    /// Id and payload of the promised cache invalidation.
    pub invalidation: (Uuid, &'a Value),
    /// Whether its API keys and database password are to be revoked as well.
    pub revoke_access: bool,
    /// By whom, for the audit log.
    pub author: Author<'a>,
}

/// A tenant that was just deactivated.
#[derive(Debug)]
pub struct Deactivated {
    /// The row as it is now. If a run was superseded, `attempt - 1` was its attempt.
    pub tenant: Tenant,
    /// The state it was in.
    pub before: ProvisioningState,
}

/// Effects that began or may begin at any moment, and whose values a caller may want to correct.
#[derive(Clone, Copy, Debug)]
pub struct BegunEffects {
    /// An invitation to the address.
    pub invited: bool,
    /// Billing under the name and tier.
    pub billed: bool,
}

impl Tenant {
    /// The current attempt's run.
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
    /// The tenant of that name.
    pub async fn tenant_by_slug(&self, slug: &Slug) -> Result<Option<Tenant>, StoreError> {
        let rows = self.read(include_str!("../sql/read/tenant_by_slug.sql"), &[(&slug.as_str(), Type::TEXT)]).await?;
        found(rows.first())
    }

    /// The tenant with that id.
    pub async fn tenant_by_id(&self, tenant_id: TenantId) -> Result<Option<Tenant>, StoreError> {
        let rows = self.read(include_str!("../sql/read/tenant_by_id.sql"), &[(&tenant_id.0, Type::UUID)]).await?;
        found(rows.first())
    }
}

/// The only tenant that a statement is about. From here on every line of the request names it.
pub(crate) fn found(row: Option<&Row>) -> Result<Option<Tenant>, StoreError> {
    let tenant = row.map(Tenant::try_from).transpose()?;
    if let Some(tenant) = &tenant {
        Span::current().record("slug", tenant.slug.as_str()).record("tenant_id", display(tenant.tenant_id));
    }
    Ok(tenant)
}

impl Store {
    /// Inserts the row and its nine steps. `None`: the slug is taken.
    pub async fn insert_tenant(&self, new: NewTenant<'_>) -> Result<Option<Tenant>, StoreError> {
        let request = new.request;
        let tier = request.tier.unwrap_or(ProvisionRequest::DEFAULT_TIER);
        let row = self
            .query_opt(
                include_str!("../sql/tenant_insert.sql"),
                &[
                    (&new.tenant_id.0, Type::UUID),
                    (&request.slug.as_str(), Type::TEXT),
                    (&request.display_name.as_str(), Type::TEXT),
                    (&request.region.as_str(), Type::TEXT),
                    (&tier.as_str(), Type::TEXT),
                    (&request.admin_email.as_str(), Type::TEXT),
                    (&new.correlation_id, Type::TEXT),
                    (&new.author.actor, Type::TEXT),
                    (&new.author.request_id, Type::TEXT),
                    (&new.author.address, Type::INET),
                ],
            )
            .await?;
        found(row.as_ref())
    }

    /// Which corrections are too late.
    pub async fn begun_effects(&self, tenant_id: TenantId) -> Result<BegunEffects, StoreError> {
        let rows = self.read(include_str!("../sql/tenant_effects.sql"), &[(&tenant_id.0, Type::UUID)]).await?;
        let row = rows.first().ok_or_else(|| StoreError::Broken("no row".to_owned()))?;
        Ok(BegunEffects { invited: row.try_get("invited")?, billed: row.try_get("billed")? })
    }

    /// failed → provisioning, with the next attempt. `None`: the row changed since it was read.
    pub async fn resume_tenant(&self, resume: Resume<'_>) -> Result<Option<Tenant>, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/tenant_resume.sql"),
                &[
                    (&resume.tenant.tenant_id.0, Type::UUID),
                    (&resume.tenant.attempt, Type::INT4),
                    (&resume.values.display_name.as_str(), Type::TEXT),
                    (&resume.values.tier.as_str(), Type::TEXT),
                    (&resume.values.admin_email.as_str(), Type::TEXT),
                    (&resume.correlation_id, Type::TEXT),
                    (&resume.author.actor, Type::TEXT),
                    (&resume.author.request_id, Type::TEXT),
                    (&resume.tenant.version, Type::INT8),
                    (&resume.author.address, Type::INET),
                ],
            )
            .await?;
        row.as_ref().map(Tenant::try_from).transpose()
    }

    /// Writes other values to a tenant whose run is under way. `None`: the row changed since it was read, or a step began since
    /// then, which may use the values.
    pub async fn correct_tenant(
        &self,
        tenant: &Tenant,
        values: Values<'_>,
        author: Author<'_>,
    ) -> Result<Option<Tenant>, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/tenant_correct.sql"),
                &[
                    (&tenant.tenant_id.0, Type::UUID),
                    (&tenant.version, Type::INT8),
                    (&tenant.touched_at, Type::TIMESTAMPTZ),
                    (&values.display_name.as_str(), Type::TEXT),
                    (&values.tier.as_str(), Type::TEXT),
                    (&values.admin_email.as_str(), Type::TEXT),
                    (&author.actor, Type::TEXT),
                    (&author.request_id, Type::TEXT),
                    (&author.address, Type::INET),
                ],
            )
            .await?;
        row.as_ref().map(Tenant::try_from).transpose()
    }

    /// The first step that is not completed. `None`: all are, or there is no such tenant.
    pub async fn next_step(&self, tenant_id: TenantId) -> Result<Option<Step>, StoreError> {
        let rows = self.read(include_str!("../sql/step_next.sql"), &[(&tenant_id.0, Type::UUID)]).await?;
        let number: Option<i16> = rows.first().map(|row| row.try_get("step")).transpose()?.flatten();
        let step = |number| Step::from_number(number).ok_or_else(|| StoreError::Broken("step".to_owned()));
        number.map(step).transpose()
    }

    /// Whether another tenant has this domain. The constraint decides: [`StoreError::Taken`].
    pub async fn domain_taken(&self, tenant_id: TenantId, domain: &str) -> Result<bool, StoreError> {
        let sql = include_str!("../sql/domain_taken.sql");
        Ok(!self.read(sql, &[(&domain, Type::TEXT), (&tenant_id.0, Type::UUID)]).await?.is_empty())
    }

    /// Changes name and domain, not the tier: see [`Lease::retier`](crate::Lease::retier). `None`: the
    /// tenant is deprovisioned or unknown, or its version is not the expected one.
    pub async fn update_tenant(&self, tenant_id: TenantId, update: &Update<'_>) -> Result<Option<Tenant>, StoreError> {
        let (display_name, (domain_given, domain)) = (update.display_name(), update.custom_domain());
        let row = self
            .query_opt(
                include_str!("../sql/tenant_update.sql"),
                &[
                    (&tenant_id.0, Type::UUID),
                    (&update.version, Type::INT8),
                    (&display_name, Type::TEXT),
                    (&domain_given, Type::BOOL),
                    (&domain, Type::TEXT),
                    (&update.invalidation.0, Type::UUID),
                    (update.invalidation.1, Type::JSONB),
                    (&update.author.actor, Type::TEXT),
                    (&update.author.request_id, Type::TEXT),
                    (&update.author.address, Type::INET),
                ],
            )
            .await?;
        row.as_ref().map(Tenant::try_from).transpose()
    }

    /// Deactivates a tenant, supersedes its run, fences its lease, and writes the promises that follow from it.
    /// `None`: it is deprovisioned already, or unknown.
    pub async fn deactivate_tenant(&self, deactivation: Deactivation<'_>) -> Result<Option<Deactivated>, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/tenant_deactivate.sql"),
                &[
                    (&deactivation.tenant_id.0, Type::UUID),
                    (&deactivation.invalidation.0, Type::UUID),
                    (deactivation.invalidation.1, Type::JSONB),
                    (&Uuid::now_v7(), Type::UUID),
                    (&deactivation.author.actor, Type::TEXT),
                    (&deactivation.author.request_id, Type::TEXT),
                    (&deactivation.author.address, Type::INET),
                    (&deactivation.version, Type::INT8),
                    (&Uuid::now_v7(), Type::UUID),
                    (&Uuid::now_v7(), Type::UUID),
                    (&deactivation.revoke_access, Type::BOOL),
                ],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Deactivated { tenant: Tenant::try_from(&row)?, before: parsed(&row, "state_before")? }))
    }

    /// deprovisioned → provisioning, with the next attempt and all steps before it. What the DELETE left to be done for a tenant
    /// that is off is superseded. `None`: the row changed since it was read, the tenant is under a legal hold, or somebody may
    /// still act for it under its lease. [`StoreError::Taken`]: somebody takes its domain at the same time.
    pub async fn restore_tenant(
        &self,
        tenant: &Tenant,
        correlation_id: &str,
        author: Author<'_>,
    ) -> Result<Option<Tenant>, StoreError> {
        self.decide(include_str!("../sql/tenant_restore.sql"), tenant, correlation_id, author).await
    }

    /// Puts a tenant under a legal hold, or gives its hold another reason. `None`: the row changed since it was read.
    pub async fn hold_tenant(
        &self,
        tenant: &Tenant,
        reason: &HoldReason,
        author: Author<'_>,
    ) -> Result<Option<Tenant>, StoreError> {
        self.decide(include_str!("../sql/tenant_hold.sql"), tenant, reason.as_str(), author).await
    }

    /// Takes a tenant's legal hold away. `None`: it has none, or the row changed since it was read.
    pub async fn release_hold(&self, tenant: &Tenant, author: Author<'_>) -> Result<Option<Tenant>, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/tenant_release_hold.sql"),
                &[
                    (&tenant.tenant_id.0, Type::UUID),
                    (&tenant.version, Type::INT8),
                    (&author.actor, Type::TEXT),
                    (&author.request_id, Type::TEXT),
                    (&author.address, Type::INET),
                ],
            )
            .await?;
        row.as_ref().map(Tenant::try_from).transpose()
    }

    /// Writes a decision about a tenant as it was read, with one text of its own. `None`: the statement wrote nothing.
    pub(crate) async fn decide<T: for<'a> TryFrom<&'a Row, Error = StoreError>>(
        &self,
        sql: &str,
        tenant: &Tenant,
        text: &str,
        author: Author<'_>,
    ) -> Result<Option<T>, StoreError> {
        let row = self
            .query_opt(
                sql,
                &[
                    (&tenant.tenant_id.0, Type::UUID),
                    (&tenant.version, Type::INT8),
                    (&text, Type::TEXT),
                    (&author.actor, Type::TEXT),
                    (&author.request_id, Type::TEXT),
                    (&author.address, Type::INET),
                ],
            )
            .await?;
        row.as_ref().map(T::try_from).transpose()
    }
}
