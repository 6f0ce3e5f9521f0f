//! What a deployment does to the control database: its users, its schema, their rights.
//!
//! RDS gives a database that belongs to the master user. The master is no superuser: it may create users and give rights
//! on its database, but it may not act as a user that it created, and cannot make it the database's owner. So nothing
//! changes hands. The owner of the schema gets the rights to create in the database, and no more.

use std::collections::BTreeSet;
use std::iter;

use domain::{CauseCode, Failure};
use lambda_kit::ReadMaster;
use postgres_protocol::escape::{escape_identifier, escape_literal};
use postgres_protocol::password::scram_sha_256;
use secrecy::{ExposeSecret, SecretString};
use secrets::{DatabaseOwnerSecret, DatabaseReadSecret, DatabaseSecret, MasterSecret, Secret};
use tokio_postgres::{Client, Transaction};

use crate::migrate::{LockedFor, Migrated, lock, migrate_control};
use crate::patience::{Patience, limit};
use crate::{StoreError, connect};

/// The control database and its users.
pub struct ControlDeployment {
    /// Owns the schema and migrates it.
    pub owner: DatabaseSecret,
    /// The users of the functions. While a password is rotated, several of them have the same rights. Whoever is not named
    /// here stays as it is.
    pub logins: Vec<Login>,
    /// The master of the owner's server. It is asked only if something is missing.
    pub master: ReadMaster,
}

/// A user of the functions.
#[derive(Clone, Debug)]
pub struct Login {
    /// How it logs in. Its address may be another one than the owner's, such as RDS Proxy's.
    pub user: DatabaseSecret,
    /// What it may do then.
    pub rights: Rights,
}

/// What a user of the functions may do: exactly what the statements in `sql/` need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Every statement.
    Write,
    /// The statements in `sql/read/`.
    Read,
}

impl Rights {
    /// The secret of such a user.
    const fn secret(self) -> &'static str {
        match self {
            Self::Write => DatabaseSecret::NAMES,
            Self::Read => DatabaseReadSecret::NAMES,
        }
    }

    /// The statements that give a role these rights and no others. `role` is quoted.
    pub(crate) fn grants(self, role: &str) -> String {
        let given = match self {
            Self::Write => include_str!("../rights/write.sql"),
            Self::Read => include_str!("../rights/read.sql"),
        };
        [include_str!("../rights/nothing.sql"), given].concat().replace("{role}", role)
    }
}

/// Something that the master has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    OwnersLogin,
    /// The one with this number in the list.
    Login(usize),
    CreateInDatabase,
    CreateInPublic,
}

impl ControlDeployment {
    /// Brings the database to this release: its users, its schema, and the rights of the functions. However long that takes,
    /// there is an answer in time.
    pub async fn run(&self, patience: Patience) -> Result<Migrated, Failure> {
        // Boxed, because it is nested too deep for the futures around it.
        let outcome = tokio::time::timeout_at(patience.end(), Box::pin(self.bring_up_to_date(patience))).await;
        outcome.unwrap_or_else(|_| Err(CauseCode::MigrationInterrupted.into()))
    }

    async fn bring_up_to_date(&self, patience: Patience) -> Result<Migrated, Failure> {
        self.refuse_one_user_for_two_secrets()?;
        let missing = self.prepare(patience).await?;
        let mut owner = self.connect_as_owner().await?;
        let migrated = migrate_control(&mut owner, &self.logins, patience).await;
        migrated.map_err(|failure| match failure.code() {
            CauseCode::MigrationRefused if !missing.is_empty() => self.unprepared(&missing),
            _ => failure,
        })
    }

    /// One user with two purposes would have the rights of the last one only.
    fn refuse_one_user_for_two_secrets(&self) -> Result<(), Failure> {
        let mut names = BTreeSet::from([self.owner.username.as_str()]);
        match self.logins.iter().map(|login| login.user.username.as_str()).find(|name| !names.insert(name)) {
            Some(twice) => Err(Failure::with_detail(CauseCode::ControlDatabaseUserTaken, twice)),
            None => Ok(()),
        }
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
        let log_in = |lack: &Lack| matches!(lack, Lack::OwnersLogin | Lack::Login(_));
        if missing.iter().any(log_in) { Err(self.unprepared(&missing)) } else { Ok(missing) }
    }

