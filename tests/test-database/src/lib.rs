//! A Postgres database for each test, cloned from a migrated template and dropped at the end.
//!
//! `TEST_POSTGRES_URL` is the URL of a test server with its superuser. `POSTGRES_CA_FILE` is the authority of the
//! server's certificate. `cargo xtask test` sets both. Several test programs may use the server at the same time.
//!
//! [`stranger`] needs no server: it is one, of whatever trustworthiness.

mod connection;
mod statements;
pub mod stranger;
mod template;

use anyhow::{Context as _, Result};
use lambda_kit::Read;
use secrets::DatabaseSecret;
use store::Store;
use tokio_postgres::Client;
use uuid::Uuid;

use connection::{connect, server};
pub use statements::assert_accepted;
use template::Template;
pub use template::tenant_migrations;

/// The database of one test. It is dropped with this value, whether the test passed or failed.
#[derive(Debug)]
pub struct TestDatabase {
    config: DatabaseSecret,
}

impl TestDatabase {
    /// A control database.
    ///
    /// # Panics
    /// If there is no test server.
    pub async fn control() -> Self {
        Self::cloned(Template::Control).await.expect("a control database")
    }

    /// A tenant's database, migrated as step 3 does it: by an owner who is not a superuser, in one transaction.
    ///
    /// # Panics
    /// If there is no test server.
    pub async fn tenant() -> Self {
        Self::cloned(Template::Tenant).await.expect("a tenant's database")
    }

    /// A database without any migration.
    ///
    /// # Panics
    /// If there is no test server.
    pub async fn empty() -> Self {
        Self::cloned(Template::Empty).await.expect("an empty database")
    }

    async fn cloned(template: Template) -> Result<Self> {
        let server = server()?;
        let admin = connect(&server).await?;
        let (original, name) = (template.ready(&admin, &server).await?, format!("test_{}", Uuid::now_v7().simple()));
        let sql = format!("CREATE DATABASE {name} TEMPLATE {original} OWNER {}", template.owner());
        admin.batch_execute(&sql).await.context(sql)?;
        Ok(Self { config: DatabaseSecret { dbname: name, ..server } })
    }

    /// How to connect, as the superuser.
    #[must_use]
    pub fn config(&self) -> &DatabaseSecret {
        &self.config
    }

    /// A store on this database. Each call is like another process: it opens a new connection.
    #[must_use]
    pub fn store(&self) -> Store {
        let config = self.config.clone();
        Store::new(Read::from_fn(move |()| std::future::ready(Ok(config.clone()))))
    }

    /// A connection of the superuser.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn connect(&self) -> Client {
        connect(&self.config).await.expect("the test's database answers")
    }

    /// A connection of the owner of a tenant's database, who is not a superuser.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn connect_as_owner(&self) -> Client {
        let client = self.connect().await;
        template::become_owner(&client).await.expect("a tenant's database has an owner");
        client
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let server = DatabaseSecret { dbname: "postgres".to_owned(), ..self.config.clone() };
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.config.dbname);
        let dropping = async move { Ok::<_, anyhow::Error>(connect(&server).await?.batch_execute(&sql).await?) };
        // On another thread, because a runtime cannot be entered from inside the test's runtime.
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(dropping)
        });
        // An error of the cleanup must not hide the test's result.
        if !matches!(dropped.join(), Ok(Ok(()))) {
            eprintln!("{} could not be dropped", self.config.dbname);
        }
    }
}
