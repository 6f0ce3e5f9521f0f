//! An installation of its own, beside the cloud's: deployed from nothing, tried again after a failure, upgraded, rolled back
//! and deleted, by the documented commands.
//!
//! The local AWS has no NAT gateways, no RDS and no ElastiCache, so network, database and cache are brought. It has no alarms
//! over expressions either.

use anyhow::{Result, ensure};
use e2e::Cloud;

use crate::site::Site;

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_installation_from_nothing_to_nothing() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let site = Site::new(&cloud).await?;

    // The first run makes what can be made, and asks for the rest.
    let asked = site.xtask(&["deploy", "--no-build"]).await?;
    ensure!(asked.code == 3, "{}", asked.text);
    for name in ["control/database", "control/stripe", "control/smtp", "regions/us-east-1"] {
        let line = format!("--secret-id {}/{name} --secret-string", site.prefix);
        ensure!(asked.text.contains(&line), "{name} is not asked for: {}", asked.text);
    }
    site.put_secrets(&cloud).await?;

    // Nobody has made the database's users, so the first deployment fails. It says so, and the next one is not hindered.
    let failed = site.xtask(&["deploy", "--no-build"]).await?;
    ensure!(failed.code == 1 && failed.text.contains("control_database_"), "{}", failed.text);
    site.configure("MasterSecretArn", &cloud.master_secret_arn()?)?;
    let deployed = site.xtask(&["deploy", "--no-build"]).await?;
    ensure!(deployed.code == 0, "{}", deployed.text);
    let api = site.api_url().await?;

    // A first API key: it works, and is listed by its digest only.
    let made = site.xtask(&["keys", "new", "--consumer", "ci", "--groups", "admin"]).await?;
    let key = made.output.trim().to_owned();
    ensure!(made.code == 0 && key.starts_with("ivory_"), "{}", made.text);
    site.expect(&cloud, &api, &key, 200).await?;
    let listed = site.xtask(&["keys", "list"]).await?;
    ensure!(listed.output.contains("ci (admin)\n  sha256:") && !listed.output.contains(&key), "{}", listed.text);

    // A release that cannot be deployed is rolled back, and the one before goes on serving.
    let template = site.break_template()?;
    let failed = site.xtask(&["deploy", "--no-build", "--only", "main"]).await?;
    ensure!(failed.code == 1, "{}", failed.text);
    site.expect(&cloud, &api, &key, 200).await?;
    site.mend_template(&template)?;
    let upgraded = site.xtask(&["deploy", "--no-build"]).await?;
    ensure!(upgraded.code == 0, "{}", upgraded.text);
    let api = site.api_url().await?;
    site.expect(&cloud, &api, &key, 200).await?;

    let revoked = site.xtask(&["keys", "revoke", "--consumer", "ci", "--key", "all"]).await?;
    ensure!(revoked.code == 0, "{}", revoked.text);
    let listed = site.xtask(&["keys", "list"]).await?;
    ensure!(listed.code == 0 && listed.output.is_empty(), "{}", listed.text);

    // Deleted, it leaves its secrets, which could not be made again for days.
    for stack in ["main", "secrets"] {
        site.delete(stack).await?;
    }
    for name in ["control/stripe", "regions/us-east-1"] {
        cloud.aws.secret(&format!("{}/{name}", site.prefix)).await?;
    }
    Ok(())
}
