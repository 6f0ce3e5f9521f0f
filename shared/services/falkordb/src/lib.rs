//! FalkorDB: one private graph with its user per tenant.
//!
//! Facts about the commands are from FalkorDB/docs (`commands/{graph.query,graph.ro-query,graph.constraint-create}.md`,
//! `cypher/indexing/range-index.md`) and valkey-io/valkey-doc (`topics/acl.md`, `commands/acl-setuser.md`), and were
//! tried on FalkorDB 4.16.3 in Valkey 9.1.

mod cypher;
mod error;
mod grant;

use std::collections::HashMap;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Value};
use redis_kit::Server;
use secrecy::SecretString;
use tokio::time::{Instant, sleep, timeout};

pub use crate::error::Error;
use crate::grant::Grant;

/// An operation takes at most this long, however many commands it is; opening the connection takes at most
/// [`redis_kit::CALL_LIMIT`].
pub const OPERATION_LIMIT: Duration = Duration::from_secs(10);
/// How long a constraint on an all but empty graph may take to be in force.
const CONSTRAINT_LIMIT: Duration = Duration::from_secs(5);
const CONSTRAINT_POLL: Duration = Duration::from_millis(50);

/// A tenant's graph and what its root node says.
#[derive(Clone, Copy, Debug)]
pub struct GraphSpec<'a> {
    /// The graph's name, which is its key in the server.
    pub graph: &'a str,
    /// Whose it is.
    pub tenant_id: &'a str,
    /// The tenant's slug.
    pub slug: &'a str,
    /// The tenant's name as people write it.
    pub display_name: &'a str,
}

/// A region's server.
#[derive(Debug)]
pub struct FalkorDb {
    server: Server,
}

impl FalkorDb {
    /// Opens the connection; `url` is `redis[s]://user:password@host:port`.
    pub async fn connect(url: &SecretString) -> Result<Self, Error> {
        Ok(Self { server: Server::connect(url).await? })
    }

    /// Sees to it that the graph is there, with its root node, and with a unique constraint in force on the root's
    /// `tenant_id`. What is there already is kept.
    pub async fn create_graph(&self, spec: &GraphSpec<'_>) -> Result<(), Error> {
        bounded(self.create(spec)).await
    }

    async fn create(&self, spec: &GraphSpec<'_>) -> Result<(), Error> {
        self.refuse_foreign(spec).await?;

        let root = "MERGE (t:Tenant {tenant_id: $tenant_id}) SET t.slug = $slug, t.display_name = $display_name";
        let parameters = [("tenant_id", spec.tenant_id), ("slug", spec.slug), ("display_name", spec.display_name)];
        let _: Value = self.call(&graph_command("GRAPH.QUERY", spec.graph, &cypher::query(&parameters, root)?)).await?;

        // A unique constraint needs a range index on the same property. Neither knows IF NOT EXISTS.
        let index = graph_command("GRAPH.QUERY", spec.graph, "CREATE INDEX FOR (t:Tenant) ON (t.tenant_id)");
        self.call_unless_done(&index, "already indexed").await?;
        let mut constraint = redis::cmd("GRAPH.CONSTRAINT");
        constraint.arg("CREATE").arg(spec.graph).arg(&["UNIQUE", "NODE", "Tenant", "PROPERTIES", "1", "tenant_id"]);
        self.call_unless_done(&constraint, "Constraint already exists").await?;
        self.await_constraint(spec.graph).await?;

        if self.graph_exists(spec.graph, spec.tenant_id).await? { Ok(()) } else { Err(Error::GraphMissing) }
    }

    /// Whether the graph is there with the tenant's root node.
    pub async fn graph_exists(&self, graph: &str, tenant_id: &str) -> Result<bool, Error> {
        let query = "MATCH (t:Tenant {tenant_id: $tenant_id}) RETURN count(t)";
        Ok(self.count(graph, &cypher::query(&[("tenant_id", tenant_id)], query)?).await? > 0)
    }

