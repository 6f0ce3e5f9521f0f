//! The local AWS, with IAM enforced.

use std::path::PathBuf;
use std::time::Duration;

use super::fault_proxy::FaultProxy;
use super::site::{Site, accepts};
use crate::credentials::CONTROL_REGION;
use crate::layout::CloudFolder;
use crate::supervisor::Service;

/// How many processes of a function run at once where its invocations are written down.
const PROCESSES_AT_ONCE: &str = "8";

/// Holds the id of the API that has a port of its own.
pub fn api_file(folder: &CloudFolder) -> PathBuf {
    folder.data("ministack").join("api")
}

/// Starts it. The functions are its children and inherit its environment, including the endpoint that leads to the
/// proxy.
pub async fn start(site: &Site<'_>, fault_proxy: Option<&FaultProxy>) -> anyhow::Result<()> {
    let port = site.ports.aws;
    let seen_by_functions = fault_proxy.map_or(Ok(port), |proxy| proxy.port("aws"))?;
    let home = site.data("ministack")?;
    let mut command = site.command(&site.tools.python.program("python"));
    command.arg("-I").arg(site.workspace.infra().join("python/ministack_launcher.py"));
    command.env("HOME", &home).env("TMPDIR", &home);
    command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string()).env("MINISTACK_HOST", "localhost");
    command.env("LAMBDA_EXECUTOR", "local").env("DOCKER_HOST", "unix:///nonexistent.sock");
    command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{seen_by_functions}"));
    // Off, because these two listen on every interface.
    command.env("IOT_MTLS_ENABLED", "0").env("SFTP_ENABLED", "0");
    command.env("AUTH", "true").env("AWS_DEFAULT_REGION", CONTROL_REGION);
    command.env("API_PORT", site.ports.api.to_string()).env("API_FILE", api_file(site.folder));
    // For Wait states and the intervals of retriers.
    command.env("SFN_WAIT_SCALE", site.parts.clock_scale().to_string());
    if site.parts.large {
        command.env("LARGE", "1");
    }
    if let Some(journal) = &site.parts.journal {
        command.env("JOURNAL", journal).env("AT_ONCE", PROCESSES_AT_ONCE);
    }
    let root = &site.credentials.aws_root;
    command.env("AWS_ACCESS_KEY_ID", &root.access_key_id).env("AWS_SECRET_ACCESS_KEY", &root.secret_access_key);
    let service = Service::new("ministack", command, site.folder.log("ministack"));
    site.supervisor.start(service)?;
    site.supervisor.until("ministack", Duration::from_mins(1), async || accepts(port).await).await
}
