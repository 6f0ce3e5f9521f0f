//! `control/…`: the control plane's own secrets.

use std::collections::BTreeMap;
use std::ops::Deref;

use domain::Wiped;
use secrecy::SecretString;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::ToSchema;

use crate::Secret;

/// Gives secrets that exist once their names.
macro_rules! control {
    ($($secret:ty = $name:literal;)+) => {
        $(impl Secret for $secret {
            type Key = ();
            const NAMES: &'static str = $name;

            fn name((): &()) -> String {
                $name.to_owned()
            }
        })+
    };
}

control! {
    DatabaseSecret = "control/database";
    DatabaseReadSecret = "control/database-read";
    DatabaseOwnerSecret = "control/database-owner";
    CallersSecret = "control/callers";
    SupabaseSecret = "control/supabase";
    StripeSecret = "control/stripe";
    ValkeySecret = "control/valkey";
    IometeSecret = "control/iomete";
    SmtpSecret = "control/smtp";
}

/// How to log in to a Postgres database: the control database as the application, or a tenant's database.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct DatabaseSecret {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database name.
    pub dbname: String,
    /// Role.
    pub username: String,
    /// The role's password.
    #[schema(value_type = String)]
    pub password: SecretString,
    /// Authorities to trust besides the public and the built-in ones, as PEM.
    #[serde(default)]
    pub ca_pem: Option<String>,
}

/// The control database as a user that only reads. It is for routes that change nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct DatabaseReadSecret(pub DatabaseSecret);

/// The control database as the owner of its schema, directly to the instance. It is for migrations.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct DatabaseOwnerSecret(pub DatabaseSecret);

/// The master user of the control database's server. RDS makes this secret and names it, so it has no name of ours.
#[derive(Clone, Debug, Deserialize)]
pub struct MasterSecret {
    /// Role.
    pub username: String,
    /// The role's password, which RDS rotates.
    pub password: SecretString,
}

/// The callers of the API.
#[derive(Clone, Deserialize, ToSchema)]
pub struct CallersSecret {
    /// The consumers that have API keys.
    pub consumers: Vec<ConsumerSecret>,
    /// The issuers of bearer tokens, which `tokens` reads: a mistake in it does not lock out API keys.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub jwt: Option<Wiped<Value>>,
    /// Fields that there are not.
    #[serde(flatten)]
    #[schema(ignore)]
    pub unknown: Unknown,
}

/// The names of fields that there are not. Their values are dropped.
#[derive(Clone, Default)]
pub struct Unknown(Vec<String>);

impl Deref for Unknown {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Unknown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = BTreeMap::<String, IgnoredAny>::deserialize(deserializer)?;
        Ok(Self(members.into_keys().collect()))
    }
}

/// A consumer with its API keys.
#[derive(Clone, Deserialize, ToSchema)]
pub struct ConsumerSecret {
    /// Its name, as the audit log shows it.
    pub name: String,
    /// The groups it is in.
    pub groups: Vec<String>,
    /// `sha256:{hex}` of each key; several during a rotation.
    pub keys: Vec<String>,
    /// Fields that there are not.
    #[serde(flatten)]
    #[schema(ignore)]
    pub unknown: Unknown,
}

/// Supabase's Management API.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct SupabaseSecret {
    /// Personal or OAuth access token.
    #[schema(value_type = String)]
    pub access_token: SecretString,
    /// The organisation that owns every tenant's project.
    pub organization_slug: String,
    /// Authorities to trust for the poolers besides the public ones and Supabase's, as PEM.
    #[serde(default)]
    pub database_ca_pem: Option<String>,
}

/// Stripe.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct StripeSecret {
    /// The account's secret key, `sk_…` or `rk_…`.
    #[schema(value_type = String)]
    pub secret_key: SecretString,
}

/// The Valkey that holds the middleware's cache and the event stream.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct ValkeySecret {
    /// `rediss://user:password@host:port`.
    #[schema(value_type = String)]
    pub url: SecretString,
    /// Authorities to trust besides the public ones, as PEM.
    #[serde(default)]
    pub ca_pem: Option<String>,
}

/// The lakehouse's catalog.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct IometeSecret {
    /// Bearer token.
    #[schema(value_type = String)]
    pub token: SecretString,
}

/// The mail server for invitations. Supabase's built-in one mails only to the organisation's own team.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct SmtpSecret {
    /// Host name.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User.
    pub username: String,
    /// The user's password.
    #[schema(value_type = String)]
    pub password: SecretString,
    /// Address of the sender.
    pub sender_email: String,
    /// Name of the sender.
    pub sender_name: String,
}
