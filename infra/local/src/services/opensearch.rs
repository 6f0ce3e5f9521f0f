//! `OpenSearch`: one node holds the indexes of all regions. It has no security plugin and accepts every caller. The
//! fault proxy stands before it once per region, so tests can see which region and which credentials a call used.

use super::site::Site;
use crate::supervisor::Service;

/// The user in the regions' secrets.
pub const USER: &str = "control";

/// For thousands of indices, each with a shard.
const LARGE: [&str; 2] = ["-Xmx4g", "-Dos.set.cluster.max_shards_per_node=10000"];

pub async fn start(site: &Site<'_>) -> anyhow::Result<()> {
    let node = &site.tools.opensearch;
    let mut command = site.command(&node.java);
    let room: &[&str] = if site.parts.large { &LARGE } else { &[] };
    command.args(node.arguments(room)).arg(site.data("opensearch")?).arg(site.ports.opensearch.to_string());
    let service = Service::new("opensearch", command, site.folder.log("opensearch"));
    site.supervisor.start_and_listen(service).await?;
    Ok(())
}
