//! Supabase: Management API and the Auth of one project.
//!
//! [`Management`] creates, watches and configures projects with the organisation's access token. [`Auth`] invites and
//! deletes users of one project with that project's secret key. Both distinguish every refusal that the pipeline treats
//! differently. A vendor's text is read to classify a refusal, and then dropped.

#![warn(missing_docs)]

mod auth;
mod auth_error;
mod auth_settings;
mod error;
mod management;
mod project;

pub use auth::{AUTH_TIMEOUT, Auth, InvitedUser};
pub use auth_error::AuthError;
pub use auth_settings::{AuthChanges, AuthSettings, Logins, Mail, Smtp};
pub use error::{Error, RequestId};
pub use management::{KeyKind, MANAGEMENT_TIMEOUT, Management, Offer, Plan};
pub use project::{
    Access, ApiKeys, HealthStatus, InvalidProjectRef, Pooler, Project, ProjectRef, ProjectStatus, Service,
    ServiceHealth,
};
