//! `control/…`: the control plane's own secrets.

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

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
#[derive(Clone, Debug, Deserialize)]
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
#[derive(Clone, Deserialize)]
pub struct CallersSecret {
    /// The consumers that have API keys.
    pub consumers: Vec<ConsumerSecret>,
    /// A [`JwtSecret`]. It is parsed separately, so that a mistake in it does not lock out API keys.
    #[serde(default)]
    pub jwt: Option<Value>,
}

/// The issuer whose bearer tokens are accepted.
#[derive(Clone, Deserialize)]
pub struct JwtSecret {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The `aud` of its tokens.
    pub audience: String,
    /// The claim with the roles.
    #[serde(default = "role")]
    pub role_claim: String,
    /// Keys of the issuer.
    #[serde(default)]
    pub keys: Vec<JwtKeySecret>,
    /// Where the issuer publishes its keys.
    pub jwks_url: Option<String>,
}

fn role() -> String {
    "role".to_owned()
}

/// A key, with exactly one of the last three: `secret` for HS256, one of the others for RS256 and ES256.
#[derive(Clone, Deserialize)]
pub struct JwtKeySecret {
    /// The `kid` of its tokens.
    pub kid: Option<String>,
    /// `HS256`, `RS256` or `ES256`.
    pub alg: String,
    /// A shared secret.
    pub secret: Option<SecretString>,
    /// A public key as PEM.
    pub public_key_pem: Option<String>,
    /// A public key as JWK.
    pub jwk: Option<Value>,
}

/// A consumer with its API keys.
#[derive(Clone, Debug, Deserialize)]
pub struct ConsumerSecret {
    /// Its name, as the audit log shows it.
    pub name: String,
    /// The groups it is in.
    pub groups: Vec<String>,
    /// `sha256:{hex}` of each key; several during a rotation.
    pub keys: Vec<String>,
}

/// Supabase's Management API.
#[derive(Clone, Debug, Deserialize)]
pub struct SupabaseSecret {
    /// Personal or OAuth access token.
    pub access_token: SecretString,
    /// The organisation that owns every tenant's project.
    pub organization_slug: String,
    /// Authorities to trust for the poolers besides the public ones and Supabase's, as PEM.
    #[serde(default)]
    pub database_ca_pem: Option<String>,
}

/// Stripe.
#[derive(Clone, Debug, Deserialize)]
pub struct StripeSecret {
    /// The account's secret key, `sk_…` or `rk_…`.
    pub secret_key: SecretString,
}

/// The Valkey that holds the middleware's cache and the event stream.
#[derive(Clone, Debug, Deserialize)]
pub struct ValkeySecret {
    /// `rediss://user:password@host:port`.
    pub url: SecretString,
    /// Authorities to trust besides the public ones, as PEM.
    #[serde(default)]
    pub ca_pem: Option<String>,
}

/// The lakehouse's catalog.
#[derive(Clone, Debug, Deserialize)]
pub struct IometeSecret {
    /// Bearer token.
    pub token: SecretString,
}

/// The mail server for invitations. Supabase's built-in one mails only to the organisation's own team.
#[derive(Clone, Debug, Deserialize)]
pub struct SmtpSecret {
    /// Host name.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User.
    pub username: String,
    /// The user's password.
    pub password: SecretString,
    /// Address of the sender.
    pub sender_email: String,
    /// Name of the sender.
    pub sender_name: String,
}
