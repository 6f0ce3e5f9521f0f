//! The ledger, `control.resources`: a tenant's resources in the outside systems. A row is an intent, committed before
//! its call, until the resource's id is known.

use std::time::Duration;

use domain::{CauseCode, Failure, Step, TenantId};
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::lease::written;
use crate::steps::numbered;
use crate::{Lease, Reader, StoreError};

/// The kind of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// The tenant's secret.
    TenantSecret,
    /// The Supabase project.
    SupabaseProject,
    /// The password of the project's database, which is set again after it was changed at Supabase.
    DatabasePassword,
    /// The project's key for browsers, made anew after it was revoked.
    PublishableKey,
    /// The project's key for servers, made anew after it was revoked.
    SecretKey,
    /// The configuration of the project's Auth.
    AuthConfiguration,
    /// The invited admin in the project's Auth.
    AdminUser,
    /// Another mail to the admin, or to the next one. Its row ends with the request that wrote it, so a live one belongs to
    /// a request that was not finished.
    AdminMail,
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
    /// The spelling in the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantSecret => "tenant_secret",
            Self::SupabaseProject => "supabase_project",
            Self::DatabasePassword => "database_password",
            Self::PublishableKey => "publishable_key",
            Self::SecretKey => "secret_key",
            Self::AuthConfiguration => "auth_configuration",
            Self::AdminUser => "admin_user",
            Self::AdminMail => "admin_mail",
            Self::Graph => "graph",
            Self::SearchIndex => "search_index",
            Self::StripeCustomer => "stripe_customer",
            Self::StripeSubscription => "stripe_subscription",
        }
    }

    /// The step that makes such a thing first.
    pub(crate) const fn step(self) -> Step {
        match self {
            Self::TenantSecret | Self::SupabaseProject => Step::CreateEnvironment,
            Self::PublishableKey | Self::SecretKey => Step::AwaitEnvironment,
            Self::DatabasePassword => Step::MigrateTenant,
            Self::AuthConfiguration | Self::AdminUser | Self::AdminMail => Step::InviteAdmin,
            Self::Graph => Step::CreateGraph,
            Self::SearchIndex => Step::CreateSearchIndex,
            Self::StripeCustomer | Self::StripeSubscription => Step::ActivateTenant,
        }
    }
}

/// A live ledger row.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The row.
    pub id: Uuid,
    /// Its number among the tenant's resources of that kind, from 1. The ones before were given up.
    pub generation: i32,
    /// The name with which it was requested.
    pub name: String,
    /// The request as sent, without secrets.
    pub request: Option<String>,
    /// The idempotency key of the request.
    pub idempotency_key: Option<String>,
    /// Whether the request is for Stripe's live mode; `None` if that was not written down.
    pub livemode: Option<bool>,
    /// Its id in the outside system; `None` while the outcome is unknown.
    pub external_id: Option<String>,
    /// How long ago it was sent, by the database's clock.
    pub age: Duration,
    /// Whether this invocation wrote the intent, so that no request was sent before.
    pub fresh: bool,
}

/// A row of the ledger, as it is shown.
#[derive(Clone, Debug)]
pub struct LedgerEntry {
    /// The kind, in the ledger's spelling. A later release may have written others than [`ResourceKind`].
    pub kind: String,
    /// The name with which it was requested.
    pub name: String,
    /// Its id in the outside system.
    pub external_id: Option<String>,
    /// Whether it was asked for in Stripe's live mode; `None` if it is not at Stripe, or that was not written down.
    pub livemode: Option<bool>,
    /// The step that asked for it.
    pub step: Step,
    /// The run that asked for it, from 1.
    pub attempt: i32,
    /// The provider's own id of the request.
    pub provider_request_id: Option<String>,
    /// When the intent was written.
    pub sent_at: Timestamp,
    /// When its id became known.
    pub confirmed_at: Option<Timestamp>,
    /// When it was given up.
    pub dead_at: Option<Timestamp>,
}

impl LedgerEntry {
    /// Whether it is of that kind, and was not given up.
    #[must_use]
    pub fn is_live(&self, kind: ResourceKind) -> bool {
        self.kind == kind.as_str() && self.dead_at.is_none()
    }

    /// Whether it is in the tenant's own region. Secrets are in the control region, Stripe has none.
    #[must_use]
    pub fn is_in_its_region(&self) -> bool {
        let elsewhere = [ResourceKind::TenantSecret, ResourceKind::StripeCustomer, ResourceKind::StripeSubscription];
        !elsewhere.iter().any(|kind| kind.as_str() == self.kind)
    }
}

