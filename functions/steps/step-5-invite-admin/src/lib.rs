//! Step 5: the tenant's admin is invited by mail, once, and made the tenant's admin in the IAM schema.

mod configuration;

use std::time::Duration;

use domain::{CauseCode, Failure, FailureKind, Step};
use lambda_kit::{needs, settings};
use step_kit::{Lease, Outcome, Work};
use store::{Intent, Resource, ResourceKind};
use supabase::{AUTH_TIMEOUT, Auth, AuthError};
use supabase_project::{ProjectAccess, ProjectUrl};
use tenant_database::TenantDatabase;
use uuid::Uuid;

use crate::configuration::{AuthConfiguration, YOUNG_FOR};

/// Within this time Auth has either sent an invitation's mail or rolled the user back: its own SMTP time-out is 10 s.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
/// One row in the tenant's database.
const GRANT_TIMEOUT: Duration = Duration::from_secs(5);

needs! {
    /// Invites the tenant's admin.
    pub struct InviteAdmin {
        configuration: AuthConfiguration,
        access: ProjectAccess,
        project_url: ProjectUrl,
        invitation: InvitationSettings,
    }
}

settings! {
    /// What an invitation says.
    struct InvitationSettings {
        /// Where its link leads: a template with `{slug}`, `{tenant_id}` and `{ref}`. Empty: the tenant's own URL.
        redirect_url: String = "INVITE_REDIRECT_URL" or "",
    }
}

impl Work for InviteAdmin {
    const STEP: Step = Step::InviteAdmin;
    const POLL: Duration = Duration::from_secs(5);

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        match self.admit(lease).await {
            Ok(outcome) => Ok(outcome),
            Err(failure) => Err(self.access.explain_and_renew_keys(lease, failure).await),
        }
    }
}

impl InviteAdmin {
    async fn admit(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        let key = self.access.secret_key(lease).await?;
        let auth = Auth::new(&lease.tenant().fill(&self.project_url.template), key);
        let Some(configured_for) = self.configuration.applied(lease, &auth, self.landing(lease)).await? else {
            return Ok(Outcome::waiting("auth_configuration"));
        };
        let database = self.access.database(lease).await?;
        withdraw_others(lease, &database, &auth).await?;
        self.invite(lease, &database, &auth).await.map_err(|failure| match failure.code() {
            // One of Auth's servers may still use the configuration before, which has no mail server.
            CauseCode::SupabaseAuthEmailNotAuthorized if configured_for < YOUNG_FOR => {
                failure.of_kind(FailureKind::Busy)
            }
            _ => failure,
        })?;
        Ok(Outcome::DONE)
    }

    /// Where the invitation's link leads.
    fn landing(&self, lease: &Lease<'_>) -> String {
        let template = &self.invitation.redirect_url;
        if template.is_empty() {
            lease.tenant().supabase_url.clone().unwrap_or_default()
        } else {
            lease.tenant().fill(template)
        }
    }

    async fn invite(&self, lease: &Lease<'_>, database: &TenantDatabase, auth: &Auth) -> Result<(), Failure> {
        let email = lease.tenant().admin_email.as_str();
        let mut known = lease.resource(ResourceKind::AdminUser).await?;
        // A second invitation of a user who has not answered the first would mail again and end the first link.
        let invited = database.invited_user(email).await?;
        if invited.is_none()
            && let Some(gone) = known.take_if(|known| known.external_id.is_some())
        {
            // Somebody deleted the user, or restored an older state of the project.
            lease.give_up(&gone).await?;
        }
        let resource = match known {
            Some(open) => open,
            None => lease.intend(Intent::named(ResourceKind::AdminUser, email, AUTH_TIMEOUT)).await?,
        };
        let invited = match invited {
            Some(id) => id,
            None if resource.fresh => self.send(lease, auth, &resource).await?,
            // An invitation was not answered. Auth may still be sending its mail, and shows no user before that.
            None if resource.age < SETTLED_WITHIN => return Err(CauseCode::InvitationPending.into()),
            None => {
                lease.renew(&resource, AUTH_TIMEOUT).await?;
                self.send(lease, auth, &resource).await?
            }
        };
        lease.confirm(&resource, &invited.to_string()).await?;
        lease.fence(GRANT_TIMEOUT).await?;
        database.grant_admin(invited, email).await
    }

    async fn send(&self, lease: &Lease<'_>, auth: &Auth, resource: &Resource) -> Result<Uuid, Failure> {
        let tenant = lease.tenant();
        let data = serde_json::json!({"tenant_id": tenant.tenant_id, "tenant_slug": tenant.slug});
        match auth.invite(tenant.admin_email.as_str(), Some(&self.landing(lease)), data).await {
            Ok(user) => Ok(user.id),
            Err(error) => {
                if nobody_was_invited(&error) {
                    lease.give_up(resource).await?;
                }
                Err(error.into())
            }
        }
    }
}

/// Deletes users who were invited under an address that has been corrected since: they must not keep access.
async fn withdraw_others(lease: &Lease<'_>, database: &TenantDatabase, auth: &Auth) -> Result<(), Failure> {
    for name in lease.resource_names(ResourceKind::AdminUser).await? {
        if name != lease.tenant().admin_email.as_str()
            && let Some(id) = database.invited_user(&name).await?
        {
            lease.fence(AUTH_TIMEOUT).await?;
            auth.delete_user(id).await?;
        }
    }
    Ok(())
}

/// Whether Auth's answer says so. Then the address may still be corrected.
fn nobody_was_invited(error: &AuthError) -> bool {
    match error {
        AuthError::EmailExists(_)
        | AuthError::EmailNotAuthorized(_)
        | AuthError::InvalidEmail(_)
        | AuthError::MailRateLimited(_)
        | AuthError::RateLimited(_)
        | AuthError::MailFailed(_)
        | AuthError::Unauthorized(_) => true,
        AuthError::Transport(error) => !error.may_have_had_effect(),
        AuthError::Server { .. } | AuthError::Unexpected { .. } => false,
    }
}
