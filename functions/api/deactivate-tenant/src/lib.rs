//! `DELETE /v1/admin/tenants/{slug}`: the tenant stops routing, and its resources are kept. A run in progress is fenced off
//! and stopped. Its graph user is switched off, here or by the reconciler, which also cancels the subscription once nobody else
//! holds the tenant's lease, and revokes the project's keys and password where the installation wants that.

use std::time::Duration;

use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Conditions, Handler, Preconditions, Problem, Request, SlugInPath};
use domain::{ProvisioningState, Slug};
use graph_users::GraphUsers;
use lambda_kit::{needs, settings};
use outbox::Outbox;
use runs::StopRuns;
use store::{ControlDatabase, Deactivated, Deactivation, Tenant};
use tenant_cache::{CacheEntries, CacheSettings};
use uuid::Uuid;

/// The longest wait for the run to be stopped. It is fenced off already, so stopping it only saves work.
const STOP: Duration = Duration::from_secs(1);

/// What is left of the route's time after the graph user.
const FOR_THE_ANSWER: Duration = Duration::from_millis(200);

needs! {
    /// Deactivates a tenant.
    pub struct DeactivateTenant {
        store: ControlDatabase,
        runs: StopRuns,
        outbox: Outbox,
        graph_users: GraphUsers,
        cache: CacheSettings,
        access: Access,
    }
}

settings! {
    /// How much access a DELETE ends.
    struct Access {
        /// Whether the project's API keys and database password are revoked. Those keys cannot be given back.
        revoke: bool = "REVOKE_ACCESS_ON_DELETE" or "false",
    }
}

/// How often a tenant is looked at that others change at the same time.
const ROUNDS: u32 = 3;

impl DeactivateTenant {
    /// The tenant as it was, and what was done if it was not deactivated before. `id` is the promise to remove its cache
    /// entries.
    async fn deactivate(
        &self,
        slug: &Slug,
        conditions: &Conditions,
        id: Uuid,
        request: &Request,
    ) -> Result<(Tenant, CacheEntries, Option<Deactivated>), Problem> {
        for _ in 0..ROUNDS {
            let tenant = self.store.tenant_by_slug(slug).await?.ok_or_else(Problem::tenant_not_found)?;
            let entries = self.cache.entries(&tenant);
            // What was done before is done, whatever version the caller had in mind (RFC 9110, 13.1.1).
            if tenant.state == ProvisioningState::Deprovisioned {
                return Ok((tenant, entries, None));
            }
            if !conditions.allow(Some(tenant.version)) {
                return Err(Problem::version_mismatch());
            }
            let deactivation = Deactivation {
                tenant_id: tenant.tenant_id,
                version: (!conditions.is_empty()).then_some(tenant.version),
                invalidation: (id, &serde_json::to_value(&entries).unwrap_or_default()),
                revoke_access: self.access.revoke,
                author: request.author(),
            };
            if let Some(done) = self.store.deactivate_tenant(deactivation).await? {
                return Ok((tenant, entries, Some(done)));
            }
        }
        Err(Problem::unavailable())
    }

    /// Stops the run of the attempt that was fenced off.
    async fn stop(&self, tenant: &Tenant, budget: Budget) {
        let stopped = budget.at_most(STOP).spend(self.runs.stop(tenant.tenant_id, tenant.attempt - 1)).await;
        if !matches!(stopped, Some(Ok(()))) {
            tracing::warn!(tenant_id = %tenant.tenant_id, "the run could not be stopped; its next step ends it");
        }
    }
}

impl Handler for DeactivateTenant {
    const ROUTE: Route = routes::DEACTIVATE_TENANT;
    type Input = (SlugInPath, Preconditions);

    async fn handle(
        &self,
        request: &Request,
        (SlugInPath(slug), Preconditions(conditions)): (SlugInPath, Preconditions),
        budget: Budget,
    ) -> Result<Answer, Problem> {
        let id = Uuid::now_v7();
        let (tenant, entries, done) = self.deactivate(&slug, &conditions, id, request).await?;
        if let Some(done) = &done
            && done.before == ProvisioningState::Provisioning
        {
            self.stop(&done.tenant, budget).await;
        }
        // Where the tenant was deactivated before, it is not known whether its cache entries were removed. Without a new
        // promise they are removed again.
        let promise = done.map(|_| id);
        // The caller gets 204 only once the entries are gone. Sent again, the same request tries the rest.
        let gone = self.outbox.invalidated(&self.store, promise, &entries, budget).await;
        // A region's FalkorDB that cannot be reached, or a step that has to end first, do not hold up the answer.
        let (tenant_id, rest) = (tenant.tenant_id, budget.keeping(FOR_THE_ANSWER));
        self.graph_users.switch_off_now(&self.store, tenant_id, &request.request_id, rest).await;
        if gone { Ok(Answer::no_content()) } else { Err(Problem::unavailable()) }
    }
}
