//! The organization and its projects: the state behind all three APIs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::RngExt as _;
use secrecy::SecretString;

use crate::calls::Calls;
use crate::database::{Database, DatabaseError};
use crate::project::{Project, ProjectStatus, Region};
use crate::{Settings, lock};

/// Everything there is. No `Debug`: it holds keys.
pub(crate) struct Cloud {
    pub settings: Settings,
    /// What links in mails start with, without a slash at the end.
    pub base: String,
    pub database: Database,
    pub calls: Calls,
    projects: Mutex<BTreeMap<u64, Arc<Project>>>,
    next_id: AtomicU64,
    /// Milliseconds until a created project shows up in listings.
    visible_after_ms: AtomicU64,
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
            visible_after_ms: AtomicU64::new(settings.visible_after_ms),
            settings,
            base,
            calls: Calls::default(),
            projects: Mutex::default(),
            next_id: AtomicU64::new(1),
        })
    }

    /// Creates a project and its database. The name is taken from the first moment, visible or not.
    pub(crate) async fn create(
        &self,
        name: String,
        region: Region,
        password: &SecretString,
    ) -> Result<Arc<Project>, CreateError> {
        self.create_named(name, region, password, Names::Unique).await
    }

    /// As [`Cloud::create`], whether or not another project has the name.
    pub(crate) async fn create_named(
        &self,
        name: String,
        region: Region,
        password: &SecretString,
        names: Names,
    ) -> Result<Arc<Project>, CreateError> {
        let project = {
            let mut projects = lock(&self.projects);
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
            lock(&self.projects).remove(&project.id);
            return Err(error.into());
        }
        project.created(Duration::from_millis(self.visible_after_ms.load(Ordering::Relaxed)));
        tracing::info!(reference = project.reference, name = project.name, "project created");
        Ok(project)
    }

    async fn build(&self, project: &Project, password: &SecretString) -> Result<(), DatabaseError> {
        self.database.create(&project.reference, password).await?;
        // A project that needs no polls is open from the start.
        if project.status() == ProjectStatus::ActiveHealthy { project.open(&self.database).await } else { Ok(()) }
    }

    /// How long projects created from now on take to show up in listings.
    pub(crate) fn list_after(&self, milliseconds: u64) {
        self.visible_after_ms.store(milliseconds, Ordering::Relaxed);
    }

    /// A project that exists, listed yet or not.
    pub(crate) fn find(&self, reference: &str) -> Option<Arc<Project>> {
        let projects = lock(&self.projects);
        projects.values().find(|project| project.reference == reference && project.exists()).cloned()
    }

    /// What a listing shows, oldest first.
    pub(crate) fn listed(&self) -> Vec<Arc<Project>> {
        lock(&self.projects).values().filter(|project| project.is_listed()).cloned().collect()
    }

    /// Every project there ever was, oldest first.
    pub(crate) fn ever(&self) -> Vec<Arc<Project>> {
        lock(&self.projects).values().cloned().collect()
    }
}

fn new_reference() -> String {
    let mut generator = rand::rng();
    (0..20).map(|_| char::from(generator.random_range(b'a'..=b'z'))).collect()
}
