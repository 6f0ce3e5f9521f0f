//! What would become of each resource.

use domain::{CustomerPolicy, DataPolicy, PurgePolicies, PurgeStep, PurgedKind, names};
use serde::Serialize;
use store::{Catalog, LedgerEntry, ResourceKind, Tenant};
use utoipa::ToSchema;

/// What is done with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is deleted, and its system asked whether it is gone.
    Delete,
    /// Its system is asked to delete it at a time that the certificate names.
    Schedule,
    /// It stays.
    Keep,
}

/// A resource of the tenant, and what would become of it.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlannedResource<'a> {
    /// As in the purge's status.
    kind: &'static str,
    name: String,
    external_id: Option<&'a str>,
    action: Action,
    /// Why it is kept. Null: it is not.
    why: Option<&'static str>,
    /// Which step does it.
    step: PurgeStep,
    /// Whether a restore gives it back as it was, before the point of no return.
    reversible: bool,
    /// Whether the ledger has it, or the name is only looked for.
    known: bool,
    /// On whose bill it is until then. Null: it costs nothing.
    cost: Option<&'static str>,
}

impl<'a> PlannedResource<'a> {
    fn deleted(kind: PurgedKind, name: String) -> Self {
        Self {
            kind: kind.as_str(),
            name,
            external_id: None,
            action: match kind {
                PurgedKind::TenantSecret | PurgedKind::CatalogSecret => Action::Schedule,
                _ => Action::Delete,
            },
            why: None,
            step: kind.step(),
            reversible: kind.step() < PurgeStep::DeleteIndex && kind != PurgedKind::StripeCustomer,
            known: true,
            cost: cost(kind),
        }
    }

    fn of(mut self, entry: &'a LedgerEntry) -> Self {
        self.external_id = entry.external_id.as_deref();
        self
    }

    fn kept(mut self, why: &'static str) -> Self {
        (self.action, self.why, self.reversible) = (Action::Keep, Some(why), true);
        self
    }

    fn known(mut self, known: bool) -> Self {
        self.known = known;
        if !known {
            self.cost = None;
        }
        self
    }
}

/// On whose bill a resource is. Prices are the providers' and the contract's, so none is named.
const fn cost(kind: PurgedKind) -> Option<&'static str> {
    match kind {
        PurgedKind::CacheEntries
        | PurgedKind::ApiKeys
        | PurgedKind::SearchAlias
        | PurgedKind::GraphUser
        | PurgedKind::StripeCustomer => None,
        PurgedKind::StripeSubscription => Some("ended by the DELETE or within minutes of it; nothing more is invoiced"),
        PurgedKind::SearchIndex => Some("memory and storage of the region's OpenSearch"),
        PurgedKind::Graph => Some("memory of the region's FalkorDB"),
        PurgedKind::Namespace => Some("storage of the tenant's warehouse"),
        PurgedKind::CatalogSecret | PurgedKind::TenantSecret => Some("a secret a month at AWS"),
        PurgedKind::SupabaseProject => Some("compute, by the hour, and storage at Supabase"),
    }
}

/// What a purge with these policies would do, in the order of its steps.
pub fn planned<'a>(
    tenant: &Tenant,
    ledger: &'a [LedgerEntry],
    catalogs: &'a [Catalog],
    lakehouse: &str,
    cache_keys: &[String],
    policies: PurgePolicies,
) -> Vec<PlannedResource<'a>> {
    let live = |kind: ResourceKind| ledger.iter().find(|entry| entry.kind == kind.as_str() && entry.dead_at.is_none());
    let (project, secret) = (live(ResourceKind::SupabaseProject), live(ResourceKind::TenantSecret));
    let (graph, index) = (live(ResourceKind::Graph), live(ResourceKind::SearchIndex));
    let mut planned: Vec<PlannedResource<'a>> = Vec::new();
    let deleted = PlannedResource::deleted;

    planned.extend(cache_keys.iter().map(|key| deleted(PurgedKind::CacheEntries, key.clone())));
    planned.extend(project.map(|entry| deleted(PurgedKind::ApiKeys, entry.name.clone()).of(entry)));
    planned.push(deleted(PurgedKind::SearchAlias, names::search_alias(&tenant.slug)).known(index.is_some()));

    let subscription = live(ResourceKind::StripeSubscription);
    planned.extend(subscription.map(|entry| deleted(PurgedKind::StripeSubscription, entry.name.clone()).of(entry)));
    planned.extend(live(ResourceKind::StripeCustomer).map(|entry| {
        let customer = deleted(PurgedKind::StripeCustomer, entry.name.clone()).of(entry);
        match policies.customer {
            CustomerPolicy::Keep => customer.kept("its invoices are kept with it, unless customer is delete"),
            CustomerPolicy::Delete => customer,
        }
    }));

    planned.push(deleted(PurgedKind::SearchIndex, names::search_index(&tenant.slug)).known(index.is_some()));
    planned.push(deleted(PurgedKind::Graph, names::graph(&tenant.slug)).known(graph.is_some()));
    planned.push(deleted(PurgedKind::GraphUser, names::graph(&tenant.slug)).known(graph.is_some()));

    // Others make the tenant's namespaces, so they are looked for whether or not a catalog was registered.
    planned.extend(names::namespaces(&tenant.slug).into_iter().map(|name| {
        let namespace = deleted(PurgedKind::Namespace, name).known(false);
        match policies.data {
            DataPolicy::Drop => namespace,
            DataPolicy::Keep => namespace.kept("data is keep; the slug stays reserved while it is there"),
        }
    }));
    planned.extend(catalogs.iter().filter(|catalog| !catalog.is_at(lakehouse)).map(|catalog| {
        PlannedResource {
            external_id: Some(&catalog.warehouse),
            ..deleted(PurgedKind::Namespace, catalog.catalog_name.as_str().to_owned())
                .kept("its catalog is not this installation's lakehouse; the slug stays reserved")
        }
    }));
    let with_secret = catalogs.iter().filter(|catalog| catalog.secret_version.is_some());
    planned.extend(with_secret.map(|catalog| deleted(PurgedKind::CatalogSecret, names::catalog_secret(catalog.id))));

    planned.extend(project.map(|entry| deleted(PurgedKind::SupabaseProject, entry.name.clone()).of(entry)));
    planned.extend(secret.map(|entry| deleted(PurgedKind::TenantSecret, entry.name.clone()).of(entry)));
    planned
}

