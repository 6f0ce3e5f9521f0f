//! The stage of a cell: the cloud, the proxy before it, and the cell's own tenant.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use e2e::{Cloud, STEPS, State, Status, unique};
use fault_proxy::client::{Action, Client, Held, Match, Rule, RuleId, When};
use rustix::process::Pid;
use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::effects::{self, Effect, Known, Subject};
use crate::fault::{Fault, Kind, stripe_error};
use crate::protocol::Protocol;
use crate::{victim, witness};

/// How long a cell waits for a call, while other tenants are being made.
const COMES_BY: Duration = Duration::from_mins(2);

/// How patient a client is.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How often it looks or repeats a request.
    pub look: Duration,
    /// How long it tries to get a 202.
    pub accepted: Duration,
    /// How long it waits until a tenant is active or failed.
    pub arrives: Duration,
    /// How many more times it sends the request if the tenant failed.
    pub posts: u32,
}

/// Patience for a cell: for the longest lease and everything that waits for it, and for one more `POST`.
const CELL: Pace = Pace {
    look: Duration::from_millis(400),
    accepted: Duration::from_mins(1),
    arrives: Duration::from_mins(6),
    posts: 1,
};

/// Another process did the work before the cell could lay its fault. The cell is played again, with another tenant.
#[derive(Clone, Copy, Debug)]
pub struct Missed(pub &'static str);

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Missed {}

/// A fault that is laid now, or once the tenant has come to a certain point.
#[derive(Clone, Copy, Debug)]
pub enum Laying {
    /// It is laid, by this rule.
    Laid(RuleId),
    /// This rule pauses the tenant where the fault can be laid.
    Paused(RuleId),
}

/// The cloud and the proxy before it.
#[derive(Clone)]
pub struct Stage {
    /// The cloud.
    pub cloud: Cloud,
    /// The proxy.
    pub proxy: Client,
    /// The client's patience.
    pub pace: Pace,
}

impl Stage {
    /// The stage that the environment describes.
    pub fn from_env() -> Result<Self> {
        let url = std::env::var("FAULT_PROXY_URL").context("FAULT_PROXY_URL")?;
        Ok(Self { cloud: Cloud::from_env()?, proxy: Client::new(url)?, pace: CELL })
    }

    /// Makes a rule: matching calls get this action, at most `times` times.
    pub async fn lay(&self, upstream: &str, matching: Match, action: Action, times: u64) -> Result<RuleId> {
        Ok(self.proxy.add(&Rule::new(upstream, action).matching(matching.times(times))).await?)
    }

    /// Makes a rule that holds the answer to the next matching call.
    pub async fn pause(&self, upstream: &str, matching: Match) -> Result<RuleId> {
        self.lay(upstream, matching, Action::Hold { when: When::After }, 1).await
    }

    /// Waits until a rule holds a call.
    pub async fn held(&self, rule: RuleId) -> Result<Held> {
        Ok(self.proxy.wait_held(rule, COMES_BY).await?)
    }

    /// The process whose call a rule holds.
    pub async fn victim(&self, held: &Held) -> Result<Pid> {
        let upstreams = self.proxy.upstreams().await?;
        let upstream = upstreams.get(&held.upstream).context("no such upstream")?;
        let owner = victim::owner(held.client_port, upstream.address)?;
        Ok(owner.ok_or(Missed("the call ended before its process was found"))?)
    }

    /// Waits until a rule holds a call, and kills the process that made it.
    pub async fn kill_held(&self, rule: RuleId) -> Result<()> {
        let held = self.held(rule).await?;
        victim::kill(self.victim(&held).await?)
    }

    /// Removes a rule and releases what it holds.
    pub async fn mend(&self, rule: RuleId) -> Result<()> {
        Ok(self.proxy.remove(rule).await?)
    }

    /// How often a rule acted.
    pub async fn fired(&self, rule: RuleId) -> Result<u64> {
        let rules = self.proxy.rules().await?;
        Ok(rules.iter().find(|status| status.id == rule).context("the rule is gone")?.fired)
    }

    /// A new tenant whose `POST` goes on only after `prepare`. Until then its row exists, and nothing else.
    pub async fn ordered<T>(&self, prepare: impl AsyncFnOnce(Subject) -> Result<T>) -> Result<T> {
        self.ordered_while(prepare, async |_| Ok(())).await
    }

    /// The same. `meanwhile` runs during the rest of the `POST`.
    pub async fn ordered_while<T>(
        &self,
        prepare: impl AsyncFnOnce(Subject) -> Result<T>,
        meanwhile: impl AsyncFnOnce(&T) -> Result<()>,
    ) -> Result<T> {
        let slug = unique("cell");
        let pause = self.pause("postgres", effects::insertion(&slug)).await?;
        let prepared = async {
            self.held(pause).await?;
            let tenant_id = self.tenant_id(&slug).await?;
            let subject = Subject { slug: slug.clone(), tenant_id, project_ref: String::new(), row: Uuid::nil() };
            let prepared = prepare(subject).await?;
            self.mend(pause).await?;
            meanwhile(&prepared).await?;
            Ok(prepared)
        };
        let (accepted, prepared) = tokio::join!(self.post(&slug), prepared);
        accepted?;
        prepared
    }

    /// A new tenant that is paused after `step`, until the rule is removed.
    pub async fn ordered_until(&self, step: usize) -> Result<(Subject, RuleId)> {
        let pausing = async |subject: Subject| {
            let pause = self.pause("postgres", effects::completion(&subject, step)).await?;
            Ok((subject, pause))
        };
        let (subject, pause) = self.ordered(pausing).await?;
        self.held(pause).await?;
        Ok((subject, pause))
    }

    /// A new tenant that will meet a fault.
    pub async fn ordered_into(&self, effect: &Effect, fault: Fault) -> Result<(Subject, RuleId)> {
        let laying = async |subject: Subject| {
            let laying = self.begin_laying(effect, fault, &subject).await?;
            Ok((subject, laying))
        };
        let (mut subject, laying) = self.ordered(laying).await?;
        let rule = self.end_laying(laying, effect, fault, &mut subject).await?;
        Ok((subject, rule))
    }

    /// Lays a fault, or pauses the tenant where the fault can be laid.
    pub async fn begin_laying(&self, effect: &Effect, fault: Fault, subject: &Subject) -> Result<Laying> {
        Ok(match self.pause_until_known(effect, fault, subject).await? {
            Some(pause) => Laying::Paused(pause),
            None => Laying::Laid(self.lay_now(effect, fault, subject).await?),
        })
    }

    /// If the tenant is paused for the fault, lays the fault and lets the tenant continue.
    pub async fn end_laying(
        &self,
        laying: Laying,
        effect: &Effect,
        fault: Fault,
        subject: &mut Subject,
    ) -> Result<RuleId> {
        let pause = match laying {
            Laying::Laid(rule) => return Ok(rule),
            Laying::Paused(pause) => pause,
        };
        self.held(pause).await?;
        self.learn(effect.known_for(fault), subject).await?;
        let rule = self.lay_now(effect, fault, subject).await?;
        self.mend(pause).await?;
        Ok(rule)
    }

    /// Sends `POST` until it is answered by 202, like a client that gets no answer or a 503. If an earlier request was
    /// accepted and its answer lost, the tenant may be active already.
    pub async fn post(&self, slug: &str) -> Result<()> {
        let end = Instant::now() + self.pace.accepted;
        let mut unanswered = false;
        loop {
            let answer = self.cloud.provision(slug, json!({})).await;
            match answer {
                Ok(answer) if answer.status == 202 => return Ok(()),
                Ok(answer) if unanswered && answer.problem(409, "tenant_active").is_ok() => return Ok(()),
                Ok(answer) if answer.status < 500 => bail!("not accepted: {answer:?}"),
                answer => ensure!(Instant::now() < end, "not accepted: {answer:?}"),
            }
            unanswered = true;
            sleep(self.pace.look).await;
        }
    }

    /// The id of a tenant whose row exists.
    pub async fn tenant_id(&self, slug: &str) -> Result<Uuid> {
        let sql = "SELECT tenant_id FROM control.tenants WHERE slug = $1";
        Ok(self.cloud.control().await?.query_one(sql, &[&slug]).await?.get(0))
    }

    /// Pauses the tenant where the effect's calls can be recognized; `None` if they can be recognized already.
    async fn pause_until_known(&self, effect: &Effect, fault: Fault, subject: &Subject) -> Result<Option<RuleId>> {
        let statement = match effect.known_for(fault) {
            Known::Tenant => return Ok(None),
            Known::Environment if !subject.project_ref.is_empty() => return Ok(None),
            Known::Environment => effects::completion(subject, 1),
            Known::Intent(kind) => effects::intent(subject, kind),
            Known::Promise(_) => effects::activation(subject),
        };
        Ok(Some(self.pause("postgres", statement).await?))
    }

    /// Reads the values by which the effect's calls are recognized.
    pub async fn learn(&self, known: Known, subject: &mut Subject) -> Result<()> {
        let control = self.cloud.control().await?;
        let id = subject.tenant_id;
        match known {
            Known::Tenant => {}
            Known::Environment => {
                let sql = "SELECT supabase_project_ref FROM control.tenants WHERE tenant_id = $1";
                subject.project_ref = control.query_one(sql, &[&id]).await?.get(0);
            }
            Known::Intent(kind) => {
                let sql = "SELECT id FROM control.resources WHERE tenant_id = $1 AND kind = $2 AND dead_at IS NULL";
                subject.row = control.query_one(sql, &[&id, &kind]).await?.get(0);
            }
            Known::Promise(kind) => {
                let sql = "SELECT id FROM control.outbox WHERE tenant_id = $1 AND kind = $2";
                subject.row = control.query_one(sql, &[&id, &kind]).await?.get(0);
            }
        }
        Ok(())
    }

    /// Lays the fault. The values by which the effect's calls are recognized must be known.
    async fn lay_now(&self, effect: &Effect, fault: Fault, subject: &Subject) -> Result<RuleId> {
        if effect.protocol == Protocol::Stripe && fault.kind == Kind::Error {
            let sql = "SELECT idempotency_key FROM control.resources WHERE id = $1";
            let key: String = self.cloud.control().await?.query_one(sql, &[&subject.row]).await?.get(0);
            let first = self.lay(effect.upstream, effects::with_key(&key), stripe_error(fault.when, false), 1).await?;
            self.lay(effect.upstream, effects::with_key(&key), stripe_error(When::Before, true), u64::MAX).await?;
            return Ok(first);
        }
        let (action, times) = fault.action(effect.protocol);
        self.lay(effect.upstream, effect.calls(subject), action, times).await
    }

    /// A tenant's status. Asks again if there is no answer, or none in our format, like a client.
    async fn look(&self, slug: &str) -> Result<Status> {
        let end = Instant::now() + self.pace.accepted;
        loop {
            match self.cloud.status(slug).await {
                Err(_) if Instant::now() < end => sleep(self.pace.look).await,
                status => return status,
            }
        }
    }

    /// Follows a tenant until it is active or failed. Every status on the way must be truthful.
    pub async fn arrives(&self, subject: &Subject) -> Result<Status> {
        let Pace { arrives, .. } = self.pace;
        let end = Instant::now() + arrives;
        loop {
            let status = self.look(&subject.slug).await?;
            truthful(&status)?;
            if status.provisioning_state != State::Provisioning {
                return Ok(status);
            }
            ensure!(Instant::now() < end, "{} is under way for {arrives:?}: {status:?}", subject.slug);
            sleep(self.pace.look).await;
        }
    }

    /// Waits until a tenant is active and its promises are kept. Returns its status, and how many more `POST`s it took.
    pub async fn goes_live(&self, subject: &Subject) -> Result<(Status, u32)> {
        let (status, posts) = self.becomes_active(subject).await?;
        self.stays_active(subject).await?;
        Ok((status, posts))
    }

    /// Waits until a tenant is active, by the state machine's retries or by as many more `POST`s as the pace allows.
    pub async fn becomes_active(&self, subject: &Subject) -> Result<(Status, u32)> {
        let mut status = self.arrives(subject).await?;
        let mut posts = 0;
        while status.provisioning_state == State::Failed && posts < self.pace.posts {
            let cause = status.cause()?;
            ensure!(cause["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "a cause without a hint: {cause}");
            posts += 1;
            self.post(&subject.slug).await?;
            status = self.arrives(subject).await?;
        }
        ensure!(status.provisioning_state == State::Active, "not active: {status:?}");
        Ok((status, posts))
    }

    /// Keeps all promises for a tenant, and checks that it is still active.
    pub async fn stays_active(&self, subject: &Subject) -> Result<()> {
        witness::settle(&self.cloud, subject.tenant_id).await?;
        let after = self.look(&subject.slug).await?;
        ensure!(after.provisioning_state == State::Active, "not active any more: {after:?}");
        Ok(())
    }
}

/// Checks a status: it never says `active` before the last step is completed, nor `failed` without a cause.
fn truthful(status: &Status) -> Result<()> {
    let completed = status.completed_steps.len();
    match status.provisioning_state {
        State::Active => {
            ensure!(completed == STEPS.len() && status.failed_steps.is_empty(), "active too early: {status:?}");
        }
        State::Failed => {
            ensure!(
                status.last_error.is_some() && status.failed_steps.len() == 1,
                "failed without a cause: {status:?}"
            );
        }
        State::Provisioning => ensure!(completed < STEPS.len(), "not active although all is done: {status:?}"),
        State::Deprovisioned => {}
    }
    for step in &status.steps {
        let attempts = step["attempts"].as_u64().context("no attempts")?;
        let begun = step["started_at"].is_string();
        let honest = match step["state"].as_str() {
            Some("pending") => !begun && step["finished_at"].is_null(),
            Some("running") => begun && attempts > 0 && step["finished_at"].is_null(),
            Some("waiting") => begun && step["waiting_for"].is_string() && step["finished_at"].is_null(),
            Some("completed") => begun && attempts > 0 && step["finished_at"].is_string() && step["cause"].is_null(),
            Some("failed") => begun && step["finished_at"].is_string() && step["cause"]["hint"].is_string(),
            _ => false,
        };
        ensure!(honest, "a step that is not what it says: {step}");
    }
    Ok(())
}
