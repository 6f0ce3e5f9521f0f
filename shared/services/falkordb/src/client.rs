//! The client of a region's FalkorDB.

use std::collections::HashMap;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Value};
use redis_kit::Server;
use secrecy::SecretString;
use tokio::time::{Instant, sleep, timeout};

use crate::cypher;
use crate::error::Error;
use crate::grant::{self, Grant};

/// The time limit of an operation with all of its commands. Opening the connection takes at most
/// [`redis_kit::CALL_LIMIT`].
pub const OPERATION_LIMIT: Duration = Duration::from_secs(10);
/// How long a constraint on a nearly empty graph may take to be in force.
const CONSTRAINT_LIMIT: Duration = Duration::from_secs(5);
const CONSTRAINT_POLL: Duration = Duration::from_millis(50);
/// Count a graph's root nodes: the tenant's, and other tenants'.
const OWN_ROOTS: &str = "MATCH (t:Tenant {tenant_id: $tenant_id}) RETURN count(t)";
const FOREIGN_ROOTS: &str = "MATCH (t:Tenant) WHERE t.tenant_id <> $tenant_id RETURN count(t)";

/// A tenant's graph and the properties of its root node.
#[derive(Clone, Copy, Debug)]
pub struct GraphSpec<'a> {
    /// The graph's name, which is its key in the server.
    pub graph: &'a str,
    /// The id of the tenant.
    pub tenant_id: &'a str,
    /// The tenant's slug.
    pub slug: &'a str,
    /// The tenant's display name.
    pub display_name: &'a str,
}

/// What has the name of a tenant's graph, or of its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// What we made for this tenant.
    Ours,
    /// A graph without anybody's root node, which is the mark of a graph.
    Unmarked,
    /// A graph with another tenant's root node, or a user that may reach another key: that it may not is the mark of a user.
    Foreign,
}

/// A region's server.
#[derive(Debug)]
pub struct FalkorDb {
    server: Server,
}

impl FalkorDb {
    /// Opens the connection; `url` is `redis[s]://user:password@host:port`, and `ca_pem` adds authorities.
    pub async fn connect(url: &SecretString, ca_pem: Option<&str>) -> Result<Self, Error> {
        Ok(Self { server: Server::connect(url, ca_pem).await? })
    }

    /// Creates the graph with its root node and a unique constraint on the root's `tenant_id`, unless they exist.
    /// Returns once the constraint is in force. Existing data is kept.
    pub async fn create_graph(&self, spec: &GraphSpec<'_>) -> Result<(), Error> {
        bounded(self.create(spec)).await
    }

    async fn create(&self, spec: &GraphSpec<'_>) -> Result<(), Error> {
        self.refuse_foreign(spec.graph, spec.tenant_id).await?;

        let root = "MERGE (t:Tenant {tenant_id: $tenant_id}) SET t.slug = $slug, t.display_name = $display_name";
        let parameters = [("tenant_id", spec.tenant_id), ("slug", spec.slug), ("display_name", spec.display_name)];
        let _: Value = self.call(&graph_command("GRAPH.QUERY", spec.graph, &cypher::query(&parameters, root)?)).await?;

        // A unique constraint needs a range index on the same property. Neither command has an IF NOT EXISTS.
        let index = graph_command("GRAPH.QUERY", spec.graph, "CREATE INDEX FOR (t:Tenant) ON (t.tenant_id)");
        self.call_unless_done(&index, "already indexed").await?;
        self.call_unless_done(&constraint_command(spec.graph), "Constraint already exists").await?;
        self.await_constraint(spec.graph).await?;

        if self.graph_exists(spec.graph, spec.tenant_id).await? { Ok(()) } else { Err(Error::GraphMissing) }
    }

    /// Whether the graph exists and has the tenant's root node.
    pub async fn graph_exists(&self, graph: &str, tenant_id: &str) -> Result<bool, Error> {
        Ok(self.counted(graph, tenant_id, OWN_ROOTS).await?.unwrap_or(0) > 0)
    }

    /// What a user may do, compared with what [`FalkorDb::grant`] gives.
    pub async fn rights(&self, user: &str, graph: &str, password: &SecretString) -> Result<Rights, Error> {
        let shown: Value =
            bounded(self.call(redis::cmd("ACL").arg("GETUSER").arg(user))).await.map_err(Error::of_users)?;
        if matches!(shown, Value::Nil) {
            return Ok(Rights::Nobody);
        }
        let shown =
            || HashMap::<String, Value>::from_redis_value(shown.clone()).map_err(|_| redis_kit::Error::Unexpected);
        Ok(if Grant::new(graph, password).is_shown_by(shown()?) {
            Rights::AsGranted
        } else if grant::is_nothing(shown()?) {
            Rights::Nothing
        } else {
            Rights::Others
        })
    }

