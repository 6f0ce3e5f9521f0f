//! The client of a project's Auth against answers recorded from GoTrue v2.196.0, errors in the form of API version
//! 2024-01-01.

mod replay;

use std::time::Duration;

use domain::{Failure, FailureKind, Owner};
use replay::{Replay, Reply, reply};
use serde_json::{Value, json};
use supabase::{Auth, AuthError};
use uuid::{Uuid, uuid};

const KEY: &str = "sb_secret_canary";
const EMAIL: &str = "u126598565@example.com";
const USER: Uuid = uuid!("9eb953da-1353-4483-9337-da7eec5e4a5d");

async fn against(replies: impl IntoIterator<Item = Reply>) -> (Replay, Auth) {
    let server = Replay::start(replies).await;
    let auth = Auth::new(&server.url, KEY.into());
    (server, auth)
}

fn invited() -> Value {
    json!({"id": USER, "aud": "", "role": "", "email": EMAIL, "invited_at": "2026-11-21T09:12:02.363306771Z",
        "phone": "", "confirmation_sent_at": "2026-11-21T09:12:02.363306771Z",
        "app_metadata": {"provider": "email", "providers": ["email"]}, "user_metadata": {"tenant_id": "t1"},
        "identities": null, "created_at": "2026-11-21T09:12:02.354077Z", "updated_at": "2026-11-21T09:12:02.369763Z",
        "is_anonymous": false})
}

/// An error as Auth gives it: the code in header and body.
fn refusal(status: u16, code: &str) -> Reply {
    reply(status, json!({"code": code, "message": format!("text about {EMAIL}")})).header("x-sb-error-code", code)
}

#[tokio::test]
async fn a_user_is_invited() {
    let (server, auth) = against([reply(200, invited()), reply(200, invited())]).await;
    let redirect = "https://acme.example/welcome?a=b&c";
    let user = auth.invite(EMAIL, Some(redirect), json!({"tenant_id": "t1"})).await.expect("invited");
    assert_eq!((user.id, user.email.as_str()), (USER, EMAIL));
    assert_eq!(user.invited_at.to_string(), "2026-11-21T09:12:02.363306771Z");
    let asked = server.asked_once();
    let query = "redirect_to=https%3A%2F%2Facme.example%2Fwelcome%3Fa%3Db%26c";
    assert_eq!(asked.line, format!("POST /auth/v1/invite?{query}"));
    assert_eq!(asked.body, json!({"email": EMAIL, "data": {"tenant_id": "t1"}}));
    assert_eq!(asked.headers["apikey"], KEY);
    assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(asked.headers["x-supabase-api-version"], "2024-01-01");
    assert!(!asked.headers["user-agent"].to_str().expect("text").contains("Mozilla"));
    auth.invite(EMAIL, None, json!({})).await.expect("invited");
    assert_eq!(server.asked_once().line, "POST /auth/v1/invite");
}

/// What the pipeline makes of an invitation answered like this; nothing of it may show the key or the address.
async fn failure(reply: Reply) -> (String, FailureKind, Owner) {
    let (_server, auth) = against([reply.header("sb-request-id", "019d4233-be35").header("cf-ray", "ray")]).await;
    let error = auth.invite(EMAIL, None, json!({})).await.expect_err("a refusal");
    let shown = format!("{error} {error:?}");
    let failure = Failure::from(error);
    for secret in [KEY, EMAIL] {
        assert!(!shown.contains(secret) && !format!("{failure:?}").contains(secret), "{shown}");
    }
    assert_eq!(failure.cause.provider_request_id.as_deref(), Some("019d4233-be35"), "{shown}");
    (failure.cause.code, failure.kind, failure.cause.owner)
}

