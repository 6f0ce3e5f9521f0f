//! A region's FalkorDB: the rights to what step 6 and a purge do, and what a tenant's query may take.

use domain::{Region, Warning, names};
use falkordb::{FalkorDb, Limits, Rehearsed};
use lambda_kit::Read;
use secrets::RegionSecret;

use crate::Found;

pub(crate) async fn check(regions: &Read<RegionSecret>, region: Region) -> Found {
    let secret = regions.read_of(region).await?.falkordb;
    let falkordb = FalkorDb::connect(&secret.url, secret.ca_pem.as_deref()).await?;
    let mut warnings = Vec::new();
    match falkordb.rehearse(names::REHEARSED).await? {
        Rehearsed::Everything => {}
        Rehearsed::NoEnd => warnings.push(Warning::FalkorDbNoPurge),
        Rehearsed::Unknown => warnings.push(Warning::FalkorDbRightsUnknown),
    }
    match falkordb.limits().await? {
        None => warnings.push(Warning::FalkorDbLimitsUnknown),
        Some(Limits { timeout, memory, load_csv }) => {
            let named = [
                (!timeout, Warning::FalkorDbNoTimeout),
                (!memory, Warning::FalkorDbNoMemoryCap),
                (load_csv, Warning::FalkorDbLoadCsv),
            ];
            warnings.extend(named.into_iter().filter_map(|(is_so, warning)| is_so.then_some(warning)));
        }
    }
    Ok(warnings)
}
