//! A pooler that is not trusted: the run says so at once, and goes on once the pooler is the right one again.

use anyhow::{Context as _, Result};
use e2e::with_faults;
use fault_proxy::client::Match;
use serde_json::json;
use test_database::stranger::{Authority, certificate, stranger};

use crate::scenario::Scenario;

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_pooler_with_an_unknown_key_of_supabases_name_is_not_trusted() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "trust");
        let root = Authority::named_as_supabases()?;
        let server = stranger(certificate("127.0.0.1")?, &[&root]).await?;
        let pooler = json!([{
            "database_type": "PRIMARY", "pool_mode": "session", "db_host": server.host, "db_port": server.port,
            "db_user": server.username, "db_name": server.dbname,
        }]);
        let asked = Match::request("GET", "/config/database/pooler$");
        let fault = faults.answer("supabase", asked, 200, &pooler.to_string()).await?;
        cloud.accepted(&tenant.slug, json!({})).await?;
        let failed = tenant.fails(3, "tenant_database_untrusted").await?;
        assert_eq!(failed.step(3)["attempts"], 1, "a server that is not trusted is not asked twice");
        let error = failed.last_error.context("no error")?;
        for seen in ["another key", "subject \"CN=127.0.0.1\"", "issuer \"CN=Supabase Root 2021 CA,O=Supabase Inc"] {
            assert!(error.contains(seen), "{error}");
        }
        // The tenant's secret holds the stranger's address. Supabase names the right one again.
        faults.mend(fault).await?;
        tenant.again().await?;
        tenant.goes_live(2).await?;
        Ok(())
    })
    .await
}
