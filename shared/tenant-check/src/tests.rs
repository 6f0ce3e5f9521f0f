//! What could not be asked is said, whatever was found before.

use std::future::pending;
use std::time::Duration;

use domain::{
    AdminEmail, CatalogId, CauseCode, DisplayName, Failure, PartState, ProvisioningState, Region, TenantId, TenantPart,
    Tier,
};
use lambda_kit::Budget;
use store::{CatalogCredentials, Tenant};

use crate::asked;
use crate::finding::{CheckedPart, Finding, Findings};
use crate::subject::Subject;

const GROUP: &[TenantPart] = &[TenantPart::Graph, TenantPart::GraphUser];

fn subject(catalogs: &[&str]) -> Subject {
    let now = "2026-03-24T10:00:00Z".parse().expect("a time");
    let tenant_id = TenantId("019a0000-0000-7000-8000-000000000001".parse().expect("an id"));
    let credentials = |name: &&str| {
        let catalog_name = name.parse().expect("a name");
        CatalogCredentials { id: CatalogId::of(tenant_id, &catalog_name), catalog_name, version: "v".to_owned() }
    };
    let tenant = Tenant {
        tenant_id,
        slug: "acme".parse().expect("a slug"),
        display_name: DisplayName::stored("Acme".to_owned()),
        region: Region::ALL[0],
        tier: Tier::Pilot,
        admin_email: AdminEmail::stored("admin@acme.example".to_owned()),
        supabase_url: None,
        supabase_project_ref: None,
        falkordb_graph_name: None,
        opensearch_alias: None,
        schema_version: None,
        custom_domain: None,
        stripe_customer_id: None,
        state: ProvisioningState::Active,
        is_active: true,
        error_message: None,
        attempt: 1,
        correlation_id: "c".to_owned(),
        version: 1,
        touched_at: now,
        provisioned_at: now,
        updated_at: now,
        activated_at: Some(now),
        restored_at: None,
        lost_domain: None,
        hold: None,
    };
    let catalogs = catalogs.iter().map(credentials).collect();
    Subject { tenant, ledger: Vec::new(), catalogs, namespaces: Vec::new(), is_purged: false }
}

#[tokio::test]
async fn a_system_that_hangs_costs_what_it_has_not_shown() {
    let subject = subject(&[]);
    let found = Findings::of(&subject, TenantPart::ALL);
    let work = Box::pin(async {
        found.add(Finding::of(TenantPart::Graph).ok());
        pending::<Result<(), Failure>>().await
    });
    asked(&found, GROUP, CauseCode::FalkorDbTimeout, Budget::of(Duration::from_millis(5)), work).await;
    let states: Vec<_> = found.in_order().iter().map(|finding| (finding.part, finding.state)).collect();
    assert_eq!(states, [(TenantPart::Graph, PartState::Ok), (TenantPart::GraphUser, PartState::NotAsked)]);
}

#[tokio::test]
async fn a_system_that_refuses_says_why_and_names_what_is_the_tenants() {
    let subject = subject(&[]);
    let found = Findings::of(&subject, &[TenantPart::GraphUser]);
    let work = Box::pin(async { Err(CauseCode::FalkorDbUnauthorized.into()) });
    asked(&found, GROUP, CauseCode::FalkorDbTimeout, Budget::of(Duration::from_secs(5)), work).await;
    let found = found.in_order();
    assert_eq!(found.len(), 1, "nobody asked for the graph");
    let shown = serde_json::to_value(CheckedPart::from(&found[0])).expect("JSON");
    assert_eq!(shown["state"], "not_asked");
    assert_eq!(shown["code"], "falkordb_unauthorized");
    assert_eq!(shown["owner"], "platform");
    let hint = shown["hint"].as_str().expect("a hint");
    assert!(hint.contains("us-east-1") && !hint.contains(['{', '<']), "{hint}");
}

#[tokio::test]
async fn each_of_several_is_found_or_not_asked_for() {
    let subject = subject(&["one", "two"]);
    let found = Findings::of(&subject, TenantPart::ALL);
    let work = Box::pin(async {
        found.add(Finding::of(TenantPart::CatalogSecret).named("two").ok());
        pending::<Result<(), Failure>>().await
    });
    let parts = &[TenantPart::CatalogSecret];
    asked(&found, parts, CauseCode::SecretsUnavailable, Budget::of(Duration::from_millis(5)), work).await;
    let shown: Vec<_> = found.in_order().iter().map(|it| serde_json::to_value(CheckedPart::from(it))).collect();
    let mut states: Vec<_> = shown
        .into_iter()
        .map(|it| it.map(|it| (it["name"].clone(), it["state"].clone())).expect("JSON"))
        .map(|(name, state)| format!("{name} {state}"))
        .collect();
    states.sort();
    assert_eq!(states, ["\"one\" \"not_asked\"", "\"two\" \"ok\""]);
}
