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
mod users;

use anyhow::{Context as _, Result};
use lambda_kit::Read;
use secrets::{DatabaseReadSecret, DatabaseSecret, MasterSecret};
use store::{Reader, Store};
use tokio_postgres::Client;
use uuid::Uuid;

use connection::{connect, server};
pub use statements::assert_accepted;
use template::Template;
pub use template::tenant_migrations;
pub use users::ControlUsers;

/// The database of one test. It is dropped with this value, whether the test passed or failed.
#[derive(Debug)]
pub struct TestDatabase {
    /// With the superuser.
    config: DatabaseSecret,
    users: Option<ControlUsers>,
}

impl TestDatabase {
    /// A control database, made as a deployment on RDS makes it.
    ///
    /// # Panics
    /// If there is no test server.
    pub async fn control() -> Self {
        Self::cloned(Template::Control).await.expect("a control database")
    }

    /// A database as RDS gives it, with nothing in it: it belongs to a master who is no superuser, and the users of the
    /// control database do not exist yet. They are dropped with it.
    ///
    /// # Panics
    /// If there is no test server.
    pub async fn of_rds() -> Self {
        Self::cloned(Template::OfRds).await.expect("a database of RDS")
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
        let config = DatabaseSecret { dbname: name, ..server };
        let users = template.users(&config);
        if let Some(users) = &users {
            users.allow(&admin).await?;
        }
        Ok(Self { config, users })
    }

    /// How to connect, as the superuser.
    #[must_use]
    pub fn config(&self) -> &DatabaseSecret {
        &self.config
    }

    /// The users of a control database, as a deployment knows them.
    ///
    /// # Panics
    /// If this is no control database.
    #[must_use]
    pub fn users(&self) -> &ControlUsers {
        self.users.as_ref().expect("a control database")
    }

    /// A store on this database, as the application. Each call is like another process: it opens a new connection.
    #[must_use]
    pub fn store(&self) -> Store {
        let config = self.users().application.clone();
        Store::new(Read::from_fn(move |()| std::future::ready(Ok(config.clone()))))
    }

    /// The same as the user that only reads.
    #[must_use]
    pub fn reader(&self) -> Reader {
        let config = self.users().reader.clone();
        Reader::new(Read::from_fn(move |()| std::future::ready(Ok(DatabaseReadSecret(config.clone())))))
    }

    /// A connection of the superuser.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn connect(&self) -> Client {
        connect(&self.config).await.expect("the test's database answers")
    }

    /// A connection of the master of a control database.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn connect_as_master(&self) -> Client {
        let MasterSecret { username, password } = self.users().master.clone();
        let config = DatabaseSecret { username, password, ..self.config.clone() };
        connect(&config).await.expect("the master can log in")
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
        let mut statements = vec![format!("DROP DATABASE {} WITH (FORCE)", self.config.dbname)];
        statements.extend(self.users.iter().flat_map(ControlUsers::end));
        let dropping = async move {
            let admin = connect(&server).await?;
            for sql in statements {
                admin.batch_execute(&sql).await?;
            }
            Ok::<_, anyhow::Error>(())
        };
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
