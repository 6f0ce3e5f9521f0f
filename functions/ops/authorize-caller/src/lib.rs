//! Tells the gateway who is calling. It authenticates only. Each route declares who may call it and checks that itself,
//! since the gateway's cached answer covers all methods and routes.
//!
//! The route's template alone decides which credential counts; the other header is ignored. If the key were tried first and
//! the bearer token second, a good token would vouch for a bad key, and the answer that is cached for that key would open
//! the key's routes.

use std::collections::HashMap;
use std::time::Duration;

use callers::Callers;
use domain::routes::{Credential, ROUTES};
use lambda_kit::operation::Operation;
use lambda_kit::{Budget, needs};
use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};

/// The gateway answers its caller within 5 s, also if the callers cannot be looked up.
const ANSWERED_WITHIN: Duration = Duration::from_secs(4);

/// A REQUEST authorizer's event, as far as it is read.
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

/// What the routes see.
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
    /// There is no credential, or nobody has it.
    Unauthorized,
    /// The callers could not be looked up.
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

needs! {
    /// The authorizer.
    pub struct AuthorizeCaller {
        callers: Callers,
    }
}

impl Operation for AuthorizeCaller {
    const NAME: &'static str = "authorize-caller";
    type Event = Event;
    type Answer = Answer;
    type Error = Refused;

    async fn invoke(&self, event: Event, _: &str) -> Result<Answer, Refused> {
        let outcome = Budget::of(ANSWERED_WITHIN).spend(self.authenticate(event)).await;
        let outcome = outcome.unwrap_or_else(|| {
            tracing::error!("the callers could not be looked up in time");
            Err(Refused::Unavailable)
        });
        match &outcome {
            Ok(answer) => tracing::info!(principal = answer.context.principal, "authenticated"),
            Err(refused) => tracing::info!(?refused, "not authenticated"),
        }
        outcome
    }
}

impl AuthorizeCaller {
    async fn authenticate(&self, event: Event) -> Result<Answer, Refused> {
        let unreadable = |failure: domain::Failure| {
            tracing::error!(code = failure.code().as_str(), "the callers cannot be read");
            Refused::Unavailable
        };
        let credential = credential(&event.resource).ok_or(Refused::Unauthorized)?;
        let (principal, groups) = match credential {
            Credential::ApiKey => {
                let key = header(&event, "x-api-key").ok_or(Refused::Unauthorized)?;
                let consumer = self.callers.by_api_key(key).await.map_err(unreadable)?;
                consumer.map(|consumer| (consumer.name, consumer.groups))
            }
            Credential::Bearer => {
                let token = header(&event, "authorization").ok_or(Refused::Unauthorized)?;
                let bearer = self.callers.by_bearer(token).await.map_err(unreadable)?;
                bearer.map(|bearer| (bearer.subject, bearer.roles))
            }
            // The gateway asks no authorizer about such a route.
            Credential::None => None,
        }
        .ok_or(Refused::Unauthorized)?;
        Ok(answer(&event.method_arn, principal, &groups, credential))
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
fn answer(method_arn: &str, principal: String, groups: &[String], credential: Credential) -> Answer {
    let stage: Vec<&str> = method_arn.splitn(3, '/').take(2).collect();
    Answer {
        policy_document: serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": format!("{}/*", stage.join("/"))}],
        }),
        context: Context { principal: principal.clone(), groups: groups.join(","), credential: credential.as_str() },
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
        let answer = answer(arn, "platform".to_owned(), &groups, Credential::ApiKey);
        let resource = &answer.policy_document["Statement"][0]["Resource"];
        assert_eq!(resource, "arn:aws:execute-api:us-east-1:1:api/v1/*");
        assert_eq!((answer.context.groups.as_str(), answer.context.credential), ("admin,b", "api_key"));
    }

    #[test]
    fn the_routes_template_decides_which_credential_counts() {
        assert_eq!(credential("/admin/tenants/{tenant}/status"), Some(Credential::ApiKey));
        assert_eq!(credential("/admin/tenants/{tenant}/catalog"), Some(Credential::Bearer));
        assert_eq!(credential("/admin/tenants/acme"), None);
        assert_eq!(credential("/v1/admin/tenants"), None);
    }
}
