//! The client of a project's Auth against answers recorded from GoTrue v2.196.0. Errors have the form of API version
//! 2024-01-01.

mod replay;

use domain::{CauseCode, Failure, FailureKind};
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
        "app_metadata": {"provider": "email", "providers": ["email"]}, "user_metadata": {},
        "identities": null, "created_at": "2026-11-21T09:12:02.354077Z", "updated_at": "2026-11-21T09:12:02.369763Z",
        "is_anonymous": false})
}

/// An error as Auth answers it: its code is in header and body.
fn refusal(status: u16, code: &str) -> Reply {
    reply(status, json!({"code": code, "message": format!("text about {EMAIL}")})).header("x-sb-error-code", code)
}

#[tokio::test]
async fn a_user_is_invited() {
    let (server, auth) = against([reply(200, invited()), reply(200, invited())]).await;
    let redirect = "https://acme.example/welcome?a=b&c";
    let user = auth.invite(EMAIL, Some(redirect)).await.expect("invited");
    assert_eq!((user.id, user.email.as_str()), (USER, EMAIL));
    assert_eq!(user.invited_at.to_string(), "2026-11-21T09:12:02.363306771Z");
    let asked = server.asked_once();
    let query = "redirect_to=https%3A%2F%2Facme.example%2Fwelcome%3Fa%3Db%26c";
    assert_eq!(asked.line, format!("POST /auth/v1/invite?{query}"));
    assert_eq!(asked.body, json!({"email": EMAIL}));
    assert_eq!(asked.headers["apikey"], KEY);
    assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(asked.headers["x-supabase-api-version"], "2024-01-01");
    assert!(!asked.headers["user-agent"].to_str().expect("text").contains("Mozilla"));
    auth.invite(EMAIL, None).await.expect("invited");
    assert_eq!(server.asked_once().line, "POST /auth/v1/invite");
}

#[tokio::test]
async fn the_settings_that_auth_applies_are_public() {
    let settings = json!({"external": {"email": true}, "disable_signup": false, "mailer_autoconfirm": false});
    let (server, auth) = against([reply(200, settings), reply(200, json!({"disable_signup": true}))]).await;
    assert!(!auth.signup_is_disabled().await.expect("settings"));
    assert!(auth.signup_is_disabled().await.expect("settings"));
    let asked = &server.asked()[0];
    assert_eq!(
        (asked.line.as_str(), &asked.headers["apikey"]),
        ("GET /auth/v1/settings", &KEY.parse().expect("a key"))
    );
    let (_server, auth) = against([reply(200, json!({}))]).await;
    let error = auth.signup_is_disabled().await.expect_err("no settings");
    assert!(matches!(error, AuthError::Unexpected { .. }), "{error}");
}

/// A project is healthy before its name is in DNS.
#[tokio::test]
async fn a_name_that_is_not_known_yet_is_unreachable() {
    let auth = Auth::new("https://abcdefghijklmnopqrst.invalid", KEY.into());
    let failure = Failure::from(auth.signup_is_disabled().await.expect_err("no such name"));
    assert_eq!((failure.code(), failure.kind()), (CauseCode::SupabaseAuthUnreachable, FailureKind::Transient));
}

/// The cause of an invitation that is answered like this. No text of the error may show the key or the address.
async fn cause(reply: Reply) -> CauseCode {
    let (_server, auth) = against([reply.header("sb-request-id", "019d4233-be35").header("cf-ray", "ray")]).await;
    let error = auth.invite(EMAIL, None).await.expect_err("a refusal");
    let shown = format!("{error} {error:?}");
    let failure = Failure::from(error);
    for secret in [KEY, EMAIL] {
        assert!(!shown.contains(secret) && !format!("{failure:?}").contains(secret), "{shown}");
    }
    assert_eq!(failure.provider_request_id(), Some("019d4233-be35"), "{shown}");
    failure.code()
}

#[tokio::test]
async fn every_refusal_of_auth_has_its_cause() {
    for (status, code, expected) in [
        (422, "email_exists", CauseCode::SupabaseAuthEmailExists),
        (400, "email_address_not_authorized", CauseCode::SupabaseAuthEmailNotAuthorized),
        (400, "validation_failed", CauseCode::SupabaseAuthInvalidEmail),
        (400, "email_address_invalid", CauseCode::SupabaseAuthInvalidEmail),
        (429, "over_email_send_rate_limit", CauseCode::SupabaseAuthMailLimit),
        (429, "over_request_rate_limit", CauseCode::SupabaseAuthRateLimited),
        (500, "unexpected_failure", CauseCode::SupabaseAuthMailFailed),
        (401, "no_authorization", CauseCode::SupabaseAuthUnauthorized),
        (403, "bad_jwt", CauseCode::SupabaseAuthUnauthorized),
        (403, "not_admin", CauseCode::SupabaseAuthUnauthorized),
        (504, "request_timeout", CauseCode::SupabaseAuthServerError),
        (400, "bad_json", CauseCode::SupabaseAuthUnexpectedAnswer),
    ] {
        assert_eq!(cause(refusal(status, code)).await, expected, "{code}");
    }
}

/// The gateway in front of Auth has its own errors, and they are not always JSON.
#[tokio::test]
async fn answers_of_the_gateway_have_causes_too() {
    for (status, body, expected) in [
        (401, r#"{"message":"Invalid API key"}"#, CauseCode::SupabaseAuthUnauthorized),
        (500, "<html>oops", CauseCode::SupabaseAuthServerError),
        (522, "error code: 522", CauseCode::SupabaseAuthServerError),
        (200, r#"{"id":"x"}"#, CauseCode::SupabaseAuthUnexpectedAnswer),
    ] {
        assert_eq!(cause(reply(status, body)).await, expected, "{body}");
    }
}

#[tokio::test]
async fn a_code_in_the_body_alone_is_enough() {
    let (_server, auth) = against([reply(422, json!({"code": "email_exists", "message": ""}))]).await;
    let error = auth.invite(EMAIL, None).await.expect_err("exists");
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
    let error = auth.delete_user(USER).await.expect_err("another server");
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
    assert_eq!(Failure::from(error).kind(), FailureKind::Internal);
    assert!(server.asked().is_empty());
}
