//! `DELETE /v1/admin/tenants/{slug}`: the tenant stops routing, its resources are kept. A run in progress is fenced off and
//! stopped; the subscription is cancelled by the reconciler, once whoever was at work on the tenant is over.

use std::sync::Arc;
use std::time::Duration;

use api_kit::routes::{self, Route};
use api_kit::{Answer, Handler, Platform, Problem, Request};
use domain::{Failure, ProvisioningState};
use executions::Executions;
use outbox::{Invalidation, cache_keys};
use secrets::Secrets;
use store::{Deactivation, Store, Tenant};
use uuid::Uuid;

/// The run is fenced off already: stopping it spares it some vain work.
const STOP: Duration = Duration::from_secs(1);

/// The route.
pub struct DeactivateTenant {
    store: Arc<Store>,
    secrets: Secrets,
    executions: Executions,
}

impl DeactivateTenant {
    /// Built from the secrets, `STATE_MACHINE_ARN` and `TENANT_CACHE_KEYS`.
    pub fn new(platform: &Platform) -> Result<Self, Failure> {
        Ok(Self {
            store: platform.store(),
            secrets: platform.secrets.clone(),
            executions: Executions::from_env(&platform.sdk)?,
        })
    }

    async fn deactivate(&self, tenant: &Tenant, request: &Request) -> Result<(), Problem> {
        let id = Uuid::now_v7();
        let payload = Invalidation { keys: cache_keys(tenant) };
        let deactivation = Deactivation {
            tenant_id: tenant.tenant_id,
            invalidation: (id, &serde_json::to_value(&payload).unwrap_or_default()),
            actor: &request.caller.name(),
            request_id: &request.request_id,
        };
        let done = self.store.deactivate_tenant(deactivation).await?;
        if let Some(done) = &done
            && done.before == ProvisioningState::Provisioning
        {
            self.stop(&done.tenant).await;
        }
        // Where it was deactivated before, whether its cache entry went with it is not known here.
        let promise = done.map(|_| id);
        // The caller is told only once the entry is gone. The same request, sent again, tries the rest.
        if outbox::invalidated(&self.store, &self.secrets, promise, &payload.keys).await {
            Ok(())
        } else {
            Err(Problem::unavailable())
        }
    }

    /// Stops the run of the attempt that was fenced off.
    async fn stop(&self, tenant: &Tenant) {
        let stopped = tokio::time::timeout(STOP, self.executions.stop(tenant.tenant_id, tenant.attempt - 1)).await;
        if !matches!(stopped, Ok(Ok(()))) {
            tracing::warn!(tenant_id = %tenant.tenant_id, "the run could not be stopped; its next step ends it");
        }
    }
}

impl Handler for DeactivateTenant {
    const ROUTE: Route = routes::DEACTIVATE_TENANT;

    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let tenant = self.store.tenant_by_slug(&request.slug()?).await?.ok_or_else(Problem::tenant_not_found)?;
        self.deactivate(&tenant, request).await?;
        Ok(Answer::no_content())
    }
}
