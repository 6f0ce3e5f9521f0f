//! Step 1: the tenant's passwords, and its project at Supabase under a name that is found again.
//!
//! The Management API has no idempotency key. Instead, an intent is written to the ledger before the call, and after an
//! unknown outcome the project is looked up by its exact name, which contains the tenant's id.

use std::time::Duration;

use domain::{CauseCode, Failure, FailureKind, Step, names, word};
use lambda_kit::{Create, needs, settings};
use secrecy::SecretString;
use secrets::{TenantSecret, new_password};
use step_kit::{Effect, Lease, Outcome, Work};
use store::{Intent, RecordedVerdict, Resource, ResourceKind};
use supabase::{Error, MANAGEMENT_TIMEOUT, Management, Project, ProjectRef};
use supabase_project::{ProjectUrl, SupabaseAccount, TenantSecrets};

/// One write of a secret.
const CREATE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a project whose creation was not answered may take to appear in the organisation's list.
const VISIBLE_WITHIN: Duration = Duration::from_mins(2);

needs! {
    /// Creates the tenant's secret and project.
    pub struct CreateEnvironment {
        account: SupabaseAccount,
        creator: Create<TenantSecret>,
        secrets: TenantSecrets,
        project_url: ProjectUrl,
        tenant_url: TenantUrl,
    }
}

settings! {
    /// The tenant's public database URL.
    struct TenantUrl {
        /// Template with `{slug}`, `{tenant_id}` and `{ref}`. Empty: the project's own URL.
        template: String = "TENANT_URL_TEMPLATE" or "",
    }
}

impl CreateEnvironment {
    /// The tenant's passwords. They are generated once; the ones to use are always those that are read back.
    async fn passwords(&self, lease: &Lease<'_>) -> Result<TenantSecret, Failure> {
        let tenant_id = lease.tenant().tenant_id;
        let name = names::secret(tenant_id);
        let intent = Intent::named(ResourceKind::TenantSecret, &name, CREATE_TIMEOUT);
        let resource = lease.intend_once(intent).await?;
        if resource.external_id.is_none() {
            let fresh = TenantSecret {
                db_pass: new_password(),
                graph_pass: new_password(),
                publishable_key: None,
                secret_key: None,
                pooler: None,
            };
            self.creator.create_once(tenant_id, &fresh).await?;
            lease.confirm(&resource, &name).await?;
        }
        self.secrets.of(lease).await
    }

    /// Refuses if a check of the region has found, not long ago, that a later step would fail for good. Only what is written
    /// down is read: nobody outside is asked.
    async fn can_be_completed(lease: &Lease<'_>) -> Result<(), Failure> {
        let tenant = lease.tenant();
        let verdicts = lease.store().verdicts_for(tenant.region, tenant.tier).await?;
        let mut fresh = verdicts.iter().filter(|recorded| recorded.is_fresh()).peekable();
        if fresh.peek().is_none() {
            tracing::warn!(region = tenant.region.as_str(), "the region was not checked lately");
        }
        for RecordedVerdict { verdict, checked_at, .. } in fresh.filter(|recorded| recorded.verdict.stops) {
            let cause = verdict.cause.as_ref();
            match cause.and_then(|cause| Failure::foreseen(cause, format!("{checked_at:.6}"))) {
                Some(failure) => return Err(failure),
                None => {
                    tracing::warn!(system = verdict.system.as_str(), "a verdict of another release is not understood");
                }
            }
        }
        Ok(())
    }

    fn url_template(&self) -> &str {
        let own = &self.tenant_url.template;
        if own.is_empty() { &self.project_url.template } else { own }
    }
}

impl Work for CreateEnvironment {
    type Step = Step;
    const STEP: Step = Step::CreateEnvironment;

