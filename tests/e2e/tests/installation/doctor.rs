//! `cargo xtask doctor` finds what was set wrongly on purpose, in the settings, the secrets and the outside systems.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, REGIONS, usable};
use serde_json::{Value, json};

use crate::site::Site;

/// A password, long enough to be looked for by the test that looks for secrets.
const FORGOTTEN: &str = "a-password-that-nobody-knows";

/// The description of the cloud's own installation.
fn description(cloud: &Cloud, regions: &str, account: &str, more: &str) -> Result<String> {
    let (prefix, key) = (cloud.secret_prefix()?, cloud.secrets_key_arn()?);
    let stack = |label: &str, name: &str, template: &str| {
        format!(
            "[dev-{label}.deploy.parameters]\ntemplate_file = \"{template}\"\nstack_name = \"{name}\"\nregion = \"us-east-1\"\n\
             parameter_overrides = [\"SecretPrefix={prefix}\", \"SecretsKeyArn={key}\", \"ConfiguredRegions={regions}\"]\n\n"
        )
    };
    Ok(format!(
        "version = 0.1\n\n[dev.installation.parameters]\naccount = \"{account}\"\n\n{}{}{more}",
        stack("secrets", &format!("{prefix}-secrets"), "infra/aws/secrets.yaml"),
        stack("main", &prefix, "template.yaml")
            .replace("]\n\n", ", \"InviteRedirectUrl=https://bank.test/accept\"]\n\n"),
    ))
}

/// What was found, as `weight what: remedy`.
async fn found(site: &Site) -> Result<(i32, Vec<String>)> {
    let done = site.xtask(&["doctor", "--json"]).await?;
    let findings: Value = serde_json::from_str(&done.output).with_context(|| done.text.clone())?;
    let line = |finding: &Value| {
        let text = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
        format!("{} {}: {}", text("weight"), text("what"), text("remedy"))
    };
    Ok((done.code, findings.as_array().into_iter().flatten().map(line).collect()))
}

fn expect(found: &[String], what: &str, remedy: &str) -> Result<()> {
    let hit = found.iter().any(|line| line.starts_with(what) && line.contains(remedy));
    ensure!(hit, "{what}: {remedy} was not found in {found:#?}");
    Ok(())
}

/// Secrets whose values are put back.
struct Changed<'a> {
    cloud: &'a Cloud,
    before: BTreeMap<String, Value>,
}

