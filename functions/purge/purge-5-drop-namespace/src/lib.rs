//! Step 5 of a purge: the tenant's namespace in the lakehouse with its tables, or its name where the request keeps the data; then the
//! secrets of the tenant's catalogs.

use std::collections::HashMap;

use domain::{DataPolicy, Failure, Location, PurgeStep, PurgedKind, names};
use iomete::TABLE_CALL;
use lambda_kit::{Discard, Read, needs, settings};
use purge_kit::{Outcome, PurgeLease, Thing, Work};
use secrets::{CatalogSecret, IometeSecret};
use store::Catalog;

/// The property in which whoever makes a tenant's namespace says whose it is.
const OWNER: &str = "tenant_id";
/// The property that says where a namespace's tables lie.
const LOCATION: &str = "location";

settings! {
    /// Where the lakehouse is.
    struct LakehouseSettings {
        /// Empty where the installation has none.
        url: String = "IOMETE_URL" or "",
    }
}

needs! {
    /// Drops the tenant's namespace.
    pub struct DropNamespace {
        lakehouse: LakehouseSettings,
        token: Read<IometeSecret>,
        catalog_secrets: Discard<CatalogSecret>,
    }
}

impl Work for DropNamespace {
    type Step = PurgeStep;
    const STEP: PurgeStep = PurgeStep::DropNamespace;

    async fn run(&self, lease: &PurgeLease<'_>) -> Result<Outcome, Failure> {
        let catalogs = lease.store().catalogs_of(lease.tenant().tenant_id).await?;
        if !self.lakehouse.url.is_empty() {
            self.end_namespaces(lease, &catalogs).await?;
        } else if catalogs.is_empty() {
            let namespace = names::namespace(&lease.purge().slug);
            Thing::of(lease, PurgedKind::Namespace, namespace).gone("the installation has no lakehouse").await?;
        }
        for catalog in catalogs.iter().filter(|catalog| !catalog.is_at(&self.lakehouse.url)) {
            Thing::of(lease, PurgedKind::Namespace, catalog.catalog_name.as_str())
                .kept("it was not asked", "its catalog is not this installation's lakehouse")
                .await?;
        }
        for catalog in &catalogs {
            self.end_secret(lease, catalog).await?;
        }
        Ok(Outcome::DONE)
    }
}

impl DropNamespace {
    /// The tenant's namespaces are there whether or not a catalog was registered: others make them.
    async fn end_namespaces(&self, lease: &PurgeLease<'_>, catalogs: &[Catalog]) -> Result<(), Failure> {
        let token = self.token.read().await?.token;
        let lakehouse = iomete::Catalog::open(&self.lakehouse.url, token, TABLE_CALL).await?;
        let tenant_id = lease.tenant().tenant_id.to_string();
        for name in names::namespaces(&lease.purge().slug) {
            let thing = Thing::of(lease, PurgedKind::Namespace, &name);
            let namespace = [name];
            let found = lakehouse.properties(&namespace).await?;
            match (&found, lease.purge().policies.data) {
                (None, _) => {}
                (Some(_), DataPolicy::Keep) => {
                    thing.kept("it is there", "its data is kept, as the request says").await?;
                    continue;
                }
                (Some(properties), DataPolicy::Drop) => {
                    if !is_ours(properties, &tenant_id, catalogs) {
                        return Err(thing.foreign("The namespace"));
                    }
                    drop_all(lease, &lakehouse, &namespace).await?;
                    if lakehouse.properties(&namespace).await?.is_some() {
                        return Err(thing.still_there("The namespace"));
                    }
                }
            }
            thing.gone("no such namespace").await?;
        }
        if lease.purge().policies.data == DataPolicy::Drop {
            for catalog in catalogs.iter().filter(|catalog| catalog.is_at(&self.lakehouse.url)) {
                lease.catalog_dropped(catalog).await?;
            }
        }
        Ok(())
    }

    async fn end_secret(&self, lease: &PurgeLease<'_>, catalog: &Catalog) -> Result<(), Failure> {
        let secret = Thing::of(lease, PurgedKind::CatalogSecret, names::catalog_secret(catalog.id));
        lease.fence(TABLE_CALL).await?;
        self.catalog_secrets.schedule(&catalog.id).await?;
        secret.discarded(self.catalog_secrets.end_of(&catalog.id).await?).await
    }
}

/// Whether a namespace says that it is this tenant's, or that its tables lie where the tenant's catalogs have their data. No other
/// tenant's data lies there.
fn is_ours(properties: &HashMap<String, String>, tenant_id: &str, catalogs: &[Catalog]) -> bool {
    if let Some(owner) = properties.get(OWNER) {
        return owner == tenant_id;
    }
    properties.get(LOCATION).is_some_and(|location| {
        catalogs.iter().any(|catalog| lies_in(location, &catalog.warehouse, &catalog.storage_prefix))
    })
}

fn lies_in(location: &str, warehouse: &str, storage_prefix: &str) -> bool {
    let (inner, outer) = (Location::of(location, ""), Location::of(warehouse, storage_prefix));
    inner.as_str().starts_with(outer.as_str())
}

/// Drops a namespace with everything below it, the lowest first. What is left when the time is over, the next invocation drops.
async fn drop_all(lease: &PurgeLease<'_>, lakehouse: &iomete::Catalog, root: &[String]) -> Result<(), Failure> {
    let mut found = vec![root.to_vec()];
    let mut asked = 0;
    while let Some(namespace) = found.get(asked) {
        let below = lakehouse.children(namespace).await?;
        found.extend(below);
        asked += 1;
    }
    for namespace in found.iter().rev() {
        for table in lakehouse.tables(namespace).await? {
            lease.fence(TABLE_CALL).await?;
            lakehouse.drop_table(namespace, &table).await?;
        }
        for view in lakehouse.views(namespace).await? {
            lease.fence(TABLE_CALL).await?;
            lakehouse.drop_view(namespace, &view).await?;
        }
        lease.fence(TABLE_CALL).await?;
        lakehouse.drop_namespace(namespace).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_belongs_to_whom_it_says_or_to_whose_place_it_is_in() {
        let properties = |name: &str, value: &str| HashMap::from([(name.to_owned(), value.to_owned())]);
        assert!(is_ours(&properties(OWNER, "t"), "t", &[]));
        assert!(!is_ours(&properties(OWNER, "u"), "t", &[]));
        assert!(!is_ours(&HashMap::new(), "t", &[]));
        assert!(!is_ours(&properties(LOCATION, "s3://lake/tenants/acme/x"), "t", &[]), "there is no catalog");
        for (location, within) in [
            ("s3://lake/tenants/acme/ivory_tenant_acme.db", true),
            ("s3://lake/tenants/acme", true),
            ("s3a://lake/tenants//acme/", true),
            ("s3://lake/tenants", false),
            ("s3://lake/tenants/acme2", false),
            ("s3://other/tenants/acme", false),
        ] {
            assert_eq!(lies_in(location, "s3://lake/", "tenants/acme/"), within, "{location}");
        }
    }
}
