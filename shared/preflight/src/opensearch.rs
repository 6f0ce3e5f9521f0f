//! A region's OpenSearch: the k-NN plugin, the rights to what step 7 does, and room for another index.

use domain::{Region, names};
use region_search::RegionSearch;

use crate::Found;

pub(crate) async fn check(search: &RegionSearch, region: Region) -> Found {
    let spec = search.spec(names::REHEARSED_INDEX, names::REHEARSED);
    search.of(region).await?.rehearse(&spec).await?;
    Ok(Vec::new())
}
