//! Step 1: the tenant's database environment at Supabase, under a name that is found again.
//!
//! The Management API has no idempotency key. What stands for it: an intent in the ledger before the call, and after an
//! unknown outcome a look-up by the exact name, which holds the tenant's id.

use std::time::Duration;

use domain::{Failure, FailureKind, Owner, Step, names};
use rand::distr::{Alphanumeric, SampleString};
use secrecy::SecretString;
use secrets::{Name, Secrets, TenantSecret};
use step_kit::{Outcome, Platform, Run, StepError, Work, setting};
use store::{Intent, Resource, ResourceKind};
use supabase::{Error, MANAGEMENT_TIMEOUT, Management, Project, ProjectRef};

/// How long a project whose creation was not answered may take to show in the organisation's list.
const VISIBLE_WITHIN: Duration = Duration::from_mins(2);
/// Characters of a generated password: 190 bits.
const PASSWORD_LENGTH: usize = 32;

/// The step.
pub struct CreateEnvironment {
    secrets: Secrets,
    api_url: String,
    tenant_url: String,
}

impl CreateEnvironment {
    /// Built from `SUPABASE_API_URL`, `SUPABASE_PROJECT_URL_TEMPLATE`, `TENANT_URL_TEMPLATE`.
    pub fn new(platform: &Platform) -> Result<Self, Failure> {
        let project_url = setting("SUPABASE_PROJECT_URL_TEMPLATE", "https://{ref}.supabase.co");
        Ok(Self {
            secrets: platform.secrets.clone(),
            api_url: setting("SUPABASE_API_URL", "https://api.supabase.com"),
            tenant_url: setting("TENANT_URL_TEMPLATE", &project_url),
        })
    }

    /// The tenant's passwords: generated once, and always those that were read back.
    async fn passwords(&self, run: &Run<'_>) -> Result<TenantSecret, StepError> {
        let tenant_id = run.tenant().tenant_id;
        let name = names::secret(tenant_id);
        let intent = Intent {
            kind: ResourceKind::TenantSecret,
            name: &name,
            request: None,
            idempotency_key: None,
            call: Duration::from_secs(5),
        };
        let resource = run.intend_again(intent).await?;
        if resource.external_id.is_none() {
            let fresh = TenantSecret {
                db_pass: password(),
                graph_pass: password(),
                publishable_key: None,
                secret_key: None,
                pooler: None,
            };
            self.secrets.create_once(Name::Tenant(tenant_id), &fresh).await?;
            run.confirm(&resource, &name, None).await?;
        }
        run.tenant_secret().await
    }

    /// The project of this name, where one is there to be adopted.
    async fn find(&self, run: &Run<'_>, management: &Management, name: &str) -> Result<Option<ProjectRef>, StepError> {
        let found = management.find_projects_named(name).await?;
        let (dead, alive): (Vec<Project>, Vec<Project>) =
            found.into_iter().partition(|project| project.status.is_terminal());
        if let Some(project) = dead.first() {
            // Nothing was ever built in it: this step did not complete yet.
            run.fence(MANAGEMENT_TIMEOUT).await?;
            management.delete_project(&project.project_ref).await?;
            return Err(StepError::busy(
                "environment_replaced",
                Owner::Provider,
                "The environment came up dead and is being deleted; a new one is created next.",
            ));
        }
        match alive.as_slice() {
            [] => Ok(None),
            [project] if project.region == run.tenant().region.as_str() => Ok(Some(project.project_ref.clone())),
            [_] => Err(StepError::rejected(
                "environment_elsewhere",
                Owner::Platform,
                "A project of the tenant's name exists in another region; delete or rename it in Supabase, then POST again.",
            )),
            _ => Err(StepError::rejected(
                "environment_ambiguous",
                Owner::Platform,
                "Several projects have the tenant's name; delete or rename all but the right one in Supabase, then POST again.",
            )),
        }
    }

