//! The Auth of one project, as its administrator.

use http_kit::Answer;
use jiff::Timestamp;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::auth_error::{AuthError, code_of};
use crate::error::RequestId;

const API_KEY: HeaderName = HeaderName::from_static("apikey");
/// With it errors have a stable `code`; without it that field is the HTTP status.
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
    /// The address as Auth keeps it: in lower case.
    pub email: String,
    /// When the invitation that is valid now was sent.
    pub invited_at: Timestamp,
}

impl Auth {
    /// A client of the project whose API is at `project_api_base`, e.g. `https://{ref}.supabase.co`.
    #[must_use]
    pub fn new(project_api_base: &str, secret_key: SecretString) -> Self {
        Self {
            client: http_kit::client(crate::AUTH_TIMEOUT),
            base_url: format!("{}/auth/v1", project_api_base.trim_end_matches('/')),
            secret_key,
        }
    }

    /// Invites a user by mail and returns once the mail server has the mail. `data` becomes the user's metadata, which
    /// the user may change; the link leads to `redirect_to` if the project allows it, else silently to its site URL.
    ///
    /// Not idempotent: another call for a user who has not confirmed yet mails again and ends the first link. Ask the
    /// project's `auth.users` first.
    pub async fn invite(
        &self,
        email: &str,
        redirect_to: Option<&str>,
        data: serde_json::Value,
    ) -> Result<InvitedUser, AuthError> {
        let request = self.request(Method::POST, "/invite").json(&Invitation { email, data });
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

    /// Deletes a user. One who does not exist is deleted.
    pub async fn delete_user(&self, id: Uuid) -> Result<(), AuthError> {
        let answer = http_kit::send(self.request(Method::DELETE, &format!("/admin/users/{id}"))).await?;
        match answer.status {
            StatusCode::OK => Ok(()),
            // Only Auth itself may say so: a gateway's 404 is a wrong address.
            StatusCode::NOT_FOUND if code_of(&answer).as_deref() == Some("user_not_found") => Ok(()),
            _ => Err(AuthError::of(&answer)),
        }
    }

    /// The gateway wants the key in `apikey`, Auth wants it as bearer, where the new keys, which are no JWT, are taken
    /// only if both are the same. A secret key is refused to a browser's user agent, which ours is not.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let key = self.secret_key.expose_secret();
        let request = self.client.request(method, format!("{}{path}", self.base_url));
        let request = request.bearer_auth(key).header(API_VERSION.0, API_VERSION.1);
        match HeaderValue::from_str(key) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.header(API_KEY, value)
            }
            // The bearer cannot be built of it either: sending says so.
            Err(_) => request,
        }
    }
}

fn unexpected(answer: &Answer) -> AuthError {
    AuthError::Unexpected { status: answer.status.as_u16(), request_id: RequestId::of(answer) }
}

#[derive(Serialize)]
struct Invitation<'a> {
    email: &'a str,
    data: serde_json::Value,
}
