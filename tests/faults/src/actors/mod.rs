//! Whoever acts and is no step: requests, `record-failure`, the reconciler.

mod catalog;
mod delete;
mod patch;
mod post;
mod reconciler;
mod record_failure;

use std::fmt;
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::Answer;
use fault_proxy::client::{Match, RuleId, When};
use tokio::time::{Instant, sleep};

use crate::effects::{Effect, Protocol, Subject, aws_call};
use crate::fault::{Fault, Kind};
use crate::stage::Stage;
use crate::step_cell::Played;

/// A client does not try for longer: the longest lease of a request that died, and some.
const REPEATED: Duration = Duration::from_mins(2);

/// Who.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// `POST /v1/admin/tenants`.
    Post,
    /// `record-failure`.
    RecordFailure,
    /// `reconcile-tenants`.
    Reconciler,
    /// `PATCH /v1/admin/tenants/{slug}` with a tier.
    Patch,
    /// `DELETE /v1/admin/tenants/{slug}`.
    Delete,
    /// The same while a step's effect is under way: the effect is held, and goes on once `DELETE` is answered.
    DeleteDuring(usize),
    /// `POST /v1/admin/tenants/{tenant_id}/catalog`.
    Catalog,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Post => f.write_str("POST"),
            Self::RecordFailure => f.write_str("record-failure"),
            Self::Reconciler => f.write_str("reconciler"),
            Self::Patch => f.write_str("PATCH tier"),
            Self::Delete => f.write_str("DELETE"),
            Self::DeleteDuring(step) => write!(f, "DELETE in step {step}"),
            Self::Catalog => f.write_str("catalog"),
        }
    }
}

/// One outside effect of somebody who is no step.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// Whose.
    pub actor: Actor,
    /// Its row's name.
    pub name: &'static str,
    upstream: &'static str,
    protocol: Protocol,
    matching: fn(&Subject) -> Match,
}

/// Every act.
pub const ACTS: &[Act] = &[
    sql(Actor::Post, "row", |s| crate::effects::insertion(&s.slug)),
    aws(Actor::Post, "start", |s| aws_call("AWSStepFunctions.StartExecution", &s.tenant_id.to_string())),
    sql(Actor::RecordFailure, "failure", run_failed),
    sql(Actor::Reconciler, "turn", |_| Match::statement(r"^INSERT INTO control\.leases ")),
    sql(Actor::Reconciler, "claim", |s| {
        Match::statement(&format!(r"SET touched_at = clock_timestamp\(\) WHERE.*\$1={} ", s.tenant_id))
    }),
    aws(Actor::Reconciler, "look", |s| aws_call("AWSStepFunctions.DescribeExecution", &s.tenant_id.to_string())),
    aws(Actor::Reconciler, "start", |s| aws_call("AWSStepFunctions.StartExecution", &s.tenant_id.to_string())),
    sql(Actor::Reconciler, "failure", run_failed),
    resp(Actor::Reconciler, "event", |s| Match::command(&format!("^EVAL(SHA)? .* {} ", s.slug))),
    sql(Actor::Reconciler, "delivery", |s| {
        Match::statement(&format!(r"^UPDATE control\.outbox SET delivered_at.* \$1={}$", s.row))
    }),
    sql(Actor::Reconciler, "lease", lease),
    stripe(Actor::Reconciler, "cancellation", |s| {
        Match::request("POST", &format!("^/v1/subscriptions/{}", s.project_ref))
    }),
    sql(Actor::Reconciler, "settlement", |s| {
        Match::statement(&format!(
            r"SET lease_token = NULL, lease_until = NULL WHERE.*delivered_at.*\$1={} ",
            s.tenant_id
        ))
    }),
    sql(Actor::Patch, "lease", lease),
    sql(Actor::Patch, "intent", |s| Match::statement(&format!(r"^INSERT INTO control\.outbox .*\$2={} ", s.tenant_id))),
    stripe(Actor::Patch, "subscription", |s| Match::request("POST", &format!("^/v1/subscriptions/{}", s.project_ref))),
    sql(Actor::Patch, "row", |s| Match::statement(&format!(r"SET tier = \$4.*\$1={} ", s.tenant_id))),
    resp(Actor::Patch, "cache", |s| Match::command(&format!("^UNLINK tenant:slug:{}$", s.slug))),
    sql(Actor::Delete, "row", |s| {
        Match::statement(&format!(r"SET provisioning_state = 'deprovisioned'.*\$1={} ", s.tenant_id))
    }),
    aws(Actor::Delete, "stop", |s| aws_call("AWSStepFunctions.StopExecution", &s.tenant_id.to_string())),
    resp(Actor::Delete, "cache", |s| Match::command(&format!("^UNLINK tenant:slug:{}$", s.slug))),
    during(1, "project"),
    during(2, "secret"),
    during(3, "commit"),
    during(4, "counts"),
    during(5, "invitation"),
    during(6, "user"),
    during(7, "index"),
    during(8, "cache"),
    during(9, "customer"),
    during(9, "subscription"),
    during(9, "activation"),
    aws(Actor::Catalog, "secret", catalog::writing),
    sql(Actor::Catalog, "row", |s| {
        Match::statement(&format!(
            r"^WITH before AS \( SELECT \* FROM lakehouse\.tenant_catalogs.*\$1={} ",
            s.tenant_id
        ))
    }),
];

