//! What a deployment does to the control database: its users, its schema, its rights.
//!
//! RDS gives a database that belongs to the master user. The master is no superuser: it may create users and give rights
//! on its database, but it may not act as a user that it created, and cannot make it the database's owner. So nothing
//! changes hands. The owner of the schema gets the rights to create in the database, and no more.

use domain::{CauseCode, Failure};
use lambda_kit::ReadMaster;
use postgres_protocol::escape::{escape_identifier, escape_literal};
use postgres_protocol::password::scram_sha_256;
use secrecy::{ExposeSecret, SecretString};
use secrets::{DatabaseOwnerSecret, DatabaseSecret, MasterSecret, Secret};
use tokio_postgres::{Client, Transaction};

use crate::migrate::{LockedFor, Migrated, lock, migrate_control};
use crate::patience::{Patience, limit};
use crate::{StoreError, connect};

/// The control database and its users.
pub struct ControlDeployment {
    /// Owns the schema and migrates it.
    pub owner: DatabaseSecret,
    /// Reads and writes rows. Its address may be another one, such as RDS Proxy's.
    pub application: DatabaseSecret,
    /// The master of the owner's server. It is asked only if something is missing.
    pub master: ReadMaster,
}

/// Something that the master has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    OwnersLogin,
    ApplicationsLogin,
    CreateInDatabase,
    CreateInPublic,
}

impl ControlDeployment {
    /// Brings the database to this release: its two users, its schema, and the application's rights. However long that
    /// takes, there is an answer in time.
    pub async fn run(&self, patience: Patience) -> Result<Migrated, Failure> {
        // Boxed, because it is nested too deep for the futures around it.
        let outcome = tokio::time::timeout_at(patience.end(), Box::pin(self.bring_up_to_date(patience))).await;
        outcome.unwrap_or_else(|_| Err(CauseCode::MigrationInterrupted.into()))
    }

    /// Logs in as the application, at the owner's server, and reads.
    pub async fn try_application(&self) -> Result<(), Failure> {
        let application = &self.application;
        let tried = async {
            let client = self.connect_as(application.username.clone(), application.password.clone()).await?;
            Ok(client.batch_execute(include_str!("../sql/deployment_trial.sql")).await?)
        };
        tried.await.map_err(|error| match error {
            StoreError::Refused | StoreError::Forbidden => self.unprepared(&[Lack::ApplicationsLogin]),
            error => error.into(),
        })
    }

    async fn bring_up_to_date(&self, patience: Patience) -> Result<Migrated, Failure> {
        let missing = self.prepare(patience).await?;
        let mut owner = self.connect_as_owner().await?;
        let migrated = migrate_control(&mut owner, &self.application.username, patience).await;
        migrated.map_err(|failure| match failure.code() {
            CauseCode::MigrationRefused if !missing.is_empty() => self.unprepared(&missing),
            _ => failure,
        })
    }

    /// Lets the master give what is missing. Returns what is still missing: rights that this release may not need.
    async fn prepare(&self, patience: Patience) -> Result<Vec<Lack>, Failure> {
        let mut missing = self.missing().await?;
        if !missing.is_empty()
            && let Some(secret) = self.read_master(patience).await?
        {
            tracing::info!(?missing, "the control database's master prepares it");
            let (mut master, name) = self.connect_as_master(secret, patience).await?;
            self.give(&mut master, &name, &missing, patience).await?;
            missing = self.missing().await?;
        }
        let log_in = |lack: &Lack| matches!(lack, Lack::OwnersLogin | Lack::ApplicationsLogin);
        if missing.iter().any(log_in) { Err(self.unprepared(&missing)) } else { Ok(missing) }
    }

    async fn missing(&self) -> Result<Vec<Lack>, Failure> {
        let mut missing = Vec::new();
        match self.connect_as_owner().await {
            Err(StoreError::Refused | StoreError::Forbidden) => missing.push(Lack::OwnersLogin),
            owner => {
                let found = include_str!("../sql/deployment_needs.sql");
                let found = owner?.query_one(found, &[&self.application.username]).await.map_err(StoreError::from)?;
                for (lack, column) in [
                    (Lack::CreateInDatabase, "creates_in_database"),
                    (Lack::CreateInPublic, "creates_in_public"),
                    (Lack::ApplicationsLogin, "application_exists"),
                ] {
                    if !found.try_get(column).map_err(StoreError::from)? {
                        missing.push(lack);
                    }
                }
            }
        }
        // The application need not reach this address. So it is tried only where a master could do something about it.
        if self.master.is_given()
            && !missing.contains(&Lack::ApplicationsLogin)
            && self.application_is_refused().await?
        {
            missing.push(Lack::ApplicationsLogin);
        }
        Ok(missing)
    }

    async fn connect_as_owner(&self) -> Result<Client, StoreError> {
        connect(&self.owner, "ivory-migrations").await
    }

    async fn application_is_refused(&self) -> Result<bool, StoreError> {
        let application = &self.application;
        match self.connect_as(application.username.clone(), application.password.clone()).await {
            Err(StoreError::Refused | StoreError::Forbidden) => Ok(true),
            client => client.map(|_| false),
        }
    }

    /// A connection to the owner's server and database.
    async fn connect_as(&self, username: String, password: SecretString) -> Result<Client, StoreError> {
        connect(&DatabaseSecret { username, password, ..self.owner.clone() }, "ivory-deployment").await
    }

