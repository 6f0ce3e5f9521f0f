//! The values of the control plane's secrets, in the shapes the functions expect.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::credentials::{Credentials, REGIONS};
use crate::jwt::Jwt;
use crate::services::{Seen, opensearch, postgres, simulators, valkey};

/// Every secret's name and value.
pub fn values(
    prefix: &str,
    credentials: &Credentials,
    jwt: &Jwt,
    seen: &Seen<'_>,
) -> anyhow::Result<BTreeMap<String, Value>> {
    let database = |user: &str, password: &str| -> anyhow::Result<Value> {
        Ok(json!({
            "host": "127.0.0.1", "port": seen.postgres()?, "dbname": "control",
            "username": user, "password": password, "ca_pem": seen.postgres_ca(),
        }))
    };
    let mut values = BTreeMap::from([
        (format!("{prefix}/control/database"), database("control_app", &credentials.control_app)?),
        (format!("{prefix}/control/database-read"), database("control_reader", &credentials.control_reader)?),
        (format!("{prefix}/control/database-owner"), database("control_owner", &credentials.control_owner)?),
        (format!("{prefix}/control/callers"), callers(credentials, jwt)),
        (
            format!("{prefix}/control/supabase"),
            json!({
                "access_token": credentials.supabase_access_token,
                "organization_slug": simulators::ORGANIZATION,
                "database_ca_pem": seen.postgres_ca(),
            }),
        ),
        (format!("{prefix}/control/stripe"), json!({ "secret_key": credentials.stripe_secret_key })),
        (format!("{prefix}/control/iomete"), json!({ "token": credentials.iomete_token })),
        (
            format!("{prefix}/control/purge-key"),
            json!({ "private_key": credentials.purge_key, "public_key": credentials.purge_public_key()? }),
        ),
        (
            format!("{prefix}/control/smtp"),
            json!({
                "host": "127.0.0.1", "port": seen.smtp()?, "username": simulators::SMTP_USER, "password": credentials.smtp,
                "sender_email": "no-reply@ivory.test", "sender_name": "Ivory",
            }),
        ),
        (format!("{prefix}/control/valkey"), json!({ "url": valkey::url(&credentials.valkey, seen.valkey()?) })),
    ]);
    for (index, region) in REGIONS.iter().enumerate() {
        let value = json!({
            "falkordb": { "url": valkey::url(&credentials.falkordb[index], seen.falkordb(index)?) },
            "opensearch": {
                "endpoint": format!("http://127.0.0.1:{}", seen.opensearch(index)?),
                "auth": { "type": "basic", "username": opensearch::USER, "password": credentials.opensearch },
            },
        });
        values.insert(format!("{prefix}/regions/{region}"), value);
    }
    Ok(values)
}

/// The value of the secret that RDS makes: it holds no address.
pub fn master(credentials: &Credentials) -> Value {
    json!({ "username": postgres::MASTER, "password": credentials.control_master })
}

/// API keys are kept as digests only.
fn callers(credentials: &Credentials, jwt: &Jwt) -> Value {
    let consumer = |name: &str, groups: &[&str], key: &str| {
        let digest = hex::encode(ring::digest::digest(&ring::digest::SHA256, key.as_bytes()));
        json!({ "name": name, "groups": groups, "keys": [format!("sha256:{digest}")] })
    };
    json!({
        "consumers": [
            consumer("platform-admin", &["admin"], &credentials.admin_api_key),
            // Somebody else, who may approve what the first one asks for.
            consumer("platform-deputy", &["admin"], &credentials.deputy_api_key),
            consumer("platform-auditor", &["auditor"], &credentials.auditor_api_key),
            consumer("reporting", &[], &credentials.non_admin_api_key),
        ],
        "jwt": jwt.entry(),
    })
}