#[tokio::test]
async fn every_refusal_of_auth_is_told_apart() {
    use FailureKind::{Rejected, Transient};
    let cases = [
        (422, "email_exists", "email_exists", Rejected, Owner::Caller),
        (400, "email_address_not_authorized", "email_not_authorized", Rejected, Owner::Platform),
        (400, "validation_failed", "invalid_email", Rejected, Owner::Caller),
        (400, "email_address_invalid", "invalid_email", Rejected, Owner::Caller),
        (500, "unexpected_failure", "mail_failed", Transient, Owner::Platform),
        (401, "no_authorization", "unauthorized", Rejected, Owner::Platform),
        (403, "bad_jwt", "unauthorized", Rejected, Owner::Platform),
        (403, "not_admin", "unauthorized", Rejected, Owner::Platform),
        (504, "request_timeout", "server_error", Transient, Owner::Provider),
        (400, "bad_json", "unexpected_answer", Transient, Owner::Provider),
    ];
    for (status, code, ours, kind, owner) in cases {
        let expected = (format!("supabase_auth_{ours}"), kind, owner);
        assert_eq!(failure(refusal(status, code)).await, expected, "{code}");
    }
}

#[tokio::test]
async fn a_limit_on_mails_is_not_one_on_requests() {
    for (code, ours) in [("over_email_send_rate_limit", "mail_limit"), ("over_request_rate_limit", "rate_limited")] {
        let kind = FailureKind::RateLimited { retry_after: Some(Duration::from_secs(9)) };
        let expected = (format!("supabase_auth_{ours}"), kind, Owner::Quota);
        assert_eq!(failure(refusal(429, code).header("retry-after", 9)).await, expected);
    }
}

/// What stands in front of Auth has errors of its own, not always JSON.
#[tokio::test]
async fn a_gateways_answers_are_understood_too() {
    use FailureKind::{Rejected, Transient};
    let cases = [
        (401, r#"{"message":"Invalid API key"}"#, "unauthorized", Rejected, Owner::Platform),
        (500, "<html>oops", "server_error", Transient, Owner::Provider),
        (522, "error code: 522", "server_error", Transient, Owner::Provider),
        (200, r#"{"id":"x"}"#, "unexpected_answer", Transient, Owner::Provider),
    ];
    for (status, body, ours, kind, owner) in cases {
        let expected = (format!("supabase_auth_{ours}"), kind, owner);
        assert_eq!(failure(reply(status, body)).await, expected, "{body}");
    }
}

#[tokio::test]
async fn a_code_in_the_body_alone_is_enough() {
    let (_server, auth) = against([reply(422, json!({"code": "email_exists", "message": ""}))]).await;
    let error = auth.invite(EMAIL, None, json!({})).await.expect_err("exists");
    assert!(matches!(error, AuthError::EmailExists(_)), "{error}");
}

#[tokio::test]
async fn a_user_is_deleted_once_or_twice() {
    let (server, auth) = against([
        reply(200, json!({})),
        refusal(404, "user_not_found"),
        reply(404, "404 page not found"),
        refusal(500, "unexpected_failure"),
    ])
    .await;
    auth.delete_user(USER).await.expect("deleted");
    auth.delete_user(USER).await.expect("gone");
    let error = auth.delete_user(USER).await.expect_err("some other server");
    assert!(matches!(error, AuthError::Unexpected { status: 404, .. }), "{error}");
    let error = auth.delete_user(USER).await.expect_err("no mail is involved");
    assert!(matches!(error, AuthError::Server { status: 500, .. }), "{error}");
    assert_eq!(server.asked()[0].line, format!("DELETE /auth/v1/admin/users/{USER}"));
}

#[tokio::test]
async fn a_key_is_not_shown_and_a_broken_one_not_sent() {
    let (server, auth) = against([]).await;
    assert!(!format!("{auth:?}").contains(KEY));
    let error = Auth::new(&server.url, "two\nlines".into()).delete_user(USER).await.expect_err("no header value");
    assert_eq!(Failure::from(error).kind, FailureKind::Internal);
    assert!(server.asked().is_empty());
}
