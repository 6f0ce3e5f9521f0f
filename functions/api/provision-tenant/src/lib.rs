//! `POST /v1/admin/tenants`: writes a tenant down and starts its run, or resumes a failed one.

mod resume;

use std::sync::Arc;
use std::time::Duration;

use api_kit::routes::{self, Route};
use api_kit::{Answer, Handler, Platform, Problem, Request};
use domain::{Failure, ProvisionRequest, ProvisioningState, Region, Slug, TenantId};
use executions::Executions;
use pipeline::{Care, CareError};
use serde::Serialize;
use store::{NewTenant, Store, StoreError, Tenant};
use tokio::time::{timeout, timeout_at};
use utoipa::ToSchema;
use uuid::Uuid;

/// The row is durable: what starting takes longer than this is left to the reconciler.
const START_TIMEOUT: Duration = Duration::from_secs(2);
/// Looking after a run that is there already: a statement, two calls of Step Functions, a statement.
const CARE_TIMEOUT: Duration = Duration::from_secs(3);
/// Kept for what may follow: the row of a run that ended is resumed and its next attempt started.
const RESUMED_AND_STARTED: Duration = Duration::from_millis(1500);
/// Telling the reconciler and whoever asks for the status; without it, the reconciler notices by itself after a minute.
const HELD_UP_TIMEOUT: Duration = Duration::from_millis(500);
/// Writing the answer.
const ANSWER: Duration = Duration::from_millis(100);
/// Rounds after which a row that changes under our hands is somebody else's to settle.
const ROUNDS: usize = 4;

/// The route.
pub struct ProvisionTenant {
    store: Arc<Store>,
    executions: Executions,
    regions: Vec<Region>,
    reserved: Vec<String>,
}

/// What a tenant about to be made is answered with.
#[derive(Serialize, ToSchema)]
pub struct Accepted<'a> {
    tenant_id: TenantId,
    slug: &'a Slug,
    /// Always `provisioning`.
    provisioning_state: ProvisioningState,
    /// Path of the status route, below the host.
    poll_url: &'a str,
}

impl ProvisionTenant {
    /// Built from the environment: `STATE_MACHINE_ARN`, `CONFIGURED_REGIONS`, `RESERVED_SLUGS`.
    pub fn new(platform: &Platform) -> Result<Self, Failure> {
        let list = |name, default: &str| -> Vec<String> {
            let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
            text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
        };
        Ok(Self {
            store: platform.store(),
            executions: Executions::from_env(&platform.sdk)?,
            regions: list("CONFIGURED_REGIONS", "").iter().filter_map(|region| region.parse().ok()).collect(),
            reserved: list("RESERVED_SLUGS", "api,www"),
        })
    }

    async fn create(&self, asked: &ProvisionRequest, request: &Request) -> Result<Written, Problem> {
        if !self.regions.contains(&asked.region) {
            return Err(Problem::region_not_configured());
        }
        let new = NewTenant {
            tenant_id: TenantId(Uuid::now_v7()),
            request: asked,
            correlation_id: &request.correlation_id,
            actor: &request.caller.name(),
            request_id: &request.request_id,
        };
        written(self.store.insert_tenant(new).await)
    }

    /// The row is committed, so the answer is 202 whatever happens here; the reconciler starts what could not be started.
    async fn start(&self, tenant: &Tenant, request: &Request) {
        let start = self.executions.start(tenant.tenant_id, tenant.attempt);
        let started = timeout_at(request.within(START_TIMEOUT, HELD_UP_TIMEOUT + ANSWER).into(), start).await;
        let Err(failure) = started.unwrap_or_else(|_| Err(executions::unavailable())) else { return };
        let code = &failure.cause.code;
        tracing::error!(tenant_id = %tenant.tenant_id, attempt = tenant.attempt, code, "the run could not be started; it is left to the reconciler");
        let held_up = self.store.hold_up_run(tenant.tenant_id, tenant.attempt, &failure.cause, true);
        let _ = timeout(HELD_UP_TIMEOUT, held_up).await;
    }

