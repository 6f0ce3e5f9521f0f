//! The tenant's environment at Supabase, as steps 2 to 5 use it: the way into its database, the key of its Auth, and what
//! to think of it when something of it is refused.
//!
//! What opens an environment can be lost on the provider's side at any time: somebody sets another database password,
//! rotates the keys, restores an older version of the tenant's secret; its pooler moves. All of it is mended here, with
//! what is known: the stored password is set again, keys and pooler are fetched again. A project that is gone once data
//! may have been written to it is left to a person.

mod access;
mod database;
mod standing;

use secrets::Secrets;
use step_kit::{Platform, Run, StepError, setting};
use supabase::Management;

pub use standing::{gone, project};

/// The environment of whichever tenant a step is at work on.
pub struct Environment {
    secrets: Secrets,
    api_url: String,
}

impl Environment {
    /// Built from `SUPABASE_API_URL`.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self { secrets: platform.secrets.clone(), api_url: setting("SUPABASE_API_URL", "https://api.supabase.com") }
    }

    /// The Management API, for the organisation that owns every tenant's project.
    pub async fn management(&self, run: &Run<'_>) -> Result<Management, StepError> {
        let account = run.supabase_secret().await?;
        Ok(Management::new(&self.api_url, account.access_token, &account.organization_slug)?)
    }
}
