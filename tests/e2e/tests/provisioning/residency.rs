//! The region of a tenant's vector index. Locally all regions share one node, so this test looks at the calls: each
//! region has its own fault proxy before the node.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use e2e::{REGIONS, State, calls, unique, with_faults};
use fault_proxy::client::{HeaderMatch, Match};
use serde_json::json;

fn upstream(region: &str) -> String {
    format!("opensearch-{region}")
}

/// Whether a call creates the tenant's index with the credentials of the region's secret. The node itself requires
/// none.
fn authenticated(slug: &str) -> Result<Match> {
    let user = |name| std::env::var(name).context(name);
    let credentials = format!("{}:{}", user("OPENSEARCH_USERNAME")?, user("OPENSEARCH_PASSWORD")?);
    let expected = format!("^Basic {}$", regex::escape(&BASE64_STANDARD.encode(credentials)));
    let header = HeaderMatch { name: "authorization".to_owned(), regex: expected };
    Ok(Match { header: Some(header), ..calls::index(slug) })
}

#[tokio::test]
async fn an_index_is_made_in_the_tenants_region_and_no_other() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenants = REGIONS.map(|region| (region, unique("home")));
        let mut creations = Vec::new();
        for (region, slug) in &tenants {
            creations.push(faults.hold(&upstream(region), authenticated(slug)?).await?);
            cloud.accepted(slug, json!({ "region": region })).await?;
        }
        for creation in creations {
            faults.held(creation).await?;
            faults.mend(creation).await?;
        }
        for (_, slug) in &tenants {
            cloud.wait_until(slug, State::Active, Duration::from_mins(2)).await?;
        }
        let calls = faults.calls().await?;
        for (region, slug) in &tenants {
            let names = |path: &Option<String>| path.as_deref().is_some_and(|path| path.contains(slug));
            let about: Vec<_> = calls.iter().filter(|call| names(&call.path)).collect();
            let search = about.iter().filter(|call| call.upstream.starts_with("opensearch-"));
            // The step looks for the alias, creates the index, and looks again.
            ensure!(search.clone().count() >= 3, "{region}: {about:?}");
            ensure!(search.clone().all(|call| call.upstream == upstream(region)), "{region}: {about:?}");
        }
        Ok(())
    })
    .await
}
