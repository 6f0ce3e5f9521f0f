//! The settings of a project's Auth, field by field as in the specification.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use ring::hmac;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The fields of `UpdateAuthConfigBody` and `AuthConfigResponse` with their constraints and first values.
static FIELDS: LazyLock<BTreeMap<String, Field>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/auth-config-fields.json")).expect("the shipped field list is valid")
});

/// Answers show the digests of fields with these endings, never their values.
const SECRET_ENDINGS: [&str; 7] =
    ["_secret", "_secrets", "_pass", "_auth_token", "_access_key", "_api_key", "_api_secret"];

/// Fields that only a project with its own mail server may change.
const NEED_SMTP: [&str; 2] = ["rate_limit_email_sent", "smtp_sender_name"];

/// Why a change is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// Names the fields, but not their values.
    #[error("{0}")]
    Malformed(String),
    /// The API answers this with 401.
    #[error("Custom SMTP required to configure: {0}")]
    NeedsSmtp(String),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Boolean,
    Integer,
    Number,
    String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    kind: Kind,
    #[serde(default)]
    nullable: bool,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    default: Value,
    minimum: Option<f64>,
    maximum: Option<f64>,
    pattern: Option<String>,
    #[serde(rename = "enum")]
    choices: Option<Vec<Value>>,
}

impl Field {
    /// What is wrong with this value, if anything.
    fn complaint(&self, value: &Value) -> Option<String> {
        if self.read_only {
            return Some("should not exist".to_owned());
        }
        if value.is_null() {
            return (!self.nullable).then(|| "must not be null".to_owned());
        }
        let fits = match self.kind {
            Kind::Boolean => value.is_boolean(),
            Kind::Integer => value.is_i64() || value.is_u64(),
            Kind::Number => value.is_number(),
            Kind::String => value.is_string(),
        };
        if !fits {
            return Some(format!("must be a {:?}", self.kind).to_lowercase());
        }
        let number = value.as_f64();
        if number.zip(self.minimum).is_some_and(|(number, least)| number < least)
            || number.zip(self.maximum).is_some_and(|(number, most)| number > most)
        {
            return Some("is out of range".to_owned());
        }
        if self.choices.as_ref().is_some_and(|choices| !choices.contains(value)) {
            return Some("is none of the known values".to_owned());
        }
        let pattern = self.pattern.as_deref().map(|pattern| Regex::new(pattern).expect("a shipped pattern is valid"));
        pattern
            .zip(value.as_str())
            .is_some_and(|(pattern, text)| !pattern.is_match(text))
            .then(|| "has the wrong format".to_owned())
    }
}

/// A mail server of the project's own. No `Debug`, because it holds the password.
pub(crate) struct Smtp {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub sender: String,
    pub sender_name: String,
}

/// The fields that were changed. All others have their first value.
#[derive(Clone, Default)]
pub(crate) struct AuthConfig(Map<String, Value>);

impl AuthConfig {
    /// Changes these fields, or says what is wrong with the changes.
    pub(crate) fn change(&mut self, changes: Map<String, Value>) -> Result<(), Refused> {
        let complaints: Vec<String> = changes.iter().filter_map(|(name, value)| complaint(name, value)).collect();
        if !complaints.is_empty() {
            return Err(Refused::Malformed(complaints.join(", ")));
        }
        let needing: Vec<_> = NEED_SMTP.into_iter().filter(|field| changes.contains_key(*field)).collect();
        let mut next = self.clone();
        next.0.extend(changes);
        if next.smtp().is_none() && !needing.is_empty() {
            return Err(Refused::NeedsSmtp(needing.join(", ").to_uppercase()));
        }
        *self = next;
        Ok(())
    }

    fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field).or_else(|| FIELDS.get(field).map(|known| &known.default)).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn flag(&self, field: &str) -> bool {
        self.get(field).and_then(Value::as_bool).unwrap_or_default()
    }

    pub(crate) fn number(&self, field: &str) -> u64 {
        self.get(field).and_then(Value::as_u64).unwrap_or_default()
    }

    /// How many mails may be sent within an hour: the value that was set, else `default`, else the field's first value.
    pub(crate) fn mails_per_hour(&self, default: Option<u64>) -> u64 {
        let set = self.0.get("rate_limit_email_sent").and_then(Value::as_u64);
        set.or(default).unwrap_or_else(|| self.number("rate_limit_email_sent"))
    }

    /// The project's own mail server, if host, port, user, password and sender are all set. Otherwise the built-in
    /// service sends its mails.
    pub(crate) fn smtp(&self) -> Option<Smtp> {
        let set = |field: &str| Some(self.text(field).to_owned()).filter(|text| !text.is_empty());
        Some(Smtp {
            host: set("smtp_host")?,
            port: self.text("smtp_port").parse().ok()?,
            user: set("smtp_user")?,
            password: set("smtp_pass")?,
            sender: set("smtp_admin_email")?,
            sender_name: self.text("smtp_sender_name").to_owned(),
        })
    }

    /// All fields with their values, as answers show them.
    pub(crate) fn shown(&self, reference: &str) -> Map<String, Value> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, reference.as_bytes());
        let value = |name: &String| {
            let value = self.get(name).cloned().unwrap_or_default();
            match value.as_str() {
                Some(secret) if SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending)) => {
                    Value::String(hex::encode(hmac::sign(&key, secret.as_bytes())))
                }
                _ => value,
            }
        };
        FIELDS.keys().map(|name| (name.clone(), value(name))).collect()
    }
}

/// What is wrong with this change of a field, if anything. Names the field but not the value.
fn complaint(name: &str, value: &Value) -> Option<String> {
    let complaint = match FIELDS.get(name) {
        Some(field) => field.complaint(value),
        None => Some("should not exist".to_owned()),
    };
    complaint.map(|complaint| format!("{name} {complaint}"))
}

#[cfg(test)]
mod tests {
    use super::{AuthConfig, FIELDS, complaint};
    use serde_json::{Value, json};

    #[test]
    fn the_shipped_fields_accept_their_own_first_values() {
        assert_eq!(FIELDS.len(), 237);
        for (name, field) in FIELDS.iter().filter(|(_, field)| !field.read_only) {
            assert_eq!(field.complaint(&field.default), None, "{name}");
        }
    }

    #[test]
    fn a_value_has_the_specified_type() {
        assert_eq!(complaint("smtp_port", &json!("587")), None);
        assert_eq!(complaint("smtp_port", &json!(587)).as_deref(), Some("smtp_port must be a string"));
        assert_eq!(complaint("site_url", &json!("https://a.example")), None);
        assert!(complaint("site_url", &json!("https://a.example,https://b.example")).is_some());
        assert!(complaint("smtp_admin_email", &json!("nobody")).is_some());
        assert!(complaint("rate_limit_email_sent", &json!(0)).is_some());
        assert!(complaint("sms_provider", &json!("pigeon")).is_some());
        assert!(complaint("mailer_otp_exp", &Value::Null).is_some());
        assert!(complaint("smtp_hots", &json!("x")).is_some());
    }

    #[test]
    fn a_password_is_never_answered() {
        let mut config = AuthConfig::default();
        config.0.insert("smtp_pass".into(), json!("hunter2"));
        let answer = config.shown("abcdefghijklmnopqrst");
        assert_eq!(answer.len(), FIELDS.len());
        assert_eq!(answer["smtp_pass"].as_str().map(str::len), Some(64));
        assert!(!json!(answer).to_string().contains("hunter2"));
    }
}
