//! The storm: many tenants are made at once while processes are killed. Each goes live, and nothing exists twice.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Status, unique};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rustix::process::{Pid, Signal};
use tokio::time::{Instant, interval};
use uuid::Uuid;

use crate::bar::Bar;
use crate::effects::Subject;
use crate::stage::{Pace, Stage};
use crate::{victim, witness};

/// How often a process is killed.
const KILL_EVERY: Duration = Duration::from_millis(100);
/// How long a new process is spared. Otherwise the last processes would be killed before they could do anything.
const SPARED: Duration = Duration::from_secs(2);
/// How many clients send requests at the same time.
const CLIENTS: usize = 20;
/// Patience for a storm, in which a process may die in every step of a tenant. The API asks clients to wait 5 s between
/// looks.
const PACE: Pace = Pace {
    look: Duration::from_secs(10),
    accepted: Duration::from_mins(10),
    arrives: Duration::from_mins(12),
    posts: 50,
};

/// The result of a storm.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How many tenants were asked for.
    pub tenants: usize,
    /// How many tenants went live.
    pub active: usize,
    /// How many processes were killed.
    pub killed: usize,
    /// How many tenants took more than one `POST`.
    pub posts: usize,
    /// How many kinds of things exist too often.
    pub doubled: usize,
    /// How many kinds of things are missing.
    pub lost: usize,
    /// How many tenants got a second mail. There should be none: if only our process dies, Auth keeps the invitee.
    pub second_mails: usize,
    /// What is wrong, by tenant.
    pub complaints: Vec<String>,
}

impl Outcome {
    /// Whether all tenants are live and everything exists once.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.active == self.tenants && self.complaints.is_empty()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for complaint in &self.complaints {
            writeln!(f, "red: {complaint}")?;
        }
        let Self { tenants, active, killed, posts, doubled, lost, second_mails, .. } = self;
        write!(
            f,
            "{tenants} tenants, {killed} processes killed: {active} active; duplicates {doubled}, lost {lost}; {posts} took more than one POST, {second_mails} a second mail"
        )
    }
}

/// Makes `tenants` at once. Until the last one is live, a function's process is killed every 100 ms.
pub async fn rage(stage: &Stage, tenants: usize, seed: u64) -> Result<Outcome> {
    let mut outcome = Outcome { tenants, ..Outcome::default() };
    let stage = &Stage { pace: PACE, ..stage.clone() };
    let subjects = stream::iter(0..tenants).map(|_| asked_for(stage)).buffer_unordered(CLIENTS);
    let bar = Bar::new(tenants, "tenants");
    let going_live = async {
        let subjects: Vec<Subject> = subjects.try_collect().await?;
        let live = subjects.into_iter().map(|subject| async {
            let live = stage.becomes_active(&subject).await;
            bar.advance("");
            (subject, live)
        });
        Ok::<_, anyhow::Error>(stream::iter(live).buffer_unordered(tenants.max(1)).collect::<Vec<_>>().await)
    };
    let live = tokio::select! {
        live = going_live => live?,
        error = kill_on(&mut outcome.killed, seed) => return Err(error),
    };
    // Promises that are still open are kept by the reconciler, now that it is no longer killed.
    for (subject, live) in live {
        if let Err(error) = seen(stage, &subject, live, &mut outcome).await {
            outcome.complaints.push(format!("{}: {error:#}", subject.slug));
        }
    }
    Ok(outcome)
}

/// Looks at one tenant in the end.
async fn seen(stage: &Stage, subject: &Subject, live: Result<(Status, u32)>, outcome: &mut Outcome) -> Result<()> {
    let (status, posts) = live?;
    stage.stays_active(subject).await?;
    outcome.active += 1;
    outcome.posts += usize::from(posts > 0);
    let testimony = witness::of(&stage.cloud, subject, &status).await?;
    let (doubled, lost) = (testimony.doubled(), testimony.lost());
    outcome.doubled += doubled.len();
    outcome.lost += lost.len();
    outcome.second_mails += usize::from(testimony.mails.is_some_and(|mails| mails > 1));
    ensure!(doubled.is_empty() && lost.is_empty(), "too many: {doubled:?}, too few: {lost:?}");
    Ok(())
}

async fn asked_for(stage: &Stage) -> Result<Subject> {
    let slug = unique("storm");
    stage.post(&slug).await?;
    let tenant_id = stage.tenant_id(&slug).await?;
    Ok(Subject { slug, tenant_id, project_ref: String::new(), row: Uuid::nil() })
}

/// Kills processes until that fails.
async fn kill_on(killed: &mut usize, seed: u64) -> anyhow::Error {
    let mut lot = StdRng::seed_from_u64(seed);
    let mut every = interval(KILL_EVERY);
    let mut alive_since: HashMap<Pid, Instant> = HashMap::new();
    loop {
        every.tick().await;
        let victims: Vec<Pid> = match functions() {
            Ok(alive) => {
                alive_since.retain(|pid, _| alive.contains(pid));
                alive
                    .into_iter()
                    .filter(|pid| alive_since.entry(*pid).or_insert_with(Instant::now).elapsed() > SPARED)
                    .collect()
            }
            Err(error) => return error,
        };
        // The process may have ended already.
        if let Some(pid) = victims.choose(&mut lot)
            && victim::signal(*pid, Signal::KILL).is_ok()
        {
            *killed += 1;
        }
    }
}

/// The processes of the cloud's functions, at work or idle.
fn functions() -> Result<Vec<Pid>> {
    let mine = format!("AWS_ENDPOINT_URL={}", std::env::var("FAULT_PROXY_AWS_URL").context("FAULT_PROXY_AWS_URL")?);
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        // The process may have ended, or belong to another user.
        let Ok(environment) = fs::read(entry.path().join("environ")) else { continue };
        let mut variables = environment.split(|byte| *byte == 0);
        let is_function = variables.clone().any(|variable| variable.starts_with(b"AWS_LAMBDA_RUNTIME_API="));
        if is_function && variables.any(|variable| variable == mine.as_bytes()) {
            found.push(pid);
        }
    }
    Ok(found)
}
