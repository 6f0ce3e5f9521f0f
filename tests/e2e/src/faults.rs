//! Makes calls to the outside systems fail, and lists the calls that were made.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use fault_proxy::client::{Action, Answer, Call, Client, Match, Rule, RuleId, UpstreamState, When};
use futures_util::FutureExt as _;
use tokio::sync::{Mutex, MutexGuard};

use crate::Cloud;
use crate::variables::variable;

static ALONE: Mutex<()> = Mutex::const_new(());

/// Serializes the tests that break something or count calls.
pub async fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().await
}

/// The fault proxy.
#[derive(Clone, Debug)]
pub struct Faults(Client);

/// Runs a test that breaks something, while no other such test runs. Afterwards everything works again, whether the
/// test passed or not.
pub async fn with_faults(test: impl AsyncFnOnce(&Cloud, &Faults) -> Result<()>) -> Result<()> {
    let cloud = Cloud::from_env()?;
    let faults = Faults(Client::new(variable("FAULT_PROXY_URL")?)?);
    let _alone = alone().await;
    faults.0.reset().await?;
    quiet(&cloud).await?;
    let outcome = AssertUnwindSafe(test(&cloud, &faults)).catch_unwind().await;
    faults.0.reset().await?;
    usable(&cloud).await?;
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Waits until no run of an earlier test is left, and nothing else is at work on a tenant: it would meet this test's faults.
/// A run that another test stopped on purpose may stay, so the wait has an end.
async fn quiet(cloud: &Cloud) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(20);
    let control = cloud.control().await?;
    let started = Instant::now();
    let sql = "SELECT slug FROM control.tenants
               WHERE provisioning_state = 'provisioning' OR lease_until > clock_timestamp()";
    loop {
        let left = control.query(sql, &[]).await?;
        if left.is_empty() {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            let slugs: Vec<String> = left.iter().map(|row| row.get(0)).collect();
            eprintln!("still at work on {}", slugs.join(", "));
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Lets the regions be checked until nothing stops tenants: what a check found while something was broken would stop those
/// of the next test.
pub async fn usable(cloud: &Cloud) -> Result<()> {
    let control = cloud.control().await?;
    let end = Instant::now() + Duration::from_mins(1);
    while control.query_one("SELECT count(*) FROM control.verdicts WHERE stops", &[]).await?.try_get::<_, i64>(0)? > 0 {
        ensure!(Instant::now() < end, "a system stays unusable after a test");
        cloud.check_regions().await?;
    }
    Ok(())
}

impl Faults {
    /// Answers HTTP calls to `upstream` that meet the conditions. The upstream never sees them.
    pub async fn answer(&self, upstream: &str, matching: Match, status: u16, body: &str) -> Result<RuleId> {
        let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        let answer = Answer::Http { status, headers, body: body.to_owned(), when: When::Before };
        Ok(self.0.add(&Rule::new(upstream, Action::Respond(answer)).matching(matching)).await?)
    }

    /// Lets HTTP calls to `upstream` that meet the conditions have their effect, but replaces the answer.
    pub async fn answer_after(&self, upstream: &str, matching: Match, status: u16, body: &str) -> Result<RuleId> {
        let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        let answer = Answer::Http { status, headers, body: body.to_owned(), when: When::After };
        Ok(self.0.add(&Rule::new(upstream, Action::Respond(answer)).matching(matching)).await?)
    }

    /// Answers matching RESP commands to `upstream` with this error, e.g. `NOPERM no`.
    pub async fn refuse(&self, upstream: &str, command_regex: &str, error: &str) -> Result<RuleId> {
        let action = Action::bytes(format!("-{error}\r\n").as_bytes());
        Ok(self.0.add(&Rule::new(upstream, action).matching(Match::command(command_regex))).await?)
    }

    /// Holds calls to `upstream` that meet the conditions until the rule is removed.
    pub async fn hold(&self, upstream: &str, matching: Match) -> Result<RuleId> {
        let action = Action::Hold { when: When::Before };
        Ok(self.0.add(&Rule::new(upstream, action).matching(matching)).await?)
    }

    /// Lets calls to `upstream` that meet the conditions have their effect, but holds the answers until the rule is
    /// removed.
    pub async fn hold_answer(&self, upstream: &str, matching: Match) -> Result<RuleId> {
        let action = Action::Hold { when: When::After };
        Ok(self.0.add(&Rule::new(upstream, action).matching(matching)).await?)
    }

    /// Cuts the connection of calls to `upstream` that meet the conditions, `Before` or `After` their effect.
    pub async fn cut(&self, upstream: &str, matching: Match, when: When) -> Result<RuleId> {
        Ok(self.0.add(&Rule::new(upstream, Action::Cut { when }).matching(matching)).await?)
    }

    /// Changes the state of a whole upstream.
    pub async fn set_state(&self, upstream: &str, state: UpstreamState) -> Result<()> {
        Ok(self.0.set_state(upstream, state).await?)
    }

    /// Waits until a rule holds a call.
    pub async fn held(&self, rule: RuleId) -> Result<()> {
        self.0.wait_held(rule, Duration::from_mins(1)).await?;
        Ok(())
    }

    /// Ends a fault. Calls that it holds go on.
    pub async fn mend(&self, rule: RuleId) -> Result<()> {
        Ok(self.0.remove(rule).await?)
    }

    /// Clears the log of calls.
    pub async fn forget(&self) -> Result<()> {
        Ok(self.0.clear_log().await?)
    }

    /// The calls since the log was last cleared.
    pub async fn calls(&self) -> Result<Vec<Call>> {
        Ok(self.0.log(None).await?.calls)
    }
}
