//! Every secret value, with a name for reports.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use e2e::{CREDENTIAL_MARK, Cloud, TOKEN_MARK};
use serde_json::Value;
use url::Url;

/// Shorter values would be found by accident.
const SHORTEST: usize = 16;

/// Variables whose whole value is a secret. If the name ends in `_URL`, only the password is secret.
const VARIABLES: [&str; 9] = [
    "ADMIN_API_KEY",
    "ADMIN_JWT",
    "AUDITOR_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "IOMETE_TOKEN",
    "NON_ADMIN_API_KEY",
    "OPENSEARCH_PASSWORD",
    "STRIPE_SECRET_KEY",
    "SUPABASE_ACCESS_TOKEN",
];

/// Fields of secrets that are not secret. All other texts count, so that a new field is searched for as well.
const PUBLIC: [&str; 27] = [
    "alg",
    "audience",
    "audience_claims",
    "ca_pem",
    "database_ca_pem",
    "dbname",
    "endpoint",
    "groups",
    "host",
    "issuer",
    "jwks_url",
    "kid",
    "name",
    "organization_slug",
    "pooler",
    "public_key",
    "role_claim",
    "roles",
    "sender_email",
    "sender_name",
    "service",
    "subject_claims",
    "tenant_claim",
    "type",
    "url",
    "user",
    "username",
];

/// Maps a secret to its name.
pub async fn all(cloud: &Cloud) -> Result<BTreeMap<String, String>> {
    let mut needles = BTreeMap::new();
    for name in VARIABLES {
        needles.insert(std::env::var(name).with_context(|| name)?, name.to_owned());
    }
    for (name, value) in std::env::vars().filter(|(name, _)| name.ends_with("_URL") || name.contains("_URL_")) {
        needles.extend(password_of(&value).map(|password| (password, name)));
    }
    let secrets = cloud.aws.list(
        "secretsmanager",
        "secretsmanager.ListSecrets",
        serde_json::json!({}),
        "SecretList",
        "NextToken",
    );
    let (prefix, master) = (format!("{}/", cloud.secret_prefix()?), cloud.master_secret_arn()?);
    for secret in secrets.await? {
        let name = secret["Name"].as_str().context("a secret without a name")?;
        if name.starts_with(&prefix) || secret["ARN"] == master {
            for version in cloud.aws.secret_versions(name).await? {
                collect(&mut needles, name, &cloud.aws.secret_version(name, &version).await?);
            }
        }
    }
    for mail in cloud.mails().await? {
        // The link in an invitation is a credential: it logs the reader in.
        let body = mail["Body"].as_str().unwrap_or_default();
        let tokens = body.split("token_hash=").skip(1);
        let tokens = tokens.map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next());
        needles.extend(tokens.flatten().map(|token| (token.to_owned(), format!("invitation of {}", mail["To"]))));
    }
    // Callers may choose short values for these.
    needles.retain(|needle, name| needle.len() >= SHORTEST || !name.contains("/catalogs/"));
    // Every S3 credential that the tests sent, stored or refused, and every token that they signed.
    needles.insert(CREDENTIAL_MARK.to_owned(), "credential of a test".to_owned());
    needles.insert(TOKEN_MARK.to_owned(), "bearer token of a test".to_owned());
    for (needle, name) in &needles {
        ensure!(needle.len() >= SHORTEST, "{name} is too short to be searched for");
    }
    Ok(needles)
}

/// Every text in a secret's value, except in fields that are not secret.
fn collect(needles: &mut BTreeMap<String, String>, name: &str, value: &Value) {
    match value {
        Value::String(text) => {
            needles.insert(text.clone(), name.to_owned());
        }
        Value::Array(items) => items.iter().for_each(|item| collect(needles, name, item)),
        Value::Object(fields) => {
            for (field, value) in fields {
                let name = format!("{name}: {field}");
                match value {
                    Value::String(url) if field == "url" => needles.extend(password_of(url).map(|found| (found, name))),
                    // The claims that tokens must have.
                    Value::Object(_) if field == "require" => {}
                    Value::String(_) | Value::Array(_) if PUBLIC.contains(&field.as_str()) => {}
                    _ => collect(needles, &name, value),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn password_of(url: &str) -> Option<String> {
    Url::parse(url).ok()?.password().map(str::to_owned)
}
