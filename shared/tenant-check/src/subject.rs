//! The tenant that is checked, as the control database knows it.

use domain::{CauseCode, Failure, ProvisioningState, PurgeState, TenantPart};
use store::{CatalogCredentials, LedgerEntry, Reader, ResourceKind, StoreError, Tenant};
use supabase::ProjectRef;

/// A tenant, with what the ledger and the lakehouse's tables say that it has.
#[derive(Clone, Debug)]
pub struct Subject {
    pub(crate) tenant: Tenant,
    pub(crate) ledger: Vec<LedgerEntry>,
    pub(crate) catalogs: Vec<CatalogCredentials>,
    pub(crate) namespaces: Vec<String>,
    /// Whether it was purged: the certificate says what is left of it.
    pub(crate) is_purged: bool,
}

impl Subject {
    /// Reads what there is to ask for.
    pub async fn of(reader: &Reader, tenant: Tenant) -> Result<Self, StoreError> {
        let ledger = reader.ledger(tenant.tenant_id).await?;
        let catalogs = reader.catalog_credentials(tenant.tenant_id).await?;
        let namespaces = reader.namespaces(tenant.tenant_id).await?;
        let is_purged = tenant.state == ProvisioningState::Deprovisioned
            && reader.purge(tenant.tenant_id).await?.is_some_and(|purge| purge.state == PurgeState::Done);
        Ok(Self { tenant, ledger, catalogs, namespaces, is_purged })
    }

    pub(crate) fn is_live(&self) -> bool {
        self.tenant.state == ProvisioningState::Active
    }

    /// Whether its run is under way: what a step is just making is not as it will be.
    pub(crate) fn is_being_made(&self) -> bool {
        self.tenant.state == ProvisioningState::Provisioning
    }

    /// Whether the tenant was switched off. What it has is kept, and its access has ended.
    pub(crate) fn is_off(&self) -> bool {
        self.tenant.state == ProvisioningState::Deprovisioned
    }

    /// Whether a step made it: an id is known, and it was not given up.
    pub(crate) fn has(&self, kind: ResourceKind) -> bool {
        self.ledger.iter().any(|entry| entry.is_live(kind) && entry.external_id.is_some())
    }

    /// The names of a part of which a tenant may have several. None: it has one, or none.
    pub(crate) fn names(&self, part: TenantPart) -> Vec<String> {
        match part {
            TenantPart::CatalogSecret => {
                self.catalogs.iter().map(|catalog| catalog.catalog_name.as_str().to_owned()).collect()
            }
            TenantPart::Namespace => self.namespaces.clone(),
            TenantPart::Project
            | TenantPart::Keys
            | TenantPart::Schema
            | TenantPart::Seed
            | TenantPart::Invitation
            | TenantPart::Graph
            | TenantPart::GraphUser
            | TenantPart::SearchIndex
            | TenantPart::SearchAlias
            | TenantPart::Customer
            | TenantPart::Subscription
            | TenantPart::Price
            | TenantPart::Cache => Vec::new(),
        }
    }

    /// The project that step 1 created; `None`: there is none yet.
    pub(crate) fn project(&self) -> Result<Option<ProjectRef>, Failure> {
        let known = self.tenant.supabase_project_ref.clone();
        known.map(|known| ProjectRef::try_from(known).map_err(|_| CauseCode::LedgerUnreadable.into())).transpose()
    }
}
