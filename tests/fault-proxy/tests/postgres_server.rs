//! A real Postgres behind the proxy: TLS with channel binding on both sides, and the calls of a real client.

mod support;

use std::fs;
use std::net::IpAddr;
use std::pin::pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use fault_proxy::PostgresTls;
use fault_proxy::client::{Action, Match, Rule, UpstreamKind, UpstreamState, When};
use futures_util::{SinkExt, TryStreamExt};
use support::{Cloud, SOON, is_reset};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::config::{ChannelBinding, Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

/// A proxy before the test server, and what a client needs to connect.
struct Server {
    cloud: Cloud,
    config: Config,
    authority: String,
}

impl Server {
    async fn from_env() -> anyhow::Result<Self> {
        let variable = |name| std::env::var(name).with_context(|| format!("{name} is not set: run `cargo xtask test`"));
        let (url, authority) = (variable("TEST_POSTGRES_URL")?, variable("POSTGRES_CA_FILE")?);
        let (certificate, key) = (variable("TEST_POSTGRES_CERTIFICATE_FILE")?, variable("TEST_POSTGRES_KEY_FILE")?);
        let mut config = Config::from_str(&url)?;
        let [Host::Tcp(host)] = config.get_hosts() else { anyhow::bail!("not one TCP host") };
        let target = (IpAddr::from_str(host)?, config.get_ports()[0]).into();
        let authority = fs::read_to_string(authority)?;
        let tls = PostgresTls {
            authority: authority.clone(),
            certificate: fs::read_to_string(certificate)?,
            key: fs::read_to_string(key)?.into(),
        };
        let effects = Arc::default();
        let cloud = Cloud::with_certificate(UpstreamKind::Postgres, target, effects, Some(tls)).await?;
        // The proxy has the host of the URL, but another port.
        let url = url.replacen(&format!(":{}", target.port()), &format!(":{}", cloud.address.port()), 1);
        config = Config::from_str(&url)?;
        config.ssl_mode(SslMode::Require).channel_binding(ChannelBinding::Require);
        Ok(Self { cloud, config, authority })
    }

    fn connector(&self) -> anyhow::Result<MakeRustlsConnect> {
        Ok(MakeRustlsConnect::new(tls::client_config(tls::Authorities::PUBLIC.and(Some(&self.authority)))?))
    }

    /// A client over TLS.
    async fn client(&self) -> anyhow::Result<Client> {
        let (client, connection) = self.config.connect(self.connector()?).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A client with its own table.
    async fn with_table(&self) -> anyhow::Result<(Client, Client)> {
        let (client, other) = (self.client().await?, self.client().await?);
        client.batch_execute("CREATE TEMPORARY TABLE notes (tenant_id uuid, note text)").await?;
        Ok((client, other))
    }

    async fn rule(&self, action: Action, matching: Match) -> anyhow::Result<fault_proxy::RuleId> {
        Ok(self.cloud.control.add(&Rule::new("system", action).matching(matching)).await?)
    }
}

const TLS_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";

const INSERT: &str = "-- A comment.\nINSERT INTO notes (tenant_id, note)\n    VALUES ($1, $2)";

async fn insert(client: &Client, tenant: Uuid, note: &str) -> Result<u64, tokio_postgres::Error> {
    client.execute_typed(INSERT, &[(&tenant, Type::UUID), (&note, Type::TEXT)]).await
}

async fn count(client: &Client) -> anyhow::Result<i64> {
    Ok(client.query_one("SELECT count(*) FROM notes", &[]).await?.get(0))
}

/// Whether the server sees this client's connection encrypted.
async fn is_encrypted(client: &Client) -> anyhow::Result<bool> {
    Ok(client.query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await?.get(0))
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL, POSTGRES_CA_FILE, TEST_POSTGRES_CERTIFICATE_FILE and TEST_POSTGRES_KEY_FILE"]
async fn tls_and_channel_binding_hold_end_to_end() -> anyhow::Result<()> {
    let mut server = Server::from_env().await?;
    assert!(is_encrypted(&server.client().await?).await?);
    let large = "x".repeat(8 << 20);
    let row = server.client().await?.query_one("SELECT $1 || 'y', length($1)", &[&large]).await?;
    assert_eq!((row.get::<_, &str>(0).len(), row.get::<_, i32>(1)), ((8 << 20) + 1, 8 << 20));
    let log = serde_json::to_string(&server.cloud.control.log(None).await?)?;
    assert!(log.contains(r#""path":"SELECT $1 || 'y', length($1)""#) && !log.contains("xxx"), "{log}");

    server.config.password("wrong");
    let refused = server.client().await.err().and_then(|error| error.downcast::<tokio_postgres::Error>().ok());
    assert_eq!(refused.context("let in")?.code(), Some(&SqlState::INVALID_PASSWORD));
    Ok(())
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL, POSTGRES_CA_FILE, TEST_POSTGRES_CERTIFICATE_FILE and TEST_POSTGRES_KEY_FILE"]
async fn a_connection_to_a_server_of_another_authority_is_reset() -> anyhow::Result<()> {
    let server = Server::from_env().await?;
    let stranger = Cloud::before(UpstreamKind::Postgres, server.cloud.target, Arc::default()).await?;
    let mut stream = stranger.connect().await?;
    stream.write_all(TLS_REQUEST).await?;
    assert!(is_reset(&stream.read(&mut [0; 1]).await));
    Ok(())
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL, POSTGRES_CA_FILE, TEST_POSTGRES_CERTIFICATE_FILE and TEST_POSTGRES_KEY_FILE"]
async fn a_connection_in_clear_stays_in_clear() -> anyhow::Result<()> {
    let mut server = Server::from_env().await?;
    let (client, connection) =
        server.config.ssl_mode(SslMode::Disable).channel_binding(ChannelBinding::Disable).connect(NoTls).await?;
    tokio::spawn(connection);
    assert!(!is_encrypted(&client).await?);
    Ok(())
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL, POSTGRES_CA_FILE, TEST_POSTGRES_CERTIFICATE_FILE and TEST_POSTGRES_KEY_FILE"]
async fn a_rule_fires_at_one_statement_of_one_tenant() -> anyhow::Result<()> {
    let server = Server::from_env().await?;
    let (client, other) = server.with_table().await?;
    let (acme, globex) = (Uuid::now_v7(), Uuid::now_v7());
    let of_acme =
        || Match::statement(&format!(r"^INSERT INTO notes \(tenant_id, note\) VALUES .* \$1={acme} \$2=a b$"));

    let held = server.rule(Action::Hold { when: When::Before }, of_acme()).await?;
    let inserting = async { anyhow::Ok(insert(&client, acme, "a b").await?) };
    let meanwhile = async {
        let held = server.cloud.control.wait_held(held, SOON).await?;
        let sql = "INSERT INTO notes (tenant_id, note) VALUES ($1, $2)";
        assert_eq!((held.method.as_str(), held.path.as_deref()), ("QUERY", Some(sql)));
        other.simple_query("SELECT 1").await?;
        server.cloud.control.remove(held.rule).await?;
        anyhow::Ok(())
    };
    tokio::try_join!(inserting, meanwhile)?;
    assert_eq!((insert(&client, globex, "a b").await?, count(&client).await?), (1, 2));

    let refused = server.rule(Action::sql_error("40001", "not now"), of_acme().times(1)).await?;
    insert(&client, globex, "a b").await?;
    let error = insert(&client, acme, "a b").await.err().context("not met")?;
    assert_eq!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE));
    assert_eq!((insert(&client, acme, "a b").await?, count(&client).await?), (1, 4));
    server.cloud.control.remove(refused).await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL, POSTGRES_CA_FILE, TEST_POSTGRES_CERTIFICATE_FILE and TEST_POSTGRES_KEY_FILE"]
async fn cut_after_the_effect() -> anyhow::Result<()> {
    let server = Server::from_env().await?;
    let name = format!("fault_proxy_{}", Uuid::now_v7().simple());
    let (client, other) = (server.client().await?, server.client().await?);
    server.rule(Action::Cut { when: When::After }, Match::statement(&format!("^CREATE SCHEMA {name}$"))).await?;
    assert!(client.batch_execute(&format!("CREATE SCHEMA {name}")).await.is_err_and(|error| error.is_closed()));
    other.batch_execute(&format!("DROP SCHEMA {name}")).await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL, POSTGRES_CA_FILE, TEST_POSTGRES_CERTIFICATE_FILE and TEST_POSTGRES_KEY_FILE"]
async fn pipelined_and_prepared_calls_keep_their_replies() -> anyhow::Result<()> {
    let server = Server::from_env().await?;
    let client = server.client().await?;
    let statement = client.prepare("SELECT $1::int4 * 2").await?;
    let third = Match::statement(r"^SELECT \$1::int4 \* 2 \$1=3$");
    server.rule(Action::sql_error("XX000", "three"), third).await?;
    let run = async |number: i32| client.query_one(&statement, &[&number]).await.ok().map(|row| row.get::<_, i32>(0));
    let answers = tokio::join!(run(1), run(2), run(3), run(4), client.simple_query("SELEC"), run(5));
    assert_eq!((answers.0, answers.1, answers.2, answers.3, answers.5), (Some(2), Some(4), None, Some(8), Some(10)));
    assert!(answers.4.is_err_and(|error| error.code() == Some(&SqlState::SYNTAX_ERROR)));
    client.check_connection().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL, POSTGRES_CA_FILE, TEST_POSTGRES_CERTIFICATE_FILE and TEST_POSTGRES_KEY_FILE"]
async fn copies_and_cancellation_pass() -> anyhow::Result<()> {
    let server = Server::from_env().await?;
    let (client, _) = server.with_table().await?;
    let id = Uuid::now_v7();
    let mut sink = pin!(client.copy_in::<_, Bytes>("COPY notes FROM STDIN").await?);
    for note in ["a", "b"] {
        sink.send(format!("{id}\t{note}\n").into()).await?;
    }
    assert_eq!(sink.finish().await?, 2);
    // Later replies are still attributed to the right calls.
    let later = server.rule(Action::sql_error("XX000", "later"), Match::statement("^SELECT 2$")).await?;
    let queries = ["SELECT 1", "SELECT 2", "SELECT 3"].map(|sql| client.simple_query(sql));
    let [first, second, third] = queries;
    let answers = tokio::join!(first, second, third);
    assert_eq!((answers.0.is_ok(), answers.1.is_ok(), answers.2.is_ok()), (true, false, true));
    server.cloud.control.remove(later).await?;
    let out: Vec<Bytes> = client.copy_out("COPY notes TO STDOUT").await?.try_collect().await?;
    assert_eq!(out.concat(), format!("{id}\ta\n{id}\tb\n").as_bytes());

    let rule = server.rule(Action::Hold { when: When::After }, Match::statement("^COPY notes FROM")).await?;
    let asked = client.copy_in::<_, Bytes>("COPY notes FROM STDIN");
    let released = async {
        server.cloud.control.wait_held(rule, SOON).await?;
        server.cloud.control.remove(rule).await?;
        anyhow::Ok(())
    };
    let (sink, released) = tokio::join!(asked, released);
    released?;
    assert_eq!(pin!(sink?).finish().await?, 0);

    let (token, connector) = (client.cancel_token(), server.connector()?);
    let sleeping = client.simple_query("SELECT pg_sleep(60)");
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        token.cancel_query(connector).await
    };
    let (slept, cancelled) = tokio::join!(sleeping, cancel);
    cancelled?;
    assert_eq!(slept.err().context("not cancelled")?.code(), Some(&SqlState::QUERY_CANCELED));
    Ok(())
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL, POSTGRES_CA_FILE, TEST_POSTGRES_CERTIFICATE_FILE and TEST_POSTGRES_KEY_FILE"]
async fn refuse_and_silent() -> anyhow::Result<()> {
    let server = Server::from_env().await?;
    let (client, control) = (server.client().await?, &server.cloud.control);
    control.set_state("system", UpstreamState::Silent).await?;
    let (mut query, mut connect) = (pin!(client.simple_query("SELECT 1")), pin!(server.client()));
    let both = async { tokio::join!(&mut query, &mut connect) };
    assert!(tokio::time::timeout(Duration::from_millis(200), both).await.is_err(), "something passes");
    control.set_state("system", UpstreamState::Up).await?;
    let (answer, connected) = tokio::join!(query, connect);
    answer?;
    let other = connected?;
    control.set_state("system", UpstreamState::Refuse).await?;
    for client in [&client, &other] {
        assert!(client.simple_query("SELECT 1").await.is_err_and(|error| error.is_closed()));
    }
    assert!(server.client().await.is_err());
    Ok(())
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL, POSTGRES_CA_FILE, TEST_POSTGRES_CERTIFICATE_FILE and TEST_POSTGRES_KEY_FILE"]
async fn a_client_that_breaks_off_leaves_nothing_behind() -> anyhow::Result<()> {
    let server = Server::from_env().await?;
    let other = server.client().await?;
    let mut broken = TcpStream::connect(server.cloud.address).await?;
    broken.write_all(TLS_REQUEST).await?;
    drop(broken);
    let name = format!("gone_{}", Uuid::now_v7().simple());
    let (client, connection) = server.config.clone().application_name(&name).connect(server.connector()?).await?;
    let connection = tokio::spawn(connection);
    client.simple_query("SELECT 1").await?;
    connection.abort();
    support::until(async || {
        let there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
        Ok(other.query_one(there, &[&name]).await?.get::<_, i64>(0) == 0)
    })
    .await
}
