//! The client against a real FalkorDB with an aclfile. Its URL is in `TEST_FALKORDB_URL`.

#![allow(clippy::disallowed_methods, reason = "a test takes its server from the environment")]

use falkordb::{Error, FalkorDb, Found, GraphSpec, Rights};
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Value};
use secrecy::SecretString;
use uuid::Uuid;

/// The client under test, and an administrator's connection.
struct Bench {
    falkordb: FalkorDb,
    admin: MultiplexedConnection,
    address: String,
    /// A part of all names of this test.
    run: String,
}

impl Bench {
    async fn new() -> Self {
        let url = std::env::var("TEST_FALKORDB_URL").expect("TEST_FALKORDB_URL is set");
        let admin = redis::Client::open(url.as_str()).expect("a URL").get_multiplexed_async_connection().await;
        let address = url.rsplit(['@', '/']).find(|part| part.contains(':')).expect("host:port").to_owned();
        let falkordb = FalkorDb::connect(&url.into(), None).await.expect("connected");
        let run = Uuid::new_v4().simple().to_string();
        Self { falkordb, admin: admin.expect("connected"), address, run }
    }

    /// Makes a tenant's graph with its user, as step 6 does. Returns the graph's name and the user's connection.
    async fn tenant(&self, slug: &str) -> (String, MultiplexedConnection) {
        let graph = format!("client_{}{slug}", self.run);
        let user = user_of(&graph);
        // Twice, because a step may be repeated.
        for _ in 0..2 {
            let spec = GraphSpec { graph: &graph, tenant_id: slug, slug, display_name: slug };
            assert_eq!(self.falkordb.create_graph(&spec).await, Ok(()));
            assert_eq!(self.falkordb.grant(&user, &graph, &SecretString::from("s3cret")).await, Ok(()));
        }
        (graph, self.login(&user, "s3cret").await.expect("logged in"))
    }

    async fn login(&self, user: &str, password: &str) -> RedisResult<MultiplexedConnection> {
        let url = format!("redis://{user}:{password}@{}", self.address);
        redis::Client::open(url)?.get_multiplexed_async_connection().await
    }

    async fn clean_up(mut self, graphs: &[&str]) {
        for graph in graphs {
            let _ = ask(&mut self.admin, &["GRAPH.DELETE", graph]).await;
            let _ = ask(&mut self.admin, &["ACL", "DELUSER", &user_of(graph)]).await;
        }
        ask(&mut self.admin, &["ACL", "SAVE"]).await.expect("saved");
    }
}

/// The user of a graph, in characters that a URL allows.
fn user_of(graph: &str) -> String {
    graph.replace("client_", "tenant_").replace('?', "_")
}

async fn ask(connection: &mut MultiplexedConnection, command: &[&str]) -> RedisResult<Value> {
    redis::cmd(command[0]).arg(&command[1..]).query_async(connection).await
}

async fn is_denied(connection: &mut MultiplexedConnection, command: &[&str]) -> bool {
    ask(connection, command).await.is_err_and(|error| error.code() == Some("NOPERM"))
}

