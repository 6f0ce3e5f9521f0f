//! The tenant's database: its schema, its seed rows, and its admin.

use domain::{CauseCode, Failure, TenantPart};
use store::ResourceKind;
use tenant_database::{TenantDatabase, manifest, newest_version};

use crate::TenantCheck;
use crate::finding::{Finding, Findings};
use crate::project::{ACCESS_ENDED, NOT_MADE};
use crate::subject::Subject;

const PARTS: [TenantPart; 3] = [TenantPart::Schema, TenantPart::Seed, TenantPart::Invitation];

impl TenantCheck {
    pub(crate) async fn database(&self, subject: &Subject, found: &Findings<'_>) -> Result<(), Failure> {
        if subject.is_off() {
            found.not_needed(&PARTS, ACCESS_ENDED);
            return Ok(());
        }
        let Some(recorded) = subject.tenant.schema_version else {
            found.not_needed(&PARTS, NOT_MADE);
            return Ok(());
        };
        let database = self.project.database(&subject.tenant).await?;
        let version = schema(&database, recorded, found).await?;
        seed(&database, version, found).await?;
        admin(&database, subject, found).await
    }
}

/// The highest migration. A database may be newer than this release.
async fn schema(database: &TenantDatabase, recorded: i32, found: &Findings<'_>) -> Result<i32, Failure> {
    let (version, newest) = (database.version().await?, newest_version());
    let seen = format!("version {version}");
    let part = Finding::of(TenantPart::Schema).expecting(format!("version {newest} or later")).finding(&*seen);
    found.add(if version < newest {
        part.broken(Failure::with_detail(CauseCode::SchemaOutdated, format!("{seen} of {newest}")))
    } else if version != recorded {
        let differs = format!("{seen}, of which the tenant's row says {recorded}");
        part.broken(Failure::with_detail(CauseCode::SchemaOutdated, differs))
    } else {
        part.ok()
    });
    Ok(version)
}

/// How many rows there are of those that the migrations ship. What an older schema shipped, this release does not know.
async fn seed(database: &TenantDatabase, version: i32, found: &Findings<'_>) -> Result<(), Failure> {
    let newest = newest_version();
    let part = Finding::of(TenantPart::Seed);
    if version < newest {
        let why = Failure::with_detail(CauseCode::SchemaOutdated, format!("version {version} of {newest}"));
        found.add(part.not_asked(why));
        return Ok(());
    }
    let part = part.expecting("the rows that the migrations ship");
    found.add(match database.seed_counts().await?.differences(manifest(), version > newest) {
        None => part.finding("all of them").ok(),
        Some(differs) => part.finding(&*differs).broken(Failure::with_detail(CauseCode::SeedIncomplete, differs)),
    });
    Ok(())
}

/// Whether the tenant's admin was invited, may log in, and is the admin.
async fn admin(database: &TenantDatabase, subject: &Subject, found: &Findings<'_>) -> Result<(), Failure> {
    let part = Finding::of(TenantPart::Invitation);
    if !subject.has(ResourceKind::AdminUser) || subject.is_being_made() {
        found.add(part.not_needed(NOT_MADE));
        return Ok(());
    }
    let part = part.expecting("invited, may log in, has the role tenant_admin");
    let trouble = match database.auth_user(subject.tenant.admin_email.as_str()).await? {
        None => Some("is not a user of the project's Auth"),
        Some(user) if user.banned => Some("may not log in"),
        Some(user) if !user.invited && !user.confirmed => Some("was never invited"),
        Some(user) if !database.is_admin(user.id).await? => Some("does not have the role tenant_admin"),
        Some(_) => None,
    };
    found.add(match trouble {
        None => part.finding("the same").ok(),
        Some(what) => part.finding(what).broken(Failure::with_detail(CauseCode::AdminUnable, what)),
    });
    Ok(())
}
