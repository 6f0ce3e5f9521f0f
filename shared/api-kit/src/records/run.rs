//! A run that was accepted.

use domain::{ProvisioningState, Slug, Step, TenantId};
use serde::Serialize;
use store::Tenant;
use utoipa::ToSchema;

use crate::Answer;

/// When to ask for the status, in seconds.
const RETRY_AFTER: &str = "5";

/// What a request did about the tenant's run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AcceptedRun {
    /// The tenant is new, and so is its run.
    Started,
    /// The tenant had failed, and its run goes on.
    Resumed,
    /// The tenant was deprovisioned, and is being brought back: its run begins at step 1, and each step adopts what is there.
    Restored,
    /// The tenant's run is under way.
    Found,
}

/// A value that the tenant keeps although the request has another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NotApplied {
    /// The field of the request.
    #[schema(value_type = &str)]
    pub field: &'static str,
    /// Why, and how the value can be changed later.
    pub reason: String,
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
    /// What this request did.
    run: AcceptedRun,
    /// The first step that is not completed, if the run was resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = &str, required = false)]
    resumes_at: Option<&'static str>,
    /// Values of the request that came too late. Not there if there are none.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    not_applied: &'a [NotApplied],
}

impl Accepted<'_> {
    /// 202 for a tenant whose run this request began.
    #[must_use]
    pub fn begun(tenant: &Tenant, resumes_at: Option<Step>) -> Answer {
        let run = if tenant.attempt > 1 { AcceptedRun::Resumed } else { AcceptedRun::Started };
        Self::answer(tenant, run, resumes_at, &[])
    }

    /// 202 for a tenant that this request brings back.
    #[must_use]
    pub fn restored(tenant: &Tenant) -> Answer {
        Self::answer(tenant, AcceptedRun::Restored, None, &[])
    }

    /// 202 for a tenant whose run is under way.
    #[must_use]
    pub fn found(tenant: &Tenant, not_applied: &[NotApplied]) -> Answer {
        Self::answer(tenant, AcceptedRun::Found, None, not_applied)
    }

    fn answer(tenant: &Tenant, run: AcceptedRun, resumes_at: Option<Step>, not_applied: &[NotApplied]) -> Answer {
        let poll_url = format!("/v1/admin/tenants/{}/status", tenant.slug);
        let body = Accepted {
            tenant_id: tenant.tenant_id,
            slug: &tenant.slug,
            provisioning_state: ProvisioningState::Provisioning,
            poll_url: &poll_url,
            run,
            resumes_at: resumes_at.map(Step::id),
            not_applied,
        };
        Answer::accepted(&poll_url, &body).with_header("retry-after", RETRY_AFTER.to_owned())
    }
}
