//! Tells the gateway who is calling. It authenticates only. Each route declares who may call it and checks that itself,
//! since the gateway's cached answer covers all methods and routes.
//!
//! The route's template alone decides which credential counts; the other header is ignored. If the key were tried first and
//! the bearer token second, a good token would vouch for a bad key, and the answer that is cached for that key would open
//! the key's routes.
//!
//! The caller of a refused request learns nothing but the refusal. Why it was refused is in this function's log (`reason`),
//! under the request's id, which the gateway's access log has too. Which issuers' tokens are accepted says the secret
//! `control/callers`; `PROVIDERS.md` has what to write there.

use std::collections::HashMap;
use std::time::Duration;

use callers::{Bearer, Callers, Principal, Refused as Token, Seen};
use domain::routes::{Credential, ROUTES};
use domain::{Actor, TenantId};
use lambda_kit::operation::Operation;
use lambda_kit::{Budget, needs};
use lambda_runtime::Diagnostic;
use secrecy::{ExposeSecret, SecretString};
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
    /// Every line of every header. Any of them may be a credential.
    #[serde(default)]
    multi_value_headers: Option<HashMap<String, Vec<SecretString>>>,
    /// One line of every header. It counts if the gateway sends nothing else.
    #[serde(default)]
    headers: Option<HashMap<String, SecretString>>,
    request_context: RequestContext,
}

/// What the gateway knows of the request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    request_id: Option<String>,
    identity: Identity,
}

/// From where it came.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    source_ip: Option<String>,
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
    /// Who it is, with the key that was used: for the logs.
    actor: String,
    /// Who it is, whichever key was used.
    principal: String,
    /// The tenant whose own token it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<TenantId>,
    /// A consumer's groups or a token's roles, comma-separated: a context holds scalars only.
    groups: String,
    /// How the caller proved who they are.
    credential: &'static str,
    /// The consumer's name, or the token's subject, as they are written there.
    name: String,
    /// The token's issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// When the token ends, in seconds since 1970. A context's values are texts by the time a route reads them.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no credential, or nobody has it.
    Unauthorized(Reason),
    /// The callers could not be looked up.
    Unavailable,
}

/// Why a caller is nobody. For the log only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The gateway asked about a route that takes no credential, or that there is not.
    Route,
    /// Neither header is there.
    Missing,
    /// The header that the route takes is not there, and the other one is.
    Other,
    /// The header is there more than once, so it is not known which one counts (RFC 9110, section 5.3).
    Several,
    /// No consumer has this key.
    Key,
    /// The token is not valid.
    Token(Token),
}

impl Reason {
    /// As the log names it, the same for everybody who breaks the same rule.
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Route => "no_such_route",
            Self::Missing => "no_credential",
            Self::Other => "wrong_header",
            Self::Several => "several_credentials",
            Self::Key => "unknown_key",
            Self::Token(refused) => refused.refusal.rule.as_str(),
        }
    }

    /// What of a token may be told, if its signature holds.
    fn seen(&self) -> Option<&Seen> {
        match self {
            Self::Token(refused) => refused.refusal.seen.as_deref(),
            Self::Route | Self::Missing | Self::Other | Self::Several | Self::Key => None,
        }
    }

    /// What was expected of a token.
    fn expected(&self) -> Option<&str> {
        match self {
            Self::Token(refused) => Some(refused.refusal.expected.as_str()).filter(|expected| !expected.is_empty()),
            Self::Route | Self::Missing | Self::Other | Self::Several | Self::Key => None,
        }
    }

    /// Seconds until a token's key is looked for again.
    fn asked_again_in(&self) -> Option<u64> {
        match self {
            Self::Token(refused) => refused.asked_again_in.map(|wait| wait.as_secs()),
            Self::Route | Self::Missing | Self::Other | Self::Several | Self::Key => None,
        }
    }
}