impl Changed<'_> {
    async fn set(&mut self, name: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
        let full = format!("{}/{name}", self.cloud.secret_prefix()?);
        let mut value = self.cloud.aws.secret(&full).await?;
        self.before.entry(full.clone()).or_insert_with(|| value.clone());
        change(&mut value);
        self.cloud.aws.put_secret(&full, &value).await
    }

    async fn put_back(self) -> Result<()> {
        for (name, value) in self.before {
            self.cloud.aws.put_secret(&name, &value).await?;
        }
        // No process keeps what it read meanwhile, and no verdict stays.
        self.cloud.aws.restart("check-region").await?;
        usable(self.cloud).await
    }
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn deliberate_mistakes_are_found_each_with_its_remedy() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let site = Site::of_cloud(&cloud)?;
    let (regions, account) = (REGIONS.join(","), "000000000000");

    site.describe(&description(&cloud, &regions, account, "")?)?;
    let (code, fine) = found(&site).await?;
    ensure!(code == 0 && !fine.iter().any(|line| line.starts_with("failure")), "{fine:#?}");
    expect(&fine, "fine secret ivory/control/stripe", "")?;
    expect(&fine, "fine control database", "")?;

    // In the settings. (The wrong account is alone, since nothing else can be asked then.)
    site.describe(&description(&cloud, &regions, "000000000001", "")?)?;
    expect(&found(&site).await?.1, "failure account", "are of 000000000000")?;
    let more = "[dev-region-us-east-1.deploy.parameters]\ntemplate_file = \"infra/aws/region.yaml\"\nstack_name = \"absent\"\n\
                region = \"us-east-1\"\nparameter_overrides = [\"ControlPlaneStackName=other\"]\n";
    site.describe(&description(&cloud, &format!("{regions},eu-west-3"), account, more)?)?;
    let mut changed = Changed { cloud: &cloud, before: BTreeMap::new() };
    // In the values of secrets.
    changed.set("control/stripe", |value| value["secret_key"] = Value::Null).await?;
    changed.set("control/smtp", |value| value["sender_email"] = Value::Null).await?;
    changed.set("control/iomete", |value| *value = json!({})).await?;
    changed.set("control/supabase", |value| value["database_ca_pem"] = json!("not a certificate")).await?;
    changed.set("regions/us-east-1", |value| value["opensearch"]["auth"] = json!({ "type": "none" })).await?;
    changed.set("regions/eu-central-1", |value| value["falkordb"] = json!({})).await?;
    let callers = |value: &mut Value| {
        value["consumers"] =
            json!([{ "name": "ci", "groups": ["auditor"], "keys": [FORGOTTEN, format!("sha256:{FORGOTTEN}")] }]);
        value["jwt"]["keys"] = json!([]);
    };
    changed.set("control/callers", callers).await?;
    cloud.aws.restart("check-region").await?;
    let wrong = found(&site).await;
    changed.put_back().await?;
    let (code, wrong) = wrong?;
    ensure!(code == 1, "{wrong:#?}");
    for (what, remedy) in [
        ("failure samconfig.toml", "ControlPlaneStackName is \"other\""),
        ("failure stack absent in us-east-1", "is not deployed"),
        ("failure secret ivory/regions/eu-west-3", "does not exist"),
        ("failure secret ivory/control/stripe", "has no secret_key"),
        ("failure secret ivory/control/smtp", "has no sender_email"),
        ("failure secret ivory/control/iomete", "has no token"),
        ("failure secret ivory/control/supabase", "database_ca_pem is no list of PEM certificates"),
        ("failure secret ivory/regions/us-east-1", "opensearch.auth.type is \"none\""),
        ("failure secret ivory/regions/eu-central-1", "has no falkordb.url"),
        ("failure secret ivory/control/callers", "does not begin with sha256:"),
        ("failure secret ivory/control/callers", "is not 64 hexadecimal digits"),
        ("failure secret ivory/control/callers", "nobody in the group admin"),
        ("failure secret ivory/control/callers", "jwt has no source of keys"),
    ] {
        expect(&wrong, what, remedy)?;
    }

    // In the outside systems.
    site.describe(
        &description(&cloud, &regions, account, "")?.replace("SecretsKeyArn=arn", "SecretsKeyArn=arn:other"),
    )?;
    let mut changed = Changed { cloud: &cloud, before: BTreeMap::new() };
    changed.set("control/stripe", |value| value["secret_key"] = json!(format!("sk_test_{FORGOTTEN}"))).await?;
    changed.set("control/smtp", |value| value["password"] = json!(FORGOTTEN)).await?;
    changed.set("control/supabase", |value| value["organization_slug"] = json!("nobodys")).await?;
    changed
        .set("control/valkey", |value| value["url"] = json!(format!("redis://ivory:{FORGOTTEN}@127.0.0.1:1/0")))
        .await?;
    let serverless =
        |value: &mut Value| value["opensearch"]["endpoint"] = json!("https://a.us-east-1.aoss.amazonaws.com");
    changed.set("regions/us-east-1", serverless).await?;
    cloud.aws.restart("check-region").await?;
    let wrong = found(&site).await;
    changed.put_back().await?;
    let (code, wrong) = wrong?;
    ensure!(code == 1, "{wrong:#?}");
    for (what, remedy) in [
        ("failure secret ivory/control/stripe", "is not encrypted with SecretsKeyArn"),
        ("failure stripe enterprise", "(stripe_unauthorized)"),
        ("failure smtp", "(smtp_unauthorized)"),
        ("failure supabase us-east-1", "(supabase_organization_unknown)"),
        ("warning valkey", "(valkey_unreachable)"),
        ("failure opensearch us-east-1", "(opensearch_serverless)"),
    ] {
        expect(&wrong, what, remedy)?;
    }

    // In the control database.
    site.describe(&description(&cloud, &regions, account, "")?)?;
    let mut changed = Changed { cloud: &cloud, before: BTreeMap::new() };
    changed.set("control/database", |value| value["password"] = json!(FORGOTTEN)).await?;
    cloud.aws.restart("check-region").await?;
    let wrong = found(&site).await;
    changed.put_back().await?;
    expect(&wrong?.1, "failure check-region", "")
}
