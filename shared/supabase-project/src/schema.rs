//! The schema of the project's database, brought to this release.

use std::time::Duration;

use domain::Failure;
use store::Lease;
use tenant_database::TenantDatabase;

/// Applies the migrations of this release that the database lacks, all or nothing, within a lease that outlasts `time`. Returns
/// the highest one. If there are none, nothing changes.
pub async fn migrate(lease: &Lease<'_>, database: &mut TenantDatabase, time: Duration) -> Result<i32, Failure> {
    lease.fence(time).await?;
    Ok(database.migrate().await?.version)
}
