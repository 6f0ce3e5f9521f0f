//! What the users of the functions may do: exactly what the statements in `sql/` need.
//!
//! Postgres itself says what a statement needs: it is a part of the tree that it parses the statement into, and what the
//! executor checks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use secrecy::ExposeSecret;
use test_database::TestDatabase;
use tls::Authorities;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A verb, a table, and a column where the right is one on columns. Reading is a right on tables: a statement of the release
/// before says `*`, and must not fail between a migration that adds a column and the grants after it.
type Right = (&'static str, String, Option<String>);

/// Rights as bits (`nodes/parsenodes.h`).
const BITS: [(u64, &str); 4] = [(2, "SELECT"), (1, "INSERT"), (4, "UPDATE"), (8, "DELETE")];

/// Statements of the owner, who asks what the database is like.
const OWNERS: [&str; 4] = ["deployment_needs", "deployment_user", "lock_holders", "table_holders"];

fn statements(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("readable").path());
    let ours = paths.filter(|path| path.is_file() && !OWNERS.iter().any(|name| path.ends_with(format!("{name}.sql"))));
    let read = ours.map(|path| (path.clone(), fs::read_to_string(&path).expect("a text file"))).collect::<Vec<_>>();
    assert!(!read.is_empty());
    read
}

/// The superuser's session, and what the server says while it parses.
struct Parser {
    client: Client,
    said: UnboundedReceiver<String>,
    tables: BTreeMap<u64, String>,
    columns: BTreeMap<(u64, i64), String>,
}

impl Parser {
    async fn of(database: &TestDatabase) -> Self {
        let config = database.config();
        let rustls = tls::client_config(Authorities::PUBLIC.and(config.ca_pem.as_deref())).expect("an authority");
        let mut pg = Config::new();
        pg.host(&config.host).port(config.port).dbname(&config.dbname).user(&config.username);
        pg.password(config.password.expose_secret()).ssl_mode(tokio_postgres::config::SslMode::Require);
        let (client, mut connection) = pg.connect(MakeRustlsConnect::new(rustls)).await.expect("connected");
        let (say, said) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notice(notice) = message
                    && notice.message().starts_with("parse tree")
                {
                    let _ = say.send(notice.detail().unwrap_or_default().to_owned());
                }
            }
        });
        let sql = "SELECT oid::bigint, oid::regclass::text FROM pg_class \
                   WHERE relnamespace IN ('control'::regnamespace, 'lakehouse'::regnamespace, 'public'::regnamespace)";
        let tables = client.query(sql, &[]).await.expect("answers");
        let tables = tables.iter().map(|row| (row.get::<_, i64>(0).cast_unsigned(), row.get(1))).collect();
        let sql = "SELECT attrelid::bigint, attnum::bigint, attname::text FROM pg_attribute WHERE attnum > 0";
        let columns = client.query(sql, &[]).await.expect("answers");
        let columns =
            columns.iter().map(|row| ((row.get::<_, i64>(0).cast_unsigned(), row.get(1)), row.get(2))).collect();
        client.batch_execute("SET client_min_messages = log; SET debug_pretty_print = off").await.expect("set");
        Self { client, said, tables, columns }
    }

    /// What a statement needs.
    async fn needs(&mut self, sql: &str) -> BTreeSet<Right> {
        self.client.batch_execute("SET debug_print_parse = on").await.expect("set");
        while self.said.try_recv().is_ok() {}
        self.client.prepare(sql).await.expect("accepted");
        let tree = self.said.recv().await.expect("the server says how it parsed it");
        // The server breaks its lines.
        let tree = tree.split_whitespace().collect::<Vec<_>>().join(" ");
        self.client.batch_execute("SET debug_print_parse = off").await.expect("set");
        let info = Regex::new(concat!(
            r"\{RTEPERMISSIONINFO :relid (\d+) :inh \w+ :requiredPerms (\d+) :checkAsUser \d+ ",
            r":selectedCols \(b([ \d]*)\) :insertedCols \(b([ \d]*)\) :updatedCols \(b([ \d]*)\)\}"
        ))
        .expect("an expression");
        assert_eq!(info.find_iter(&tree).count(), tree.matches("{RTEPERMISSIONINFO").count(), "another form: {tree}");
        let mut needs = BTreeSet::new();
        for info in info.captures_iter(&tree) {
            let table: u64 = info[1].parse().expect("a number");
            let Some(name) = self.tables.get(&table) else { continue };
            let bits: u64 = info[2].parse().expect("a number");
            for (_, verb) in BITS.into_iter().filter(|(bit, _)| bits & bit != 0) {
                let columns = match verb {
                    "INSERT" => &info[4],
                    // A row that is locked only needs the right on any column.
                    "UPDATE" => &info[5],
                    _ => {
                        needs.insert((verb, name.clone(), None));
                        continue;
                    }
                };
                // The numbers begin seven lower, with the columns of the system.
                let column =
                    |number: &str| self.columns[&(table, number.parse::<i64>().expect("a number") - 7)].clone();
                needs.extend(columns.split_whitespace().map(|number| (verb, name.clone(), Some(column(number)))));
            }
        }
        needs
    }

    /// What a role has on tables, columns and sequences.
    async fn given(&self, role: &str) -> BTreeSet<Right> {
        let sql = "SELECT privilege_type, oid::regclass::text, NULL FROM pg_class, aclexplode(relacl)
                   WHERE grantee = $1::text::regrole
                   UNION ALL
                   SELECT privilege_type, attrelid::regclass::text, attname::text FROM pg_attribute, aclexplode(attacl)
                   WHERE grantee = $1::text::regrole";
        let rows = self.client.query(sql, &[&role]).await.expect("answers");
        let verb = |found: &str| BITS.into_iter().find(|(_, verb)| *verb == found).map_or("ANOTHER", |(_, verb)| verb);
        rows.iter().map(|row| (verb(row.get(0)), row.get(1), row.get(2))).collect()
    }
}