impl From<Refused> for Diagnostic {
    fn from(refused: Refused) -> Self {
        // Exactly this word makes the gateway answer 401; anything else is a 500 of the authorizer.
        let word = match refused {
            Refused::Unauthorized(_) => "Unauthorized",
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
        let RequestContext { request_id, identity: Identity { source_ip } } = &event.request_context;
        let source = source_ip.as_deref();
        tracing::Span::current().record("correlation_id", request_id);
        let outcome = Budget::of(ANSWERED_WITHIN).spend(self.authenticate(&event)).await;
        let outcome = outcome.unwrap_or_else(|| {
            tracing::error!("the callers could not be looked up in time");
            Err(Refused::Unavailable)
        });
        match &outcome {
            Ok(answer) => tracing::info!(caller = answer.context.actor, source, "authenticated"),
            Err(Refused::Unauthorized(reason)) => {
                let seen = reason.seen();
                tracing::info!(
                    reason = reason.as_str(),
                    source,
                    route = event.resource,
                    expected = reason.expected(),
                    seen_iss = seen.map(|seen| seen.iss.as_str()),
                    seen_aud = seen.map(|seen| seen.aud.as_str()),
                    seen_alg = seen.map(|seen| seen.alg),
                    seen_kid = seen.map(|seen| seen.kid.as_str()),
                    keys_asked_again_in_s = reason.asked_again_in(),
                    "not authenticated"
                );
            }
            Err(Refused::Unavailable) => {
                tracing::info!(reason = "unavailable", source, route = event.resource, "not authenticated");
            }
        }
        outcome
    }

    /// It was said above. Somebody without a credential is no error.
    fn failed(_: &Refused) {}
}

impl AuthorizeCaller {
    async fn authenticate(&self, event: &Event) -> Result<Answer, Refused> {
        let unreadable = |failure: domain::Failure| {
            tracing::error!(code = failure.code().as_str(), hint = %failure.hint(), "the callers cannot be read");
            Refused::Unavailable
        };
        match credential(&event.resource) {
            Some(Credential::ApiKey) => {
                let key = only(event, Credential::ApiKey)?;
                let consumer = self.callers.by_api_key(key).await.map_err(unreadable)?;
                let consumer = consumer.ok_or(Refused::Unauthorized(Reason::Key))?;
                Ok(Answer::of(&event.method_arn, Context::of_consumer(&consumer)))
            }
            Some(Credential::Bearer) => {
                let token = only(event, Credential::Bearer)?;
                let bearer = self.callers.by_bearer(token).await.map_err(unreadable)?;
                let bearer = bearer.map_err(|refused| Refused::Unauthorized(Reason::Token(refused)))?;
                Ok(Answer::of(&event.method_arn, Context::of_bearer(&bearer)))
            }
            Some(Credential::None) | None => Err(Refused::Unauthorized(Reason::Route)),
        }
    }
}

/// The credential that counts for a route template.
fn credential(resource: &str) -> Option<Credential> {
    ROUTES.iter().find(|route| route.path.strip_prefix("/v1") == Some(resource)).map(|route| route.credential)
}

/// The only value of a credential's header, whatever its name's case.
fn only(event: &Event, credential: Credential) -> Result<&str, Refused> {
    let (own, other) = match credential {
        Credential::ApiKey | Credential::None => ("x-api-key", "authorization"),
        Credential::Bearer => ("authorization", "x-api-key"),
    };
    let mut values = values(event, own);
    match (values.pop(), values.pop()) {
        (Some(value), None) => Ok(value.expose_secret()),
        (None, _) if !self::values(event, other).is_empty() => Err(Refused::Unauthorized(Reason::Other)),
        (None, _) => Err(Refused::Unauthorized(Reason::Missing)),
        (Some(_), Some(_)) => Err(Refused::Unauthorized(Reason::Several)),
    }
}

fn values<'a>(event: &'a Event, name: &str) -> Vec<&'a SecretString> {
    match (&event.multi_value_headers, &event.headers) {
        (Some(lines), _) => {
            lines.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).flat_map(|(_, it)| it).collect()
        }
        (None, Some(line)) => line.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, it)| it).collect(),
        (None, None) => Vec::new(),
    }
}

impl Context {
    fn of_consumer(consumer: &Principal) -> Self {
        let about = Self::about(consumer.actor(), Credential::ApiKey, &consumer.groups);
        Self { name: consumer.name.clone(), ..about }
    }

    fn of_bearer(bearer: &Bearer) -> Self {
        Self {
            tenant: bearer.tenant,
            name: bearer.subject.clone(),
            issuer: Some(bearer.issuer.clone()),
            expires: Some(bearer.expires.to_string()),
            ..Self::about(bearer.actor(), Credential::Bearer, &bearer.roles)
        }
    }

    fn about(actor: Actor<'_>, credential: Credential, groups: &[String]) -> Self {
        let (actor, principal) = (actor.to_string(), actor.identity());
        let (groups, credential) = (groups.join(","), credential.as_str());
        Self { actor, principal, tenant: None, groups, credential, name: String::new(), issuer: None, expires: None }
    }
}

