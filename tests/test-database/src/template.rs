//! Migrated databases that tests clone.

use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::{Context as _, Result, anyhow};
use refinery::{Migration, Runner};
use secrets::DatabaseSecret;
use store::Patience;
use tokio_postgres::Client;

use crate::connection::connect;
use crate::users::{ControlUsers, MASTER, master};

mod control {
    refinery::embed_migrations!("../../shared/store/migrations");
}

mod tenant {
    refinery::embed_migrations!("../../shared/tenant-database/migrations/tenant");
}

/// What a deployment grants.
const RIGHTS: &str = concat!(
    include_str!("../../../shared/store/rights/nothing.sql"),
    include_str!("../../../shared/store/rights/read.sql"),
    include_str!("../../../shared/store/rights/write.sql")
);

/// Lets only one process at a time make a template. The number can be any constant.
const ADVISORY_LOCK: i64 = 0x74_65_73_74;

/// The owner of tenants' databases.
const OWNER: &str = "tenant_database_owner";

/// The owner, and the roles that a tenant's database has at Supabase.
const ROLES: [&str; 3] = [OWNER, "service_role BYPASSRLS", "anon"];

/// Making a role that exists is no error. Roles belong to the server, and another process may have made it.
fn role(definition: &str) -> String {
    format!(
        "DO $$ BEGIN CREATE ROLE {definition}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
}

/// The migrations of a tenant's database.
#[must_use]
pub fn tenant_migrations() -> Runner {
    tenant::migrations::runner().set_grouped(true)
}

/// What a template holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Template {
    Empty,
    OfRds,
    Control,
    Tenant,
}

impl Template {
    /// The template's name. The template is created now unless one with these migrations exists.
    pub(crate) async fn ready(self, admin: &Client, server: &DatabaseSecret) -> Result<String> {
        let name = self.name();
        if matches!(self, Self::OfRds | Self::Control) {
            admin.batch_execute(&role(&master(server))).await?;
        }
        if !exists(admin, &name).await? {
            admin.execute("SELECT pg_advisory_lock($1)", &[&ADVISORY_LOCK]).await?;
            if !exists(admin, &name).await? {
                self.make(admin, server, &name).await.with_context(|| format!("making {name}"))?;
            }
            admin.execute("SELECT pg_advisory_unlock($1)", &[&ADVISORY_LOCK]).await?;
        }
        Ok(name)
    }

    /// The owner of the template and its clones. `DEFAULT` is the superuser.
    pub(crate) const fn owner(self) -> &'static str {
        match self {
            Self::Empty => "DEFAULT",
            Self::OfRds | Self::Control => MASTER,
            Self::Tenant => OWNER,
        }
    }

    /// The users of a clone.
    pub(crate) fn users(self, config: &DatabaseSecret) -> Option<ControlUsers> {
        match self {
            Self::Empty | Self::Tenant => None,
            Self::Control => Some(ControlUsers::of_all_tests(config)),
            Self::OfRds => Some(ControlUsers::of_one_test(config)),
        }
    }

    /// The name contains a digest of the migrations and the rights, so that changed ones lead to another template.
    fn name(self) -> String {
        let (kind, runner, rights) = match self {
            Self::Empty | Self::OfRds => return "template0".to_owned(),
            Self::Control => ("control", control::migrations::runner(), RIGHTS),
            Self::Tenant => ("tenant", tenant_migrations(), ""),
        };
        let mut hasher = DefaultHasher::new();
        rights.hash(&mut hasher);
        runner.get_migrations().iter().map(Migration::checksum).for_each(|checksum| checksum.hash(&mut hasher));
        format!("template_{kind}_{:016x}", hasher.finish())
    }

    /// The template gets its name only when it is complete, because the process that makes it may die before.
    async fn make(self, admin: &Client, server: &DatabaseSecret, name: &str) -> Result<()> {
        let unfinished = format!("{name}_unfinished");
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")).await?;
        for definition in ROLES {
            admin.batch_execute(&role(definition)).await?;
        }
        admin.batch_execute(&format!("CREATE DATABASE {unfinished} TEMPLATE template0 OWNER {}", self.owner())).await?;
        let config = DatabaseSecret { dbname: unfinished.clone(), ..server.clone() };
        match self {
            Self::Empty | Self::OfRds => {}
            Self::Control => {
                let deployment = ControlUsers::of_all_tests(&config).deployment();
                deployment.run(Patience::of_deployment()).await.map_err(|failure| anyhow!("{failure:?}"))?;
            }
            Self::Tenant => {
                let mut client = connect(&config).await?;
                become_owner(&client).await?;
                tenant_migrations().run_async(&mut client).await?;
            }
        }
        // A database with connections cannot be renamed, and this one may still be closing.
        let others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1";
        admin.execute(others, &[&unfinished]).await?;
        admin.batch_execute(&format!("ALTER DATABASE {unfinished} RENAME TO {name}")).await?;
        Ok(())
    }
}

/// Switches a superuser's session to the owner of tenants' databases.
pub(crate) async fn become_owner(client: &Client) -> Result<()> {
    Ok(client.batch_execute(&format!("SET ROLE {OWNER}")).await?)
}

async fn exists(admin: &Client, name: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
    Ok(admin.query_one(sql, &[&name]).await?.get(0))
}
