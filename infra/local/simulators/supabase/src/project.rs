//! One project and how it becomes healthy.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::auth_config::{AuthConfig, Refused};
use crate::database::{Database, DatabaseError};
use crate::keys::{ApiKeys, KeyKind, OpaqueKey};
use crate::region::Region;
use crate::service::{Service, ServiceStatus};

const HOUR: Duration = Duration::from_hours(1);

/// How long Auth leaves a new configuration alone. Each further write starts that time again. It waits 5 s and looks
/// once a second (supabase/auth, `internal/reloader`).
pub(crate) const RELOADED_AFTER: Duration = Duration::from_secs(6);

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

/// How visible a project is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its database is being built. Only the creating request knows it.
    Creating,
    /// It exists. Listings show it from then on.
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
    /// What the Management API shows.
    auth_config: AuthConfig,
    /// What Auth applies.
    applied_auth_config: AuthConfig,
    /// When Auth applies what the Management API shows; `None` if it does so already.
    reload_at: Option<Instant>,
    /// Whether Auth notices changes of its configuration.
    reloads: bool,
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
            applied_auth_config: AuthConfig::default(),
            reload_at: None,
            reloads: true,
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

    /// Its database is ready: the project exists, and listings show it after this delay.
    pub(crate) fn created(&self, listed_after: Duration) {
        self.state.lock().phase = Phase::Existing { listed_from: Instant::now() + listed_after };
    }

    /// Returns whether it existed.
    pub(crate) fn delete(&self) -> bool {
        let mut state = self.state.lock();
        let existed = matches!(state.phase, Phase::Existing { .. });
        state.phase = Phase::Deleted;
        existed
    }

    pub(crate) fn exists(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Existing { .. })
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.state.lock().phase == Phase::Deleted
    }

    pub(crate) fn is_listed(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Existing { listed_from } if listed_from <= Instant::now())
    }

    /// Counts one request for status or health. A project becomes healthy by these requests, and the last one opens the
    /// database.
    pub(crate) async fn poll(&self, database: &Database) -> Result<(), DatabaseError> {
        let comes_up = {
            let mut state = self.state.lock();
            if state.imposed.is_none() {
                state.polls = state.polls.saturating_add(1);
            }
            state.imposed.is_none() && state.polls >= self.polls_until_healthy
        };
        if comes_up { self.open(database).await } else { Ok(()) }
    }

    /// Lets its role log in. Does so once.
    pub(crate) async fn open(&self, database: &Database) -> Result<(), DatabaseError> {
        self.opened.get_or_try_init(|| database.open(&self.reference)).await.copied()
    }

    /// Forces a status that stays. `ACTIVE_HEALTHY` starts all services at once. With any other status, log-ins are
    /// refused.
    pub(crate) async fn impose(&self, status: ProjectStatus, database: &Database) -> Result<(), DatabaseError> {
        self.set_status(status);
        if status == ProjectStatus::ActiveHealthy {
            database.open(&self.reference).await
        } else {
            database.close(&self.reference).await
        }
    }

    fn set_status(&self, status: ProjectStatus) {
        let mut state = self.state.lock();
        state.imposed = Some(status);
        if status == ProjectStatus::ActiveHealthy {
            state.polls = self.polls_until_healthy;
        }
    }

    /// The keys that are valid now.
    pub(crate) fn keys(&self) -> Arc<ApiKeys> {
        Arc::clone(&self.state.lock().keys)
    }

    /// Replaces all keys. The old ones are no longer valid.
    pub(crate) fn rotate_keys(&self) {
        let keys = Arc::new(ApiKeys::generate(&self.reference));
        self.state.lock().keys = keys;
    }

    /// Makes a key of this kind. `None`: there is one.
    pub(crate) fn create_key(&self, kind: KeyKind) -> Option<OpaqueKey> {
        let mut state = self.state.lock();
        let keys = Arc::make_mut(&mut state.keys);
        let (slot, name) = match kind {
            KeyKind::Publishable => (&mut keys.publishable, "publishable"),
            KeyKind::Secret => (&mut keys.secret, "secret"),
            KeyKind::Legacy | KeyKind::DisabledLegacy => return None,
        };
        if slot.is_some() {
            return None;
        }
        Some(slot.insert(OpaqueKey::generate(name)).clone())
    }

    /// Deletes the key of the current kind with this id, and returns it, if there is one.
    pub(crate) fn delete_key(&self, id: Uuid) -> Option<(KeyKind, OpaqueKey)> {
        let mut state = self.state.lock();
        let keys = Arc::make_mut(&mut state.keys);
        let its = |key: &mut OpaqueKey| key.id == id;
        let publishable = keys.publishable.take_if(its).map(|key| (KeyKind::Publishable, key));
        publishable.or_else(|| keys.secret.take_if(its).map(|key| (KeyKind::Secret, key)))
    }

    /// Disables both legacy keys, or enables them again.
    pub(crate) fn enable_legacy_keys(&self, enabled: bool) {
        Arc::make_mut(&mut self.state.lock().keys).legacy_enabled = enabled;
    }

    /// A project counts as healthy before its last services are: half of the polls suffice.
    pub(crate) fn status(&self) -> ProjectStatus {
        let state = self.state.lock();
        match (state.phase, state.imposed) {
            (Phase::Deleted, _) => ProjectStatus::Removed,
            (_, Some(imposed)) => imposed,
            _ if state.polls >= self.polls_until_healthy.div_ceil(2) => ProjectStatus::ActiveHealthy,
            _ => ProjectStatus::ComingUp,
        }
    }

    pub(crate) fn service_status(&self, service: Service) -> ServiceStatus {
        let state = self.state.lock();
        if state.imposed.is_some_and(|status| status != ProjectStatus::ActiveHealthy) {
            return ServiceStatus::Unhealthy;
        }
        if state.polls >= service.polls_needed(self.polls_until_healthy) {
            ServiceStatus::ActiveHealthy
        } else if service == Service::Pooler {
            // The pooler does not know a new project yet.
            ServiceStatus::Unhealthy
        } else {
            ServiceStatus::ComingUp
        }
    }

    /// The configuration as the Management API shows it.
    pub(crate) fn auth_config(&self) -> AuthConfig {
        self.state.lock().auth_config.clone()
    }

    /// The configuration that Auth applies.
    pub(crate) fn applied_auth_config(&self) -> AuthConfig {
        let mut state = self.state.lock();
        if state.reloads && state.reload_at.is_some_and(|at| at <= Instant::now()) {
            state.reload_at = None;
            state.applied_auth_config = state.auth_config.clone();
        }
        state.applied_auth_config.clone()
    }

    /// Changes the configuration. Auth applies it if it is not changed again within this time.
    pub(crate) fn change_auth_config(&self, changes: Map<String, Value>, idle: Duration) -> Result<(), Refused> {
        let mut state = self.state.lock();
        state.auth_config.change(changes)?;
        state.reload_at = Some(Instant::now() + idle);
        Ok(())
    }

    /// Sets whether Auth notices changes. If it does again, it applies what it missed.
    pub(crate) fn set_reloads(&self, reloads: bool) {
        self.state.lock().reloads = reloads;
    }

    /// Counts one more mail, unless that would exceed the limit per hour. Returns whether it may be sent.
    pub(crate) fn may_mail(&self, per_hour: u64) -> bool {
        let mut state = self.state.lock();
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
    use super::{Project, ProjectStatus};
    use crate::region::Region;
    use crate::service::{Service, ServiceStatus};

    fn after(polls: u32, until_healthy: u32) -> Project {
        let project = Project::new("abcdefghijklmnopqrst".into(), 1, "p".into(), Region::EMEA, until_healthy);
        project.state.lock().polls = polls;
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
