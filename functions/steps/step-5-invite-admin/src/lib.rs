//! Step 5: the tenant's admin is invited by mail, once, and made tenant admin in the IAM schema.

use std::time::Duration;

use domain::{Failure, Owner, Step};
use environment::Environment;
use secrecy::SecretString;
use secrets::{Name, Secrets};
use serde::Deserialize;
use step_kit::{Outcome, Platform, Run, StepError, Work, setting};
use store::{Intent, Resource, ResourceKind, TenantDatabase};
use supabase::{AUTH_TIMEOUT, Auth, AuthError, AuthSettings, MANAGEMENT_TIMEOUT, Smtp};
use uuid::Uuid;

/// By then Auth has either sent an invitation's mail or rolled the invitee back: its own SMTP time-out is 10 s.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);

/// The step.
pub struct InviteAdmin {
    secrets: Secrets,
    environment: Environment,
    project_url: String,
    redirect_url: String,
}

/// The secret `control/smtp`: Supabase's built-in mail server mails only to the organisation's own team.
#[derive(Deserialize)]
struct SmtpSecret {
    host: String,
    port: u16,
    username: String,
    password: SecretString,
    sender_email: String,
    sender_name: String,
}

impl InviteAdmin {
    /// Built from `SUPABASE_API_URL`, `SUPABASE_PROJECT_URL_TEMPLATE`, `INVITE_REDIRECT_URL`.
    pub fn new(platform: &Platform) -> Result<Self, Failure> {
        Ok(Self {
            secrets: platform.secrets.clone(),
            environment: Environment::new(platform),
            project_url: setting("SUPABASE_PROJECT_URL_TEMPLATE", "https://{ref}.supabase.co"),
            redirect_url: setting("INVITE_REDIRECT_URL", ""),
        })
    }

    /// Where the invitation's link leads: the configured page, else the tenant's own address.
    fn landing(&self, run: &Run<'_>) -> String {
        if self.redirect_url.is_empty() {
            run.tenant().supabase_url.clone().unwrap_or_default()
        } else {
            run.fill(&self.redirect_url)
        }
    }

    async fn admit(&self, run: &Run<'_>) -> Result<(), StepError> {
        self.configure(run).await?;
        let key = self.environment.secret_key(run).await?;
        let auth = Auth::new(&run.fill(&self.project_url), key);
        let database = self.environment.database_kept(run).await?;
        self.withdraw(run, &database, &auth).await?;
        self.invite(run, &database, &auth).await
    }

    async fn configure(&self, run: &Run<'_>) -> Result<(), StepError> {
        let smtp: SmtpSecret = self.secrets.read(Name::Control("smtp")).await?;
        let landing = self.landing(run);
        let settings = AuthSettings {
            uri_allow_list: vec![landing.clone()],
            site_url: landing,
            smtp: Smtp {
                host: smtp.host,
                port: smtp.port,
                user: smtp.username,
                pass: smtp.password,
                admin_email: smtp.sender_email,
                sender_name: smtp.sender_name,
            },
            disable_signup: true,
        };
        let management = self.environment.management(run).await?;
        let project = environment::project(run)?;
        run.fence(MANAGEMENT_TIMEOUT).await?;
        management.configure_auth(&project, &settings).await?;
        Ok(())
    }

    async fn invite(&self, run: &Run<'_>, database: &TenantDatabase, auth: &Auth) -> Result<(), StepError> {
        let email = run.tenant().admin_email.as_str();
        let mut known = run.resource(ResourceKind::AdminUser).await?;
        // A second invitation of somebody who has not answered the first would mail again and end the first link.
        let invited = database.invited_user(email).await?;
        if invited.is_none()
            && let Some(gone) = known.take_if(|known| known.external_id.is_some())
        {
            // Somebody deleted the invitee, or restored the environment to how it was before.
            run.give_up(&gone).await?;
        }
        let resource = match known {
            Some(open) => open,
            None => {
                run.intend(Intent {
                    kind: ResourceKind::AdminUser,
                    name: email,
                    request: None,
                    idempotency_key: None,
                    call: AUTH_TIMEOUT,
                })
                .await?
            }
        };
        let invited = match invited {
            Some(id) => id,
            None if resource.fresh => self.send(run, auth, &resource).await?,
            // An invitation that was not answered: Auth may still be at it, and shows nobody before its mail is out.
            None if resource.age < SETTLED_WITHIN => {
                return Err(StepError::busy(
                    "invitation_pending",
                    Owner::Provider,
                    "An invitation was sent but not answered; whether it went out is looked for.",
                ));
            }
            None => {
                run.renew(&resource, "", "", AUTH_TIMEOUT).await?;
                self.send(run, auth, &resource).await?
            }
        };
        run.confirm(&resource, &invited.to_string(), None).await?;
        run.fence(Duration::from_secs(5)).await?;
        database.grant_admin(invited, email).await?;
        Ok(())
    }

    async fn send(&self, run: &Run<'_>, auth: &Auth, resource: &Resource) -> Result<Uuid, StepError> {
        let tenant = run.tenant();
        let data = serde_json::json!({"tenant_id": tenant.tenant_id, "tenant_slug": tenant.slug});
        match auth.invite(tenant.admin_email.as_str(), Some(&self.landing(run)), data).await {
            Ok(user) => Ok(user.id),
            Err(error) => {
                if definite(&error) {
                    run.give_up(resource).await?;
                }
                Err(error.into())
            }
        }
    }

    /// Whoever was invited under an address that has been corrected since must not keep a way in.
    async fn withdraw(&self, run: &Run<'_>, database: &TenantDatabase, auth: &Auth) -> Result<(), StepError> {
        for name in run.resource_names(ResourceKind::AdminUser).await? {
            if name != run.tenant().admin_email.as_str()
                && let Some(id) = database.invited_user(&name).await?
            {
                run.fence(AUTH_TIMEOUT).await?;
                auth.delete_user(id).await?;
            }
        }
        Ok(())
    }
}

impl Work for InviteAdmin {
    const STEP: Step = Step::InviteAdmin;

    async fn run(&self, run: &Run<'_>) -> Result<Outcome, StepError> {
        match self.admit(run).await {
            Ok(()) => Ok(Outcome::Done),
            Err(error) => Err(self.environment.explain_and_renew_keys(run, error).await),
        }
    }
}

/// Whether Auth answered that nobody was invited: then the address may still be corrected.
fn definite(error: &AuthError) -> bool {
    match error {
        AuthError::EmailExists(_)
        | AuthError::EmailNotAuthorized(_)
        | AuthError::InvalidEmail(_)
        | AuthError::MailRateLimited { .. }
        | AuthError::RateLimited { .. }
        | AuthError::MailFailed(_)
        | AuthError::Unauthorized(_) => true,
        AuthError::Transport(error) => !error.may_have_had_effect(),
        AuthError::Server { .. } | AuthError::Unexpected { .. } => false,
    }
}