#[cfg(test)]
mod tests {
    use domain::{ProvisioningState, Region, Step, TenantId, Tier};
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn tenant() -> Tenant {
        Tenant {
            tenant_id: TenantId(Uuid::nil()),
            slug: "acme".parse().expect("a slug"),
            display_name: "Acme".parse().expect("a name"),
            region: Region::UsEast1,
            tier: Tier::Enterprise,
            admin_email: "a@acme.com".parse().expect("an address"),
            supabase_url: None,
            supabase_project_ref: None,
            falkordb_graph_name: None,
            opensearch_alias: None,
            schema_version: None,
            custom_domain: None,
            stripe_customer_id: None,
            state: ProvisioningState::Deprovisioned,
            is_active: false,
            error_message: None,
            attempt: 1,
            correlation_id: "c".to_owned(),
            version: 1,
            touched_at: Timestamp::UNIX_EPOCH,
            provisioned_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            activated_at: None,
            restored_at: None,
            lost_domain: None,
            hold: None,
        }
    }

    fn entry(kind: ResourceKind, external_id: &str, is_dead: bool) -> LedgerEntry {
        LedgerEntry {
            kind: kind.as_str().to_owned(),
            name: format!("{}-name", kind.as_str()),
            external_id: Some(external_id.to_owned()),
            step: Step::CreateEnvironment,
            attempt: 1,
            provider_request_id: None,
            sent_at: Timestamp::UNIX_EPOCH,
            confirmed_at: Some(Timestamp::UNIX_EPOCH),
            dead_at: is_dead.then_some(Timestamp::UNIX_EPOCH),
        }
    }

    fn seen<'a>(planned: &'a [PlannedResource<'_>]) -> Vec<(&'a str, Action, bool)> {
        planned.iter().map(|resource| (resource.kind, resource.action, resource.known)).collect()
    }

    #[test]
    fn what_is_named_by_the_slug_is_looked_for_in_any_case() {
        let planned = planned(&tenant(), &[], &[], "", &["tenant:slug:acme".to_owned()], PurgePolicies::default());
        let found: Vec<_> = planned.iter().map(|resource| resource.kind).collect();
        for kind in PurgedKind::ALL {
            assert_eq!(found.contains(&kind.as_str()), kind.is_named_by_slug(), "{kind}");
        }
        assert!(planned.iter().all(|resource| resource.known == (resource.kind == "cache_entries")));
        assert!(planned.is_sorted_by_key(|resource| resource.step));
    }

    #[test]
    fn what_is_dead_in_the_ledger_is_not_planned() {
        let ledger = [
            entry(ResourceKind::SupabaseProject, "gone", true),
            entry(ResourceKind::SupabaseProject, "there", false),
            entry(ResourceKind::StripeCustomer, "cus_1", false),
            entry(ResourceKind::TenantSecret, "arn", false),
        ];
        let keep = planned(&tenant(), &ledger, &[], "", &[], PurgePolicies::default());
        assert_eq!(keep.iter().filter(|resource| resource.external_id == Some("there")).count(), 2);
        assert!(keep.iter().all(|resource| resource.external_id != Some("gone")));
        assert!(seen(&keep).contains(&("stripe_customer", Action::Keep, true)));
        assert!(seen(&keep).contains(&("tenant_secret", Action::Schedule, true)));
        let delete = PurgePolicies { customer: CustomerPolicy::Delete, data: DataPolicy::Drop };
        let deleted = planned(&tenant(), &ledger, &[], "", &[], delete);
        let customer = deleted.iter().find(|resource| resource.kind == "stripe_customer").expect("planned");
        assert_eq!((customer.action, customer.why, customer.reversible), (Action::Delete, None, false));
    }
}