    /// What has the name of a tenant's graph.
    pub async fn look(&self, graph: &str, tenant_id: &str) -> Result<Found, Error> {
        bounded(async {
            let own = self.counted(graph, tenant_id, OWN_ROOTS).await?;
            Ok(match (own, self.counted(graph, tenant_id, FOREIGN_ROOTS).await?) {
                (None, _) | (_, None) => Found::Nothing,
                (Some(0), Some(0)) => Found::Unmarked,
                (Some(_), Some(0)) => Found::Ours,
                (Some(_), Some(_)) => Found::Foreign,
            })
        })
        .await
    }

    /// Deletes a graph with its data. It is a success if there is no such graph.
    pub async fn delete_graph(&self, graph: &str) -> Result<(), Error> {
        bounded(self.call_unless_done(&graph_deletion(graph), "empty key")).await
    }

    /// What has the name of a graph's user.
    pub async fn look_for_user(&self, user: &str, graph: &str) -> Result<Found, Error> {
        let shown: Option<HashMap<String, Value>> =
            bounded(self.call(redis::cmd("ACL").arg("GETUSER").arg(user))).await.map_err(Error::of_users)?;
        let of = |shown| if grant::is_for_nothing_but(shown, graph) { Found::Ours } else { Found::Foreign };
        Ok(shown.map_or(Found::Nothing, of))
    }

    /// Deletes a user, also for the time after a restart. The server closes its connections. It is a success if there is no such
    /// user.
    pub async fn delete_user(&self, user: &str) -> Result<(), Error> {
        bounded(async {
            let _: Value = self.call(&user_deletion(user)).await?;
            let _: Value = self.call(redis::cmd("ACL").arg("SAVE")).await?;
            Ok(())
        })
        .await
        .map_err(Error::of_users)
    }

    /// Gives a user access to exactly this graph with exactly this password, also after a restart. Users are not
    /// replicated between servers, so a failover needs a shared or copied aclfile.
    pub async fn grant(&self, user: &str, graph: &str, password: &SecretString) -> Result<(), Error> {
        bounded(self.set_and_save(user, &Grant::new(graph, password))).await
    }

    /// Takes everything from a user, also after a restart: the right to log in, the password, every command. What is left
    /// to a connection that is open is nothing, and it is closed. A query that runs is not ended. False: there is no such
    /// user, and none is made.
    pub async fn switch_off(&self, user: &str) -> Result<bool, Error> {
        bounded(self.reset_and_save(user)).await
    }

    async fn reset_and_save(&self, user: &str) -> Result<bool, Error> {
        let acl = |command: &str| redis::cmd("ACL").arg(command).to_owned();
        let show = acl("GETUSER").arg(user).to_owned();
        let exists: Value = self.call(&show).await.map_err(Error::of_users)?;
        if matches!(exists, Value::Nil) {
            return Ok(false);
        }
        // `off` alone would leave open connections as they are.
        let _: Value = self.call(acl("SETUSER").arg(user).arg("reset")).await.map_err(Error::of_users)?;
        let _: Value = self.call(&acl("SAVE")).await.map_err(Error::of_users)?;
        match self.call::<Value>(redis::cmd("CLIENT").arg("KILL").arg("USER").arg(user)).await {
            // A server that does not let our user close connections leaves one that may do nothing.
            Ok(_) | Err(Error::Call(redis_kit::Error::NotPermitted)) => {}
            Err(error) => return Err(error),
        }
        let shown: HashMap<String, Value> = self.call(&show).await.map_err(Error::of_users)?;
        if grant::is_nothing(shown) { Ok(true) } else { Err(Error::GrantMissing) }
    }

    async fn set_and_save(&self, user: &str, grant: &Grant) -> Result<(), Error> {
        let [set, save, show] = user_commands(user, grant);
        let _: Value = self.call(&set).await.map_err(Error::of_users)?;
        let _: Value = self.call(&save).await.map_err(Error::of_users)?;
        let shown: HashMap<String, Value> = self.call(&show).await.map_err(Error::of_users)?;
        if grant.is_shown_by(shown) { Ok(()) } else { Err(Error::GrantMissing) }
    }

