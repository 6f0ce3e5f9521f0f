//! `GET /v1/admin/purges/{tenant_id}`: how far a purge is, what it proved so far, and at its end the signed certificate.

use api_kit::records::Policies;
use api_kit::routes::{self, Route};
use api_kit::{Answer, Budget, Handler, Moment, Problem, Request};
use domain::{Cause, PurgeState, PurgeStep, PurgedItem, Slug, StepState, TenantId};
use lambda_kit::needs;
use serde::Serialize;
use serde_json::Value;
use store::{ControlReader, Purge, StepRow};
use utoipa::ToSchema;

/// When there may be something new, in seconds.
const RETRY_AFTER: &str = "5";

needs! {
    /// Answers with the status of a purge.
    pub struct GetPurge {
        store: ControlReader,
    }
}

impl Handler for GetPurge {
    const ROUTE: Route = routes::GET_PURGE;
    type Input = ();

    async fn handle(&self, request: &Request, (): (), _: Budget) -> Result<Answer, Problem> {
        let tenant = request.find_tenant(&self.store).await?.tenant_id;
        let (purge, step) = self.store.purge_and_step(tenant).await?.ok_or_else(Problem::purge_not_found)?;
        let steps = self.store.purge_steps(tenant).await?;
        let items = self.store.purged_items(tenant).await?;
        let answer = Answer::ok(&PurgeStatus::new(&purge, step, &steps, &items));
        Ok(match purge.state {
            PurgeState::Running => answer.with_header("retry-after", RETRY_AFTER.to_owned()),
            PurgeState::WaitingApproval | PurgeState::Failed | PurgeState::Done | PurgeState::Withdrawn => answer,
        })
    }
}

/// How far a purge is.
#[derive(Serialize, ToSchema)]
pub struct PurgeStatus<'a> {
    tenant_id: TenantId,
    /// The tenant's slug as the purge was asked for, also after it is free.
    slug: &'a Slug,
    /// `waiting_approval`, `running`, `failed`, `done`, or `withdrawn` if the tenant was restored before anything was lost.
    #[schema(value_type = &str)]
    state: PurgeState,
    /// Which try this is, from 1.
    attempt: i32,
    policies: Policies,
    /// The installation's retrieval period when it was asked for.
    retrieval_days: u32,
    /// Why it was asked for before a paid tier's period was over.
    reason: Option<&'a str>,
    /// Who asked for it, as the audit log names them.
    requested_by: &'a str,
    requested_at: Moment,
    /// Who agreed to it. Null: nobody has, or nobody had to.
    approved_by: Option<&'a str>,
    approved_at: Option<Moment>,
    /// The first step that is not completed. Null: all are.
    step: Option<PurgeStep>,
    /// The first step that cannot be undone.
    point_of_no_return: PurgeStep,
    /// When that step began: from then on the tenant cannot be restored.
    no_return_at: Option<Moment>,
    /// Why it failed. Null unless it did; the next POST goes on with it.
    cause: Option<&'a Cause>,
    finished_at: Option<Moment>,
    /// Whether another tenant may have the slug.
    slug_released: bool,
    /// The eight steps in order.
    steps: Vec<PurgeStepStatus<'a>>,
    /// What is proved so far.
    items: Vec<ProvedItem<'a>>,
    /// The certificate, signed, once the purge is done. `ivory purge verify` checks it without this API.
    #[schema(value_type = Option<Object>)]
    certificate: Option<&'a Value>,
}

/// One step of a purge.
#[derive(Serialize, ToSchema)]
pub struct PurgeStepStatus<'a> {
    id: PurgeStep,
    /// What the step does, e.g. `delete-graph`.
    name: &'static str,
    /// `pending`, `running`, `waiting`, `completed` or `failed`.
    #[schema(value_type = &str)]
    state: StepState,
    /// Invocations that did something; polls of a wait are not among them.
    attempts: i32,
    started_at: Option<Moment>,
    finished_at: Option<Moment>,
    /// What the step waits for.
    waiting_for: Option<&'a str>,
    next_retry_at: Option<Moment>,
    /// The trouble the step met last, also while it is being retried.
    cause: Option<&'a Cause>,
}

/// What became of a resource, as its system says.
#[derive(Serialize, ToSchema)]
pub struct ProvedItem<'a> {
    /// What it is: `cache_entries`, `api_keys`, `search_alias`, `stripe_subscription`, `stripe_customer`, `search_index`, `graph`,
    /// `graph_user`, `namespace`, `catalog_secret`, `supabase_project` or `tenant_secret`.
    kind: &'static str,
    name: &'a str,
    external_id: Option<&'a str>,
    /// When its system was asked what became of it.
    asked_at: Moment,
    /// What the system answered, in words of ours.
    answered: &'a str,
    /// `gone`, `scheduled` (its system deletes it at a time that is known) or `kept`.
    outcome: &'static str,
    /// Why it is kept.
    why: Option<&'a str>,
    /// When its system deletes it.
    until: Option<Moment>,
}

impl<'a> PurgeStatus<'a> {
    fn new(
        purge: &'a Purge,
        step: Option<PurgeStep>,
        steps: &'a [StepRow<PurgeStep>],
        items: &'a [PurgedItem],
    ) -> Self {
        Self {
            tenant_id: purge.tenant_id,
            slug: &purge.slug,
            state: purge.state,
            attempt: purge.attempt,
            policies: purge.policies.into(),
            retrieval_days: purge.retrieval_days,
            reason: purge.reason.as_deref(),
            requested_by: &purge.requested_by,
            requested_at: Moment(purge.requested_at),
            approved_by: purge.approved_by.as_deref(),
            approved_at: purge.approved_at.map(Moment),
            step,
            point_of_no_return: purge.no_return,
            no_return_at: purge.no_return_at.map(Moment),
            cause: purge.cause.as_ref(),
            finished_at: purge.finished_at.map(Moment),
            slug_released: purge.slug_released,
            steps: steps.iter().map(PurgeStepStatus::from).collect(),
            items: items.iter().map(ProvedItem::from).collect(),
            certificate: purge.certificate.as_ref(),
        }
    }
}

impl<'a> From<&'a StepRow<PurgeStep>> for PurgeStepStatus<'a> {
    fn from(row: &'a StepRow<PurgeStep>) -> Self {
        Self {
            id: row.step,
            name: row.step.name(),
            state: row.state,
            attempts: row.attempts,
            started_at: row.started_at.map(Moment),
            finished_at: row.finished_at.map(Moment),
            waiting_for: row.waiting_for.as_deref(),
            next_retry_at: row.next_retry_at.map(Moment),
            cause: row.cause.as_ref(),
        }
    }
}

impl<'a> From<&'a PurgedItem> for ProvedItem<'a> {
    fn from(item: &'a PurgedItem) -> Self {
        Self {
            kind: item.kind.as_str(),
            name: &item.name,
            external_id: item.external_id.as_deref(),
            asked_at: Moment(item.asked_at),
            answered: &item.answered,
            outcome: item.outcome.as_str(),
            why: item.why.as_deref(),
            until: item.until.map(Moment),
        }
    }
}
