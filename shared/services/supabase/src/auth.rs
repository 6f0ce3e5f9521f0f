//! The Auth of one project, as its administrator sees it.

use std::time::Duration;

use http_kit::Answer;
use jiff::Timestamp;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::auth_error::{AuthError, code_of};
use crate::error::RequestId;

/// The longest that a request of [`Auth`] takes by default. A mail is answered after the mail server accepted it, for which
/// Auth itself allows 10 s. With a shorter limit, every slow mail server would leave mails of unknown outcome.
pub const AUTH_TIMEOUT: Duration = Duration::from_secs(25);

/// A ban has an end. This one is a hundred years away.
const FOR_EVER: &str = "876000h";

const API_KEY: HeaderName = HeaderName::from_static("apikey");
/// With this header, errors have a stable `code`. Without it, that field is the HTTP status.
const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-supabase-api-version"), HeaderValue::from_static("2024-01-01"));

/// A client of one project's Auth.
#[derive(Debug)]
pub struct Auth {
    client: reqwest::Client,
    base_url: String,
    secret_key: SecretString,
}

/// A user who has an invitation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct InvitedUser {
    /// The user's id in this project.
    pub id: Uuid,
    /// The address as Auth stores it: in lower case.
    pub email: String,
    /// When the valid invitation was sent.
    pub invited_at: Timestamp,
}

impl Auth {
    /// A client of the project whose API is at `project_api_base`, e.g. `https://{ref}.supabase.co`.
    #[must_use]
    pub fn new(project_api_base: &str, secret_key: SecretString) -> Self {
        Self::within(AUTH_TIMEOUT, project_api_base, secret_key)
    }

    /// The same with another limit for a request.
    #[must_use]
    pub fn within(timeout: Duration, project_api_base: &str, secret_key: SecretString) -> Self {
        Self {
            client: http_kit::client(timeout),
            base_url: format!("{}/auth/v1", project_api_base.trim_end_matches('/')),
            secret_key,
        }
    }

    /// Invites a user by mail, and returns after the mail server has accepted the mail. The link leads to `redirect_to`
    /// if the project allows that URL, otherwise to its site URL. No metadata is sent: Auth lets the user change what an
    /// invitation brings, and an application might trust it.
    ///
    /// This is not idempotent: a second call for a user who has not confirmed yet mails again and ends the first link.
    /// Look into the project's `auth.users` first.
    pub async fn invite(&self, email: &str, redirect_to: Option<&str>) -> Result<InvitedUser, AuthError> {
        let request = self.request(Method::POST, "/invite").json(&Invitation { email });
        let request = match redirect_to {
            Some(url) => request.query(&[("redirect_to", url)]),
            None => request,
        };
        let answer = http_kit::send(request).await?;
        match answer.status {
            StatusCode::OK => answer.json().ok_or_else(|| unexpected(&answer)),
            StatusCode::INTERNAL_SERVER_ERROR if code_of(&answer).as_deref() == Some("unexpected_failure") => {
                Err(AuthError::MailFailed(RequestId::of(&answer)))
            }
            _ => Err(AuthError::of(&answer)),
        }
    }

    /// Sends a recovery mail to a user, with a link that logs in once, and returns after the mail server has accepted it.
    /// It ends the link of the mail before. Auth refuses a second mail within a minute. If there is no such user, the
    /// answer is the same.
    pub async fn recover(&self, email: &str, redirect_to: &str) -> Result<(), AuthError> {
        let request = self.request(Method::POST, "/recover").query(&[("redirect_to", redirect_to)]);
        let answer = http_kit::send(request.json(&Recovery { email })).await?;
        match answer.status {
            StatusCode::OK => Ok(()),
            StatusCode::INTERNAL_SERVER_ERROR if code_of(&answer).as_deref() == Some("unexpected_failure") => {
                Err(AuthError::MailFailed(RequestId::of(&answer)))
            }
            _ => Err(AuthError::of(&answer)),
        }
    }

    /// Sets whether a user may log in and renew a session. Repeating it changes nothing.
    pub async fn set_banned(&self, id: Uuid, banned: bool) -> Result<(), AuthError> {
        let ban_duration = if banned { FOR_EVER } else { "none" };
        let request = self.request(Method::PUT, &format!("/admin/users/{id}")).json(&Ban { ban_duration });
        let answer = http_kit::send(request).await?;
        match answer.status {
            StatusCode::OK => Ok(()),
            _ => Err(AuthError::of(&answer)),
        }
    }

    /// Whether nobody can sign up without an invitation, in the configuration that Auth applies now.
    pub async fn signup_is_disabled(&self) -> Result<bool, AuthError> {
        let answer = http_kit::send(self.request(Method::GET, "/settings")).await?;
        match answer.status {
            StatusCode::OK => {
                answer.json().map(|settings: PublicSettings| settings.disable_signup).ok_or_else(|| unexpected(&answer))
            }
            _ => Err(AuthError::of(&answer)),
        }
    }

    /// Deletes a user. It is a success if the user does not exist.
    pub async fn delete_user(&self, id: Uuid) -> Result<(), AuthError> {
        let answer = http_kit::send(self.request(Method::DELETE, &format!("/admin/users/{id}"))).await?;
        match answer.status {
            StatusCode::OK => Ok(()),
            // This must come from Auth itself. A gateway's 404 means a wrong address.
            StatusCode::NOT_FOUND if code_of(&answer).as_deref() == Some("user_not_found") => Ok(()),
            _ => Err(AuthError::of(&answer)),
        }
    }

    /// The gateway expects the key in `apikey`, and Auth expects it as bearer token. The new keys are no JWTs and are
    /// accepted only if both headers are the same. A secret key is refused if the user agent is a browser's, which ours
    /// is not.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let key = self.secret_key.expose_secret();
        let request = self.client.request(method, format!("{}{path}", self.base_url));
        let request = request.bearer_auth(key).header(API_VERSION.0, API_VERSION.1);
        match HeaderValue::from_str(key) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.header(API_KEY, value)
            }
            // The bearer token cannot be built either, so sending reports it.
            Err(_) => request,
        }
    }
}

fn unexpected(answer: &Answer) -> AuthError {
    AuthError::Unexpected { status: answer.status.as_u16(), request_id: RequestId::of(answer) }
}

#[derive(Deserialize)]
struct PublicSettings {
    disable_signup: bool,
}

#[derive(Serialize)]
struct Recovery<'a> {
    email: &'a str,
}

#[derive(Serialize)]
struct Ban {
    ban_duration: &'static str,
}

#[derive(Serialize)]
struct Invitation<'a> {
    email: &'a str,
}
