//! The services of a project.

use serde::{Deserialize, Serialize};

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

/// How many services there are. The pooler is the last one.
const SERVICES: u32 = Service::Pooler as u32 + 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ServiceStatus {
    ComingUp,
    ActiveHealthy,
    Unhealthy,
}

impl Service {
    /// How many polls it takes until this service is healthy, if it takes `until_healthy` polls for the whole project.
    pub(crate) fn polls_needed(self, until_healthy: u32) -> u32 {
        ((self as u32 + 1) * until_healthy).div_ceil(SERVICES)
    }
}

/// What Auth says about itself, at its own endpoint and in the project's health.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct AuthInfo {
    version: &'static str,
    name: &'static str,
    description: &'static str,
}

pub(crate) const AUTH_INFO: AuthInfo = AuthInfo {
    version: "v2.196.0-2",
    name: "GoTrue",
    description: "GoTrue is a user registration and authentication API",
};
