//! `target/local/env`: all addresses and credentials, for a shell and for tests.
//!
//! All addresses bypass the fault proxy, even if the functions go through it: a test that checks the effects of a fault
//! must not run into the fault itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::credentials::REGIONS;
use crate::deploy::{Access, PREFIX};
use crate::services::{Services, Site, opensearch, simulators, valkey};

/// The variables known before the deployment.
pub fn variables(
    site: &Site<'_>,
    services: &Services,
    access: &Access,
    authority: &Path,
) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let (ports, credentials) = (&site.ports, site.credentials);
    let http = |port: u16| format!("http://127.0.0.1:{port}");
    let postgres = |user: &str, password: &str, database: &str| {
        format!("postgresql://{user}:{password}@127.0.0.1:{}/{database}?sslmode=require", ports.postgres)
    };
    let mut variables = BTreeMap::from([
        ("ADMIN_API_KEY", credentials.admin_api_key.clone()),
        ("DEPUTY_API_KEY", credentials.deputy_api_key.clone()),
        ("AUDITOR_API_KEY", credentials.auditor_api_key.clone()),
        ("NON_ADMIN_API_KEY", credentials.non_admin_api_key.clone()),
        ("AWS_ENDPOINT_URL", access.endpoint.clone()),
        ("AWS_REGION", access.region.clone()),
        ("AWS_DEFAULT_REGION", access.region.clone()),
        ("AWS_ACCESS_KEY_ID", access.key.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", access.key.secret_access_key.clone()),
        ("SECRET_PREFIX", PREFIX.to_owned()),
        ("STACK_NAME", PREFIX.to_owned()),
        ("CLOCK_SCALE", site.parts.clock_scale().to_string()),
        ("CONTROL_DATABASE_URL", postgres("control_owner", &credentials.control_owner, "control")),
        // The superuser of the cluster that holds the control database and the databases of all Supabase projects.
        ("POSTGRES_SUPERUSER_URL", postgres("postgres", &credentials.postgres, "postgres")),
        ("POSTGRES_CA_FILE", authority.display().to_string()),
        ("POSTGRES_BIN", site.tools.python.postgres().display().to_string()),
        ("VALKEY_URL", valkey::url(&credentials.valkey, ports.valkey)),
        ("OPENSEARCH_URL", http(ports.opensearch)),
        ("OPENSEARCH_USERNAME", opensearch::USER.to_owned()),
        ("OPENSEARCH_PASSWORD", credentials.opensearch.clone()),
        ("SUPABASE_API_URL", http(ports.supabase)),
        ("SUPABASE_PROJECT_URL_TEMPLATE", format!("{}/projects/{{ref}}", http(ports.supabase))),
        ("SUPABASE_ADMIN_URL", http(ports.supabase_admin)),
        ("SUPABASE_ACCESS_TOKEN", credentials.supabase_access_token.clone()),
        ("STRIPE_API_URL", http(ports.stripe)),
        ("STRIPE_ADMIN_URL", http(ports.stripe_admin)),
        ("STRIPE_SECRET_KEY", credentials.stripe_secret_key.clone()),
        ("STRIPE_LIVE_SECRET_KEY", credentials.stripe_live_secret_key.clone()),
        ("IOMETE_URL", simulators::catalog_url(ports.iomete)),
        ("IOMETE_TOKEN", credentials.iomete_token.clone()),
        ("MAILBOX_URL", http(ports.mailbox)),
        ("PURGE_PUBLIC_KEY", credentials.purge_public_key()?),
    ]);
    for (index, name) in FALKORDB_NAMES.into_iter().enumerate() {
        variables.insert(name, valkey::url(&credentials.falkordb[index], ports.falkordb[index]));
    }
    if let Some(proxy) = &services.fault_proxy {
        variables.insert("FAULT_PROXY_URL", proxy.control.clone());
        // For test programs that go through the fault proxy like the functions.
        variables.insert("FAULT_PROXY_AWS_URL", http(proxy.port("aws")?));
    }
    Ok(variables)
}

/// In the order of [`REGIONS`].
pub const FALKORDB_NAMES: [&str; REGIONS.len()] =
    ["FALKORDB_URL_US_EAST_1", "FALKORDB_URL_EU_CENTRAL_1", "FALKORDB_URL_AP_SOUTHEAST_1"];

/// One assignment a line, quoted for any POSIX shell.
pub fn render(variables: &BTreeMap<&'static str, String>) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        let _ = writeln!(text, "{name}='{}'", value.replace('\'', r"'\''"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_stays_inside() {
        assert_eq!(render(&BTreeMap::from([("A", "it's $HOME".to_owned())])), "A='it'\\''s $HOME'\n");
    }

    #[test]
    fn names_follow_the_regions() {
        for (name, region) in FALKORDB_NAMES.iter().zip(REGIONS) {
            assert_eq!(*name, format!("FALKORDB_URL_{}", region.to_uppercase().replace('-', "_")));
        }
    }
}