    /// Whether our user may do all that a tenant's graph and user take, and their end, under a name that no tenant has. Nothing
    /// is carried out.
    pub async fn rehearse(&self, name: &str) -> Result<Rehearsed, Error> {
        let grant = Grant::new(name, &SecretString::default());
        let graph = [
            graph_command("GRAPH.RO_QUERY", name, "RETURN 1"),
            graph_command("GRAPH.QUERY", name, "RETURN 1"),
            constraint_command(name),
        ];
        let user = user_commands(name, &grant);
        let end = [graph_deletion(name), user_deletion(name)];
        let mut rehearsed = match self.server.rehearse(&[&graph[..], &user[..], &end[..]].concat()).await {
            Err(redis_kit::Error::NotPermitted) => {
                // It shows a user that does not exist, and changes nothing.
                let _: Value = self.call(&user[2]).await.map_err(Error::of_users)?;
                return Ok(Rehearsed::Unknown);
            }
            said => said.map_err(Error::named)?,
        };
        let ends = rehearsed.split_off(graph.len() + user.len());
        for (number, said) in rehearsed.into_iter().enumerate() {
            said.map_err(Error::named)
                .map_err(|error| if number < graph.len() { error } else { Error::of_users(error) })?;
        }
        let mut all = true;
        for said in ends {
            match said.map_err(Error::named) {
                Ok(()) => {}
                Err(Error::Call(redis_kit::Error::NotPermitted)) => all = false,
                Err(error) => return Err(error),
            }
        }
        let rehearsed = if all { Rehearsed::Everything } else { Rehearsed::NoEnd };
        match self.call::<Vec<String>>(redis::cmd("CONFIG").arg("GET").arg("aclfile")).await {
            Ok(setting) if setting.get(1).is_some_and(String::is_empty) => Err(Error::NoAclFile),
            // Many servers show no settings. Then `ACL SAVE` itself says it.
            Ok(_) | Err(Error::Call(redis_kit::Error::NotPermitted)) => Ok(rehearsed),
            Err(error) => Err(error),
        }
    }

    /// What the server allows a query; `None` if it does not show it to our user.
    pub async fn limits(&self) -> Result<Option<Limits>, Error> {
        match self.call::<Vec<(String, Value)>>(redis::cmd("GRAPH.CONFIG").arg("GET").arg("*")).await {
            Ok(shown) => Ok(Some(Limits::of(&shown))),
            Err(Error::Call(redis_kit::Error::NotPermitted)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Graph names derive from slugs, and slugs are unique. But if another tenant's graph had this name, a grant on it
    /// would open that tenant's data.
    async fn refuse_foreign(&self, graph: &str, tenant_id: &str) -> Result<(), Error> {
        match self.counted(graph, tenant_id, FOREIGN_ROOTS).await? {
            None | Some(0) => Ok(()),
            Some(_) => Err(Error::ForeignGraph),
        }
    }

    /// Waits until the constraint is in force. It is built in the background, even for an empty graph.
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

    /// The number that a query about a tenant counted; `None` if the graph does not exist. `GRAPH.RO_QUERY` does not create a
    /// missing graph.
    async fn counted(&self, graph: &str, tenant_id: &str, query: &str) -> Result<Option<u64>, Error> {
        let query = cypher::query(&[("tenant_id", tenant_id)], query)?;
        let (_, rows, _): Rows<u64> = match self.call(&graph_command("GRAPH.RO_QUERY", graph, &query)).await {
            Err(Error::Call(error)) if error.refusal().is_some_and(|reply| reply.says("empty key")) => return Ok(None),
            answer => answer?,
        };
        rows.into_iter().flatten().next().map(Some).ok_or(redis_kit::Error::Unexpected.into())
    }

    /// Sends a command that may be refused with these words. That refusal means that its effect exists already.
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

/// What a rehearsal has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rehearsed {
    /// Our user may do everything.
    Everything,
    /// Our user may make a graph and its user, and cannot delete both.
    NoEnd,
    /// The server does not let our user rehearse, so only the rights that reading shows are known.
    Unknown,
}

/// What a user of the server may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// There is no such user.
    Nobody,
    /// Exactly what was granted, with exactly that password.
    AsGranted,
    /// Nothing, as after [`FalkorDb::switch_off`].
    Nothing,
    /// Anything else.
    Others,
}

async fn bounded<T>(operation: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(OPERATION_LIMIT, operation).await.unwrap_or(Err(Error::Call(redis_kit::Error::Timeout)))
}

/// What a server allows a tenant's query (FalkorDB `configuration/config.h`, `op_load_csv.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// It is ended after some time, whatever it asks for.
    pub timeout: bool,
    /// Its memory has a limit.
    pub memory: bool,
    /// It may load files and HTTPS addresses. The setting is the folder of files; nothing limits addresses.
    pub load_csv: bool,
}

impl Limits {
    fn of(shown: &[(String, Value)]) -> Self {
        let of = |name: &str| shown.iter().find(|(shown, _)| shown == name).map(|(_, value)| value);
        let limited = |name: &str| matches!(of(name), Some(Value::Int(limit)) if *limit > 0);
        Self {
            // A query's own time-out counts up to the highest; the default counts where it has none.
            timeout: limited("TIMEOUT_MAX") && limited("TIMEOUT_DEFAULT"),
            memory: limited("QUERY_MEM_CAPACITY"),
            load_csv: of("IMPORT_FOLDER").is_some(),
        }
    }
}

fn constraint_command(graph: &str) -> Cmd {
    let mut command = redis::cmd("GRAPH.CONSTRAINT");
    command.arg("CREATE").arg(graph).arg(&["UNIQUE", "NODE", "Tenant", "PROPERTIES", "1", "tenant_id"]);
    command
}

fn graph_deletion(graph: &str) -> Cmd {
    redis::cmd("GRAPH.DELETE").arg(graph).to_owned()
}

fn user_deletion(user: &str) -> Cmd {
    redis::cmd("ACL").arg("DELUSER").arg(user).to_owned()
}

/// Makes a user, keeps all users across a restart, and shows the user.
fn user_commands(user: &str, grant: &Grant) -> [Cmd; 3] {
    let acl = |command: &str| redis::cmd("ACL").arg(command).to_owned();
    [acl("SETUSER").arg(user).arg(grant.rules()).to_owned(), acl("SAVE"), acl("GETUSER").arg(user).to_owned()]
}

fn graph_command(name: &str, graph: &str, query: &str) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(graph).arg(query);
    command
}

