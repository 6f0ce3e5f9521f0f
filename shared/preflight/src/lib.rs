//! What can be known before anything is bought for a tenant: whether each system will do what the steps will ask of it.
//!
//! Nothing is made or changed anywhere, so there is nothing to clean up if the process dies. Where a right can only be
//! tried, what is tried is refused or dropped by the system itself: a transaction that is discarded (FalkorDB, Valkey), an
//! index whose alias cannot be parsed and the end of one that nobody has (OpenSearch), a log-in without a mail.
//!
//! A cause is the one with which a step would fail. It stops the tenants that it concerns only if a step would fail at once
//! and finally. What the steps retry, such as an outage, says nothing about the next hour. A right that only a purge needs is a
//! warning.

#![warn(missing_docs)]

mod falkordb;
mod opensearch;
mod smtp;
mod stripe;
mod supabase;
mod valkey;

use std::time::Duration;

use domain::{CauseCode, Checked, Fact, Failure, Region, Tier, Verdict, Warning, names};
use futures_util::future::{BoxFuture, join_all};
use lambda_kit::{Budget, Read, needs};
use secrets::{RegionSecret, SmtpSecret, ValkeySecret};

/// The time for one system. All are checked at the same time, and one that hangs costs nothing but its own verdict.
pub const SYSTEM_LIMIT: Duration = Duration::from_secs(20);

/// What is found of a system that can be used.
type Found = Result<Vec<Warning>, Failure>;
/// The check of one system.
type Check<'a> = BoxFuture<'a, Verdict>;

needs! {
    /// The systems that tenants need.
    pub struct Preflight {
        regions: Read<RegionSecret>,
        search: region_search::RegionSearch,
        account: supabase_project::SupabaseAccount,
        logins: supabase_project::LoginSettings,
        billing: billing::Billing,
        valkey: Read<ValkeySecret>,
        cache: tenant_cache::CacheSettings,
        smtp: Read<SmtpSecret>,
    }
}

impl Preflight {
    /// Checks every system for these regions.
    pub async fn check(&self, regions: &[Region]) -> Vec<Verdict> {
        let mut checks: Vec<Check<'_>> = vec![
            judged(Checked::Valkey, None, None, valkey::check(&self.valkey, &self.cache)),
            judged(Checked::Smtp, None, None, smtp::check(&self.smtp)),
        ];
        for &region in regions {
            checks.push(judged(Checked::FalkorDb, Some(region), None, falkordb::check(&self.regions, region)));
            checks.push(judged(Checked::OpenSearch, Some(region), None, opensearch::check(&self.search, region)));
            let supabase = supabase::check(&self.account, &self.logins, region);
            checks.push(judged(Checked::Supabase, Some(region), None, supabase));
        }
        for &tier in Tier::ALL {
            if let Some(plan) = billing::Plan::of(tier) {
                checks.push(judged(Checked::Stripe, None, Some(tier), stripe::check(&self.billing, plan)));
            }
        }
        join_all(checks).await
    }
}

fn judged<'a>(
    system: Checked,
    region: Option<Region>,
    tier: Option<Tier>,
    check: impl Future<Output = Found> + Send + 'a,
) -> Check<'a> {
    Box::pin(judged_within(SYSTEM_LIMIT, system, region, tier, check))
}

async fn judged_within(
    limit: Duration,
    system: Checked,
    region: Option<Region>,
    tier: Option<Tier>,
    check: impl Future<Output = Found>,
) -> Verdict {
    let found = Budget::of(limit).spend(check).await.unwrap_or_else(|| Err(too_slow(system).into()));
    let (cause, stops, warnings) = match found {
        Ok(warnings) => (None, false, warnings),
        Err(failure) => {
            let stops = !failure.kind().is_retried();
            (Some(named_in(failure, region).cause()), stops, Vec::new())
        }
    };
    Verdict { system, region, tier, cause, stops, warnings }
}

/// A check works with names that nobody has.
fn named_in(failure: Failure, region: Option<Region>) -> Failure {
    let failure = failure
        .naming(Fact::Graph, names::REHEARSED)
        .naming(Fact::Index, names::REHEARSED_INDEX)
        .naming(Fact::Alias, names::REHEARSED);
    match region {
        Some(region) => failure.naming(Fact::Region, region.as_str()),
        None => failure,
    }
}

const fn too_slow(system: Checked) -> CauseCode {
    match system {
        Checked::FalkorDb => CauseCode::FalkorDbTimeout,
        Checked::OpenSearch => CauseCode::OpenSearchTimeout,
        Checked::Supabase => CauseCode::SupabaseTimeout,
        Checked::Stripe => CauseCode::StripeTimeout,
        Checked::Valkey => CauseCode::ValkeyTimeout,
        Checked::Smtp => CauseCode::SmtpTimeout,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_no_retry_mends_stops_tenants() {
        for (code, stops) in [
            (CauseCode::FalkorDbNoUsers, true),
            (CauseCode::FalkorDbBadConfiguration, true),
            (CauseCode::FalkorDbUnreachable, false),
            (CauseCode::OpenSearchNoRoom, false),
            (CauseCode::StripeRateLimited, false),
        ] {
            let verdict = judged(Checked::FalkorDb, None, None, async { Err(code.into()) }).await;
            assert_eq!((verdict.cause.map(|cause| cause.code).as_deref(), verdict.stops), (Some(code.as_str()), stops));
        }
    }

    #[tokio::test]
    async fn a_system_that_hangs_has_its_verdict_in_time() {
        let limit = Duration::from_millis(1);
        let hung = judged_within(limit, Checked::Smtp, None, None, std::future::pending()).await;
        assert_eq!((hung.cause.map(|cause| cause.code).as_deref(), hung.stops), (Some("smtp_timeout"), false));
    }
}
