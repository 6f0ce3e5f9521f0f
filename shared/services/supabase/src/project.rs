//! A project as the Management API describes it.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// The id of a project. It is part of the project's host name and paths. Supabase documents 20 lower-case letters; any
/// short run of lower-case letters and digits is accepted, and nothing that could change the meaning of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectRef(String);

/// The text is not the ref of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a project ref is 1 to 64 lower-case letters and digits")]
pub struct InvalidProjectRef;

impl ProjectRef {
    /// The ref as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ProjectRef {
    type Error = InvalidProjectRef;

    fn try_from(text: String) -> Result<Self, InvalidProjectRef> {
        let fits = (1..=64).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
            Ok(Self(text))
        } else {
            Err(InvalidProjectRef)
        }
    }
}

impl std::str::FromStr for ProjectRef {
    type Err = InvalidProjectRef;

    fn from_str(text: &str) -> Result<Self, InvalidProjectRef> {
        text.to_owned().try_into()
    }
}

impl From<ProjectRef> for String {
    fn from(project: ProjectRef) -> Self {
        project.0
    }
}

impl fmt::Display for ProjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the vendor documents only the names")]
pub enum ProjectStatus {
    Inactive,
    ActiveHealthy,
    ActiveUnhealthy,
    ComingUp,
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
    /// The documented `UNKNOWN`, and any value added since.
    #[serde(other)]
    Unknown,
}

impl ProjectStatus {
    /// Whether a new project in this state will never become healthy. These are the states in which Supabase's own
    /// Terraform provider gives up.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::GoingDown
            | Self::InitFailed
            | Self::Removed
            | Self::Inactive
            | Self::PauseFailed
            | Self::RestoreFailed => true,
            Self::ActiveHealthy
            | Self::ActiveUnhealthy
            | Self::ComingUp
            | Self::Restoring
            | Self::Upgrading
            | Self::Pausing
            | Self::Restarting
            | Self::Resizing
            | Self::Unknown => false,
        }
    }
}

/// One project.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Project {
    /// Its id.
    #[serde(rename = "ref")]
    pub project_ref: ProjectRef,
    /// The name with which it was created.
    pub name: String,
    /// Its region's code, e.g. `eu-central-1`.
    pub region: String,
    /// Its state.
    pub status: ProjectStatus,
}

/// A service of a project that the pipeline waits for. Migrations need `db` and `pooler`, the invitation needs `auth`,
/// and a tenant's applications call `rest` from the beginning. The pipeline does not use `storage` and `realtime`, so
/// it does not wait for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// GoTrue.
    Auth,
    /// Postgres itself.
    Db,
    /// Supavisor, in front of Postgres.
    Pooler,
    /// PostgREST.
    Rest,
}

impl Service {
    /// Every service that the pipeline waits for.
    pub const ALL: [Self; 4] = [Self::Auth, Self::Db, Self::Pooler, Self::Rest];

    /// The name Supabase uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Db => "db",
            Self::Pooler => "pooler",
            Self::Rest => "rest",
        }
    }
}

/// A service's health. None of these is final. In a project's first seconds its pooler is `UNHEALTHY` ("not found"),
/// and a service is `UNHEALTHY` while its health cannot be read ("Failed to retrieve project's X service health").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HealthStatus {
    /// It is starting.
    ComingUp,
    /// It works.
    ActiveHealthy,
    /// It does not work, or its health is not known yet.
    Unhealthy,
    /// The answer did not mention it, or gave an undocumented value.
    #[serde(other)]
    Unknown,
}

/// One service and its health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceHealth {
    /// The service.
    pub service: Service,
    /// Its health.
    pub status: HealthStatus,
}

impl ServiceHealth {
    /// Whether the service works.
    #[must_use]
    pub fn is_healthy(self) -> bool {
        self.status == HealthStatus::ActiveHealthy
    }
}

/// The keys of a project's own API.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    /// For applications: it has the rights of the logged-in user.
    pub publishable: SecretString,
    /// For servers: it has every right in the project.
    pub secret: SecretString,
}

/// The keys and the pooler of a project.
#[derive(Clone, Debug)]
pub struct Access {
    /// The keys of its API.
    pub keys: ApiKeys,
    /// The pooler of its database.
    pub pooler: Pooler,
}

/// The address of a pooler in session mode (port 5432). It is reached by IPv4, and every statement is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Pooler {
    /// Host name. It contains a cluster number, so it cannot be derived from the project.
    #[serde(rename = "db_host")]
    pub host: String,
    /// TCP port.
    #[serde(rename = "db_port")]
    pub port: u16,
    /// User, `postgres.{ref}`.
    #[serde(rename = "db_user")]
    pub user: String,
    /// Database, `postgres`.
    #[serde(rename = "db_name")]
    pub dbname: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ref_cannot_change_a_path() {
        for bad in ["", "..", "a/b", "a%2fb", "a?b", "ABC", "a b", "ä", &"a".repeat(65)] {
            assert_eq!(bad.parse::<ProjectRef>(), Err(InvalidProjectRef), "{bad}");
        }
        for good in ["abcdefghijklmnopqrst", "xyzrefabc123"] {
            assert_eq!(good.parse::<ProjectRef>().expect("valid").as_str(), good);
        }
    }

    #[test]
    fn every_documented_status_is_known_and_others_are_unknown() {
        let terminal = ["GOING_DOWN", "INIT_FAILED", "REMOVED", "INACTIVE", "PAUSE_FAILED", "RESTORE_FAILED"];
        let alive = [
            "ACTIVE_HEALTHY",
            "ACTIVE_UNHEALTHY",
            "COMING_UP",
            "RESTORING",
            "UPGRADING",
            "PAUSING",
            "RESTARTING",
            "RESIZING",
        ];
        for (names, is_terminal) in [(&terminal[..], true), (&alive[..], false)] {
            for name in names {
                let status: ProjectStatus = serde_json::from_value((*name).into()).expect("a status");
                assert_ne!(status, ProjectStatus::Unknown, "{name}");
                assert_eq!(status.is_terminal(), is_terminal, "{name}");
                assert_eq!(serde_json::to_value(status).expect("a string"), *name);
            }
        }
        for name in ["UNKNOWN", "TELEPORTING"] {
            let status: ProjectStatus = serde_json::from_value(name.into()).expect("a status");
            assert_eq!(status, ProjectStatus::Unknown);
            assert!(!status.is_terminal());
        }
    }

    #[test]
    fn service_names_are_those_of_the_vendor() {
        for service in Service::ALL {
            assert_eq!(serde_json::to_value(service).expect("a string"), service.as_str());
        }
    }
}
