//! The organization and its projects: the state behind all three APIs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rand::RngExt as _;
use secrecy::SecretString;

use crate::calls::Calls;
use crate::database::{Database, DatabaseError};
use crate::project::{Project, ProjectStatus};
use crate::region::Region;
use crate::settings::Settings;

/// The whole state. No `Debug`, because it holds keys.
pub(crate) struct Cloud {
    pub settings: Settings,
    /// Start of the links in mails, without a slash at the end.
    pub base: String,
    pub database: Database,
    pub calls: Calls,
    projects: Mutex<BTreeMap<u64, Arc<Project>>>,
    next_id: AtomicU64,
    /// How long it takes until listings show a new project.
    visible_after: Mutex<Duration>,
    /// How long a second of Supabase's takes here.
    clock_scale: Mutex<f64>,
}

/// Whether two projects may have one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    Unique,
    Repeatable,
}

/// Why a project was not created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    /// Carries the ref of the project that has the name.
    #[error("the name is taken")]
    NameTaken(String),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Cloud {
    pub(crate) async fn new(settings: Settings, base: String) -> Result<Self, DatabaseError> {
        Ok(Self {
            database: Database::connect(&settings.postgres_url).await?,
            visible_after: Mutex::new(Duration::from_millis(settings.visible_after_ms)),
            clock_scale: Mutex::new(settings.clock_scale),
            settings,
            base,
            calls: Calls::default(),
            projects: Mutex::default(),
            next_id: AtomicU64::new(1),
        })
    }

    /// Creates a project and its database. The name is taken at once, before listings show the project.
    pub(crate) async fn create(
        &self,
        name: String,
        region: Region,
        password: &SecretString,
        names: Names,
    ) -> Result<Arc<Project>, CreateError> {
        let project = {
            let mut projects = self.projects.lock();
            let taken = projects.values().find(|known| known.name == name && !known.is_deleted());
            if let (Names::Unique, Some(existing)) = (names, taken) {
                return Err(CreateError::NameTaken(existing.reference.clone()));
            }
            let id = self.next_id.fetch_add(1, Ordering::Relaxed);
            let project = Project::new(new_reference(), id, name, region, self.settings.polls_until_healthy);
            let project = Arc::new(project);
            projects.insert(id, project.clone());
            project
        };
        if let Err(error) = self.build(&project, password).await {
            self.projects.lock().remove(&project.id);
            return Err(error.into());
        }
        project.created(*self.visible_after.lock());
        tracing::info!(reference = project.reference, name = project.name, "project created");
        Ok(project)
    }

    async fn build(&self, project: &Project, password: &SecretString) -> Result<(), DatabaseError> {
        self.database.create(&project.reference, password).await?;
        // A project that needs no polls is open at once.
        if project.status() == ProjectStatus::ActiveHealthy { project.open(&self.database).await } else { Ok(()) }
    }

    /// Sets how long it takes until listings show a project that is created from now on.
    pub(crate) fn list_after(&self, delay: Duration) {
        *self.visible_after.lock() = delay;
    }

    /// How long this takes at the local cloud's clock.
    pub(crate) fn scaled(&self, time: Duration) -> Duration {
        time.mul_f64(*self.clock_scale.lock())
    }

    /// Lets time pass at another rate from now on.
    pub(crate) fn set_clock_scale(&self, scale: f64) {
        *self.clock_scale.lock() = scale;
    }

    /// A project that exists, whether listings show it yet or not.
    pub(crate) fn find(&self, reference: &str) -> Option<Arc<Project>> {
        let projects = self.projects.lock();
        projects.values().find(|project| project.reference == reference && project.exists()).cloned()
    }

    /// The same, also while it is going down.
    pub(crate) fn find_to_the_end(&self, reference: &str) -> Option<Arc<Project>> {
        let projects = self.projects.lock();
        let is_it = |project: &&Arc<Project>| project.reference == reference && project.is_shown();
        projects.values().find(is_it).cloned()
    }

    /// The projects that listings show, oldest first.
    pub(crate) fn listed(&self) -> Vec<Arc<Project>> {
        self.projects.lock().values().filter(|project| project.is_listed()).cloned().collect()
    }

    /// All projects, including deleted ones, oldest first.
    pub(crate) fn ever(&self) -> Vec<Arc<Project>> {
        self.projects.lock().values().cloned().collect()
    }
}

fn new_reference() -> String {
    let mut generator = rand::rng();
    (0..20).map(|_| char::from(generator.random_range(b'a'..=b'z'))).collect()
}
