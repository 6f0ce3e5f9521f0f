//! How far a purge is, in a tenant's record and in the answers of the requests for it.

use domain::{CustomerPolicy, DataPolicy, ProvisioningState, PurgePolicies, PurgeState, PurgeStep, Slug, TenantId};
use serde::Serialize;
use store::{Purge, Reader, StoreError, Tenant};
use utoipa::ToSchema;

use crate::{Answer, Moment};

/// When to ask for the purge's status, in seconds.
const RETRY_AFTER: &str = "5";

/// A purge in a few words.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PurgeSummary {
    /// `waiting_approval`, `running`, `failed` or `done`.
    #[schema(value_type = &str)]
    state: PurgeState,
    /// The first step that is not completed. Null: all are.
    step: Option<PurgeStep>,
    requested_at: Moment,
    /// The first step that cannot be undone.
    point_of_no_return: PurgeStep,
    /// When that step began: from then on the tenant cannot be restored. Null: it can, unless the purge runs.
    no_return_at: Option<Moment>,
    /// Path of the purge's status, below the host.
    poll_url: String,
}

impl PurgeSummary {
    /// Of this purge, which goes on at this step.
    #[must_use]
    pub fn new(purge: &Purge, step: Option<PurgeStep>) -> Self {
        Self {
            state: purge.state,
            step,
            requested_at: Moment(purge.requested_at),
            point_of_no_return: purge.no_return,
            no_return_at: purge.no_return_at.map(Moment),
            poll_url: poll_url(purge.tenant_id),
        }
    }

    /// The tenant's, if it is being purged or was. One that was withdrawn is none any more.
    pub async fn of(store: &Reader, tenant: &Tenant) -> Result<Option<Self>, StoreError> {
        if tenant.state != ProvisioningState::Deprovisioned {
            return Ok(None);
        }
        let purge = store.purge_and_step(tenant.tenant_id).await?;
        let purge = purge.filter(|(purge, _)| purge.state != PurgeState::Withdrawn);
        Ok(purge.map(|(purge, step)| Self::new(&purge, step)))
    }
}

fn poll_url(tenant_id: TenantId) -> String {
    format!("/v1/admin/purges/{tenant_id}")
}

/// What a request did about the tenant's purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AcceptedAs {
    /// It waits for another consumer's approval.
    Asked,
    /// It begins.
    Started,
    /// It had failed, and goes on.
    Resumed,
    /// It was asked for before.
    Found,
}

/// What becomes of the customer and of the data.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Policies {
    customer: CustomerPolicy,
    data: DataPolicy,
}

impl From<PurgePolicies> for Policies {
    fn from(policies: PurgePolicies) -> Self {
        Self { customer: policies.customer, data: policies.data }
    }
}

/// What a purge that was asked for is answered with.
#[derive(Serialize, ToSchema)]
pub struct AcceptedPurge<'a> {
    tenant_id: TenantId,
    slug: &'a Slug,
    policies: Policies,
    purge: PurgeSummary,
    /// What this request did.
    request: AcceptedAs,
    /// Path of the purge's status, below the host.
    poll_url: &'a str,
}

impl AcceptedPurge<'_> {
    /// 202 for a purge that goes on at this step.
    #[must_use]
    pub fn answer(purge: &Purge, step: Option<PurgeStep>, request: AcceptedAs) -> Answer {
        let poll_url = poll_url(purge.tenant_id);
        let body = AcceptedPurge {
            tenant_id: purge.tenant_id,
            slug: &purge.slug,
            policies: purge.policies.into(),
            purge: PurgeSummary::new(purge, step),
            request,
            poll_url: &poll_url,
        };
        Answer::accepted(&poll_url, &body).with_header("retry-after", RETRY_AFTER.to_owned())
    }
}
