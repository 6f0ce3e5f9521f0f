//! `GET /v1/admin/systems`: what the last check of each system found.

use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Moment, Problem, Request};
use domain::{Cause, Checked, Region, Tier, Warning};
use lambda_kit::needs;
use serde::Serialize;
use store::{ControlReader, RecordedVerdict};
use utoipa::ToSchema;

needs! {
    /// Lists the systems.
    pub struct ListSystems {
        store: ControlReader,
    }
}

/// One system, for the tenants of one region or of all, of one tier or of all.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedSystem<'a> {
    system: Checked,
    /// The tenants' region. Null: all of them.
    region: Option<Region>,
    /// The tenants' tier. Null: all of them.
    tier: Option<Tier>,
    /// `usable`, `unusable` (nothing is made for these tenants until somebody mends the cause) or `unknown` (it could not
    /// be asked; tenants are made).
    #[schema(value_type = &str)]
    verdict: &'static str,
    /// Whether the verdict still counts; an old one stops nobody.
    fresh: bool,
    /// Why it is not usable.
    cause: Option<&'a Cause>,
    /// What works, and should be known nevertheless.
    warnings: Vec<ListedWarning>,
    checked_at: Moment,
    /// Seconds since then.
    age: u64,
}

/// Something that works, and should be known nevertheless.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedWarning {
    code: Warning,
    /// What to do about it, for people.
    hint: &'static str,
}

impl Handler for ListSystems {
    const ROUTE: Route = routes::LIST_SYSTEMS;
    type Input = ();

    async fn handle(&self, _: &Request, (): (), _: Budget) -> Result<Answer, Problem> {
        let verdicts = self.store.verdicts().await?;
        Ok(Answer::ok(&verdicts.iter().map(ListedSystem::from).collect::<Vec<_>>()))
    }
}

impl<'a> From<&'a RecordedVerdict> for ListedSystem<'a> {
    fn from(recorded: &'a RecordedVerdict) -> Self {
        let verdict = &recorded.verdict;
        Self {
            system: verdict.system,
            region: verdict.region,
            tier: verdict.tier,
            verdict: match verdict.cause {
                None => "usable",
                Some(_) if verdict.stops => "unusable",
                Some(_) => "unknown",
            },
            fresh: recorded.is_fresh(),
            cause: verdict.cause.as_ref(),
            warnings: verdict.warnings.iter().map(|&code| ListedWarning { code, hint: code.hint() }).collect(),
            checked_at: Moment(recorded.checked_at),
            age: recorded.age.as_secs(),
        }
    }
}
