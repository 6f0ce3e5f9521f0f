//! The configuration of the project's Auth. Supabase accepts a new one at once. Auth itself applies it only after it was
//! left alone for a while, and sometimes never (supabase/auth, `internal/reloader`, and supabase/auth#2770).

use std::time::Duration;

use domain::{CauseCode, Failure};
use lambda_kit::{Read, needs};
use secrets::SmtpSecret;
use store::{Intent, Lease, Resource, ResourceKind};
use supabase::{Auth, AuthChanges, AuthSettings, MANAGEMENT_TIMEOUT, Smtp};

use crate::account::SupabaseAccount;
use crate::logins::LoginSettings;
use crate::mails::{LinkSettings, Mails};
use crate::project::project_ref;

/// When a change that Auth does not show is taken for applied. Auth waits until its configuration was not written for
/// 5 s, and looks once a second.
const APPLIED_AFTER: Duration = Duration::from_secs(10);
/// How long a configuration is new. It is not compared during that time, because writing it again would only make Auth
/// wait longer, and a refusal may come from the configuration before.
pub const YOUNG_FOR: Duration = Duration::from_mins(2);
/// After this time Auth is not going to apply it.
const APPLIED_WITHIN: Duration = Duration::from_mins(5);

needs! {
    /// Configures the project's Auth.
    pub struct AuthConfiguration {
        account: SupabaseAccount,
        smtp: Read<SmtpSecret>,
        links: LinkSettings,
        logins: LoginSettings,
    }
}

impl AuthConfiguration {
    /// The page that the links in mails lead to.
    pub fn page(&self, lease: &Lease<'_>) -> String {
        lease.tenant().fill(&self.links.page)
    }

    /// Sends the configuration unless the project has it. Returns for how long Auth has had it, or `None` while Auth still
    /// uses an earlier one.
    pub async fn applied(&self, lease: &Lease<'_>, auth: &Auth) -> Result<Option<Duration>, Failure> {
        let (wanted, name) = self.wanted(lease).await?;
        let sent = match lease.resource(ResourceKind::AuthConfiguration).await? {
            Some(sent) if is_confirmed(&sent) && sent.name == name && sent.age < YOUNG_FOR => sent,
            known => self.sent(lease, known, &wanted, &name).await?,
        };
        let names = sent.request.as_deref().unwrap_or_default();
        let applied = if AuthChanges::is_shown_by_auth(names) {
            auth.signup_is_disabled().await? == wanted.disable_signup
        } else {
            sent.age >= APPLIED_AFTER
        };
        if !applied && sent.age > APPLIED_WITHIN {
            // The next attempt sends it again.
            lease.give_up(&sent).await?;
            return Err(CauseCode::AuthConfigurationNotApplied.into());
        }
        Ok(applied.then_some(sent.age))
    }

    /// The settings, and a name that changes with each of them. The mail server's password is represented by the version
    /// of its secret.
    async fn wanted(&self, lease: &Lease<'_>) -> Result<(AuthSettings, String), Failure> {
        let (smtp, version) = self.smtp.read_with_version().await?;
        let version = version.as_ref().map_or("", |version| version.as_str());
        let page = self.page(lease);
        let mails = Mails::to(&page, project_ref(lease)?.as_str());
        let links_live_for = self.links.lifetime.0;
        let logins = self.logins.logins();
        let name = format!(
            "{page} smtp:{version} links:{}s mails:{} passwords:{} leaked:{} apps:{}",
            links_live_for.as_secs(),
            mails.digest(),
            logins.shortest_password,
            logins.refuse_leaked,
            logins.authenticator_apps
        );
        let settings = AuthSettings {
            uri_allow_list: vec![page.clone()],
            site_url: page,
            smtp: Smtp {
                host: smtp.host,
                port: smtp.port,
                user: smtp.username,
                pass: smtp.password,
                admin_email: smtp.sender_email,
                sender_name: smtp.sender_name,
            },
            disable_signup: true,
            links_live_for,
            logins,
            invitation: mails.invitation,
            recovery: mails.recovery,
        };
        Ok((settings, name))
    }

    /// The ledger's row of the configuration that the project has. Sends the configuration if another one is there, or if
    /// nobody knows which password is there.
    async fn sent(
        &self,
        lease: &Lease<'_>,
        known: Option<Resource>,
        wanted: &AuthSettings,
        name: &str,
    ) -> Result<Resource, Failure> {
        let management = self.account.management().await?;
        let project = project_ref(lease)?;
        let changes = management.auth_changes(&project, wanted).await?;
        if let Some(known) = known {
            if known.name == name && changes.is_empty() && has_arrived(&known) {
                if !is_confirmed(&known) {
                    lease.confirm(&known, project.as_str()).await?;
                }
                return Ok(known);
            }
            lease.give_up(&known).await?;
        }
        let changes = changes.with_password(&wanted.smtp);
        let names = changes.names();
        let intent = Intent::named(ResourceKind::AuthConfiguration, name, MANAGEMENT_TIMEOUT).asking(&names);
        let sent = lease.intend(intent).await?;
        if let Err(error) = management.configure_auth(&project, &changes).await {
            if !error.outcome_unknown() {
                lease.give_up(&sent).await?;
            }
            return Err(error.into());
        }
        lease.confirm(&sent, project.as_str()).await?;
        Ok(sent)
    }
}

fn is_confirmed(sent: &Resource) -> bool {
    sent.external_id.is_some()
}

/// Whether a change whose fields have their wanted values did arrive. If it was not answered and changed only the
/// password, that cannot be known.
fn has_arrived(sent: &Resource) -> bool {
    is_confirmed(sent) || AuthChanges::is_shown_by_management(sent.request.as_deref().unwrap_or_default())
}
