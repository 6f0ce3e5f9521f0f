//! A control database for one test.

use std::fs;
use std::sync::Arc;

use domain::{ProvisionRequest, TenantId};
use secrecy::SecretString;
use serde_json::json;
use store::{DatabaseConfig, NewTenant, Store, Tenant};
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use uuid::Uuid;

/// A control database of its own, dropped at the end.
pub(crate) struct Database {
    pub(crate) config: DatabaseConfig,
    pub(crate) store: Store,
}

impl Database {
    pub(crate) async fn create() -> Self {
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
        let name = format!("store_{}", Uuid::now_v7().simple());
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database of our own");
        config.dbname = name;
        let mut owner = store::connect(&config, "test").await.expect("it takes connections");
        store::migrate_control(&mut owner, &config.username).await.expect("the migrations apply");
        let store = store_of(&config);
        Self { config, store }
    }

    pub(crate) async fn tenant(&self, slug: &str) -> Tenant {
        let body = json!({"slug": slug, "display_name": "Acme", "region": "us-east-1", "admin_email": "a@acme.com", "data_residency_verified": true});
        let request = ProvisionRequest::parse(body.as_object().expect("an object"), &[]).expect("valid");
        let new = NewTenant {
            tenant_id: TenantId(Uuid::now_v7()),
            request: &request,
            correlation_id: "c",
            actor: "test",
            request_id: "r",
        };
        self.store.insert_tenant(new).await.expect("the database answers").expect("the slug is free")
    }

    pub(crate) async fn drop(self) {
        let mut admin = self.config.clone();
        "postgres".clone_into(&mut admin.dbname);
        let client = store::connect(&admin, "test").await.expect("the server is there");
        client.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.config.dbname)).await.expect("dropped");
    }
}

/// Another process's store of the same database.
pub(crate) fn store_of(config: &DatabaseConfig) -> Store {
    let config = config.clone();
    Store::new(Arc::new(move || {
        let config = config.clone();
        Box::pin(async move { Ok(config) })
    }))
}