/// The statements that give these rights.
fn written(rights: &BTreeSet<Right>) -> String {
    let mut tables: BTreeMap<&str, BTreeMap<usize, (&str, Vec<&str>)>> = BTreeMap::new();
    for (verb, table, column) in rights {
        let place = BITS.iter().position(|(_, known)| known == verb).unwrap_or(BITS.len());
        let (_, columns) = tables.entry(table).or_default().entry(place).or_insert((verb, Vec::new()));
        columns.extend(column.as_deref());
    }
    let mut text = String::new();
    for (table, verbs) in tables {
        for (verb, columns) in verbs.into_values() {
            let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
            let _ = writeln!(text, "GRANT {verb}{columns} ON {table} TO {{role}};");
        }
    }
    text
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_user_may_do_exactly_what_the_statements_need() {
    let database = TestDatabase::control().await;
    let users = database.users();
    let mut parser = Parser::of(&database).await;
    let reading = statements("sql/read");
    let writing = [statements("sql"), reading.clone()].concat();
    for (file, user, statements) in [("read", &users.reader, &reading), ("write", &users.application, &writing)] {
        let mut needs = BTreeSet::new();
        for (_, sql) in statements {
            needs.extend(parser.needs(sql).await);
        }
        let given = parser.given(&user.username).await;
        let surplus: Vec<_> = given.difference(&needs).collect();
        let lacking: Vec<_> = needs.difference(&given).collect();
        assert!(
            surplus.is_empty() && lacking.is_empty(),
            "too much: {surplus:?}\ntoo little: {lacking:?}\nrights/{file}.sql would be:\n{}",
            written(&needs)
        );
    }
}

/// The executor checks the rights of a statement before it does anything, also if it has only to say how it would do it.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_executor_lets_each_user_do_its_statements() {
    let database = TestDatabase::control().await;
    let users = database.users();
    let reader = store::connect(&users.reader, "test").await.expect("it logs in");
    let application = store::connect(&users.application, "test").await.expect("it logs in");
    let explain = |sql: &str| format!("EXPLAIN (GENERIC_PLAN) {sql}");
    for (path, sql) in statements("sql/read") {
        for client in [&reader, &application] {
            let explained = client.batch_execute(&explain(&sql)).await;
            assert!(explained.is_ok(), "{}: {explained:?}", path.display());
        }
    }
    for (path, sql) in statements("sql") {
        let explained = application.batch_execute(&explain(&sql)).await;
        assert!(explained.is_ok(), "{}: {explained:?}", path.display());
    }
}

