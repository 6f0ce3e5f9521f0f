//! A control database of a test's own.

use std::fs;
use std::sync::Arc;

use secrecy::SecretString;
use store::{DatabaseConfig, Store};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};
use uuid::Uuid;

pub struct Database {
    pub store: Store,
    /// For what no statement of ours does: time passing.
    pub client: Client,
    config: DatabaseConfig,
}

impl Database {
    pub async fn create() -> Self {
        let [url, ca] = ["TEST_POSTGRES_URL", "POSTGRES_CA_FILE"].map(|name| std::env::var(name).expect(name));
        let server: Config = url.parse().expect("TEST_POSTGRES_URL is a connection string");
        let Some(Host::Tcp(host)) = server.get_hosts().first() else { panic!("a TCP host") };
        let password = String::from_utf8(server.get_password().unwrap_or_default().to_vec()).expect("text");
        let mut config = DatabaseConfig {
            host: host.clone(),
            port: server.get_ports()[0],
            dbname: "postgres".to_owned(),
            username: server.get_user().expect("a user").to_owned(),
            password: SecretString::from(password),
            ca_pem: Some(fs::read_to_string(ca).expect("the CA file is readable")),
        };
        let admin = store::connect(&config, "test").await.expect("the server takes TLS");
        let name = format!("billing_{}", Uuid::now_v7().simple());
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database of our own");
        config.dbname = name;
        let mut client = store::connect(&config, "test").await.expect("it takes connections");
        store::migrate_control(&mut client, &config.username).await.expect("the migrations apply");
        let source = config.clone();
        let store = Store::new(Arc::new(move || {
            let config = source.clone();
            Box::pin(async move { Ok(config) })
        }));
        Self { store, client, config }
    }

    pub async fn drop(self) {
        let mut admin = self.config.clone();
        "postgres".clone_into(&mut admin.dbname);
        let client = store::connect(&admin, "test").await.expect("the server is there");
        client.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.config.dbname)).await.expect("dropped");
    }
}