    async fn missing(&self) -> Result<Vec<Lack>, Failure> {
        let mut missing = Vec::new();
        match self.connect_as_owner().await {
            Err(StoreError::Refused | StoreError::Forbidden) => missing.push(Lack::OwnersLogin),
            owner => {
                let names: Vec<&str> = self.logins.iter().map(|login| login.user.username.as_str()).collect();
                let found = include_str!("../sql/deployment_needs.sql");
                let found = owner?.query_one(found, &[&names]).await.map_err(StoreError::from)?;
                for (lack, column) in
                    [(Lack::CreateInDatabase, "creates_in_database"), (Lack::CreateInPublic, "creates_in_public")]
                {
                    if !found.try_get(column).map_err(StoreError::from)? {
                        missing.push(lack);
                    }
                }
                let existing: Vec<&str> = found.try_get("existing").map_err(StoreError::from)?;
                let absent = names.iter().enumerate().filter(|(_, name)| !existing.contains(name));
                missing.extend(absent.map(|(number, _)| Lack::Login(number)));
            }
        }
        // The functions need not reach this address. So it is tried only where a master could do something about it.
        for (number, login) in self.logins.iter().enumerate().filter(|_| self.master.is_given()) {
            let lack = Lack::Login(number);
            if !missing.contains(&lack) && self.is_refused(&login.user).await? {
                missing.push(lack);
            }
        }
        Ok(missing)
    }

    async fn connect_as_owner(&self) -> Result<Client, StoreError> {
        connect(&self.owner, "ivory-migrations").await
    }

    async fn is_refused(&self, user: &DatabaseSecret) -> Result<bool, StoreError> {
        match self.connect_as(user.username.clone(), user.password.clone()).await {
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

    /// Gives all users what they need, all or nothing. The rights are given each time: what is given already stays.
    async fn give(&self, master: &mut Client, name: &str, missing: &[Lack], patience: Patience) -> Result<(), Failure> {
        let users = || {
            [(Lack::OwnersLogin, &self.owner)]
                .into_iter()
                .chain(self.logins.iter().enumerate().map(|(number, login)| (Lack::Login(number), &login.user)))
        };
        if users().any(|(_, user)| user.username == name) {
            return Err(Failure::with_detail(CauseCode::ControlDatabaseUserTaken, name));
        }
        limit(master).await?;
        let transaction = master.transaction().await.map_err(StoreError::from)?;
        lock(&transaction, LockedFor::Transaction, patience).await?;
        let mut statements = String::new();
        for (lack, user) in users() {
            if missing.contains(&lack) {
                statements += &log_in(&transaction, user).await?;
            }
        }
        let names = self.logins.iter().map(|login| login.user.username.as_str());
        statements += &rights(&self.owner.dbname, &self.owner.username, names);
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
        let owner = DatabaseOwnerSecret::NAMES;
        if self.master.is_given() {
            return CauseCode::ControlDatabaseMasterForbidden.into();
        }
        let parts: Vec<String> = missing
            .iter()
            .map(|lack| match lack {
                Lack::OwnersLogin => format!("a log-in for the user of {owner}"),
                Lack::Login(number) => {
                    let secret = self.logins.get(*number).map_or("", |login| login.rights.secret());
                    format!("a log-in for the user of {secret}")
                }
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
fn rights<'a>(database: &str, owner: &str, logins: impl Iterator<Item = &'a str>) -> String {
    let [database, owner] = [database, owner].map(escape_identifier);
    let everybody: Vec<String> = iter::once(owner.clone()).chain(logins.map(escape_identifier)).collect();
    let everybody = everybody.join(", ");
    format!(
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC;
         GRANT CONNECT ON DATABASE {database} TO {everybody};
         GRANT CREATE ON DATABASE {database} TO {owner};
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
