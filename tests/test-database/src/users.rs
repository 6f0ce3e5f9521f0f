//! The users of a control database.

use anyhow::Result;
use lambda_kit::ReadMaster;
use secrecy::ExposeSecret;
use secrets::{DatabaseSecret, MasterSecret};
use store::{ControlDeployment, Login, Rights};
use tokio_postgres::Client;

/// The master of the test server: what the master user of RDS is. In particular it is no superuser.
pub(crate) const MASTER: &str = "test_master";

/// The definition of the master. RDS lets its master see all sessions and end those of others.
pub(crate) fn master(server: &DatabaseSecret) -> String {
    let password = server.password.expose_secret();
    format!("{MASTER} LOGIN CREATEDB CREATEROLE PASSWORD '{password}' IN ROLE pg_monitor, pg_signal_backend")
}

/// The users of a control database. Each has the superuser's password, which is new with every test server.
#[derive(Clone, Debug)]
pub struct ControlUsers {
    /// Owns the schema.
    pub owner: DatabaseSecret,
    /// What the functions are.
    pub application: DatabaseSecret,
    /// What the functions are that only read.
    pub reader: DatabaseSecret,
    /// Owns the database.
    pub master: MasterSecret,
    /// Whether only one test uses the first two.
    own: bool,
}

impl ControlUsers {
    /// Users that all tests share. The migrated template belongs to them.
    pub(crate) fn of_all_tests(config: &DatabaseSecret) -> Self {
        Self { own: false, ..Self::named("test", config) }
    }

    /// Users that do not exist yet.
    pub(crate) fn of_one_test(config: &DatabaseSecret) -> Self {
        Self { own: true, ..Self::named(&config.dbname, config) }
    }

    fn named(first: &str, config: &DatabaseSecret) -> Self {
        let user = |last| DatabaseSecret { username: format!("{first}_{last}"), ..config.clone() };
        let master = MasterSecret { username: MASTER.to_owned(), password: config.password.clone() };
        Self { owner: user("owner"), application: user("app"), reader: user("reader"), master, own: false }
    }

    /// A deployment that knows the master.
    #[must_use]
    pub fn deployment(&self) -> ControlDeployment {
        let master = self.master.clone();
        ControlDeployment {
            owner: self.owner.clone(),
            logins: vec![
                Login { user: self.application.clone(), rights: Rights::Write },
                Login { user: self.reader.clone(), rights: Rights::Read },
            ],
            master: ReadMaster::from_fn(move || std::future::ready(Ok(master.clone()))),
        }
    }

    /// A deployment that knows no master.
    #[must_use]
    pub fn deployment_without_master(&self) -> ControlDeployment {
        ControlDeployment { master: ReadMaster::none(), ..self.deployment() }
    }

    /// A clone of the template lacks the rights on the database itself.
    pub(crate) async fn allow(&self, admin: &Client) -> Result<()> {
        if !self.own {
            let (database, owner) = (&self.owner.dbname, &self.owner.username);
            admin.batch_execute(&format!("GRANT CREATE ON DATABASE {database} TO {owner}")).await?;
        }
        Ok(())
    }

    /// The statements after which users of one test are gone, once their database is.
    pub(crate) fn end(&self) -> Vec<String> {
        let users = [&self.application, &self.reader, &self.owner].into_iter().filter(|_| self.own);
        users.map(|user| format!("DROP ROLE IF EXISTS {}", user.username)).collect()
    }
}
