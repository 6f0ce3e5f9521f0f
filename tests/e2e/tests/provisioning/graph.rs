//! Step 6: the graph is in the tenant's region only, and its user can use nothing else.

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, REGIONS};
use redis::aio::MultiplexedConnection;
use redis::{Value, cmd};

use crate::Live;

/// An answer with rows: header, rows, statistics.
type Rows = (Value, Vec<Vec<String>>, Value);

const WHOSE: &str = "MATCH (t:Tenant) RETURN t.tenant_id";

pub async fn check(cloud: &Cloud, live: &Live) -> Result<()> {
    let graph = format!("client_{}", live.slug);
    for region in REGIONS {
        let graphs: Vec<String> = cmd("GRAPH.LIST").query_async(&mut cloud.falkordb(region).await?).await?;
        assert_eq!(graphs.contains(&graph), region == live.region, "{graph} in {region}");
    }
    let mut own = user_of(cloud, live).await?;
    let (_, rows, _): Rows = cmd("GRAPH.QUERY").arg(&graph).arg(WHOSE).query_async(&mut own).await?;
    assert_eq!(rows, [[live.tenant_id.to_string()]]);
    let constraints = "CALL db.constraints() YIELD type, label, status RETURN type, label, status";
    let (_, rows, _): Rows = cmd("GRAPH.RO_QUERY").arg(&graph).arg(constraints).query_async(&mut own).await?;
    assert_eq!(rows, [["UNIQUE", "Tenant", "OPERATIONAL"]]);

    for refused in ["GRAPH.LIST", "KEYS *", "ACL LIST", "INFO", "FLUSHALL", "SCAN 0"] {
        let mut words = refused.split(' ');
        let mut command = cmd(words.next().unwrap_or_default());
        command.arg(words.collect::<Vec<_>>());
        let error =
            command.query_async::<Value>(&mut own).await.err().with_context(|| format!("{refused} is allowed"))?;
        ensure!(error.code() == Some("NOPERM"), "{refused}: {error}");
    }
    Ok(())
}

/// `live`'s user can neither read the other tenant's graph nor create another graph.
pub async fn check_apart(cloud: &Cloud, live: &Live, other: &Live) -> Result<()> {
    let mut own = user_of(cloud, live).await?;
    for graph in [format!("client_{}", other.slug), format!("client_{}-", live.slug), "client_".to_owned()] {
        for command in ["GRAPH.QUERY", "GRAPH.RO_QUERY"] {
            let answer = cmd(command).arg(&graph).arg(WHOSE).query_async::<Value>(&mut own).await;
            let error = answer.err().with_context(|| format!("{} reads {graph}", live.slug))?;
            ensure!(error.code() == Some("NOPERM"), "{graph}: {error}");
        }
    }
    Ok(())
}

async fn user_of(cloud: &Cloud, live: &Live) -> Result<MultiplexedConnection> {
    let password = live.secret["graph_pass"].as_str().context("no graph_pass")?;
    cloud.falkordb_as(live.region, &format!("client_{}", live.slug), password).await
}