    /// The master, if there is one. IAM allows what a policy allows only some seconds after the policy was written.
    async fn read_master(&self, patience: Patience) -> Result<Option<MasterSecret>, Failure> {
        loop {
            match self.master.read().await {
                Err(failure) if failure.code() == CauseCode::SecretForbidden && patience.allows_another_try().await => {
                }
                outcome => return outcome,
            }
        }
    }

    /// The master's connection, and the master's name. While RDS rotates the password, the secret and the database do
    /// not agree for a moment.
    async fn connect_as_master(
        &self,
        mut secret: MasterSecret,
        patience: Patience,
    ) -> Result<(Client, String), Failure> {
        loop {
            match self.connect_as(secret.username.clone(), secret.password).await {
                Err(StoreError::Refused) if patience.allows_another_try().await => {}
                Err(StoreError::Refused) => return Err(CauseCode::ControlDatabaseMasterRefused.into()),
                Err(StoreError::Forbidden) => return Err(CauseCode::ControlDatabaseMasterForbidden.into()),
                client => return Ok((client?, secret.username)),
            }
            let read = self.read_master(patience).await?;
            secret = read.ok_or(CauseCode::ControlDatabaseMasterRefused)?;
        }
    }

    /// Gives both users what they need, all or nothing. The rights are given each time: what is given already stays.
    async fn give(&self, master: &mut Client, name: &str, missing: &[Lack], patience: Patience) -> Result<(), Failure> {
        let (owner, application) = (self.owner.username.as_str(), self.application.username.as_str());
        if owner == name || owner == application {
            return Err(Failure::with_detail(CauseCode::ControlDatabaseUserTaken, owner));
        }
        if application == name {
            return Err(Failure::with_detail(CauseCode::ControlDatabaseUserTaken, application));
        }
        limit(master).await?;
        let transaction = master.transaction().await.map_err(StoreError::from)?;
        lock(&transaction, LockedFor::Transaction, patience).await?;
        let mut statements = String::new();
        for (lack, user) in [(Lack::OwnersLogin, &self.owner), (Lack::ApplicationsLogin, &self.application)] {
            if missing.contains(&lack) {
                statements += &log_in(&transaction, user).await?;
            }
        }
        statements += &rights(&self.owner.dbname, owner, application);
        let given = async {
            transaction.batch_execute(&statements).await?;
            Ok::<_, StoreError>(transaction.commit().await?)
        };
        given.await.map_err(|error| match error {
            StoreError::Forbidden => CauseCode::ControlDatabaseMasterForbidden.into(),
            error => error.into(),
        })
    }

    /// What is missing, or that the master could not give it.
    fn unprepared(&self, missing: &[Lack]) -> Failure {
        let (owner, application) = (DatabaseOwnerSecret::NAMES, DatabaseSecret::NAMES);
        if self.master.is_given() {
            return CauseCode::ControlDatabaseMasterForbidden.into();
        }
        let parts: Vec<String> = missing
            .iter()
            .map(|lack| match lack {
                Lack::OwnersLogin => format!("a log-in for the user of {owner}"),
                Lack::ApplicationsLogin => format!("a log-in for the user of {application}"),
                Lack::CreateInDatabase => format!("the right of the user of {owner} to create schemas in the database"),
                Lack::CreateInPublic => {
                    format!("the right of the user of {owner} to create tables in the schema public")
                }
            })
            .collect();
        Failure::with_detail(CauseCode::ControlDatabaseUnprepared, parts.join(" and "))
    }
}

/// The statement after which a user can log in. A user with another purpose keeps its password.
async fn log_in(transaction: &Transaction<'_>, user: &DatabaseSecret) -> Result<String, Failure> {
    let found = include_str!("../sql/deployment_user.sql");
    let found = transaction.query_one(found, &[&user.username]).await.map_err(StoreError::from)?;
    if found.try_get("has_other_purpose").map_err(StoreError::from)? {
        return Err(Failure::with_detail(CauseCode::ControlDatabaseUserTaken, user.username.as_str()));
    }
    let verb = if found.try_get("exists").map_err(StoreError::from)? { "ALTER" } else { "CREATE" };
    Ok(format!("{verb} ROLE {}", login(user)))
}

/// The server may log a statement, so this one holds what the server keeps of a password: a digest.
fn login(user: &DatabaseSecret) -> String {
    let digest = scram_sha_256(user.password.expose_secret().as_bytes());
    format!("{} LOGIN PASSWORD {};\n", escape_identifier(&user.username), escape_literal(&digest))
}

/// The migrations' history is in `public`. Since Postgres 15, only the database's owner may create there.
fn rights(database: &str, owner: &str, application: &str) -> String {
    let [database, owner, application] = [database, owner, application].map(escape_identifier);
    format!(
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC;
         GRANT CONNECT, CREATE ON DATABASE {database} TO {owner};
         GRANT CONNECT ON DATABASE {database} TO {application};
         GRANT USAGE, CREATE ON SCHEMA public TO {owner};"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_statement_holds_a_password() {
        let user = DatabaseSecret {
            host: "h".to_owned(),
            port: 5432,
            dbname: "d".to_owned(),
            username: "a\"b".to_owned(),
            password: SecretString::from("s3cret-s3cret"),
            ca_pem: None,
        };
        let login = login(&user);
        assert!(login.starts_with("\"a\"\"b\" LOGIN PASSWORD 'SCRAM-SHA-256$4096:"), "{login}");
        assert!(!login.contains("s3cret"), "{login}");
    }
}
