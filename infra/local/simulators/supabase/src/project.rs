//! One project: what it is, and how it comes up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use tokio::sync::OnceCell;

use crate::database::{Database, DatabaseError};
use crate::keys::ApiKeys;
use crate::lock;
use crate::management::AuthConfig;

const HOUR: Duration = Duration::from_hours(1);

/// Every status the specification knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ProjectStatus {
    Inactive,
    ActiveHealthy,
    ActiveUnhealthy,
    ComingUp,
    Unknown,
    GoingDown,
    InitFailed,
    Removed,
    Restoring,
    Upgrading,
    Pausing,
    RestoreFailed,
    Restarting,
    PauseFailed,
    Resizing,
}

/// The services of a project, in the order in which they come up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Service {
    Db,
    DbPostgresUser,
    Auth,
    Rest,
    Storage,
    Realtime,
    PgBouncer,
    Pooler,
}

/// How many services there are, and so the place of the pooler, the last to come up.
const SERVICES: u32 = Service::Pooler as u32 + 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ServiceStatus {
    ComingUp,
    ActiveHealthy,
    Unhealthy,
}

/// A region code of Supabase. The codes are no stable part of its API; these are the specification's of 2026-05-22.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region(&'static str);

/// Region codes and their names as the dashboard shows them.
pub(crate) const REGIONS: [(&str, &str); 18] = [
    ("us-east-1", "East US (North Virginia)"),
    ("us-east-2", "East US (Ohio)"),
    ("us-west-1", "West US (North California)"),
    ("us-west-2", "West US (Oregon)"),
    ("ap-east-1", "East Asia (Hong Kong)"),
    ("ap-southeast-1", "Southeast Asia (Singapore)"),
    ("ap-northeast-1", "Northeast Asia (Tokyo)"),
    ("ap-northeast-2", "Northeast Asia (Seoul)"),
    ("ap-southeast-2", "Oceania (Sydney)"),
    ("eu-west-1", "West EU (Ireland)"),
    ("eu-west-2", "West Europe (London)"),
    ("eu-west-3", "West EU (Paris)"),
    ("eu-north-1", "North EU (Stockholm)"),
    ("eu-central-1", "Central EU (Frankfurt)"),
    ("eu-central-2", "Central Europe (Zurich)"),
    ("ca-central-1", "Canada (Central)"),
    ("ap-south-1", "South Asia (Mumbai)"),
    ("sa-east-1", "South America (São Paulo)"),
];

impl Region {
    pub(crate) const AMERICAS: Self = Self("us-east-1");
    pub(crate) const EMEA: Self = Self("eu-central-1");
    pub(crate) const APAC: Self = Self("ap-southeast-1");

    pub(crate) fn code(&self) -> &'static str {
        self.0
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        let known = REGIONS.iter().find(|(known, _)| *known == code);
        known.map(|(known, _)| Self(known)).ok_or_else(|| D::Error::custom(format!("unknown region code '{code}'")))
    }
}

/// What the outside can see of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its database is being built; nobody but the creating request knows it.
    Creating,
    /// It exists, and is listed from then on.
    Existing {
        listed_from: Instant,
    },
    Deleted,
}

struct State {
    phase: Phase,
    polls: u32,
    imposed: Option<ProjectStatus>,
    keys: Arc<ApiKeys>,
    auth_config: AuthConfig,
    mails: VecDeque<Instant>,
}

/// One project, deleted ones included. No `Debug`: it holds keys.
pub(crate) struct Project {
    pub reference: String,
    /// The number Supabase shows only when a project is deleted.
    pub id: u64,
    pub name: String,
    pub region: Region,
    pub created_at: Timestamp,
    polls_until_healthy: u32,
    opened: OnceCell<()>,
    state: Mutex<State>,
}

impl Project {
    pub(crate) fn new(reference: String, id: u64, name: String, region: Region, polls_until_healthy: u32) -> Self {
        let state = State {
            phase: Phase::Creating,
            polls: 0,
            imposed: None,
            keys: Arc::new(ApiKeys::generate(&reference)),
            auth_config: AuthConfig::default(),
            mails: VecDeque::new(),
        };
        Self {
            reference,
            id,
            name,
            region,
            created_at: Timestamp::now(),
            polls_until_healthy,
            opened: OnceCell::new(),
            state: Mutex::new(state),
        }
    }

    /// The database is there: the project exists, and is listed after this delay.
    pub(crate) fn created(&self, listed_after: Duration) {
        lock(&self.state).phase = Phase::Existing { listed_from: Instant::now() + listed_after };
    }

    /// Whether it was there to be deleted.
    pub(crate) fn delete(&self) -> bool {
        let mut state = lock(&self.state);
        let existed = matches!(state.phase, Phase::Existing { .. });
        state.phase = Phase::Deleted;
        existed
    }

    pub(crate) fn exists(&self) -> bool {
        matches!(lock(&self.state).phase, Phase::Existing { .. })
    }

    pub(crate) fn is_deleted(&self) -> bool {
        lock(&self.state).phase == Phase::Deleted
    }

    pub(crate) fn is_listed(&self) -> bool {
        matches!(lock(&self.state).phase, Phase::Existing { listed_from } if listed_from <= Instant::now())
    }