impl Answer {
    /// Allows the whole stage: the gateway caches the policy by credential, for every method and route.
    fn of(method_arn: &str, context: Context) -> Self {
        let stage: Vec<&str> = method_arn.splitn(3, '/').take(2).collect();
        Self {
            policy_document: serde_json::json!({
                "Version": "2012-10-17",
                "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": format!("{}/*", stage.join("/"))}],
            }),
            principal_id: context.actor.clone(),
            context,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_policy_spans_the_stage_and_no_other_api() {
        let groups = vec!["admin".to_owned(), "b".to_owned()];
        let arn = "arn:aws:execute-api:us-east-1:1:api/v1/GET/admin/tenants";
        let platform = Principal { name: "platform".to_owned(), digest: "01234567".to_owned(), groups };
        let answer = Answer::of(arn, Context::of_consumer(&platform));
        let resource = &answer.policy_document["Statement"][0]["Resource"];
        assert_eq!(resource, "arn:aws:execute-api:us-east-1:1:api/v1/*");
        let context = serde_json::to_value(&answer.context).expect("JSON");
        let expected = serde_json::json!({
            "actor": "api_key:platform#01234567", "principal": "api_key:platform", "groups": "admin,b", "credential": "api_key",
            "name": "platform",
        });
        assert_eq!((context, answer.principal_id.as_str()), (expected, "api_key:platform#01234567"));
    }

    #[test]
    fn a_context_holds_texts_only() {
        let tenant: TenantId = "01900000-0000-7000-8000-00000000000a".parse().expect("an id");
        let bearer = Bearer {
            issuer: "https://id.example/".to_owned(),
            subject: "auth0|5".to_owned(),
            tenant: Some(tenant),
            roles: vec!["tenant".to_owned()],
            expires: 1_800_000_000,
        };
        let context = serde_json::to_value(Context::of_bearer(&bearer)).expect("JSON");
        let expected = json!({
            "actor": "bearer:https://id.example/|auth0%7C5", "principal": "bearer:https://id.example/|auth0%7C5",
            "groups": "tenant", "credential": "bearer", "tenant": tenant.to_string(), "name": "auth0|5",
            "issuer": "https://id.example/", "expires": "1800000000",
        });
        assert_eq!(context, expected);
        assert!(expected.as_object().expect("an object").values().all(serde_json::Value::is_string));
    }

    fn event(headers: &serde_json::Value) -> Event {
        let event = serde_json::json!({
            "methodArn": "arn", "resource": "/admin/tenants", "multiValueHeaders": headers,
            "requestContext": { "requestId": "r", "identity": { "sourceIp": "2001:db8::1" } },
        });
        serde_json::from_value(event).expect("an event")
    }

    #[test]
    fn a_header_counts_if_it_is_there_once() {
        let found = |headers| match only(&event(&headers), Credential::Bearer) {
            Ok(value) => Ok(value.to_owned()),
            Err(Refused::Unauthorized(reason)) => Err(reason),
            Err(Refused::Unavailable) => panic!("nothing was looked up"),
        };
        for one in [json!({ "Authorization": ["a"] }), json!({ "authorization": ["a"], "Other": ["b", "c"] })] {
            assert_eq!(found(one), Ok("a".to_owned()));
        }
        for none in [json!(null), json!({}), json!({ "Cookie": ["a"] }), json!({ "Authorization": [] })] {
            assert_eq!(found(none), Err(Reason::Missing));
        }
        assert_eq!(found(json!({ "X-Api-Key": ["a"] })), Err(Reason::Other));
        for two in [json!({ "Authorization": ["a", "a"] }), json!({ "Authorization": ["a"], "authorization": ["b"] })] {
            assert_eq!(found(two), Err(Reason::Several));
        }
        let alone = Event { headers: Some([("AUTHORIZATION".to_owned(), "a".into())].into()), ..event(&json!(null)) };
        assert_eq!(only(&alone, Credential::Bearer), Ok("a"));
        assert_eq!(only(&alone, Credential::ApiKey), Err(Refused::Unauthorized(Reason::Other)));
    }

    #[test]
    fn an_event_shows_no_header() {
        let event =
            event(&serde_json::json!({ "X-API-Key": ["hush"], "Authorization": ["Bearer hush"], "Cookie": ["hush"] }));
        let shown = format!("{event:?}{event:#?}");
        assert!(!shown.contains("hush") && shown.contains("2001:db8::1"), "{shown}");
    }

    #[test]
    fn the_routes_template_decides_which_credential_counts() {
        assert_eq!(credential("/admin/tenants/{tenant}/status"), Some(Credential::ApiKey));
        assert_eq!(credential("/admin/tenants/{tenant}/catalog"), Some(Credential::Bearer));
        assert_eq!(credential("/admin/tenants/acme"), None);
        assert_eq!(credential("/v1/admin/tenants"), None);
    }
}