    async fn create(
        &self,
        run: &Run<'_>,
        management: &Management,
        intent: &Resource,
        secret: &TenantSecret,
    ) -> Result<ProjectRef, StepError> {
        match management.create_project(&intent.name, run.tenant().region.as_str(), &secret.db_pass).await {
            Ok(project) => {
                run.confirm(intent, project.project_ref.as_str(), None).await?;
                Ok(project.project_ref)
            }
            Err(Error::NameTaken(_)) => match self.find(run, management, &intent.name).await {
                Ok(Some(project_ref)) => self.adopt(run, management, intent, project_ref, secret).await,
                Ok(None) => Err(not_visible()),
                Err(error) => {
                    // Nothing of ours is on its way: whoever clears the name finds the next POST creating at once.
                    if intent.fresh && error.0.kind == FailureKind::Rejected {
                        run.give_up(intent).await?;
                    }
                    Err(error)
                }
            },
            // The next invocation looks for the name before it sends anything.
            Err(error) if error.outcome_unknown() => Err(error.into()),
            Err(error) => {
                // Of an earlier request that was not answered this one's refusal says nothing.
                if intent.fresh {
                    run.give_up(intent).await?;
                }
                Err(error.into())
            }
        }
    }

    /// Takes over a project whose creation was never answered. Which password it was created with is not known for
    /// certain, so it gets the stored one.
    async fn adopt(
        &self,
        run: &Run<'_>,
        management: &Management,
        intent: &Resource,
        project_ref: ProjectRef,
        secret: &TenantSecret,
    ) -> Result<ProjectRef, StepError> {
        run.fence(MANAGEMENT_TIMEOUT).await?;
        match management.set_database_password(&project_ref, &secret.db_pass).await {
            Err(Error::InvalidRequest { .. } | Error::NotFound(_)) => return Err(not_ready()),
            outcome => outcome?,
        }
        run.confirm(intent, project_ref.as_str(), None).await?;
        Ok(project_ref)
    }
}

impl Work for CreateEnvironment {
    const STEP: Step = Step::CreateEnvironment;

    async fn run(&self, run: &Run<'_>) -> Result<Outcome, StepError> {
        let secret = self.passwords(run).await?;
        let account = run.supabase_secret().await?;
        let management = Management::new(&self.api_url, account.access_token, &account.organization_slug)?;
        let tenant = run.tenant();
        let name = names::project(&tenant.slug, tenant.tenant_id);
        let intent = Intent {
            kind: ResourceKind::SupabaseProject,
            name: &name,
            request: None,
            idempotency_key: None,
            call: MANAGEMENT_TIMEOUT,
        };
        let project_ref = match run.resource(ResourceKind::SupabaseProject).await? {
            None => {
                let intent = run.intend(intent).await?;
                self.create(run, &management, &intent, &secret).await?
            }
            Some(Resource { external_id: Some(project_ref), .. }) => {
                ProjectRef::try_from(project_ref).map_err(|_| unreadable())?
            }
            Some(open) => match self.find(run, &management, &name).await? {
                Some(project_ref) => self.adopt(run, &management, &open, project_ref, &secret).await?,
                None if open.age < VISIBLE_WITHIN => return Err(not_visible()),
                None => {
                    run.renew(&open, "", "", MANAGEMENT_TIMEOUT).await?;
                    self.create(run, &management, &open, &secret).await?
                }
            },
        };
        let url = names::fill(&self.tenant_url, &tenant.slug, tenant.tenant_id, project_ref.as_str());
        Ok(Outcome::Environment { project_ref: project_ref.as_str().to_owned(), url })
    }
}

fn password() -> SecretString {
    Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH).into()
}

fn not_visible() -> StepError {
    StepError::busy(
        "environment_not_visible",
        Owner::Provider,
        "The environment's creation was not answered; its project is being looked for by name.",
    )
}

fn not_ready() -> StepError {
    StepError::busy(
        "environment_not_ready",
        Owner::Provider,
        "The environment is there but does not take its password yet; it is tried again.",
    )
}

fn unreadable() -> StepError {
    StepError::rejected(
        "ledger_unreadable",
        Owner::Platform,
        "The ledger holds a project reference that is none; look into control.resources.",
    )
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn passwords_need_no_quoting_anywhere_and_differ() {
        let (a, b) = (password(), password());
        assert_ne!(a.expose_secret(), b.expose_secret());
        assert_eq!(a.expose_secret().len(), PASSWORD_LENGTH);
        assert!(a.expose_secret().bytes().all(|b| b.is_ascii_alphanumeric()));
    }
}
