//! Supabase: the organisation, its plan, and whether it can have projects in the region. Whether it may have one more is not shown:
//! the limit and overdue invoices are known when a project is asked for.

use domain::{CauseCode, Failure, Region, Warning};
use supabase::{Error, Offer, Plan};
use supabase_project::{LoginSettings, SupabaseAccount};

use crate::Found;

pub(crate) async fn check(account: &SupabaseAccount, logins: &LoginSettings, region: Region) -> Found {
    let management = account.management().await?;
    match management.organization().await.map_err(unknown)? {
        Plan::Free if logins.refuse_leaked => return Err(CauseCode::SupabasePlanTooSmall.into()),
        Plan::Free | Plan::Paid => {}
    }
    match management.region(region.as_str()).await? {
        Offer::None => Err(CauseCode::SupabaseRegionUnknown.into()),
        Offer::Strained => Ok(vec![Warning::SupabaseRegionStrained]),
        Offer::Open => Ok(Vec::new()),
    }
}

/// Why the organisation cannot be read. One that does not exist is like one that belongs to somebody else.
fn unknown(error: Error) -> Failure {
    match error {
        Error::NotFound(_) | Error::Forbidden(_) => CauseCode::SupabaseOrganizationUnknown.into(),
        other => other.into(),
    }
}
