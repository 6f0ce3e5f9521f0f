//! What every cell is played with: the cloud, the proxy before it, and one tenant that nobody else has.

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

use crate::effects::{self, Effect, Known, Protocol, Subject};
use crate::fault::{Fault, Kind, stripe_error};
use crate::{victim, witness};

/// Until a call comes by, while other tenants are being made beside this one.
const COMES_BY: Duration = Duration::from_mins(2);

/// How patient a client is.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How often it looks, or asks again.
    pub look: Duration,
    /// How long it asks for a 202.
    pub accepted: Duration,
    /// How long it waits for a tenant to be where it is going.
    pub arrives: Duration,
    /// How often it sends the request for a tenant that failed.
    pub posts: u32,
}

/// A cell's: the longest lease and everything that waits for it, and one more `POST`.
const CELL: Pace = Pace {
    look: Duration::from_millis(400),
    accepted: Duration::from_mins(1),
    arrives: Duration::from_mins(6),
    posts: 1,
};

/// Somebody was faster than the cell: it is played once more, with another tenant.
#[derive(Clone, Copy, Debug)]
pub struct Missed(pub &'static str);

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Missed {}

/// A fault that lies, or that will once the tenant has come to where it is stopped.
#[derive(Clone, Copy, Debug)]
pub enum Laying {
    /// By this rule.
    Laid(RuleId),
    /// Stopped by this rule.
    Paused(RuleId),
}

/// The cloud and the proxy before it.
#[derive(Clone)]
pub struct Stage {
    /// The cloud.
    pub cloud: Cloud,
    /// The proxy.
    pub proxy: Client,
    /// The clients' patience.
    pub pace: Pace,
}

impl Stage {
    /// The stage that the environment describes.
    pub fn from_env() -> Result<Self> {
        let url = std::env::var("FAULT_PROXY_URL").context("FAULT_PROXY_URL")?;
        Ok(Self { cloud: Cloud::from_env()?, proxy: Client::new(url)?, pace: CELL })
    }

    /// Calls of that kind get this; no more often than said.
    pub async fn lay(&self, upstream: &str, matching: Match, action: Action, times: u64) -> Result<RuleId> {
        Ok(self.proxy.add(&Rule::new(upstream, action).matching(matching.times(times))).await?)
    }

    /// The next statement of that kind has its effect, and its answer waits.
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
        Ok(owner.ok_or(Missed("the call was given up before anybody saw who made it"))?)
    }

    /// Waits until a rule holds a call, and kills the process that made it.
    pub async fn kill_held(&self, rule: RuleId) -> Result<()> {
        let held = self.held(rule).await?;
        victim::kill(self.victim(&held).await?)
    }

    /// Ends a rule; what it holds goes on.
    pub async fn mend(&self, rule: RuleId) -> Result<()> {
        Ok(self.proxy.remove(rule).await?)
    }

    /// How often a rule acted.
    pub async fn fired(&self, rule: RuleId) -> Result<u64> {
        let rules = self.proxy.rules().await?;
        Ok(rules.iter().find(|status| status.id == rule).context("the rule is gone")?.fired)
    }

    /// A new tenant whose `POST` goes on only when `prepare` is done: until then its row is there, and nothing of it
    /// outside.
    pub async fn ordered<T>(&self, prepare: impl AsyncFnOnce(Subject) -> Result<T>) -> Result<T> {
        self.ordered_while(prepare, async |_| Ok(())).await
    }

    /// The same; `meanwhile` goes on beside the `POST`.
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

    /// A new tenant that stands still once `step` is completed, until the rule is mended.
    pub async fn ordered_until(&self, step: usize) -> Result<(Subject, RuleId)> {
        let pausing = async |subject: Subject| {
            let pause = self.pause("postgres", effects::completion(&subject, step)).await?;
            Ok((subject, pause))
        };
        let (subject, pause) = self.ordered(pausing).await?;
        self.held(pause).await?;
        Ok((subject, pause))
    }

    /// A new tenant on whose way a fault lies.
    pub async fn ordered_into(&self, effect: &Effect, fault: Fault) -> Result<(Subject, RuleId)> {
        let laying = async |subject: Subject| {
            let laying = self.begin_laying(effect, fault, &subject).await?;
            Ok((subject, laying))
        };
        let (mut subject, laying) = self.ordered(laying).await?;
        let rule = self.end_laying(laying, effect, fault, &mut subject).await?;
        Ok((subject, rule))
    }

    /// Lays a fault, or stops the tenant where it can be laid.
    pub async fn begin_laying(&self, effect: &Effect, fault: Fault, subject: &Subject) -> Result<Laying> {
        Ok(match self.pause_until_known(effect, fault, subject).await? {
            Some(pause) => Laying::Paused(pause),
            None => Laying::Laid(self.lay_now(effect, fault, subject).await?),
        })
    }

    /// Lays the fault where the tenant was stopped for it, which then goes on.
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

    /// `POST` until it is answered by 202, as a client does that gets no answer or a 503. Of an earlier one that was
    /// accepted without its answer having arrived, the tenant can be live by then.
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

    /// The id of a tenant whose row is there.
    pub async fn tenant_id(&self, slug: &str) -> Result<Uuid> {
        let sql = "SELECT tenant_id FROM control.tenants WHERE slug = $1";
        Ok(self.cloud.control().await?.query_one(sql, &[&slug]).await?.get(0))
    }

    /// Nothing where the calls can be told from others' already.
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

    /// Reads what an effect's calls are recognized by.
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

    /// Lays the fault; whatever it is recognized by is known.
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

    /// A tenant's status; asked again where there is no answer, or none of ours, as a client does.
    async fn look(&self, slug: &str) -> Result<Status> {
        let end = Instant::now() + self.pace.accepted;
        loop {
            match self.cloud.status(slug).await {
                Err(_) if Instant::now() < end => sleep(self.pace.look).await,
                status => return status,
            }
        }
    }

    /// Follows a tenant until it is active or failed; every status on the way must be true.
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

    /// Brings a tenant to active, and everything promised for it about: how it was then, and how many more `POST`s it
    /// took.
    pub async fn goes_live(&self, subject: &Subject) -> Result<(Status, u32)> {
        let (status, posts) = self.becomes_active(subject).await?;
        self.stays_active(subject).await?;
        Ok((status, posts))
    }

    /// By the state machine's own retries, or by as many more `POST`s as the client has the patience for.
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

    /// Once everything promised for it was brought about.
    pub async fn stays_active(&self, subject: &Subject) -> Result<()> {
        witness::settle(&self.cloud, subject.tenant_id).await?;
        let after = self.look(&subject.slug).await?;
        ensure!(after.provisioning_state == State::Active, "not active any more: {after:?}");
        Ok(())
    }
}

/// What holds for every status: it never says `active` before the last step is completed, nor `failed` without a cause.
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
