//! Supabase: Management API and the Auth of one project.
//!
//! [`Management`] creates, watches and configures projects with the organisation's access token; [`Auth`] invites and
//! deletes users of one project with that project's secret key. Both tell apart every refusal the pipeline treats
//! differently; a vendor's text is read to classify it and goes no further.

mod auth;
mod auth_error;
mod error;
mod management;
mod project;

pub use auth::{Auth, InvitedUser};
pub use auth_error::AuthError;
pub use error::{Error, RequestId};
pub use management::{AuthSettings, Management, Smtp};
pub use project::{
    Access, ApiKeys, HealthStatus, InvalidProjectRef, Pooler, Project, ProjectRef, ProjectStatus, ProjectSummary,
    Service, ServiceHealth,
};

/// The longest a request of [`Management`] takes. A read whose connection broke is sent once more.
pub const MANAGEMENT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

/// The longest a request of [`Auth`] takes. An invitation is answered after the mail server took the mail, for which
/// Auth itself allows 10 s: giving up earlier would leave a mail of unknown fate behind every slow mail server.
pub const AUTH_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(25);