    /// Gives a user, with this password alone, exactly this graph, and keeps that across restarts. Users are each
    /// server's own: they are not replicated, so a failover needs a shared or copied aclfile.
    pub async fn grant(&self, user: &str, graph: &str, password: &SecretString) -> Result<(), Error> {
        bounded(self.set_and_save(user, &Grant::new(graph, password))).await
    }

    async fn set_and_save(&self, user: &str, grant: &Grant) -> Result<(), Error> {
        let _: Value = self.call(redis::cmd("ACL").arg("SETUSER").arg(user).arg(grant.rules())).await?;
        let _: Value = self.call(redis::cmd("ACL").arg("SAVE")).await?;
        let shown: HashMap<String, Value> = self.call(redis::cmd("ACL").arg("GETUSER").arg(user)).await?;
        if grant.is_shown_by(shown) { Ok(()) } else { Err(Error::GrantMissing) }
    }

    /// Names derive from slugs, and slugs are unique; should a graph of another tenant bear this name all the same, then
    /// a grant on it would open that tenant's data.
    async fn refuse_foreign(&self, spec: &GraphSpec<'_>) -> Result<(), Error> {
        let query = "MATCH (t:Tenant) WHERE t.tenant_id <> $tenant_id RETURN count(t)";
        match self.count(spec.graph, &cypher::query(&[("tenant_id", spec.tenant_id)], query)?).await? {
            0 => Ok(()),
            _ => Err(Error::ForeignGraph),
        }
    }

    /// The constraint is built in the background, even where there is nothing to build.
    async fn await_constraint(&self, graph: &str) -> Result<(), Error> {
        let query = "CALL db.constraints() YIELD type, label, properties, status \
            WHERE type = 'UNIQUE' AND label = 'Tenant' AND properties = ['tenant_id'] RETURN status";
        let query = graph_command("GRAPH.RO_QUERY", graph, query);
        let deadline = Instant::now() + CONSTRAINT_LIMIT;
        loop {
            let (_, rows, _): Rows<String> = self.call(&query).await?;
            match rows.first().and_then(|row| row.first()).map(String::as_str) {
                Some("OPERATIONAL") => return Ok(()),
                Some("FAILED") => return Err(Error::ConstraintFailed),
                _ if Instant::now() < deadline => sleep(CONSTRAINT_POLL).await,
                _ => return Err(Error::ConstraintPending),
            }
        }
    }

    /// What a query counted; 0 without the graph. Only `GRAPH.RO_QUERY` leaves a missing graph missing.
    async fn count(&self, graph: &str, query: &str) -> Result<u64, Error> {
        let (_, rows, _): Rows<u64> = match self.call(&graph_command("GRAPH.RO_QUERY", graph, query)).await {
            Err(Error::Call(error)) if error.refusal().is_some_and(|reply| reply.says("empty key")) => return Ok(0),
            answer => answer?,
        };
        rows.into_iter().flatten().next().ok_or(redis_kit::Error::Unexpected.into())
    }

    /// A command whose refusal with these words means that there is nothing left to do.
    async fn call_unless_done(&self, command: &Cmd, done: &str) -> Result<(), Error> {
        match self.call::<Value>(command).await {
            Err(Error::Call(error)) if error.refusal().is_some_and(|reply| reply.says(done)) => Ok(()),
            other => other.map(drop),
        }
    }

    async fn call<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        self.server.call(command).await.map_err(Error::named)
    }
}

async fn bounded(operation: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    timeout(OPERATION_LIMIT, operation).await.unwrap_or(Err(Error::Call(redis_kit::Error::Timeout)))
}

fn graph_command(name: &str, graph: &str, query: &str) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(graph).arg(query);
    command
}

/// An answer with rows: header, rows, statistics.
type Rows<T> = (Value, Vec<Vec<T>>, Value);
