//! What checks of the systems leave in the control database.

use std::time::Duration;

use domain::{CauseCode, Checked, Failure, Region, Tier, Verdict, Warning};
use store::VERDICT_COUNTS_FOR;

use crate::support::Database;

const NOW: Duration = Duration::ZERO;

fn verdict(system: Checked, region: Option<Region>, tier: Option<Tier>, code: Option<CauseCode>) -> Verdict {
    let failure = code.map(Failure::from);
    let stops = failure.as_ref().is_some_and(|failure| !failure.kind().is_retried());
    Verdict { system, region, tier, cause: failure.map(|failure| failure.cause()), stops, warnings: Vec::new() }
}

fn graphs(code: Option<CauseCode>) -> Verdict {
    verdict(Checked::FalkorDb, Some(Region::UsEast1), None, code)
}

async fn record(database: &Database, verdicts: &[Verdict], began: Duration) {
    database.store.record_verdicts(verdicts, began).await.expect("recorded");
}

async fn codes(database: &Database) -> Vec<Option<String>> {
    let verdicts = database.store.verdicts().await.expect("read");
    verdicts.into_iter().map(|recorded| recorded.verdict.cause.map(|cause| cause.code)).collect()
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_later_check_replaces_an_earlier_one_and_not_the_other_way_round() {
    let database = Database::create().await;
    let mut warned = graphs(None);
    warned.warnings = vec![Warning::FalkorDbNoTimeout, Warning::FalkorDbLoadCsv];
    record(&database, &[warned.clone()], NOW).await;
    let recorded = database.store.verdicts().await.expect("read").remove(0);
    assert_eq!(recorded.verdict, warned);
    assert!(recorded.is_fresh() && recorded.age < Duration::from_mins(1), "{recorded:?}");
    // It began before the other one, and was slower.
    record(&database, &[graphs(Some(CauseCode::FalkorDbNoUsers))], Duration::from_mins(1)).await;
    assert_eq!(codes(&database).await, [None]);
    record(&database, &[graphs(Some(CauseCode::FalkorDbNoUsers))], NOW).await;
    assert_eq!(codes(&database).await, [Some("falkordb_no_users".to_owned())]);
    record(&database, &[graphs(None)], NOW).await;
    assert_eq!(codes(&database).await, [None]);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_outage_says_nothing_about_what_was_found_before_it() {
    let database = Database::create().await;
    let (found, outage) = (graphs(Some(CauseCode::FalkorDbNoUsers)), graphs(Some(CauseCode::FalkorDbUnreachable)));
    record(&database, std::slice::from_ref(&found), NOW).await;
    record(&database, std::slice::from_ref(&outage), NOW).await;
    assert_eq!(codes(&database).await, [Some("falkordb_no_users".to_owned())]);
    let old = VERDICT_COUNTS_FOR + Duration::from_secs(1);
    let age = "UPDATE control.verdicts SET checked_at = checked_at - make_interval(secs => $1)";
    database.own.connect().await.execute(age, &[&old.as_secs_f64()]).await.expect("aged");
    assert!(!database.store.verdicts().await.expect("read")[0].is_fresh());
    record(&database, &[outage], NOW).await;
    assert_eq!(codes(&database).await, [Some("falkordb_unreachable".to_owned())]);
    record(&database, &[found], NOW).await;
    assert_eq!(codes(&database).await, [Some("falkordb_no_users".to_owned())]);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_tenant_is_concerned_by_what_its_region_and_its_tier_need() {
    let database = Database::create().await;
    let elsewhere = verdict(Checked::FalkorDb, Some(Region::EuCentral1), None, Some(CauseCode::FalkorDbNoUsers));
    let plus = verdict(Checked::Stripe, None, Some(Tier::EnterprisePlus), Some(CauseCode::BillingPriceMissing));
    let all = [graphs(None), elsewhere.clone(), plus.clone(), verdict(Checked::Valkey, None, None, None)];
    record(&database, &all, NOW).await;
    record(&database, &all, NOW).await;
    let concerned = async |region, tier| {
        let verdicts = database.store.verdicts_for(region, tier).await.expect("read");
        verdicts.into_iter().map(|recorded| recorded.verdict).collect::<Vec<_>>()
    };
    let (graphs, cache) = (all[0].clone(), all[3].clone());
    assert_eq!(concerned(Region::UsEast1, Tier::Enterprise).await, [graphs.clone(), cache.clone()]);
    assert_eq!(concerned(Region::UsEast1, Tier::EnterprisePlus).await, [plus, graphs, cache.clone()]);
    assert_eq!(concerned(Region::EuCentral1, Tier::Pilot).await, [elsewhere, cache]);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_region_that_is_not_configured_any_more_is_forgotten() {
    let database = Database::create().await;
    let elsewhere = verdict(Checked::FalkorDb, Some(Region::EuCentral1), None, Some(CauseCode::FalkorDbNoUsers));
    record(&database, &[graphs(None), elsewhere], Duration::from_secs(1)).await;
    record(&database, &[graphs(None)], NOW).await;
    assert_eq!(codes(&database).await, [None]);
}
