//! Starts a cloud.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::cli::Parts;
use crate::compile::{self, Binaries};
use crate::credentials::Credentials;
use crate::deploy::{self, PREFIX};
use crate::deployed::Deployed;
use crate::jwt::Jwt;
use crate::layout::{CloudFolder, Workspace, private_file};
use crate::profile::Profile;
use crate::services::{Ports, Seen, Site, ministack};
use crate::supervisor::Supervisor;
use crate::tools::{self, Tools};
use crate::{env_file, jwt, secrets, services, staging};

/// A cloud that is ready.
pub struct Running {
    pub folder: CloudFolder,
    /// Variables of the env file.
    pub variables: BTreeMap<&'static str, String>,
}

/// Installs, builds and starts everything. Returns the path of `ivory`, too.
pub async fn start(
    workspace: &Workspace,
    name: &str,
    parts: &Parts,
    supervisor: &Supervisor,
) -> anyhow::Result<(Running, PathBuf)> {
    let (tools, binaries) = install(workspace, parts, Some("ivory")).await?;
    Ok((start_built(workspace, name, parts, supervisor, &tools, &binaries).await?, binaries.get("ivory")?))
}

/// Installs the tools of a cloud and, at the same time, builds its programs and possibly one more.
pub async fn install(workspace: &Workspace, parts: &Parts, also: Option<&str>) -> anyhow::Result<(Tools, Binaries)> {
    if parts.no_build {
        return Ok((tools::install(workspace).await?, Binaries::of_last_build(workspace)?));
    }
    let functions = staging::deployed(workspace)?;
    let mut names: Vec<&str> = functions.iter().map(String::as_str).collect();
    names.extend(services::programs(parts));
    names.extend(also);
    tokio::try_join!(tools::install(workspace), compile::programs(workspace, "functions and stand-ins", &names))
}

/// Starts a cloud from installed tools and built programs.
pub async fn start_built(
    workspace: &Workspace,
    name: &str,
    parts: &Parts,
    supervisor: &Supervisor,
    tools: &Tools,
    binaries: &Binaries,
) -> anyhow::Result<Running> {
    let folder = &workspace.cloud(name);
    folder.clear()?;
    let credentials = &Credentials::generate();
    let jwt = Jwt {
        issuer: "https://issuer.ivory.test".to_owned(),
        audience: "ivory-control-plane".to_owned(),
        secret: credentials.jwt_secret.clone(),
    };
    let site = Site { workspace, folder, tools, binaries, parts, credentials, supervisor, ports: Ports::choose()? };
    let packed = staging::pack(workspace, &tools.python, binaries);
    let (services, ()) = tokio::try_join!(services::start(&site), packed)?;
    let seen = Seen { ports: &site.ports, services: &services };
    let values = secrets::values(PREFIX, credentials, &jwt, &seen)?;
    let (access, arns) = deploy::prepare(&site, &values).await?;
    let staged = staging::stage(workspace, folder)?;
    let settled = deploy::deploy(&site, &staged, &seen, &access, &arns).await?;

    let authority = folder.data("postgres").with_file_name("postgres-ca.pem");
    private_file(&authority, services.postgres_ca.as_bytes())?;
    let mut variables = env_file::variables(&site, &services, &access, &authority)?;
    private_file(&ministack::api_file(folder), settled.api_id.as_bytes())?;
    let api_url = format!("http://127.0.0.1:{}", site.ports.api);
    variables.insert("API_URL", api_url.clone());
    variables.insert("SECRETS_KEY_ARN", arns.secrets_key_arn);
    let machine = settled.outputs.get("StateMachineArn").context("the stack has no output StateMachineArn")?;
    variables.insert("STATE_MACHINE_ARN", machine.clone());
    let machine =
        settled.outputs.get("PurgeStateMachineArn").context("the stack has no output PurgeStateMachineArn")?;
    variables.insert("PURGE_STATE_MACHINE_ARN", machine.clone());
    let table = settled.outputs.get("IdempotencyTable").context("the stack has no output IdempotencyTable")?;
    variables.insert("IDEMPOTENCY_TABLE", table.clone());
    variables.insert("MASTER_SECRET_ARN", arns.master_secret_arn);
    variables.insert("ADMIN_JWT", jwt.admin()?);
    private_file(&folder.env_file(), env_file::render(&variables).as_bytes())?;
    let admin_api_key = credentials.admin_api_key.clone();
    let deployed = Deployed { access, stack: PREFIX.to_owned(), jwt, api_url, admin_api_key };
    private_file(&folder.cloud(), &serde_json::to_vec(&deployed)?)?;
    Ok(Running { folder: folder.clone(), variables })
}

impl Running {
    /// Prints the addresses, the credentials, and how to end the cloud.
    pub fn greet(&self, profile: Option<&Profile>, detached: bool) {
        let folder = &self.folder;
        println!("\nThe local cloud is ready.\n");
        let shown = ["API_URL", "ADMIN_API_KEY", "ADMIN_JWT", "MAILBOX_URL", "AWS_ENDPOINT_URL", "FAULT_PROXY_URL"];
        for (name, value) in shown.iter().filter_map(|name| self.variables.get_key_value(name)) {
            println!("  {name:<17} {value}");
        }
        println!("\nADMIN_JWT is good for {} hours; `cargo xtask token admin` prints a new one.", jwt::HOURS);
        println!("\nEverything else:  . {}", folder.env_file().display());
        if let Some(profile) = profile.map(Profile::name) {
            let option = if profile == "local" { String::new() } else { format!(" --profile {profile}") };
            println!("Try:              ivory systems{option}    (cargo install --path infra/cli)");
        }
        let name = if folder.name() == "default" { String::new() } else { format!(" --name {}", folder.name()) };
        if detached {
            println!("End it:           cargo xtask down{name}");
        } else {
            println!("End it:           Ctrl-C");
        }
    }
}
