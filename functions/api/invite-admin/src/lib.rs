//! `POST /v1/admin/tenants/{slug}/invitation`: the tenant's admin gets another mail, or another admin takes their place. It
//! works under the tenant's lease, and changes the row last: until then the same request goes on where this one ended.

use std::time::Duration;

use api_kit::routes::{self, Route};
use api_kit::{
    Answer, Budget, Handler, LEAST_TIME, Moment, OptionalJson, Problem, Request, SlugInPath, take_lease, work_under,
};
use domain::{AdminEmail, CauseCode, Failure, FailureKind, InvitationRequest, ProvisioningState, Slug};
use lambda_kit::needs;
use serde::Serialize;
use store::{ControlDatabase, Invited, Lease};
use supabase_project::{Admins, Asking, MailKind, MailNotSent, Reminded, SentMail};
use tenant_cache::CacheSettings;
use utoipa::ToSchema;

/// How much longer this route may take than any other, once it has the tenant's lease.
const FOR_SUPABASE: Duration = Duration::from_millis(21_500);
/// The longest time for one call of Auth. Its own SMTP time-out is 10 s.
const AUTH_CALL: Duration = Duration::from_secs(13);
/// How long to wait for another operation on the tenant.
const LEASE_WAIT: Duration = Duration::from_secs(1);
/// Auth sends a user one recovery mail a minute.
const AUTHS_PAUSE: Duration = Duration::from_mins(1);

needs! {
    /// Invites a tenant's admin once more.
    pub struct InviteAdmin {
        store: ControlDatabase,
        admins: Admins,
        cache: CacheSettings,
    }
}

/// A mail that was sent.
#[derive(Serialize, ToSchema)]
pub struct Invitation<'a> {
    /// `invitation`, or `recovery` if the address was confirmed before.
    #[schema(value_type = &str)]
    kind: &'static str,
    #[schema(value_type = &str)]
    admin_email: &'a AdminEmail,
    sent_at: Moment,
}

impl Handler for InviteAdmin {
    const ROUTE: Route = routes::INVITE_ADMIN;
    const ANSWERED_WITHIN: Duration = Duration::from_secs(26);
    type Input = (SlugInPath, OptionalJson);

    async fn handle(
        &self,
        request: &Request,
        (SlugInPath(slug), OptionalJson(body)): (SlugInPath, OptionalJson),
        budget: Budget,
    ) -> Result<Answer, Problem> {
        let asked = InvitationRequest::parse(&body)?;
        let begun = self.begin(&slug, &request.request_id, budget);
        let begun = budget.keeping(FOR_SUPABASE).at_least(LEAST_TIME).spend(begun).await;
        let lease = begun.unwrap_or_else(|| Err(Problem::unavailable()))?;
        work_under(&lease, budget, Box::pin(self.invite(&lease, asked.admin_email.as_ref(), request))).await
    }
}

impl InviteAdmin {
    async fn invite(
        &self,
        lease: &Lease<'_>,
        asked: Option<&AdminEmail>,
        request: &Request,
    ) -> Result<Answer, Problem> {
        let tenant = lease.tenant();
        let email = asked.unwrap_or(&tenant.admin_email);
        let key = request.header("idempotency-key")?.map(|key| (request.caller.identity(), key));
        let anew = tenant.state == ProvisioningState::Active;
        let answer = |kind: MailKind, at| {
            Answer::ok(&Invitation { kind: kind.as_str(), admin_email: email, sent_at: Moment(at) })
        };
        let sent = match self.admins.remind(lease, Asking { email, key, anew, call: AUTH_CALL }).await {
            Ok(Reminded::Sent(sent)) => sent,
            Ok(Reminded::Before(kind, at)) => {
                lease.release().await?;
                return Ok(answer(kind, at));
            }
            Err(reason) => return Err(self.problem(lease, reason).await),
        };
        let SentMail { kind, at, user, row, done } = &sent;
        let invalidation = serde_json::to_value(self.cache.entries(tenant)).unwrap_or_default();
        let written = lease.invited(Invited {
            mail: row,
            done,
            email,
            user: *user,
            kind: kind.as_str(),
            invalidation: &invalidation,
            author: request.author(),
        });
        written.await.map_err(|failure| of(&tenant.named_in(failure)))?;
        Ok(answer(*kind, *at))
    }

    async fn problem(&self, lease: &Lease<'_>, reason: MailNotSent) -> Problem {
        match reason {
            MailNotSent::NotConfigured => {
                Problem::auth_is_busy("Supabase Auth is applying the settings of its mails; try again.")
            }
            MailNotSent::NobodyInvited => Problem::tenant_not_active(
                "Nobody was invited yet. Correct the address with POST /v1/admin/tenants, which goes on with the tenant.",
            ),
            MailNotSent::TooMany(pause) => {
                Problem::invitation_limit("The tenant's admins get five further mails an hour at most.", pause)
            }
            MailNotSent::Failed(failure) => of(&lease.tenant().named_in(self.admins.explain(lease, failure).await)),
        }
    }

    /// The lease of a tenant whose admin can be invited again.
    async fn begin(&self, slug: &Slug, token: &str, budget: Budget) -> Result<Lease<'_>, Problem> {
        let tenant = self.store.tenant_by_slug(slug).await?.ok_or_else(Problem::tenant_not_found)?;
        if let Some(refused) = refusal(tenant.state) {
            return Err(refused);
        }
        let take = || self.store.lease_for_invitation(tenant.tenant_id, token, budget.left());
        take_lease(LEASE_WAIT, take, |state| refusal(state).unwrap_or_else(Problem::operation_in_progress)).await
    }
}

/// Why a tenant in this state has nobody to be invited.
fn refusal(state: ProvisioningState) -> Option<Problem> {
    match state {
        ProvisioningState::Active | ProvisioningState::Failed => None,
        ProvisioningState::Provisioning => {
            Some(Problem::tenant_not_active("The tenant is being provisioned; its admin is invited by that."))
        }
        ProvisioningState::Deprovisioned => Some(Problem::tenant_not_active("The tenant was deprovisioned.")),
    }
}

/// What a failure means for the caller.
fn of(failure: &Failure) -> Problem {
    let code = failure.code();
    tracing::warn!(code = code.as_str(), provider_request_id = failure.provider_request_id(), "nobody was invited");
    match code {
        CauseCode::InvitationPending => {
            Problem::auth_is_busy("Whether an earlier mail went out is not known yet; try again.")
        }
        CauseCode::SupabaseAuthMailLimit | CauseCode::SupabaseAuthRateLimited => {
            Problem::invitation_limit("Supabase Auth sends no more mails of this project for now.", AUTHS_PAUSE)
        }
        // The user confirmed the address a moment ago. The next request finds that.
        CauseCode::SupabaseAuthEmailExists => Problem::unavailable(),
        _ => match failure.kind() {
            FailureKind::Rejected => Problem::invitation_rejected(failure),
            FailureKind::Internal => Problem::internal(),
            FailureKind::RateLimited | FailureKind::Busy | FailureKind::Transient | FailureKind::Superseded => {
                Problem::unavailable()
            }
        },
    }
}
