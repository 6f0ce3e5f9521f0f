//! What older releases let into the lakehouse's tables and today's would refuse. It stays as it is, since somebody's data hang on
//! it, and every deployment says that it is there.

use domain::{Location, credentials};
use tokio_postgres::{GenericClient, Row};
use uuid::Uuid;

use crate::StoreError;

/// Something that an operator should look at. Names rows, and nothing of what they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A catalog's data lies where another tenant's does, or below it.
    StorageOverlap {
        /// The catalog.
        catalog: Uuid,
        /// The other tenant's catalog.
        lies_in: Uuid,
    },
    /// A column of a catalog holds a credential in clear.
    Credential {
        /// The catalog.
        catalog: Uuid,
        /// The column.
        column: &'static str,
    },
}

/// Looks at every catalog.
pub async fn inspect(client: &impl GenericClient) -> Result<Vec<Finding>, StoreError> {
    let rows = client.query(include_str!("../sql/catalogs_stored.sql"), &[]).await?;
    let mut findings = Vec::new();
    let mut places = Vec::with_capacity(rows.len());
    for row in &rows {
        let catalog: Uuid = row.try_get("id")?;
        findings.extend(credentials_of(row, catalog)?);
        if !row.try_get::<_, bool>("dropped")? {
            let location = Location::of(row.try_get("warehouse")?, row.try_get("storage_prefix")?);
            places.push((location, row.try_get::<_, Uuid>("tenant_id")?, catalog));
        }
    }
    // In order, whatever lies in a place follows it.
    places.sort_by(|(one, ..), (other, ..)| one.as_str().cmp(other.as_str()));
    let mut open: Vec<&(Location, Uuid, Uuid)> = Vec::new();
    for place in &places {
        let (location, tenant, catalog) = place;
        while open.last().is_some_and(|(above, ..)| !above.overlaps(location)) {
            open.pop();
        }
        if let Some((.., lies_in)) = open.iter().rev().find(|(_, other, _)| other != tenant) {
            findings.push(Finding::StorageOverlap { catalog: *catalog, lies_in: *lies_in });
        }
        open.push(place);
    }
    Ok(findings)
}

fn credentials_of(row: &Row, catalog: Uuid) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for column in ["catalog_uri", "warehouse", "storage_prefix", "s3_endpoint"] {
        if row.try_get::<_, Option<&str>>(column)?.is_some_and(credentials::in_text) {
            findings.push(Finding::Credential { catalog, column });
        }
    }
    Ok(findings)
}