    /// Looks after a run that shows no sign of life. Trouble is no reason to refuse: the reconciler looks as well.
    async fn look_after(&self, tenant: &Tenant, request: &Request) -> Result<Care, Problem> {
        let care = pipeline::look_after(&self.store, &self.executions, tenant, &request.request_id);
        match timeout_at(request.within(CARE_TIMEOUT, RESUMED_AND_STARTED).into(), care).await {
            Ok(Ok(care)) => Ok(care),
            Ok(Err(CareError::Store(error))) => Err(error.into()),
            Ok(Err(CareError::Executions(failure))) => {
                tracing::warn!(code = failure.cause.code, "a run could not be looked after");
                Ok(Care::Nothing)
            }
            Err(_) => {
                tracing::warn!("a run could not be looked after in time");
                Ok(Care::Nothing)
            }
        }
    }
}

impl Handler for ProvisionTenant {
    const ROUTE: Route = routes::PROVISION_TENANT;

    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let asked = ProvisionRequest::parse(&request.json_object()?, &self.reserved)?;
        // Set once a write was not answered: it may be ours what the next round finds.
        let mut unanswered = false;
        for _ in 0..ROUNDS {
            let tenant = self.store.tenant_by_slug(&asked.slug).await?;
            let outcome = match tenant {
                None => self.create(&asked, request).await?,
                Some(tenant) => match tenant.state {
                    ProvisioningState::Active => return Err(Problem::tenant_active()),
                    ProvisioningState::Deprovisioned => return Err(Problem::tenant_deprovisioned()),
                    ProvisioningState::Provisioning | ProvisioningState::Failed if tenant.region != asked.region => {
                        let why = "the tenant's data may already be in the region first asked for";
                        return Err(Problem::immutable_field("region", why));
                    }
                    // Starting an attempt twice is starting it once.
                    ProvisioningState::Provisioning if unanswered => Written::Row(Box::new(tenant)),
                    ProvisioningState::Provisioning => match self.look_after(&tenant, request).await? {
                        Care::Failed => Written::Overtaken,
                        Care::Nothing | Care::Started => return Ok(accepted(&tenant)),
                    },
                    ProvisioningState::Failed => {
                        resume::permit(&self.store, &tenant, &asked).await?;
                        written(resume::resume(&self.store, &tenant, &asked, request).await)?
                    }
                },
            };
            match outcome {
                Written::Row(tenant) => {
                    self.start(&tenant, request).await;
                    return Ok(accepted(&tenant));
                }
                Written::Unanswered => unanswered = true,
                Written::Overtaken => {}
            }
        }
        Err(Problem::unavailable())
    }
}

/// What is known of a write.
enum Written {
    /// It is committed, and this is the row.
    Row(Box<Tenant>),
    /// Somebody else was faster; look again.
    Overtaken,
    /// It may be committed; look.
    Unanswered,
}

fn written(outcome: Result<Option<Tenant>, StoreError>) -> Result<Written, Problem> {
    match outcome {
        Ok(Some(tenant)) => Ok(Written::Row(Box::new(tenant))),
        Ok(None) => Ok(Written::Overtaken),
        Err(StoreError::Unavailable | StoreError::Timeout) => Ok(Written::Unanswered),
        Err(error) => Err(error.into()),
    }
}

fn accepted(tenant: &Tenant) -> Answer {
    let poll_url = format!("/v1/admin/tenants/{}/status", tenant.slug);
    let body = Accepted {
        tenant_id: tenant.tenant_id,
        slug: &tenant.slug,
        provisioning_state: ProvisioningState::Provisioning,
        poll_url: &poll_url,
    };
    Answer::accepted(&poll_url, &body).with_header("retry-after", "5".to_owned())
}