    /// One look at status or health: it is what makes a project come up. The one that completes it opens the database.
    pub(crate) async fn poll(&self, database: &Database) -> Result<(), DatabaseError> {
        let comes_up = {
            let mut state = lock(&self.state);
            if state.imposed.is_none() {
                state.polls = state.polls.saturating_add(1);
            }
            state.imposed.is_none() && state.polls >= self.polls_until_healthy
        };
        if comes_up { self.open(database).await } else { Ok(()) }
    }

    /// Lets its role log in, once.
    pub(crate) async fn open(&self, database: &Database) -> Result<(), DatabaseError> {
        self.opened.get_or_try_init(|| database.open(&self.reference)).await.copied()
    }

    /// Imposes a status for good. `ACTIVE_HEALTHY` brings everything up at once; under any other nobody logs in.
    pub(crate) async fn impose(&self, status: ProjectStatus, database: &Database) -> Result<(), DatabaseError> {
        self.set_status(status);
        if status == ProjectStatus::ActiveHealthy {
            database.open(&self.reference).await
        } else {
            database.close(&self.reference).await
        }
    }

    fn set_status(&self, status: ProjectStatus) {
        let mut state = lock(&self.state);
        state.imposed = Some(status);
        if status == ProjectStatus::ActiveHealthy {
            state.polls = self.polls_until_healthy;
        }
    }

    /// The keys that count now.
    pub(crate) fn keys(&self) -> Arc<ApiKeys> {
        Arc::clone(&lock(&self.state).keys)
    }

    /// Replaces all keys; the old ones are worth nothing any more.
    pub(crate) fn rotate_keys(&self) {
        let keys = Arc::new(ApiKeys::generate(&self.reference));
        lock(&self.state).keys = keys;
    }

    /// The project as a whole counts as healthy before its last services are: half the polls suffice.
    pub(crate) fn status(&self) -> ProjectStatus {
        let state = lock(&self.state);
        match (state.phase, state.imposed) {
            (Phase::Deleted, _) => ProjectStatus::Removed,
            (_, Some(imposed)) => imposed,
            _ if state.polls >= self.polls_until_healthy.div_ceil(2) => ProjectStatus::ActiveHealthy,
            _ => ProjectStatus::ComingUp,
        }
    }

    pub(crate) fn service_status(&self, service: Service) -> ServiceStatus {
        let state = lock(&self.state);
        if state.imposed.is_some_and(|status| status != ProjectStatus::ActiveHealthy) {
            return ServiceStatus::Unhealthy;
        }
        let needed = ((service as u32 + 1) * self.polls_until_healthy).div_ceil(SERVICES);
        if state.polls >= needed {
            ServiceStatus::ActiveHealthy
        } else if service == Service::Pooler {
            // The pooler does not know a new project at all.
            ServiceStatus::Unhealthy
        } else {
            ServiceStatus::ComingUp
        }
    }

    pub(crate) fn auth_config(&self) -> AuthConfig {
        lock(&self.state).auth_config.clone()
    }

    pub(crate) fn change_auth_config(&self, change: impl FnOnce(&mut AuthConfig)) -> AuthConfig {
        let mut state = lock(&self.state);
        change(&mut state.auth_config);
        state.auth_config.clone()
    }

    /// Whether one more mail may be sent within the hour, and if so, counts it.
    pub(crate) fn may_mail(&self, per_hour: u64) -> bool {
        let mut state = lock(&self.state);
        let now = Instant::now();
        state.mails.retain(|sent| now.duration_since(*sent) < HOUR);
        let allowed = (state.mails.len() as u64) < per_hour;
        if allowed {
            state.mails.push_back(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::{Project, ProjectStatus, Region, Service, ServiceStatus};
    use crate::lock;

    fn after(polls: u32, until_healthy: u32) -> Project {
        let project = Project::new("abcdefghijklmnopqrst".into(), 1, "p".into(), Region::EMEA, until_healthy);
        lock(&project.state).polls = polls;
        project
    }

    #[test]
    fn services_come_up_one_after_the_other_and_the_pooler_last() {
        let first = after(1, 3);
        assert_eq!(first.service_status(Service::Db), ServiceStatus::ActiveHealthy);
        assert_eq!(first.service_status(Service::Auth), ServiceStatus::ComingUp);
        assert_eq!(first.service_status(Service::Pooler), ServiceStatus::Unhealthy);
        assert_eq!(first.status(), ProjectStatus::ComingUp);
        let second = after(2, 3);
        assert_eq!(second.status(), ProjectStatus::ActiveHealthy);
        assert_eq!(second.service_status(Service::Auth), ServiceStatus::ActiveHealthy);
        assert_eq!(second.service_status(Service::Pooler), ServiceStatus::Unhealthy);
        assert_eq!(after(3, 3).service_status(Service::Pooler), ServiceStatus::ActiveHealthy);
        assert_eq!(after(0, 0).service_status(Service::Pooler), ServiceStatus::ActiveHealthy);
    }

    #[test]
    fn an_imposed_status_stays() {
        let project = after(9, 3);
        project.set_status(ProjectStatus::InitFailed);
        assert_eq!(project.status(), ProjectStatus::InitFailed);
        assert_eq!(project.service_status(Service::Db), ServiceStatus::Unhealthy);
    }
}