#[tokio::test]
#[ignore = "needs TEST_FALKORDB_URL"]
async fn a_tenants_user_can_use_its_own_graph_and_nothing_else() {
    let mut bench = Bench::new().await;
    // One name is the beginning of another, and one contains a character that is special in a pattern.
    let (acme, mut acme_user) = bench.tenant("acme").await;
    let (bank, mut bank_user) = bench.tenant("acme-bank").await;
    let (glob, mut glob_user) = bench.tenant("acme?bank").await;

    for (own, user) in [(&acme, &mut acme_user), (&bank, &mut bank_user), (&glob, &mut glob_user)] {
        ask(user, &["PING"]).await.expect("allowed");
        for command in ["GRAPH.QUERY", "GRAPH.RO_QUERY", "GRAPH.EXPLAIN", "GRAPH.PROFILE"] {
            ask(user, &[command, own, "MATCH (n) RETURN n"]).await.expect(command);
            for foreign in [&acme, &bank, &glob, "client_", "*"].into_iter().filter(|graph| *graph != own) {
                assert!(is_denied(user, &[command, foreign, "MATCH (n) RETURN n"]).await, "{own}: {command} {foreign}");
            }
        }
        ask(user, &["GRAPH.QUERY", own, "CREATE (:Account {iban: 'x'})"]).await.expect("may write");
        for action in ["CREATE", "DROP"] {
            let constraint =
                |graph| ["GRAPH.CONSTRAINT", action, graph, "MANDATORY", "NODE", "Account", "PROPERTIES", "1", "iban"];
            for foreign in [&acme, &bank, &glob, "client_", "*"].into_iter().filter(|graph| *graph != own) {
                assert!(is_denied(user, &constraint(foreign)).await, "{own}: {action} on {foreign}");
            }
            ask(user, &constraint(own)).await.expect(action);
        }
        // The first argument opens all sections of `INFO`. None of them names a graph or a user.
        ask(user, &["INFO", "server"]).await.expect("the official clients begin with it");
        let everything = redis::cmd("INFO").arg(&["server", "everything"]).query_async::<String>(user).await;
        let everything = everything.expect("a text");
        assert!(everything.contains("# Keyspace") && !everything.contains(&bench.run), "{everything}");
        for command in [
            &["GRAPH.LIST"][..],
            &["GRAPH.CONFIG", "GET", "*"],
            &["GRAPH.UDF", "LIST"],
            &["GRAPH.DEBUG", "AUX", "START"],
            &["GRAPH.DELETE", own],
            &["GRAPH.COPY", own, own],
            &["GRAPH.SLOWLOG", own],
            &["GRAPH.BULK", own, "BEGIN"],
            &["KEYS", "*"],
            &["SCAN", "0"],
            &["FLUSHALL"],
            &["DEL", own],
            &["DUMP", own],
            &["RENAME", own, "x"],
            &["INFO"],
            &["INFO", "clients"],
            &["CLIENT", "LIST"],
            &["CONFIG", "GET", "*"],
            &["ACL", "LIST"],
            &["MONITOR"],
            &["EVAL", "return 1", "0"],
        ] {
            assert!(is_denied(user, command).await, "{command:?}");
        }
    }
    // A new password replaces the old one, and the file holds what the server holds.
    let user = user_of(&acme);
    bench.falkordb.grant(&user, &acme, &"another".into()).await.expect("granted");
    assert!(bench.login(&user, "s3cret").await.is_err());
    ask(&mut bench.admin, &["ACL", "LOAD"]).await.expect("loaded");
    let mut again = bench.login(&user, "another").await.expect("logged in");
    ask(&mut again, &["GRAPH.RO_QUERY", &acme, "RETURN 1"]).await.expect("allowed");

    bench.clean_up(&[&acme, &bank, &glob]).await;
}

#[tokio::test]
#[ignore = "needs TEST_FALKORDB_URL"]
async fn a_user_that_is_switched_off_has_nothing_left_until_it_is_granted_again() {
    let mut bench = Bench::new().await;
    let (own, mut open) = bench.tenant("closing").await;
    let (other, mut neighbour) = bench.tenant("closing-2").await;
    let (user, read) = (user_of(&own), ["GRAPH.RO_QUERY", own.as_str(), "MATCH (n) RETURN n"]);
    let password = SecretString::from("s3cret");
    assert_eq!(bench.falkordb.rights(&user, &own, &password).await, Ok(Rights::AsGranted));
    assert_eq!(bench.falkordb.rights(&user, &own, &"another".into()).await, Ok(Rights::Others), "another password");
    assert_eq!(bench.falkordb.rights(&user, &other, &password).await, Ok(Rights::Others), "another graph");
    // Twice, because a promise is delivered at least once.
    for _ in 0..2 {
        assert_eq!(bench.falkordb.switch_off(&user).await, Ok(true));
        assert!(ask(&mut open, &read).await.is_err(), "a connection that was open before");
        assert!(bench.login(&user, "s3cret").await.is_err(), "a new one");
        assert_eq!(bench.falkordb.rights(&user, &own, &password).await, Ok(Rights::Nothing));
    }
    ask(&mut bench.admin, &["ACL", "LOAD"]).await.expect("as after a restart");
    assert!(bench.login(&user, "s3cret").await.is_err());
    ask(&mut neighbour, &["GRAPH.RO_QUERY", &other, "RETURN 1"]).await.expect("nobody else is closed");
    let kept = ask(&mut bench.admin, &read).await.expect("the graph is kept");
    assert!(format!("{kept:?}").contains("closing"), "{kept:?}");

    assert_eq!(bench.falkordb.grant(&user, &own, &SecretString::from("s3cret")).await, Ok(()));
    let mut again = bench.login(&user, "s3cret").await.expect("logged in");
    ask(&mut again, &read).await.expect("allowed");

    let nobody = user_of(&format!("client_{}nobody", bench.run));
    assert_eq!(bench.falkordb.switch_off(&nobody).await, Ok(false));
    assert_eq!(ask(&mut bench.admin, &["ACL", "GETUSER", &nobody]).await, Ok(Value::Nil), "none is made");
    assert_eq!(bench.falkordb.rights(&nobody, &own, &password).await, Ok(Rights::Nobody));
    bench.clean_up(&[&own, &other]).await;
}

