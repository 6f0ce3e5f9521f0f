//! The storm: many tenants are made at once while processes are killed, and dependencies are taken away. Each goes live, and
//! nothing exists twice.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use e2e::{Status, unique};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rustix::process::Signal;
use tokio::sync::Semaphore;
use tokio::time::{Instant, interval};
use uuid::Uuid;

use crate::bar::Bar;
use crate::effects::Subject;
use crate::outages::{self, AWAY_FOR};
use crate::processes::{Functions, Peak, measure_on};
use crate::stage::{Pace, Stage};
use crate::{victim, witness};

/// How often a process is killed.
const KILL_EVERY: Duration = Duration::from_millis(100);
/// How long a new process is spared. Otherwise the last processes would be killed before they could do anything.
const SPARED: Duration = Duration::from_secs(2);
/// How many clients send requests at the same time.
const CLIENTS: usize = 20;
/// How many tenants are being made at the same time. More are too many for the local AWS, which is one process: its answers come
/// too late, so that most runs fail and are in vain.
const AT_ONCE: usize = 200;

/// What is made.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    /// How many tenants are made at once.
    pub tenants: usize,
    /// Decides which processes are killed.
    pub seed: u64,
    /// Whether each dependency is taken away.
    pub outages: bool,
}

impl Storm {
    /// Patience for a storm, in which a process may die in every step of a tenant. The API asks clients to wait 5 s between
    /// looks; all of them together look twenty times a second at most. A tenant takes as long as all of them.
    fn pace(self) -> Pace {
        Pace {
            look: Duration::from_secs(10),
            accepted: Duration::from_mins(10),
            arrives: (Duration::from_secs(6) * u32::try_from(self.tenants).unwrap_or(u32::MAX))
                .max(Duration::from_mins(12)),
            posts: 50,
        }
    }
}

/// The result of a storm.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How many tenants were asked for.
    pub tenants: usize,
    /// How many tenants went live.
    pub active: usize,
    /// How many processes were killed.
    pub killed: usize,
    /// How many dependencies were taken away.
    pub outages: usize,
    /// How many tenants took more than one `POST`.
    pub posts: usize,
    /// How many kinds of things exist too often.
    pub doubled: usize,
    /// How many kinds of things are missing.
    pub lost: usize,
    /// How many tenants got a second mail. There should be none: if only our process dies, Auth keeps the invitee. If the
    /// mail server is taken away, nobody can avoid it.
    pub second_mails: usize,
    /// From the first request until the last tenant was active.
    pub took: Duration,
    /// What it took of the machine.
    pub peak: Peak,
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
        let Self { tenants, active, killed, outages, posts, doubled, lost, second_mails, took, peak, .. } = self;
        write!(f, "{tenants} tenants, {killed} processes killed")?;
        if *outages > 0 {
            write!(f, ", {outages} dependencies taken away for {} s each", AWAY_FOR.as_secs())?;
        }
        write!(
            f,
            ": {active} active; duplicates {doubled}, lost {lost}; {posts} took more than one POST, {second_mails} a second mail. "
        )?;
        let Peak { processes, functions_kb, machine_kb, connections } = peak;
        let gigabytes = |kilobytes: u64| format!("{}.{} GB", kilobytes / 1_000_000, kilobytes / 100_000 % 10);
        // Tenths of a tenant a minute.
        let pace = (*active as u128 * 600_000).checked_div(took.as_millis()).unwrap_or_default();
        write!(
            f,
            "{}.{} tenants a minute; at most {processes} processes of functions with {} together, {connections} connections to Postgres, \
             {} of the machine's memory",
            pace / 10,
            pace % 10,
            gigabytes(*functions_kb),
            gigabytes(*machine_kb),
        )
    }
}

