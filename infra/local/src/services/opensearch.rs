//! `OpenSearch`, one node for all regions: the real one where it can run, else the stand-in.

use super::{OpenSearchKind, Site};
use crate::cli::OpenSearch as Choice;
use crate::supervisor::Service;

/// The user in the regions' secrets. The real node has no security plugin and lets everyone in.
pub const USER: &str = "control";

pub async fn start(site: &Site<'_>) -> anyhow::Result<OpenSearchKind> {
    if site.parts.opensearch == Choice::Both {
        let name = "opensearch-simulator-2";
        let mut command = site.command(&site.binaries.get("opensearch-simulator")?);
        command.args(["--port", &site.ports.opensearch_simulator.to_string()]);
        site.supervisor.start_and_listen(Service::new(name, command, site.folder.log(name))).await?;
    }
    let reason = match &site.tools.opensearch {
        Err(reason) => reason.clone(),
        Ok(_) if site.parts.opensearch == Choice::Simulator => "it was asked for".to_owned(),
        Ok(node) => {
            let mut command = site.command(&node.java);
            // Short-lived and small: starting fast matters more than running fast.
            command.args(["-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
            command.args(["-Dorg.apache.logging.log4j.level=WARN", "-cp", &node.class_path, "LocalNode"]);
            command.arg(site.data("opensearch")?).arg(site.ports.opensearch.to_string());
            let service = Service::new("opensearch", command, site.folder.log("opensearch"));
            site.supervisor.start_and_listen(service).await?;
            return Ok(OpenSearchKind::Real);
        }
    };
    let mut command = site.command(&site.binaries.get("opensearch-simulator")?);
    command.args(["--port", &site.ports.opensearch.to_string()]);
    command.env("OPENSEARCH_USERNAME", USER).env("OPENSEARCH_PASSWORD", &site.credentials.opensearch);
    let service = Service::new("opensearch-simulator", command, site.folder.log("opensearch-simulator"));
    site.supervisor.start_and_listen(service).await?;
    Ok(OpenSearchKind::Simulated(reason))
}
