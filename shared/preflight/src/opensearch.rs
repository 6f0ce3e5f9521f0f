//! A region's OpenSearch: the k-NN plugin, the rights to what step 7 and a purge do, and room for another index.

use domain::{Region, Warning, names};
use region_search::RegionSearch;

use crate::Found;

pub(crate) async fn check(search: &RegionSearch, region: Region) -> Found {
    let spec = search.spec(names::REHEARSED_INDEX, names::REHEARSED);
    let opensearch = search.of(region).await?;
    opensearch.rehearse(&spec).await?;
    Ok(match opensearch.may_delete(&spec).await? {
        Some(false) => vec![Warning::OpenSearchNoPurge],
        Some(true) | None => Vec::new(),
    })
}
