//! Deploys two stacks: first the secrets, which the second stack's migration reads, then `template.yaml`.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::credentials::{AwsKey, CONTROL_REGION, REGIONS};
use crate::progress;
use crate::python;
use crate::secrets;
use crate::services::{Seen, Site, simulators};
use crate::staging::Staged;
use crate::supervisor::last_lines;

/// First part of every secret's name, and the main stack's name.
pub const PREFIX: &str = "ivory";
/// Stage of the API: the first part of every path.
const STAGE: &str = "v1";
const BUCKET: &str = "ivory-code";
/// A name as RDS chooses it. It is not below the prefix.
const MASTER_SECRET: &str = "rds!db-00000000-0000-4000-8000-000000000000";
/// The page that links in invitations lead to. The tests open it where a browser would.
const INVITE_PAGE: &str = "https://app.example.com/accept-invitation/?tenant={slug}";

/// An endpoint of the local AWS with the key of an administrator.
#[derive(Clone, Serialize, Deserialize)]
pub struct Access {
    pub endpoint: String,
    pub region: String,
    #[serde(flatten)]
    pub key: AwsKey,
}

/// What `prepare.py` returns.
#[derive(Deserialize)]
struct Prepared {
    administrator: AwsKey,
    #[serde(flatten)]
    arns: Arns,
}

/// What the template's parameters name.
#[derive(Deserialize)]
pub struct Arns {
    pub secrets_key_arn: String,
    /// The secret in which RDS would keep the control database's master.
    pub master_secret_arn: String,
}

/// What `settle.py` returns.
#[derive(Deserialize)]
pub struct Settled {
    pub outputs: BTreeMap<String, String>,
    pub api_id: String,
}

/// Creates the administrator, the secrets and the key that encrypts them; returns the administrator's access, and what the
/// template's parameters name.
pub async fn prepare(site: &Site<'_>, secrets: &BTreeMap<String, Value>) -> anyhow::Result<(Access, Arns)> {
    let step = progress::step("secrets");
    let endpoint = format!("http://127.0.0.1:{}", site.ports.aws);
    let root = Access { endpoint, region: CONTROL_REGION.to_owned(), key: site.credentials.aws_root.clone() };
    let template = site.workspace.root().join("infra/aws/secrets.yaml");
    let input = json!({
        "root": root,
        "user": "local-administrator",
        "bucket": BUCKET,
        "stack": format!("{PREFIX}-secrets"),
        "template": fs::read_to_string(&template).with_context(|| format!("reading {}", template.display()))?,
        "parameters": { "SecretPrefix": PREFIX, "ConfiguredRegions": REGIONS.join(",") },
        "secrets": secrets,
        "master_secret": { "name": MASTER_SECRET, "value": secrets::master(site.credentials) },
    });
    let prepared: Prepared = python::call(site.workspace, &site.tools.python, "prepare", &input).await?;
    step.done(&format!("{} of them", secrets.len() + 1));
    Ok((Access { key: prepared.administrator, ..root }, prepared.arns))
}

/// Deploys the template, then sets up what the local AWS does not (see `settle.py`).
pub async fn deploy(
    site: &Site<'_>,
    staged: &Staged,
    seen: &Seen<'_>,
    access: &Access,
    arns: &Arns,
) -> anyhow::Result<Settled> {
    let step = progress::step("sam deploy");
    let mut sam = Command::new(site.tools.python.program("sam"));
    sam.arg("deploy").arg("--template-file").arg(&staged.template);
    sam.args(["--stack-name", PREFIX, "--s3-bucket", BUCKET, "--region", CONTROL_REGION]);
    sam.args(["--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]);
    sam.args(["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar", "--parameter-overrides"]);
    sam.args(overrides(staged, seen, arns)?);
    sam.current_dir(site.folder.staging());
    // The user's AWS configuration and proxies are ignored.
    sam.env_clear().env("HOME", site.folder.data("home")).env("SAM_CLI_TELEMETRY", "0").env("LC_ALL", "C.UTF-8");
    sam.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    sam.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_ENDPOINT_URL", &access.endpoint);
    sam.env("AWS_ACCESS_KEY_ID", &access.key.access_key_id).env("AWS_SECRET_ACCESS_KEY", &access.key.secret_access_key);
    if let Some(path) = std::env::var_os("PATH") {
        sam.env("PATH", path);
    }
    let output = sam.stdin(Stdio::null()).kill_on_drop(true).output().await.context("starting sam")?;
    fs::write(site.folder.log("sam-deploy"), [output.stdout, output.stderr].concat())?;
    if !output.status.success() {
        let log = site.folder.log("sam-deploy");
        bail!("sam deploy failed; all of its output is in {}, the end is:\n{}", log.display(), last_lines(&log));
    }
    let input = json!({ "access": access, "stack": PREFIX, "stage": STAGE });
    let settled = python::call(site.workspace, &site.tools.python, "settle", &input).await?;
    step.done("");
    Ok(settled)
}

/// The local values of the template's parameters. A parameter that the template does not declare is left out.
fn overrides(staged: &Staged, seen: &Seen<'_>, arns: &Arns) -> anyhow::Result<Vec<String>> {
    let supabase = format!("http://127.0.0.1:{}", seen.supabase()?);
    let values = [
        ("SecretPrefix", PREFIX.to_owned()),
        ("SecretsKeyArn", arns.secrets_key_arn.clone()),
        ("MasterSecretArn", arns.master_secret_arn.clone()),
        ("DatabaseAddress", format!("127.0.0.1:{}", seen.postgres()?)),
        ("SupabaseProjectUrlTemplate", format!("{supabase}/projects/{{ref}}")),
        ("InviteRedirectUrl", INVITE_PAGE.to_owned()),
        ("SupabaseApiUrl", supabase),
        ("StripeApiUrl", format!("http://127.0.0.1:{}", seen.stripe()?)),
        ("IometeUrl", simulators::catalog_url(seen.iomete()?)),
        ("ConfiguredRegions", REGIONS.join(",")),
        // The local gateway writes no access log, and knows no account.
        ("ApiLogsRole", "exists".to_owned()),
        // A tenant can be purged as soon as it is deprovisioned, one of a paid tier with a reason and an approval.
        ("PurgeRetrievalDays", "0".to_owned()),
        ("Architecture", "x86_64".to_owned()),
        // The local node lacks Faiss, which is a native library.
        ("KnnEngine", "lucene".to_owned()),
        ("KnnReplicas", "0".to_owned()),
    ];
    let declared = values.into_iter().filter(|(name, _)| staged.parameters.contains(*name));
    Ok(declared.map(|(name, value)| format!("{name}=\"{value}\"")).collect())
}