/// Whether the role may not do that.
async fn is_forbidden(client: &Client, sql: &str) -> bool {
    let refused = client.batch_execute(&format!("BEGIN; {sql}; ROLLBACK")).await.err();
    client.batch_execute("ROLLBACK").await.expect("it answers");
    refused.as_ref().and_then(tokio_postgres::Error::code) == Some(&SqlState::INSUFFICIENT_PRIVILEGE)
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn nobody_of_the_functions_can_forge_history() {
    let database = TestDatabase::of_rds().await;
    let users = database.users();
    users.deployment().run(store::Patience::of_deployment()).await.expect("deployed");
    let application = store::connect(&users.application, "test").await.expect("it logs in");
    let reader = store::connect(&users.reader, "test").await.expect("it logs in");
    for attack in [
        // Written for yesterday.
        "INSERT INTO control.audit_log (at, actor, action, request_id) VALUES (now() - interval '1 day', 'a', 'b', 'r')",
        // Written before the rows that are still to come, whose keys would then be taken.
        "INSERT INTO control.audit_log (id, actor, action, request_id) OVERRIDING SYSTEM VALUE VALUES (7, 'a', 'b', 'r')",
        "SELECT setval('control.audit_log_id_seq', 1000)",
        "SELECT nextval('control.audit_log_id_seq')",
        "UPDATE control.audit_log SET actor = 'nobody'",
        "DELETE FROM control.audit_log",
        "TRUNCATE control.audit_log",
        "UPDATE control.audit_seals SET seal = ''",
        "DELETE FROM control.audit_seals",
        "TRUNCATE control.audit_seals",
        "INSERT INTO control.audit_seals (seq, id, previous, seal, sealed_at) VALUES (1, 1, '', '', now())",
        // A digest or a salt that somebody chose.
        "INSERT INTO control.audit_log (actor, action, request_id, digest) VALUES ('a', 'b', 'r', '')",
        "INSERT INTO control.audit_log (actor, action, request_id, addresses) VALUES ('a', 'b', 'r', '{}')",
        "SELECT control.audit_erase('a@b')",
        // What no statement of ours does.
        "DELETE FROM control.tenants",
        "DELETE FROM control.provisioning_steps",
        "DELETE FROM control.resources",
        "DELETE FROM control.outbox",
        "DELETE FROM lakehouse.tenant_catalogs",
        "DELETE FROM lakehouse.sync_targets",
        "UPDATE control.tenants SET tenant_id = gen_random_uuid()",
        "UPDATE control.tenants SET slug = 'other'",
        "UPDATE control.tenants SET region = 'us-east-1'",
        // A retrieval period that began earlier, a purge without its request.
        "UPDATE control.tenants SET deprovisioned_at = to_timestamp(0)",
        "UPDATE control.purges SET slug = 'other'",
        "UPDATE control.purges SET tenant_id = gen_random_uuid()",
        "DELETE FROM control.purges",
        "DELETE FROM control.purge_steps",
        "INSERT INTO control.purges (tenant_id, slug, state, customer, data, no_return_step, retrieval_days, requested_by, correlation_id,
                                     requested_at)
         VALUES (gen_random_uuid(), 'a', 'running', 'keep', 'drop', 3, 30, 'a', 'c', to_timestamp(0))",
        "UPDATE control.tenants SET provisioned_at = now()",
        "UPDATE control.outbox SET payload = '{}'",
        "UPDATE control.outbox SET tenant_id = gen_random_uuid()",
        "UPDATE control.resources SET tenant_id = gen_random_uuid()",
        "INSERT INTO control.outbox (id, tenant_id, kind, payload, delivered_at)
         VALUES (gen_random_uuid(), gen_random_uuid(), 'publish_event', '{}', now())",
        "UPDATE lakehouse.sync_targets SET tenant_id = gen_random_uuid()",
        "SELECT FROM public.refinery_schema_history",
        "CREATE TEMPORARY TABLE t ()",
        "ALTER TABLE control.audit_log DISABLE TRIGGER ALL",
    ] {
        for client in [&application, &reader] {
            assert!(is_forbidden(client, attack).await, "{attack}");
        }
    }
    for written in [
        "INSERT INTO control.audit_log (actor, action, request_id) VALUES ('a', 'b', 'r')",
        "INSERT INTO control.audit_seals (seq, id, previous, seal) SELECT 1, 1, '', '' WHERE false",
        "UPDATE control.tenants SET display_name = 'x'",
        "SELECT FROM control.tenants FOR SHARE",
        "SELECT FROM control.outbox",
        "SELECT FROM control.leases",
    ] {
        assert!(is_forbidden(&reader, written).await, "{written}");
        assert!(!is_forbidden(&application, written).await, "{written}");
    }
}
