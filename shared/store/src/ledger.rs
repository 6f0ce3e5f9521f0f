//! `control.resources`: what a tenant owns outside, written down before it is asked for.

use std::time::Duration;

use domain::{Step, TenantId};
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::{Lease, Store, StoreError};

/// What a ledger row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// The tenant's secret.
    TenantSecret,
    /// The Supabase project.
    SupabaseProject,
    /// The password of the project's database, set again after somebody had changed it.
    DatabasePassword,
    /// The invited admin in the project's Auth.
    AdminUser,
    /// The FalkorDB graph.
    Graph,
    /// The OpenSearch index.
    SearchIndex,
    /// The Stripe customer.
    StripeCustomer,
    /// The Stripe subscription.
    StripeSubscription,
}

impl ResourceKind {
    /// As the ledger spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantSecret => "tenant_secret",
            Self::SupabaseProject => "supabase_project",
            Self::DatabasePassword => "database_password",
            Self::AdminUser => "admin_user",
            Self::Graph => "graph",
            Self::SearchIndex => "search_index",
            Self::StripeCustomer => "stripe_customer",
            Self::StripeSubscription => "stripe_subscription",
        }
    }
}

/// A live ledger row.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The row.
    pub id: Uuid,
    /// The name it was asked for under.
    pub name: String,
    /// The request as sent, without secrets.
    pub request: Option<String>,
    /// The idempotency key it was sent with.
    pub idempotency_key: Option<String>,
    /// Its id outside; absent while the outcome is unknown.
    pub external_id: Option<String>,
    /// How long ago it was sent, by the database's clock.
    pub age: Duration,
    /// The intent was written by this very invocation, so that nothing can have been sent before.
    pub fresh: bool,
}

/// What to write down before a call.
#[derive(Clone, Copy, Debug)]
pub struct Intent<'a> {
    /// What is asked for.
    pub kind: ResourceKind,
    /// Its name outside.
    pub name: &'a str,
    /// The request, without secrets, where the very same one may have to be sent again.
    pub request: Option<&'a str>,
    /// The idempotency key, where the other side takes one.
    pub idempotency_key: Option<&'a str>,
    /// How long the call may take.
    pub call: Duration,
}

impl Store {
    /// The live row of that kind, if there is one.
    pub async fn resource(&self, tenant_id: TenantId, kind: ResourceKind) -> Result<Option<Resource>, StoreError> {
        let sql = include_str!("../sql/resource_live.sql");
        let rows = self.read(sql, &[(&tenant_id.0, Type::UUID), (&kind.as_str(), Type::TEXT)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(Resource {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            request: row.try_get("request")?,
            idempotency_key: row.try_get("idempotency_key")?,
            external_id: row.try_get("external_id")?,
            age: Duration::try_from_secs_f64(row.try_get::<_, f64>("age_secs")?).unwrap_or_default(),
            fresh: false,
        }))
    }

    /// Every name the tenant's resources of that kind ever had.
    pub async fn resource_names(&self, tenant_id: TenantId, kind: ResourceKind) -> Result<Vec<String>, StoreError> {
        let sql = include_str!("../sql/resource_names.sql");
        let rows = self.read(sql, &[(&tenant_id.0, Type::UUID), (&kind.as_str(), Type::TEXT)]).await?;
        rows.iter().map(|row| Ok(row.try_get("name")?)).collect()
    }

    /// Writes an intent; `None` where the lease would not outlast the call.
    pub async fn intend(&self, lease: &Lease, step: Step, intent: Intent<'_>) -> Result<Option<Resource>, StoreError> {
        let id = Uuid::now_v7();
        let row = self
            .query_opt(
                include_str!("../sql/resource_intend.sql"),
                &[
                    (&id, Type::UUID),
                    (&lease.tenant_id.0, Type::UUID),
                    (&intent.kind.as_str(), Type::TEXT),
                    (&intent.name, Type::TEXT),
                    (&step.number(), Type::INT2),
                    (&intent.request, Type::TEXT),
                    (&intent.idempotency_key, Type::TEXT),
                    (&lease.token, Type::TEXT),
                    (&intent.call.as_secs_f64(), Type::FLOAT8),
                ],
            )
            .await?;
        Ok(row.map(|_| Resource {
            id,
            name: intent.name.to_owned(),
            request: intent.request.map(str::to_owned),
            idempotency_key: intent.idempotency_key.map(str::to_owned),
            external_id: None,
            age: Duration::ZERO,
            fresh: true,
        }))
    }

    /// Gives an open intent a new request and key: the one before is known to have had no effect. False: the lease
    /// would not outlast the call.
    pub async fn renew_intent(
        &self,
        lease: &Lease,
        id: Uuid,
        request: &str,
        key: &str,
        call: Duration,
    ) -> Result<bool, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/resource_renew.sql"),
                &[
                    (&id, Type::UUID),
                    (&lease.token, Type::TEXT),
                    (&request, Type::TEXT),
                    (&key, Type::TEXT),
                    (&call.as_secs_f64(), Type::FLOAT8),
                ],
            )
            .await?;
        Ok(row.is_some())
    }

    /// The resource is there, under this id. False: the lease had lapsed.
    pub async fn confirm(
        &self,
        lease: &Lease,
        id: Uuid,
        external_id: &str,
        provider_request_id: Option<&str>,
    ) -> Result<bool, StoreError> {
        let row = self
            .query_opt(
                include_str!("../sql/resource_confirm.sql"),
                &[
                    (&id, Type::UUID),
                    (&lease.token, Type::TEXT),
                    (&external_id, Type::TEXT),
                    (&provider_request_id, Type::TEXT),
                ],
            )
            .await?;
        Ok(row.is_some())
    }

    /// The resource is gone for good, or was never made. False: the lease had lapsed.
    pub async fn give_up(&self, lease: &Lease, id: Uuid) -> Result<bool, StoreError> {
        let sql = include_str!("../sql/resource_dead.sql");
        Ok(self.query_opt(sql, &[(&id, Type::UUID), (&lease.token, Type::TEXT)]).await?.is_some())
    }

    /// The environment is gone for good: its ledger row dies and step 1 starts over. False: the lease had lapsed.
    pub async fn environment_dead(&self, lease: &Lease) -> Result<bool, StoreError> {
        let sql = include_str!("../sql/environment_dead.sql");
        Ok(self.query_opt(sql, &[(&lease.tenant_id.0, Type::UUID), (&lease.token, Type::TEXT)]).await?.is_some())
    }
}
