//! The settings of a project's Auth, and what of them has to be changed.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::Error;

/// The field of the mail server's password.
const PASSWORD: &str = "smtp_pass";
/// The field that Auth itself shows in its public settings.
const SHOWN_BY_AUTH: &str = "disable_signup";

/// The settings of a project's Auth.
#[derive(Clone, Debug)]
pub struct AuthSettings {
    /// Where links in mails lead by default.
    pub site_url: String,
    /// Where links in mails may lead otherwise; patterns with `*` and `**`.
    pub uri_allow_list: Vec<String>,
    /// The mail server. Without its own mail server a project mails only to the organisation's team.
    pub smtp: Smtp,
    /// Whether users can join by invitation only.
    pub disable_signup: bool,
    /// How long the links in all mails are valid: invitations, recoveries, changes of an address.
    pub links_live_for: Duration,
    /// What is asked of those who log in.
    pub logins: Logins,
    /// The mail of an invitation.
    pub invitation: Mail,
    /// The mail of a recovery.
    pub recovery: Mail,
}

/// What is asked of those who log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logins {
    /// The length of the shortest password.
    pub shortest_password: u8,
    /// Whether passwords that are known to have leaked are refused. The free plan does not have this.
    pub refuse_leaked: bool,
    /// Whether users may add an authenticator app as a second factor. Whoever has one can use it in any case.
    pub authenticator_apps: bool,
}

/// The template of a mail. It may refer to `{{ .TokenHash }}` and others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The subject.
    pub subject: String,
    /// HTML.
    pub content: String,
}

/// A mail server and the sender of the mails.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// Host name.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User.
    pub user: String,
    /// Password.
    pub pass: SecretString,
    /// The sender's address.
    pub admin_email: String,
    /// The sender's name.
    pub sender_name: String,
}

impl AuthSettings {
    /// The fields of the API, without the password.
    ///
    /// # Errors
    /// [`Error::BadArgument`] if a URL contains a comma, which would make it two URLs.
    fn fields(&self) -> Result<Vec<(&'static str, Value)>, Error> {
        if self.site_url.is_empty() || self.site_url.contains(',') {
            return Err(Error::BadArgument("site URL"));
        }
        if self.uri_allow_list.iter().any(|uri| uri.contains(',')) {
            return Err(Error::BadArgument("list of allowed URLs"));
        }
        Ok(vec![
            ("site_url", json!(self.site_url)),
            ("uri_allow_list", json!(self.uri_allow_list.join(","))),
            ("smtp_host", json!(self.smtp.host)),
            // This API expects a string.
            ("smtp_port", json!(self.smtp.port.to_string())),
            ("smtp_user", json!(self.smtp.user)),
            ("smtp_admin_email", json!(self.smtp.admin_email)),
            ("smtp_sender_name", json!(self.smtp.sender_name)),
            (SHOWN_BY_AUTH, json!(self.disable_signup)),
            // Seconds.
            ("mailer_otp_exp", json!(self.links_live_for.as_secs())),
            ("password_min_length", json!(self.logins.shortest_password)),
            ("password_hibp_enabled", json!(self.logins.refuse_leaked)),
            ("mfa_totp_enroll_enabled", json!(self.logins.authenticator_apps)),
            ("mfa_totp_verify_enabled", json!(true)),
            ("mailer_subjects_invite", json!(self.invitation.subject)),
            ("mailer_templates_invite_content", json!(self.invitation.content)),
            ("mailer_subjects_recovery", json!(self.recovery.subject)),
            ("mailer_templates_recovery_content", json!(self.recovery.content)),
        ])
    }
}

/// The fields of a project's Auth that differ from the wanted ones. No `Debug`, because the password may be among them.
#[derive(Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct AuthChanges(Map<String, Value>);

impl AuthChanges {
    /// What differs from the configuration that the API shows.
    pub(crate) fn between(shown: &Map<String, Value>, wanted: &AuthSettings) -> Result<Self, Error> {
        let differs = |(name, value): &(&str, Value)| shown.get(*name) != Some(value);
        let fields = wanted.fields()?.into_iter().filter(differs);
        Ok(Self(fields.map(|(name, value)| (name.to_owned(), value)).collect()))
    }

    /// Whether the configuration is the wanted one, as far as the API shows it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the mail server's password.
    #[must_use]
    pub fn with_password(mut self, smtp: &Smtp) -> Self {
        self.0.insert(PASSWORD.to_owned(), json!(smtp.pass.expose_secret()));
        self
    }

    /// The names of the fields, separated by commas.
    #[must_use]
    pub fn names(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(",")
    }

    /// Whether a change with these names can be seen in the answer of the Management API.
    #[must_use]
    pub fn is_shown_by_management(names: &str) -> bool {
        names.split(',').any(|name| name != PASSWORD)
    }

    /// Whether a change with these names can be seen in the public settings of Auth, so that they show when Auth applies
    /// it.
    #[must_use]
    pub fn is_shown_by_auth(names: &str) -> bool {
        names.split(',').any(|name| name == SHOWN_BY_AUTH)
    }
}