/// Makes tenants, 200 at once at most. Until the last one is live, a function's process is killed every 100 ms.
pub async fn rage(stage: &Stage, storm: Storm) -> Result<Outcome> {
    let Storm { tenants, seed, outages } = storm;
    let mut outcome = Outcome { tenants, ..Outcome::default() };
    let stage = &Stage { pace: storm.pace(), ..stage.clone() };
    let (bar, clients, begun) = (Bar::new(tenants, "tenants"), Semaphore::new(CLIENTS), Instant::now());
    let going_live = async {
        let tenants = stream::iter(0..tenants).map(|_| async {
            let client = clients.acquire().await?;
            let subject = asked_for(stage).await?;
            drop(client);
            let live = stage.becomes_active(&subject).await;
            bar.advance("");
            Ok::<_, anyhow::Error>((subject, live))
        });
        let live: Vec<_> = tenants.buffer_unordered(AT_ONCE).try_collect().await?;
        Ok((live, begun.elapsed()))
    };
    let taken_away = async { if outages { outages::one_after_the_other(stage).await } else { Ok(0) } };
    let ((live, took), taken_away) = tokio::select! {
        done = async { tokio::try_join!(going_live, taken_away) } => done?,
        error = kill_on(&mut outcome.killed, seed) => return Err(error),
        error = measure_on(&stage.cloud, &mut outcome.peak) => return Err(error),
    };
    (outcome.took, outcome.outages) = (took, taken_away);
    // Promises that are still open are kept by the reconciler, now that it is no longer killed.
    let looks = live.into_iter().map(|(subject, live)| async {
        let seen = seen(stage, &subject, live).await;
        (subject, seen)
    });
    let mut looks = stream::iter(looks).buffer_unordered(CLIENTS);
    while let Some((subject, seen)) = looks.next().await {
        match seen {
            Ok(seen) => outcome.add(&subject, &seen),
            Err(error) => outcome.complaints.push(format!("{}: {error:#}", subject.slug)),
        }
    }
    Ok(outcome)
}

/// What one live tenant looks like in the end.
struct Seen {
    posts: u32,
    testimony: witness::Testimony,
}

impl Outcome {
    fn add(&mut self, subject: &Subject, seen: &Seen) {
        let Seen { posts, testimony } = seen;
        let (doubled, lost) = (testimony.doubled(), testimony.lost());
        self.active += 1;
        self.posts += usize::from(*posts > 0);
        self.doubled += doubled.len();
        self.lost += lost.len();
        self.second_mails += usize::from(testimony.mails.is_some_and(|mails| mails > 1));
        if !doubled.is_empty() || !lost.is_empty() {
            self.complaints.push(format!("{}: too many: {doubled:?}, too few: {lost:?}", subject.slug));
        }
    }
}

/// Looks at one tenant in the end.
async fn seen(stage: &Stage, subject: &Subject, live: Result<(Status, u32)>) -> Result<Seen> {
    let (status, posts) = live?;
    stage.stays_active(subject).await?;
    Ok(Seen { posts, testimony: witness::of(&stage.cloud, subject, &status).await? })
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
    let mut functions = match Functions::older_than(SPARED) {
        Ok(functions) => functions,
        Err(error) => return error,
    };
    loop {
        every.tick().await;
        let victims = match functions.alive() {
            Ok(victims) => victims,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_says_what_was_done_and_what_it_took() {
        let peak = Peak { processes: 40, functions_kb: 1_260_000, machine_kb: 9_000_000, connections: 77 };
        let took = Duration::from_mins(8);
        let calm = Outcome { tenants: 100, active: 100, killed: 9, took, peak, ..Outcome::default() };
        assert!(calm.is_calm());
        let text = "100 tenants, 9 processes killed: 100 active; duplicates 0, lost 0; 0 took more than one POST, 0 a second mail. \
                    12.5 tenants a minute; at most 40 processes of functions with 1.2 GB together, 77 connections to Postgres, \
                    9.0 GB of the machine's memory";
        assert_eq!(calm.to_string(), text);
        let wild = Outcome { outages: 10, complaints: vec!["acme: lost".to_owned()], ..calm };
        let first = "red: acme: lost\n100 tenants, 9 processes killed, 10 dependencies taken away for 30 s each: ";
        assert!(!wild.is_calm() && wild.to_string().starts_with(first), "{wild}");
    }

    #[test]
    fn a_larger_storm_has_more_patience() {
        let pace = |tenants| Storm { tenants, seed: 1, outages: false }.pace();
        let (small, large) = (pace(12), pace(1_000));
        assert_eq!((small.look, small.arrives), (Duration::from_secs(10), Duration::from_mins(12)));
        // Not more of them are made at once than can look every 10 s.
        assert_eq!((large.look, large.arrives), (Duration::from_secs(10), Duration::from_mins(100)));
    }
}
