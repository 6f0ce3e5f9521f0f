//! Tells the gateway who is calling. It authenticates only: what a caller may do is declared by each route and checked
//! there, since the gateway's cached answer spans methods and routes.
//!
//! Which credential counts is decided by the route's template alone and the other header is ignored. "The key, else the
//! bearer" would let a good bearer vouch for a bad key, whose cached answer then opens the key's routes.

use std::collections::HashMap;
use std::time::Duration;

use callers::Callers;
use domain::routes::{Credential, ROUTES};
use lambda_runtime::Diagnostic;
use secrets::{SdkConfig, Secrets};
use serde::{Deserialize, Serialize};
use tracing::Instrument;

/// Whoever calls has an answer of the gateway within 5 s, also where it is that nobody can tell who calls.
const ANSWERED_WITHIN: Duration = Duration::from_secs(4);

/// A REQUEST authorizer's event: what is read of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    method_arn: String,
    /// The route's template without the stage, e.g. `/admin/tenants/{tenant}`.
    resource: String,
    #[serde(default)]
    headers: Option<HashMap<String, String>>,
}

/// An authorizer's answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    principal_id: String,
    policy_document: serde_json::Value,
    context: Context,
}

/// What the routes get to see.
#[derive(Debug, Serialize)]
struct Context {
    principal: String,
    /// A consumer's groups or a token's roles, comma-separated: a context holds scalars only.
    groups: String,
    /// How the caller proved who they are.
    credential: &'static str,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Refused {
    /// No credential, or one that nobody has.
    Unauthorized,
    /// It could not be found out.
    Unavailable,
}

impl From<Refused> for Diagnostic {
    fn from(refused: Refused) -> Self {
        // Exactly this word makes the gateway answer 401; anything else is a 500 of the authorizer.
        let word = match refused {
            Refused::Unauthorized => "Unauthorized",
            Refused::Unavailable => "Unavailable",
        };
        Self { error_type: word.to_owned(), error_message: word.to_owned() }
    }
}

/// The authorizer.
pub struct Authorizer {
    callers: Callers,
}

impl Authorizer {
    /// Built from the secret `control/callers`.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { callers: Callers::new(Secrets::new(sdk)) }
    }

    /// Answers the gateway.
    pub async fn authorize(&self, event: Event, request_id: &str) -> Result<Answer, Refused> {
        let span = telemetry::request_span("authorize-caller", request_id);
        async {
            let outcome = tokio::time::timeout(ANSWERED_WITHIN, self.authenticate(event)).await;
            let outcome = outcome.unwrap_or_else(|_| {
                tracing::error!("the callers could not be looked up in time");
                Err(Refused::Unavailable)
            });
            match &outcome {
                Ok(answer) => tracing::info!(principal = answer.context.principal, "authenticated"),
                Err(refused) => tracing::info!(?refused, "not authenticated"),
            }
            outcome
        }
        .instrument(span)
        .await
    }

    async fn authenticate(&self, event: Event) -> Result<Answer, Refused> {
        let unreadable = |failure: domain::Failure| {
            tracing::error!(code = failure.cause.code, "the callers cannot be read");
            Refused::Unavailable
        };
        match credential(&event.resource).ok_or(Refused::Unauthorized)? {
            Credential::ApiKey => {
                let key = header(&event, "x-api-key").ok_or(Refused::Unauthorized)?;
                let found = self.callers.by_api_key(key).await.map_err(unreadable)?;
                let consumer = found.ok_or(Refused::Unauthorized)?;
                Ok(answer(&event.method_arn, consumer.name, &consumer.groups, "api_key"))
            }
            Credential::Bearer => {
                let token = header(&event, "authorization").ok_or(Refused::Unauthorized)?;
                let found = self.callers.by_bearer(token).await.map_err(unreadable)?;
                let bearer = found.ok_or(Refused::Unauthorized)?;
                Ok(answer(&event.method_arn, bearer.subject, &bearer.roles, "bearer"))
            }
            // The gateway asks nobody about such a route.
            Credential::None => Err(Refused::Unauthorized),
        }
    }
}

/// The credential that counts for a route template.
fn credential(resource: &str) -> Option<Credential> {
    ROUTES.iter().find(|route| route.path.strip_prefix("/v1") == Some(resource)).map(|route| route.credential)
}

/// A header's value, whatever its name's case.
fn header<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
    let headers = event.headers.as_ref()?;
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Allows the whole stage: the gateway caches the policy by credential, for every method and route.
fn answer(method_arn: &str, principal: String, groups: &[String], credential: &'static str) -> Answer {
    let stage: Vec<&str> = method_arn.splitn(3, '/').take(2).collect();
    Answer {
        policy_document: serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": format!("{}/*", stage.join("/"))}],
        }),
        context: Context { principal: principal.clone(), groups: groups.join(","), credential },
        principal_id: principal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_spans_the_stage_and_no_other_api() {
        let groups = ["admin".to_owned(), "b".to_owned()];
        let arn = "arn:aws:execute-api:us-east-1:1:api/v1/GET/admin/tenants";
        let answer = answer(arn, "platform".to_owned(), &groups, "api_key");
        let resource = &answer.policy_document["Statement"][0]["Resource"];
        assert_eq!(resource, "arn:aws:execute-api:us-east-1:1:api/v1/*");
        assert_eq!(answer.context.groups, "admin,b");
    }

    #[test]
    fn the_routes_template_decides_which_credential_counts() {
        assert_eq!(credential("/admin/tenants/{tenant}/status"), Some(Credential::ApiKey));
        assert_eq!(credential("/admin/tenants/{tenant}/catalog"), Some(Credential::Bearer));
        assert_eq!(credential("/admin/tenants/acme"), None);
        assert_eq!(credential("/v1/admin/tenants"), None);
    }
}
