//! The account that owns every tenant's project.

use domain::Failure;
use lambda_kit::{Read, needs, settings};
use secrets::SupabaseSecret;
use supabase::Management;

settings! {
    /// Supabase's address.
    pub struct SupabaseSettings {
        pub(crate) api_url: String = "SUPABASE_API_URL" or "https://api.supabase.com",
    }
}

needs! {
    /// The organisation that owns every tenant's project.
    pub struct SupabaseAccount {
        pub(crate) secret: Read<SupabaseSecret>,
        pub(crate) settings: SupabaseSettings,
    }
}

impl SupabaseAccount {
    /// The organisation's Management API.
    pub async fn management(&self) -> Result<Management, Failure> {
        let account = self.secret.read().await?;
        Ok(Management::new(&self.settings.api_url, account.access_token, &account.organization_slug)?)
    }

    /// Authorities to trust for the poolers besides the public ones and Supabase's, as PEM.
    pub(crate) async fn database_ca(&self) -> Result<Option<String>, Failure> {
        Ok(self.secret.read().await?.database_ca_pem)
    }
}