/// An answer with rows: header, rows and statistics.
type Rows<T> = (Value, Vec<Vec<T>>, Value);

#[cfg(test)]
mod tests {
    use domain::{CauseCode, Failure};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Refusals recorded from Valkey 9.1 and FalkorDB 4.16.3, and the codes that a grant reports for them.
    #[tokio::test]
    async fn refusals_are_recognized_by_their_texts() {
        for (words, code, retryable) in [
            (
                "ERR This instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER \
                command and then issue a CONFIG REWRITE",
                CauseCode::FalkorDbNoAclFile,
                false,
            ),
            (
                "ERR Error in ACL SETUSER modifier '+graph.query': Unknown command or category name in ACL",
                CauseCode::FalkorDbNoModule,
                false,
            ),
            ("ERR unknown command 'GRAPH.QUERY', with args beginning with: 'g' ", CauseCode::FalkorDbNoModule, false),
            ("ERR another write is in progress, retry the query", CauseCode::FalkorDbWriteInProgress, true),
            (
                "NOPERM User hunter2 has no permissions to run the 'acl|setuser' command",
                CauseCode::FalkorDbNoUsers,
                false,
            ),
            ("ERR Usernames can't contain spaces or null characters", CauseCode::FalkorDbRefused, false),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let url = format!("redis://{}", listener.local_addr().expect("bound"));
            tokio::spawn(async move {
                let (mut socket, _) = listener.accept().await.expect("a connection");
                // The library's two CLIENT SETINFO come first.
                for answer in ["+OK\r\n+OK\r\n", &format!("-{words}\r\n")] {
                    let _ = socket.read(&mut [0; 4096]).await;
                    let _ = socket.write_all(answer.as_bytes()).await;
                }
            });
            let falkordb = FalkorDb::connect(&url.into(), None).await.expect("connected");
            let error = falkordb.grant("hunter2", "hunter2", &"hunter2".into()).await.expect_err("refused");
            let shown = format!("{error} {error:?}");
            let failure = Failure::from(error);
            assert_eq!((failure.code(), failure.cause().retryable), (code, retryable));
            assert!(!format!("{shown} {failure:?}").contains("hunter2"), "{code:?}");
        }
    }
}