    async fn run(&self, lease: &Lease<'_>) -> Result<Outcome, Failure> {
        let asked_for = lease.resource(ResourceKind::SupabaseProject).await?;
        // Money is spent from here on: each secret costs some, and a project much more. What was asked for already may be
        // there, so it is completed in any case.
        if asked_for.is_none() {
            Self::can_be_completed(lease).await?;
        }
        let secret = self.passwords(lease).await?;
        let (tenant, management) = (lease.tenant(), self.account.management().await?);
        let name = names::project(&tenant.slug, tenant.tenant_id);
        let creation = Creation { lease, management, name: &name, password: &secret.db_pass };
        let project_ref = match asked_for {
            None => {
                let intent = Intent::named(ResourceKind::SupabaseProject, &name, MANAGEMENT_TIMEOUT);
                creation.create(&lease.intend(intent).await?).await?
            }
            Some(Resource { external_id: Some(project_ref), .. }) => {
                ProjectRef::try_from(project_ref).map_err(|_| CauseCode::LedgerUnreadable)?
            }
            Some(open) => match creation.find().await? {
                Some(project_ref) => creation.adopt(&open, project_ref).await?,
                None if open.age < VISIBLE_WITHIN => return Err(CauseCode::EnvironmentNotVisible.into()),
                None => {
                    // Nothing came of it, so this one would be the first.
                    Self::can_be_completed(lease).await?;
                    lease.renew(&open, MANAGEMENT_TIMEOUT).await?;
                    creation.create(&open).await?
                }
            },
        };
        let url = names::fill(self.url_template(), &tenant.slug, tenant.tenant_id, project_ref.as_str());
        let effect = Effect { supabase_project_ref: Some(project_ref.into()), supabase_url: Some(url), ..Effect::NONE };
        Ok(Outcome::Completed(effect))
    }
}

/// The creation of one tenant's project.
struct Creation<'a> {
    lease: &'a Lease<'a>,
    management: Management,
    name: &'a str,
    password: &'a SecretString,
}

impl Creation<'_> {
    async fn create(&self, intent: &Resource) -> Result<ProjectRef, Failure> {
        let region = self.lease.tenant().region.as_str();
        match self.management.create_project(self.name, region, self.password).await {
            Ok(project) => {
                self.lease.confirm(intent, project.project_ref.as_str()).await?;
                Ok(project.project_ref)
            }
            Err(Error::NameTaken(_)) => match self.find().await {
                Ok(Some(project_ref)) => self.adopt(intent, project_ref).await,
                Ok(None) => Err(CauseCode::EnvironmentNotVisible.into()),
                Err(failure) => {
                    // Nothing of ours is on its way. Once somebody has freed the name, the next POST creates at once.
                    if intent.fresh && failure.kind() == FailureKind::Rejected {
                        self.lease.give_up(intent).await?;
                    }
                    Err(failure)
                }
            },
            // The next invocation looks for the name before it sends anything.
            Err(error) if error.outcome_unknown() => Err(error.into()),
            Err(error) => {
                // A refusal of this request says nothing about an earlier one that was not answered.
                if intent.fresh {
                    self.lease.give_up(intent).await?;
                }
                Err(error.into())
            }
        }
    }

    /// The project of this name, if there is one to adopt.
    async fn find(&self) -> Result<Option<ProjectRef>, Failure> {
        let found = self.management.find_projects_named(self.name).await?;
        let (dead, alive): (Vec<Project>, Vec<Project>) =
            found.into_iter().partition(|project| project.status.is_terminal());
        if let Some(project) = dead.first() {
            // It holds no data, since this step has not completed yet.
            self.lease.fence(MANAGEMENT_TIMEOUT).await?;
            self.management.delete_project(&project.project_ref).await?;
            return Err(CauseCode::EnvironmentReplaced.into());
        }
        match alive.as_slice() {
            [] => Ok(None),
            [project] if project.region == self.lease.tenant().region.as_str() => Ok(Some(project.project_ref.clone())),
            [Project { project_ref, region, .. }] => {
                let where_it_is = format!("{project_ref} in {}", word(region).unwrap_or("another one"));
                Err(Failure::with_detail(CauseCode::EnvironmentElsewhere, where_it_is))
            }
            several => {
                let refs: Vec<_> = several.iter().map(|project| project.project_ref.to_string()).collect();
                Err(Failure::with_detail(CauseCode::EnvironmentAmbiguous, refs.join(", ")))
            }
        }
    }

    /// Adopts a project whose creation was never answered. It gets the stored password, since nobody can be sure which one
    /// it was created with.
    async fn adopt(&self, intent: &Resource, project_ref: ProjectRef) -> Result<ProjectRef, Failure> {
        self.lease.fence(MANAGEMENT_TIMEOUT).await?;
        match self.management.set_database_password(&project_ref, self.password).await {
            // A new project does not take its password yet.
            Err(Error::InvalidRequest { .. } | Error::NotFound(_)) => return Err(CauseCode::EnvironmentNotReady.into()),
            outcome => outcome?,
        }
        self.lease.confirm(intent, project_ref.as_str()).await?;
        Ok(project_ref)
    }
}
