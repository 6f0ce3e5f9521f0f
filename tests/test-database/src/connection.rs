//! The connection to the test server.

use anyhow::{Context as _, Result, bail};
use secrecy::SecretString;
use secrets::DatabaseSecret;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};

/// The test server, with its superuser.
pub(crate) fn server() -> Result<DatabaseSecret> {
    let variable = |name| std::env::var(name).with_context(|| format!("{name} is not set: run `cargo xtask test`"));
    let url: Config = variable("TEST_POSTGRES_URL")?.parse().context("TEST_POSTGRES_URL is not a connection string")?;
    let ([Host::Tcp(host)], [port]) = (url.get_hosts(), url.get_ports()) else {
        bail!("TEST_POSTGRES_URL must have exactly one host and port");
    };
    Ok(DatabaseSecret {
        host: host.clone(),
        port: *port,
        dbname: "postgres".to_owned(),
        username: url.get_user().context("TEST_POSTGRES_URL has no user")?.to_owned(),
        password: SecretString::from(String::from_utf8(url.get_password().unwrap_or_default().to_vec())?),
        ca_pem: Some(std::fs::read_to_string(variable("POSTGRES_CA_FILE")?).context("POSTGRES_CA_FILE")?),
    })
}

pub(crate) async fn connect(config: &DatabaseSecret) -> Result<Client> {
    store::connect(config, "test").await.with_context(|| format!("connecting to {}", config.dbname))
}
