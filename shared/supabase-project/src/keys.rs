//! API keys and database password of a tenant that is brought back: what a DELETE revoked, or may have revoked, is made new. What
//! was good before stays revoked.
//!
//! Everything is found again: a key by its kind, since a project has one of each, and the password by the ledger, which says for
//! which restore the one in the tenant's secret was made.

use domain::Failure;
use secrets::{TenantSecret, new_password};
use store::{Intent, Lease, ResourceKind};
use supabase::{KeyKind, MANAGEMENT_TIMEOUT, Management, ProjectRef};

use crate::access::ProjectAccess;

/// The keys of a project, and what the ledger calls them.
const KEYS: [(KeyKind, ResourceKind); 2] =
    [(KeyKind::Publishable, ResourceKind::PublishableKey), (KeyKind::Secret, ResourceKind::SecretKey)];

impl ProjectAccess {
    /// Makes new what a DELETE revoked, once for each restore. Nothing is done for a tenant whose access was never revoked.
    pub async fn renew_revoked(
        &self,
        lease: &Lease<'_>,
        management: &Management,
        project: &ProjectRef,
    ) -> Result<(), Failure> {
        let Some(mark) = lease.tenant().restore_mark() else { return Ok(()) };
        if !lease.access_was_revoked().await? {
            return Ok(());
        }
        for (key, kind) in KEYS {
            renew_key(lease, management, project, key, kind).await?;
        }
        self.renew_password(lease, management, project, &mark).await
    }

    /// The new password is in the tenant's secret before it is set: whoever finds the intent open sets that one.
    async fn renew_password(
        &self,
        lease: &Lease<'_>,
        management: &Management,
        project: &ProjectRef,
        mark: &str,
    ) -> Result<(), Failure> {
        let before = lease.resource(ResourceKind::DatabasePassword).await?;
        let known = self.project.secrets.of(lease).await?;
        let (intent, password) = match before {
            Some(done) if done.request.as_deref() == Some(mark) && done.external_id.is_some() => return Ok(()),
            Some(open) if open.request.as_deref() == Some(mark) => {
                lease.fence(MANAGEMENT_TIMEOUT).await?;
                (open, known.db_pass)
            }
            before => {
                if let Some(before) = before {
                    lease.give_up(&before).await?;
                }
                let password = new_password();
                self.put(lease, &known, &TenantSecret { db_pass: password.clone(), ..known.clone() }).await?;
                let intent = Intent::named(ResourceKind::DatabasePassword, project.as_str(), MANAGEMENT_TIMEOUT);
                (lease.intend(intent.asking(mark)).await?, password)
            }
        };
        management.set_database_password(project, &password).await?;
        lease.confirm(&intent, project.as_str()).await
    }
}

/// Makes a key, unless the project has one of its kind: it was not revoked, or an earlier invocation made it. If two requests
/// are answered late, there is a key more than is used, until the next DELETE revokes all there are.
async fn renew_key(
    lease: &Lease<'_>,
    management: &Management,
    project: &ProjectRef,
    key: KeyKind,
    kind: ResourceKind,
) -> Result<(), Failure> {
    let row = lease.resource(kind).await?;
    let (made_before, open) = match row {
        Some(row) if row.external_id.is_some() => (Some(row), None),
        open => (None, open),
    };
    if let Some(id) = management.api_key_of(project, key).await? {
        return match open {
            Some(open) => lease.confirm(&open, &id.to_string()).await,
            None => Ok(()),
        };
    }
    if let Some(revoked) = made_before {
        lease.give_up(&revoked).await?;
    }
    let intent = match open {
        Some(open) => lease.renew(&open, MANAGEMENT_TIMEOUT).await.map(|()| open)?,
        None => lease.intend(Intent::named(kind, project.as_str(), MANAGEMENT_TIMEOUT)).await?,
    };
    match management.create_api_key(project, key).await {
        Ok(id) => lease.confirm(&intent, &id.to_string()).await,
        Err(error) => {
            // A refusal of this request says nothing about an earlier one that was not answered.
            if intent.fresh && !error.outcome_unknown() {
                lease.give_up(&intent).await?;
            }
            Err(error.into())
        }
    }
}