impl TryFrom<&Row> for LedgerEntry {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            kind: row.try_get("kind")?,
            name: row.try_get("name")?,
            external_id: row.try_get("external_id")?,
            livemode: row.try_get("livemode")?,
            step: numbered(row, "step", Step::from_number)?,
            attempt: row.try_get("attempt")?,
            provider_request_id: row.try_get("provider_request_id")?,
            sent_at: row.try_get("sent_at")?,
            confirmed_at: row.try_get("confirmed_at")?,
            dead_at: row.try_get("dead_at")?,
        })
    }
}

impl Reader {
    /// Everything that was made for a tenant, also what was given up, in the order of the steps.
    pub async fn ledger(&self, tenant: TenantId) -> Result<Vec<LedgerEntry>, StoreError> {
        let rows = self.read(include_str!("../sql/read/resources_of_tenant.sql"), &[(&tenant.0, Type::UUID)]).await?;
        rows.iter().map(LedgerEntry::try_from).collect()
    }
}

/// A request that is about to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Intent<'a> {
    kind: ResourceKind,
    name: &'a str,
    asks: Option<&'a str>,
    request: Option<KeyedRequest<'a>>,
    call: Duration,
}

/// A request to Stripe, which may have to be sent again exactly.
#[derive(Clone, Copy, Debug)]
pub struct KeyedRequest<'a> {
    /// Its body, without secrets.
    pub body: &'a str,
    /// Its idempotency key.
    pub idempotency_key: &'a str,
    /// Whether it is for live mode. An object of one mode, and a key used in it, do not exist in the other.
    pub livemode: bool,
}

impl<'a> Intent<'a> {
    /// For a resource that is found again by its name. The call takes at most `call`.
    #[must_use]
    pub const fn named(kind: ResourceKind, name: &'a str, call: Duration) -> Self {
        Self { kind, name, asks: None, request: None, call }
    }

    /// Adds what the request asks for, without secrets. The call has no idempotency key.
    #[must_use]
    pub const fn asking(self, request: &'a str) -> Self {
        Self { asks: Some(request), ..self }
    }

    /// Adds the exact request, because it may have to be sent again.
    #[must_use]
    pub const fn with_request(self, request: KeyedRequest<'a>) -> Self {
        Self { request: Some(request), ..self }
    }
}