/// Our user may manage users, but not close connections. What is open may do nothing more.
#[tokio::test]
#[ignore = "needs TEST_FALKORDB_URL"]
async fn a_user_is_switched_off_where_connections_cannot_be_closed() {
    let mut bench = Bench::new().await;
    let (own, mut open) = bench.tenant("kept").await;
    let manager = format!("manager_{}", bench.run);
    let made = ["ACL", "SETUSER", &manager, "on", ">m4nager", "~*", "+acl", "+ping"];
    ask(&mut bench.admin, &made).await.expect("made");
    let url = format!("redis://{manager}:m4nager@{}", bench.address);
    let falkordb = FalkorDb::connect(&url.into(), None).await.expect("connected");
    assert_eq!(falkordb.switch_off(&user_of(&own)).await, Ok(true));
    assert!(is_denied(&mut open, &["GRAPH.RO_QUERY", &own, "RETURN 1"]).await);
    ask(&mut bench.admin, &["ACL", "DELUSER", &manager]).await.expect("gone");
    bench.clean_up(&[&own]).await;
}

#[tokio::test]
#[ignore = "needs TEST_FALKORDB_URL"]
async fn any_name_is_stored_as_it_is() {
    let mut bench = Bench::new().await;
    let graph = format!("client_{}", bench.run);
    for name in [
        "Acme Bank",
        "O'Hara \"&\" Söhne",
        r"C:\new\table\",
        r"\'",
        "line\nbreak\r\ttab",
        "Zoë 日本 🦀 \u{2028}\u{7f}\u{1}",
        "' MATCH (n) DETACH DELETE n //",
        r"\' MATCH (n) DETACH DELETE n //",
        "$slug {x} `y` ${z} /* */ # --",
        "",
    ] {
        let spec = GraphSpec { graph: &graph, tenant_id: "t-1", slug: "acme", display_name: name };
        bench.falkordb.create_graph(&spec).await.expect(name);
        let query = "MATCH (t:Tenant) RETURN t.tenant_id, t.slug, t.display_name";
        let answer = ask(&mut bench.admin, &["GRAPH.RO_QUERY", &graph, query]).await.expect("read");
        let (_, rows, _): (Value, Vec<Vec<String>>, Value) = redis::from_redis_value(answer).expect("rows");
        assert_eq!(rows, [["t-1", "acme", name]], "one root with this name");
    }
    let nul = GraphSpec { graph: &graph, tenant_id: "t-1", slug: "acme", display_name: "a\0b" };
    assert_eq!(bench.falkordb.create_graph(&nul).await, Err(Error::BadName));
    bench.clean_up(&[&graph]).await;
}

