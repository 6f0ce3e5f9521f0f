//! The records, one DynamoDB item each:
//! `id`, `request` (digest), `owner` (the request id that began it), `state` `IN_PROGRESS` | `COMPLETED`,
//! `running_until` (milliseconds), `status`, `headers`, `body`, `expires_at` (seconds). The last one is the table's TTL
//! attribute. `DynamoDB` may take days to delete an expired item, so this code checks it too.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use domain::{CauseCode, Failure};
use lambda_kit::{AwsResource, Declaration, Misconfigured, Need, Platform, settings};

use crate::Answer;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_hours(24);
/// The most by which the clocks of two Lambdas may differ.
const SKEW: Duration = Duration::from_secs(1);
/// An item may have 400 KB. An answer that would not fit is not stored.
const LARGEST_BODY: usize = 380 * 1024;

const IN_PROGRESS: &str = "IN_PROGRESS";
const COMPLETED: &str = "COMPLETED";

type Item = HashMap<String, AttributeValue>;

/// What the table holds for a request's key.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// No record, or that of a request whose process died. This request has to be handled.
    Nothing,
    /// The answer to the same request.
    Answer(Answer),
    /// The same request, still running.
    Running,
    /// Another request.
    OtherRequest,
}

settings! {
    /// Where the records are.
    struct TableSettings {
        name: String = "IDEMPOTENCY_TABLE",
    }
}

/// The table of records.
#[derive(Clone, Debug)]
pub struct Records {
    client: Client,
    table: String,
}

impl Need for Records {
    fn declare(declaration: &mut Declaration) {
        TableSettings::declare(declaration);
        for action in ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"] {
            declaration.grant(action, AwsResource::IdempotencyTable);
        }
    }

    fn open(platform: &Platform) -> Result<Self, Misconfigured> {
        let TableSettings { name } = Need::open(platform)?;
        Ok(Self { client: Client::new(platform.sdk()), table: name })
    }
}

impl Records {
    /// Begins a request, unless it was begun before. `owner` is the id of this request.
    pub async fn begin(&self, id: &str, request: &str, owner: &str, deadline: SystemTime) -> Result<Found, Failure> {
        let now = SystemTime::now();
        let begin = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("id", text(id))
            .item("request", text(request))
            .item("owner", text(owner))
            .item("state", text(IN_PROGRESS))
            .item("running_until", number(millis(deadline + SKEW)))
            .item("expires_at", number(secs(now + KEPT)))
            .condition_expression(
                "attribute_not_exists(id) OR expires_at <= :now OR (#state = :running AND running_until <= :now_ms AND #request = :request)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#request", "request")
            .expression_attribute_values(":now", number(secs(now)))
            .expression_attribute_values(":now_ms", number(millis(now)))
            .expression_attribute_values(":running", text(IN_PROGRESS))
            .expression_attribute_values(":request", text(request))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match begin.send().await {
            Ok(_) => Ok(Found::Nothing),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(taken)) => {
                    Ok(match taken.item() {
                        // The condition failed, but the item was not returned: another process is writing it right now.
                        None => Found::Running,
                        // The SDK repeated this put because the first answer was lost.
                        Some(item) if item.get("owner") == Some(&text(owner)) => Found::Nothing,
                        Some(item) => found(item, request),
                    })
                }
                _ => Err(failure(&error)),
            },
        }
    }

    /// Stores the answer of a request that this owner began. An answer that is too large is not stored, and the record
    /// is removed.
    pub async fn answered(&self, id: &str, owner: &str, answer: &Answer) -> Result<(), Failure> {
        let body = answer.body();
        if body.is_some_and(|body| body.len() > LARGEST_BODY) {
            return self.forget(id, owner).await;
        }
        let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let mut keep = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", text(id))
            .update_expression(
                "SET #state = :completed, #status = :status, headers = :headers, body = :body, expires_at = :expires_at REMOVE running_until",
            )
            .condition_expression("#owner = :owner AND #state = :running")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner");
        let body = body.and_then(|body| std::str::from_utf8(body).ok()).map_or(AttributeValue::Null(true), text);
        for (name, value) in [
            (":completed", text(COMPLETED)),
            (":running", text(IN_PROGRESS)),
            (":owner", text(owner)),
            (":status", number(answer.status().into())),
            (":headers", AttributeValue::M(headers)),
            (":body", body),
            (":expires_at", number(secs(SystemTime::now() + KEPT))),
        ] {
            keep = keep.expression_attribute_values(name, value);
        }
        keep.send().await.map(drop).map_err(|error| failure(&error))
    }

    /// Removes the record of a request that this owner began, so that a repeated request is handled again.
    pub async fn forget(&self, id: &str, owner: &str) -> Result<(), Failure> {
        let forget = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("id", text(id))
            .condition_expression("#owner = :owner AND #state = :running")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":running", text(IN_PROGRESS));
        forget.send().await.map(drop).map_err(|error| failure(&error))
    }
}

/// What a record means for a request.
fn found(item: &Item, request: &str) -> Found {
    let field = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    if field("request").is_none_or(|of| of != request) {
        return Found::OtherRequest;
    }
    if field("state").is_none_or(|state| state != COMPLETED) {
        return Found::Running;
    }
    let status = item.get("status").and_then(|value| value.as_n().ok()).and_then(|status| status.parse().ok());
    let headers = item.get("headers").and_then(|value| value.as_m().ok());
    let headers = headers.into_iter().flatten();
    let headers = headers.filter_map(|(name, value)| Some((name.clone(), value.as_s().ok()?.clone())));
    Found::Answer(Answer::again(
        status.unwrap_or(500),
        headers.collect(),
        field("body").map(|body| body.clone().into_bytes()),
    ))
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn secs(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn millis(at: SystemTime) -> u64 {
    u64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// Logs the error code of `DynamoDB`. Its text is dropped, because it may quote an item.
fn failure<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Failure {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    tracing::warn!(code, "DynamoDB refused or could not be reached");
    let code = match code {
        Some("AccessDeniedException") => CauseCode::IdempotencyForbidden,
        Some("ResourceNotFoundException") => CauseCode::IdempotencyTableMissing,
        _ => CauseCode::IdempotencyUnavailable,
    };
    code.into()
}