impl Lease<'_> {
    /// The live row of that kind, if there is one.
    pub async fn resource(&self, kind: ResourceKind) -> Result<Option<Resource>, Failure> {
        Ok(self.live(kind).await?)
    }

    async fn live(&self, kind: ResourceKind) -> Result<Option<Resource>, StoreError> {
        let sql = include_str!("../sql/resource_live.sql");
        let parameters: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)] =
            &[(&self.tenant.tenant_id.0, Type::UUID), (&kind.as_str(), Type::TEXT)];
        let rows = self.store.read(sql, parameters).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(Resource {
            id: row.try_get("id")?,
            generation: row.try_get("generation")?,
            name: row.try_get("name")?,
            request: row.try_get("request")?,
            idempotency_key: row.try_get("idempotency_key")?,
            livemode: row.try_get("livemode")?,
            external_id: row.try_get("external_id")?,
            age: Duration::try_from_secs_f64(row.try_get::<_, f64>("age_secs")?).unwrap_or_default(),
            fresh: false,
        }))
    }

    /// Every name that the tenant's resources of that kind ever had.
    pub async fn resource_names(&self, kind: ResourceKind) -> Result<Vec<String>, Failure> {
        let names = async {
            let sql = include_str!("../sql/resource_names.sql");
            let rows =
                self.store.read(sql, &[(&self.tenant.tenant_id.0, Type::UUID), (&kind.as_str(), Type::TEXT)]).await?;
            rows.iter().map(|row| Ok(row.try_get("name")?)).collect::<Result<_, StoreError>>()
        };
        Ok(names.await?)
    }

    /// The ids of the tenant's last resources of that kind that were given up, the latest first.
    pub async fn earlier_ids(&self, kind: ResourceKind) -> Result<Vec<String>, Failure> {
        let ids = async {
            let sql = include_str!("../sql/resource_earlier_ids.sql");
            let rows =
                self.store.read(sql, &[(&self.tenant.tenant_id.0, Type::UUID), (&kind.as_str(), Type::TEXT)]).await?;
            rows.iter().map(|row| Ok(row.try_get("external_id")?)).collect::<Result<_, StoreError>>()
        };
        Ok(ids.await?)
    }

    /// Writes an intent. When this returns, the intent is committed and the lease outlasts the call.
    pub async fn intend(&self, intent: Intent<'_>) -> Result<Resource, Failure> {
        self.in_time(intent.call)?;
        let id = Uuid::now_v7();
        let (body, idempotency_key, livemode) = parts(intent.request);
        let body = body.or(intent.asks);
        let row = self
            .store
            .query_opt(
                include_str!("../sql/resource_intend.sql"),
                &[
                    (&id, Type::UUID),
                    (&self.tenant.tenant_id.0, Type::UUID),
                    (&intent.kind.as_str(), Type::TEXT),
                    (&intent.name, Type::TEXT),
                    (&self.purpose.ledger_step(intent.kind).number(), Type::INT2),
                    (&body, Type::TEXT),
                    (&idempotency_key, Type::TEXT),
                    (&self.token, Type::TEXT),
                    (&intent.call.as_secs_f64(), Type::FLOAT8),
                    (&livemode, Type::BOOL),
                ],
            )
            .await?;
        let Some(row) = row else { return Err(CauseCode::LeaseTooShort.into()) };
        self.in_time(intent.call)?;
        Ok(Resource {
            id,
            generation: row.try_get("generation").map_err(StoreError::from)?,
            name: intent.name.to_owned(),
            request: body.map(str::to_owned),
            idempotency_key: idempotency_key.map(str::to_owned),
            livemode,
            external_id: None,
            age: Duration::ZERO,
            fresh: true,
        })
    }

    /// The live row, or a new intent. For an effect that can simply be repeated.
    pub async fn intend_once(&self, intent: Intent<'_>) -> Result<Resource, Failure> {
        match self.resource(intent.kind).await? {
            Some(resource) => self.fence(intent.call).await.map(|()| resource),
            None => self.intend(intent).await,
        }
    }

    /// Renews an open intent whose resource is found by its name. The previous request is known to have had no effect.
    pub async fn renew(&self, resource: &Resource, call: Duration) -> Result<(), Failure> {
        self.renew_as(resource, None, call).await
    }

    /// Gives an open intent a new request and idempotency key. The previous request is known to have had no effect.
    pub async fn renew_request(
        &self,
        resource: &Resource,
        request: KeyedRequest<'_>,
        call: Duration,
    ) -> Result<(), Failure> {
        self.renew_as(resource, Some(request), call).await
    }

    async fn renew_as(
        &self,
        resource: &Resource,
        request: Option<KeyedRequest<'_>>,
        call: Duration,
    ) -> Result<(), Failure> {
        self.in_time(call)?;
        let (body, idempotency_key, livemode) = parts(request);
        let row = self
            .store
            .query_opt(
                include_str!("../sql/resource_renew.sql"),
                &[
                    (&resource.id, Type::UUID),
                    (&self.token, Type::TEXT),
                    (&body, Type::TEXT),
                    (&idempotency_key, Type::TEXT),
                    (&call.as_secs_f64(), Type::FLOAT8),
                    (&livemode, Type::BOOL),
                ],
            )
            .await?;
        if row.is_some() { self.in_time(call) } else { Err(CauseCode::LeaseTooShort.into()) }
    }

    /// The resource exists and has this id.
    pub async fn confirm(&self, resource: &Resource, external_id: &str) -> Result<(), Failure> {
        let sql = include_str!("../sql/resource_confirm.sql");
        let parameters: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)] =
            &[(&resource.id, Type::UUID), (&self.token, Type::TEXT), (&external_id, Type::TEXT)];
        written(self.store.query_opt(sql, parameters).await.map(|row| row.is_some()))
    }

    /// The resource was never created, or does not exist any more.
    pub async fn give_up(&self, resource: &Resource) -> Result<(), Failure> {
        let sql = include_str!("../sql/resource_dead.sql");
        let parameters: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)] =
            &[(&resource.id, Type::UUID), (&self.token, Type::TEXT), (&self.store.actor, Type::TEXT)];
        written(self.store.query_opt(sql, parameters).await.map(|row| row.is_some()))
    }

    /// A confirmed resource was changed, and is now what this request asks for.
    pub async fn resource_is(&self, resource: &Resource, request: &str) -> Result<(), Failure> {
        let sql = include_str!("../sql/resource_changed.sql");
        let parameters: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)] =
            &[(&resource.id, Type::UUID), (&self.token, Type::TEXT), (&request, Type::TEXT)];
        written(self.store.query_opt(sql, parameters).await.map(|row| row.is_some()))
    }

    /// The project does not exist any more, or never became healthy: its row is marked as dead and step 1 starts over.
    pub async fn environment_dead(&self) -> Result<(), Failure> {
        let sql = include_str!("../sql/environment_dead.sql");
        let parameters: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)] =
            &[(&self.tenant.tenant_id.0, Type::UUID), (&self.token, Type::TEXT), (&self.store.actor, Type::TEXT)];
        written(self.store.query_opt(sql, parameters).await.map(|row| row.is_some()))
    }
}

/// The columns of a request.
fn parts(request: Option<KeyedRequest<'_>>) -> (Option<&str>, Option<&str>, Option<bool>) {
    let Some(KeyedRequest { body, idempotency_key, livemode }) = request else { return (None, None, None) };
    (Some(body), Some(idempotency_key), Some(livemode))
}
