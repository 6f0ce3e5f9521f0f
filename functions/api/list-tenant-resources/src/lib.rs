//! `GET /v1/admin/tenants/{slug}/resources`: what was made for a tenant in the outside systems, as the ledger has it.

use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Moment, Problem, Request};
use domain::{Region, Step};
use lambda_kit::needs;
use serde::Serialize;
use store::{ControlReader, LedgerEntry};
use utoipa::ToSchema;

needs! {
    /// Lists a tenant's resources.
    pub struct ListTenantResources {
        store: ControlReader,
    }
}

impl Handler for ListTenantResources {
    const ROUTE: Route = routes::LIST_TENANT_RESOURCES;
    type Input = ();

    async fn handle(&self, request: &Request, (): (), _: Budget) -> Result<Answer, Problem> {
        let tenant = request.find_tenant(&self.store).await?;
        let entries = self.store.ledger(tenant.tenant_id).await?;
        let listed = entries.iter().map(|entry| ListedResource::new(entry, tenant.region));
        Ok(Answer::ok(&listed.collect::<Vec<_>>()))
    }
}

/// A resource in an outside system.
#[derive(Serialize, ToSchema)]
pub struct ListedResource<'a> {
    /// What it is: `tenant_secret`, `supabase_project`, `database_password`, `publishable_key`, `secret_key`,
    /// `auth_configuration`, `admin_user`, `admin_mail`, `graph`, `search_index`, `stripe_customer` or `stripe_subscription`.
    kind: &'a str,
    /// The name that it was asked for with.
    name: &'a str,
    /// Its id in that system. Null: it was asked for, and whether it was made is not known yet.
    external_id: Option<&'a str>,
    /// `asked` (before the answer), `made`, or `given_up` (another one took its place, or it was purged).
    state: &'static str,
    /// Where it is. Null: it belongs to no region of tenants.
    region: Option<Region>,
    /// Which step made it.
    step: Step,
    /// Which run made it, from 1.
    attempt: i32,
    /// The provider's own id of the request that made it.
    provider_request_id: Option<&'a str>,
    asked_at: Moment,
    made_at: Option<Moment>,
    given_up_at: Option<Moment>,
}

impl<'a> ListedResource<'a> {
    fn new(entry: &'a LedgerEntry, region: Region) -> Self {
        Self {
            kind: &entry.kind,
            name: &entry.name,
            external_id: entry.external_id.as_deref(),
            state: match (entry.confirmed_at, entry.dead_at) {
                (_, Some(_)) => "given_up",
                (Some(_), None) => "made",
                (None, None) => "asked",
            },
            region: entry.is_in_its_region().then_some(region),
            step: entry.step,
            attempt: entry.attempt,
            provider_request_id: entry.provider_request_id.as_deref(),
            asked_at: Moment(entry.sent_at),
            made_at: entry.confirmed_at.map(Moment),
            given_up_at: entry.dead_at.map(Moment),
        }
    }
}