const fn sql(actor: Actor, name: &'static str, matching: fn(&Subject) -> Match) -> Act {
    Act { actor, name, upstream: "postgres", protocol: Protocol::Postgres, matching }
}

const fn aws(actor: Actor, name: &'static str, matching: fn(&Subject) -> Match) -> Act {
    Act { upstream: "aws", protocol: Protocol::Aws, ..sql(actor, name, matching) }
}

const fn stripe(actor: Actor, name: &'static str, matching: fn(&Subject) -> Match) -> Act {
    Act { upstream: "stripe", protocol: Protocol::Http, ..sql(actor, name, matching) }
}

const fn resp(actor: Actor, name: &'static str, matching: fn(&Subject) -> Match) -> Act {
    Act { upstream: "valkey", protocol: Protocol::Resp, ..sql(actor, name, matching) }
}

/// The matching is the step's own.
const fn during(step: usize, name: &'static str) -> Act {
    sql(Actor::DeleteDuring(step), name, lease)
}

fn lease(subject: &Subject) -> Match {
    Match::statement(&format!(
        r"SET lease_token = \$2, lease_until.*provisioning_state = ANY.*\$1={} ",
        subject.tenant_id
    ))
}

fn run_failed(subject: &Subject) -> Match {
    Match::statement(&format!(r"SET provisioning_state = 'failed'.*\$1={} ", subject.tenant_id))
}

impl Act {
    /// Whether the fault can happen there. Two at once and late copies are the steps' own columns.
    #[must_use]
    pub fn can_meet(&self, fault: Fault) -> bool {
        match (self.actor, fault.kind) {
            (Actor::DeleteDuring(_), kind) => kind == Kind::Hang,
            (_, Kind::Twice | Kind::Stall | Kind::Stale) => false,
            (_, Kind::TooMany | Kind::Error) => fault.when == When::Before,
            _ => true,
        }
    }

    async fn lay(&self, stage: &Stage, fault: Fault, subject: &Subject) -> Result<RuleId> {
        let (action, times) = fault.action(self.protocol);
        stage.lay(self.upstream, (self.matching)(subject), action, times).await
    }
}

/// Plays a cell.
pub async fn play(stage: &Stage, act: &'static Act, fault: Fault) -> Result<Played> {
    match act.actor {
        Actor::Post => post::play(stage, act, fault).await,
        Actor::RecordFailure => record_failure::play(stage, act, fault).await,
        Actor::Reconciler => reconciler::play(stage, act, fault).await,
        Actor::Patch => patch::play(stage, act, fault).await,
        Actor::Delete => delete::play(stage, act, fault).await,
        Actor::DeleteDuring(step) => delete::play_during(stage, effect(step, act.name)?, fault).await,
        Actor::Catalog => catalog::play(stage, act, fault).await,
    }
}

fn effect(step: usize, name: &str) -> Result<&'static Effect> {
    let effect = crate::effects::EFFECTS.iter().find(|effect| effect.step == step && effect.name == name);
    effect.ok_or_else(|| anyhow::anyhow!("step {step} has no {name}"))
}

/// Sends a request until it is answered as wanted, as a client does that gets no answer or a 5xx, while the fault takes
/// its course: who is to be killed is, once it is held.
async fn repeated(
    stage: &Stage,
    fault: Fault,
    rule: RuleId,
    wanted: u16,
    request: impl AsyncFn() -> Result<Answer>,
) -> Result<()> {
    let (killed, answered) = tokio::join!(kill_if_asked(stage, fault, rule), until(wanted, request));
    killed.and(answered)
}

/// Sends a request until it is answered as wanted.
async fn until(wanted: u16, request: impl AsyncFn() -> Result<Answer>) -> Result<()> {
    let end = Instant::now() + REPEATED;
    loop {
        let answer = request().await;
        match &answer {
            Ok(answer) if answer.status == wanted => return Ok(()),
            // A gateway's answer to a process that died is none of ours, hence the error.
            Err(_) => {}
            // A lease of somebody who died, or of a run that is being stopped.
            Ok(answer) if answer.status >= 500 || answer.header("retry-after").is_some() => {}
            Ok(answer) => anyhow::bail!("not {wanted}: {answer:?}"),
        }
        ensure!(Instant::now() < end, "not {wanted} within {REPEATED:?}: {answer:?}");
        sleep(Duration::from_millis(500)).await;
    }
}

async fn kill_if_asked(stage: &Stage, fault: Fault, rule: RuleId) -> Result<()> {
    if fault.kind == Kind::Kill {
        stage.kill_held(rule).await?;
    }
    Ok(())
}

/// The fault must have met something; what it still holds goes on.
async fn met(stage: &Stage, rule: RuleId) -> Result<()> {
    ensure!(stage.fired(rule).await? > 0, "the fault met nothing");
    stage.mend(rule).await
}
