//! Errors as callers see them: RFC 9457 problems with a stable code.

use std::borrow::Cow;
use std::time::Duration;

use domain::routes::Credential;
use domain::{Failure, FieldError, ProblemCode};
use lambda_http::http::StatusCode;
use serde::Serialize;
use store::StoreError;

use crate::{Answer, Moment};

/// The most field errors of an answer.
const MAX_ERRORS: usize = 100;

/// A problem, before it is written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    code: ProblemCode,
    detail: String,
    errors: Vec<FieldError>,
    /// Extra headers.
    headers: Vec<(&'static str, Cow<'static, str>)>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    fn with_header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The fields that are wrong.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// 400: not JSON, or JSON with duplicate keys, NUL or unpaired surrogates.
    #[must_use]
    pub fn malformed_json(detail: &str) -> Self {
        Self::new(ProblemCode::MalformedJson, detail)
    }

    /// 400: a header that cannot be parsed.
    #[must_use]
    pub fn malformed_request(detail: &str) -> Self {
        Self::new(ProblemCode::MalformedRequest, detail)
    }

    /// 401, with the kind of credential that the route takes.
    #[must_use]
    pub fn unauthenticated(credential: Credential) -> Self {
        let (challenge, detail) = match credential {
            Credential::Bearer => (
                "Bearer realm=\"ivory-control-plane\"",
                "This route takes a bearer token in Authorization, and there was no valid one.",
            ),
            Credential::ApiKey | Credential::None => (
                "ApiKey realm=\"ivory-control-plane\"",
                "This route takes an API key in X-API-Key, and there was no valid one.",
            ),
        };
        Self::new(ProblemCode::Unauthenticated, detail).with_header("www-authenticate", challenge)
    }

    /// 403.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(ProblemCode::Forbidden, "The caller may not use this route.")
    }

    /// 404.
    #[must_use]
    pub fn tenant_not_found() -> Self {
        Self::new(ProblemCode::TenantNotFound, "There is no tenant of that name.")
    }

    /// 404.
    #[must_use]
    pub fn catalog_not_found() -> Self {
        Self::new(ProblemCode::CatalogNotFound, "The tenant has no active catalog.")
    }

    /// 404: nobody asked for a purge.
    #[must_use]
    pub fn purge_not_found() -> Self {
        Self::new(ProblemCode::PurgeNotFound, "Nobody asked for a purge of this tenant.")
    }

    /// 409: the retrieval period is not over.
    #[must_use]
    pub fn retrieval_period(Moment(until): Moment, reason_helps: bool) -> Self {
        let until = format!("{until:.0}");
        let detail = if reason_helps {
            format!(
                "The period in which a paid tier's data can be retrieved is over at {until}. Before that, a reason is needed, and another consumer's approval."
            )
        } else {
            format!("The period in which the tenant's data can be retrieved is over at {until}.")
        };
        Self::new(ProblemCode::RetrievalPeriod, detail)
    }

    /// 409: it cannot be restored any more, or not now.
    #[must_use]
    pub fn purge_in_progress() -> Self {
        let detail = "The tenant's purge is under way, or has deleted something for good.";
        Self::new(ProblemCode::PurgeInProgress, detail)
    }

    /// 409: nothing is left of it but its record.
    #[must_use]
    pub fn tenant_purged() -> Self {
        Self::new(ProblemCode::TenantPurged, "The tenant was purged; its certificate says what became of everything.")
    }

    /// 409: there is nothing to approve.
    #[must_use]
    pub fn purge_not_waiting() -> Self {
        Self::new(ProblemCode::PurgeNotWaiting, "No purge of this tenant waits for an approval.")
    }

    /// 409: who asked cannot approve.
    #[must_use]
    pub fn same_consumer() -> Self {
        let detail = "The purge was asked for by the same consumer; another one has to approve it.";
        Self::new(ProblemCode::SameConsumer, detail)
    }

    /// 409: the tenant is live already.
    #[must_use]
    pub fn tenant_active() -> Self {
        Self::new(ProblemCode::TenantActive, "A tenant with this slug is already active.")
    }

    /// 409: the slug belonged to a tenant that was switched off.
    #[must_use]
    pub fn tenant_deprovisioned() -> Self {
        let detail =
            "A tenant with this slug was deprovisioned; its resources are kept. Restore it, or use another slug.";
        Self::new(ProblemCode::TenantDeprovisioned, detail)
    }

    /// 409: the tenant was deprovisioned, so nothing more is written for it.
    #[must_use]
    pub fn nothing_more_for_tenant() -> Self {
        Self::new(ProblemCode::TenantDeprovisioned, "The tenant was deprovisioned; nothing more is written for it.")
    }

    /// 409: only a live tenant can be changed in this way.
    #[must_use]
    pub fn tenant_not_active(detail: &str) -> Self {
        Self::new(ProblemCode::TenantNotActive, detail)
    }

    /// 409: only a deprovisioned tenant can be restored or purged.
    #[must_use]
    pub fn tenant_not_deprovisioned(detail: &str) -> Self {
        Self::new(ProblemCode::TenantNotDeprovisioned, detail)
    }

    /// 409: the tenant is under a legal hold.
    #[must_use]
    pub fn tenant_held() -> Self {
        Self::new(ProblemCode::TenantHeld, "The tenant is under a legal hold, which its record shows.")
    }

    /// 409: the value can no longer be changed.
    #[must_use]
    pub fn immutable_field(field: &str, why: &str) -> Self {
        Self::new(ProblemCode::ImmutableField, format!("{field} cannot be changed: {why}."))
    }

    /// 409: another tenant has the domain.
    #[must_use]
    pub fn domain_taken() -> Self {
        Self::new(ProblemCode::DomainTaken, "Another tenant has this custom domain.")
    }

    /// 409: there is no catalog to sync into.
    #[must_use]
    pub fn no_active_catalog() -> Self {
        Self::new(ProblemCode::NoActiveCatalog, "The tenant has no active catalog of that name; provision one first.")
    }

    /// 409: a catalog's data would lie where another tenant's does. Which tenant's is in the log.
    #[must_use]
    pub fn storage_overlap() -> Self {
        let detail = "Another tenant's data lies at this warehouse and storage_prefix, above it or below it.";
        Self::new(ProblemCode::StorageOverlap, detail)
    }

    /// 409: another target feeds the Iceberg table.
    #[must_use]
    pub fn iceberg_table_taken() -> Self {
        let detail = "Another target feeds this Iceberg table, whose name is compared without upper and lower case.";
        Self::new(ProblemCode::IcebergTableTaken, detail)
    }

    /// 409: billing was refused, and nothing was changed. A failure's texts are our own, so a caller may see them.
    #[must_use]
    pub fn billing_rejected(failure: &Failure) -> Self {
        let detail = format!("Nothing was changed. {} ({})", failure.hint(), failure.code().as_str());
        Self::new(ProblemCode::BillingRejected, detail)
    }

    /// 409: Supabase Auth refused the mail. A failure's texts are our own, so a caller may see them.
    #[must_use]
    pub fn invitation_rejected(failure: &Failure) -> Self {
        let detail = format!("Nobody was invited. {} ({})", failure.hint(), failure.code().as_str());
        Self::new(ProblemCode::InvitationRejected, detail)
    }

    /// 409: Supabase Auth is applying its configuration, or is still sending an earlier mail.
    #[must_use]
    pub fn auth_is_busy(detail: &str) -> Self {
        Self::new(ProblemCode::OperationInProgress, detail).with_header("retry-after", "10")
    }

    /// 429: there are enough mails for now.
    #[must_use]
    pub fn invitation_limit(detail: &str, retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs().saturating_add(1);
        Self::new(ProblemCode::InvitationLimit, detail).with_header("retry-after", seconds.to_string())
    }

    /// 409: the same request is still running.
    #[must_use]
    pub fn request_in_progress() -> Self {
        Self::new(ProblemCode::RequestInProgress, "A request with this idempotency key is still running; try again.")
            .with_header("retry-after", "1")
    }

    /// 409: another invocation holds the tenant's lease.
    #[must_use]
    pub fn operation_in_progress() -> Self {
        Self::new(ProblemCode::OperationInProgress, "Another operation on this tenant is still running; try again.")
            .with_header("retry-after", "5")
    }

    /// 412.
    #[must_use]
    pub fn version_mismatch() -> Self {
        Self::new(
            ProblemCode::VersionMismatch,
            "Its version is not one that the request asks for with If-Match and If-None-Match; read it again.",
        )
    }

    /// 413.
    #[must_use]
    pub fn body_too_large() -> Self {
        Self::new(ProblemCode::BodyTooLarge, "A request's body may be 256 KiB at most.")
    }

    /// 415.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        Self::new(ProblemCode::UnsupportedMediaType, "Send the body as application/json.")
    }

    /// 422: every bad field at once, but at most a hundred.
    #[must_use]
    pub fn validation_failed(mut errors: Vec<FieldError>) -> Self {
        errors.truncate(MAX_ERRORS);
        let fields = if errors.len() == 1 { "One field is" } else { "Some fields are" };
        Self { errors, ..Self::new(ProblemCode::ValidationFailed, format!("{fields} not valid; see errors.")) }
    }

    /// 422: the key belongs to another request.
    #[must_use]
    pub fn idempotency_key_reused() -> Self {
        Self::new(
            ProblemCode::IdempotencyKeyReused,
            "This idempotency key was used for another request; use a new one.",
        )
    }

    /// 422: the region exists, but this installation does not serve it.
    #[must_use]
    pub fn region_not_configured() -> Self {
        let error =
            FieldError { field: "region".to_owned(), message: "is not configured in this installation".to_owned() };
        let detail = "This installation does not serve that region.";
        Self { errors: vec![error], ..Self::new(ProblemCode::RegionNotConfigured, detail) }
    }

    /// 500: our mistake. The log has the details under the same request id.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(ProblemCode::Internal, "The request could not be served.")
    }

    /// 503: a system that we depend on is down. The same request, sent again, completes what this one began.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(ProblemCode::Unavailable, "The request could not be served right now; try again.")
            .with_header("retry-after", "5")
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> ProblemCode {
        self.code
    }

    /// The problem as it is written out.
    #[must_use]
    pub fn into_answer(self, request_id: &str) -> Answer {
        let mut answer = Answer::raw(self.status(), self.body(request_id));
        answer = answer.with_header("content-type", "application/problem+json".to_owned());
        self.headers.into_iter().fold(answer, |answer, (name, value)| answer.with_header(name, value.into_owned()))
    }

    fn body(&self, request_id: &str) -> Vec<u8> {
        let body = Body {
            r#type: format!("urn:ivory-control-plane:problem:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status(),
            detail: &self.detail,
            code: self.code.as_str(),
            request_id,
            errors: &self.errors,
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

/// Routes handle the errors that mean something to their callers. Any other error is a mistake of ours, or temporary.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        macro_rules! said {
            ($level:ident) => {
                tracing::$level!(%error, "the control database did not do what was asked")
            };
        }
        match error {
            StoreError::Unavailable | StoreError::Timeout => {
                said!(warn);
                Self::unavailable()
            }
            StoreError::Refused | StoreError::Credentials(_) => {
                said!(error);
                Self::unavailable()
            }
            StoreError::Untrusted(_) | StoreError::Forbidden | StoreError::Taken { .. } | StoreError::Broken(_) => {
                said!(error);
                Self::internal()
            }
        }
    }
}

impl From<Vec<FieldError>> for Problem {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::validation_failed(errors)
    }
}