#[tokio::test]
#[ignore = "needs TEST_FALKORDB_URL"]
async fn looking_for_a_graph_does_not_create_it() {
    let mut bench = Bench::new().await;
    let graph = format!("client_{}", bench.run);
    assert_eq!(bench.falkordb.graph_exists(&graph, "t-1").await, Ok(false));
    assert_eq!(ask(&mut bench.admin, &["EXISTS", &graph]).await, Ok(Value::Int(0)));

    let spec = GraphSpec { graph: &graph, tenant_id: "t-1", slug: "acme", display_name: "Acme" };
    bench.falkordb.create_graph(&spec).await.expect("created");
    assert_eq!(bench.falkordb.graph_exists(&graph, "t-1").await, Ok(true));
    assert_eq!(bench.falkordb.graph_exists(&graph, "t-2").await, Ok(false));
    let twin = "CREATE (:Tenant {tenant_id: 't-1'})";
    assert!(ask(&mut bench.admin, &["GRAPH.QUERY", &graph, twin]).await.is_err(), "the constraint is in force");
    bench.clean_up(&[&graph]).await;
}

#[tokio::test]
#[ignore = "needs TEST_FALKORDB_URL"]
async fn a_graph_with_wrong_root_nodes_is_refused() {
    let mut bench = Bench::new().await;
    let graph = format!("client_{}", bench.run);
    let spec = GraphSpec { graph: &graph, tenant_id: "t-1", slug: "acme", display_name: "Acme" };

    let twins = "CREATE (:Tenant {tenant_id: 't-1'}), (:Tenant {tenant_id: 't-1'})";
    ask(&mut bench.admin, &["GRAPH.QUERY", &graph, twins]).await.expect("created");
    // A second try fails too: the constraint exists, but is not in force.
    for _ in 0..2 {
        assert_eq!(bench.falkordb.create_graph(&spec).await, Err(Error::ConstraintFailed));
    }
    let foreign = GraphSpec { tenant_id: "t-2", ..spec };
    assert_eq!(bench.falkordb.create_graph(&foreign).await, Err(Error::ForeignGraph));
    bench.clean_up(&[&graph]).await;
}

#[tokio::test]
#[ignore = "needs TEST_FALKORDB_URL"]
async fn a_graph_and_its_user_are_deleted_once_and_nobody_elses() {
    let mut bench = Bench::new().await;
    let (own, mut open) = bench.tenant("ended").await;
    let (other, _neighbour) = bench.tenant("ended-2").await;
    let falkordb = &bench.falkordb;
    assert_eq!(falkordb.look(&own, "ended").await, Ok(Found::Ours));
    assert_eq!(falkordb.look(&own, "another").await, Ok(Found::Foreign));
    assert_eq!(falkordb.look(&format!("{own}-nobody"), "ended").await, Ok(Found::Nothing));
    let user = user_of(&own);
    assert_eq!(falkordb.look_for_user(&user, &own).await, Ok(Found::Ours));
    assert_eq!(falkordb.look_for_user(&user, &other).await, Ok(Found::Foreign), "it reaches another graph");

    // Twice, because a step may be repeated.
    for _ in 0..2 {
        assert_eq!(falkordb.delete_graph(&own).await, Ok(()));
        assert_eq!(falkordb.look(&own, "ended").await, Ok(Found::Nothing));
        assert_eq!(falkordb.delete_user(&user).await, Ok(()));
        assert_eq!(falkordb.look_for_user(&user, &own).await, Ok(Found::Nothing));
    }
    assert!(ask(&mut open, &["PING"]).await.is_err(), "a connection that was open before");
    ask(&mut bench.admin, &["ACL", "LOAD"]).await.expect("as after a restart");
    assert_eq!(bench.falkordb.look_for_user(&user, &own).await, Ok(Found::Nothing));
    assert_eq!(bench.falkordb.look(&other, "ended-2").await, Ok(Found::Ours));

    // A user that was switched off reaches nothing, and is ours by its name.
    bench.falkordb.switch_off(&user_of(&other)).await.expect("off");
    assert_eq!(bench.falkordb.look_for_user(&user_of(&other), &other).await, Ok(Found::Ours));
    // A graph without a root node is nobody's.
    ask(&mut bench.admin, &["GRAPH.QUERY", &other, "MATCH (n) DELETE n"]).await.expect("emptied");
    assert_eq!(bench.falkordb.look(&other, "ended-2").await, Ok(Found::Unmarked));
    bench.clean_up(&[&own, &other]).await;
}
