//! The secrets' values: the passwords that nobody has to know are made here, the vendors' credentials are asked for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purge_certificate::SigningKey;
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::installation::Installation;
use crate::stack::Kind;

/// A secret that the operator has to fill.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    pub name: String,
    /// Its value, with `…` where something has to be written.
    pub shape: String,
}

/// A password of 256 random bits, in letters that need no escaping in a URL.
pub fn password() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// A pair of which only the functions know the private half.
fn signing_pair() -> anyhow::Result<Value> {
    let private = hex::encode(rand::random::<[u8; 32]>());
    let public = SigningKey::of_seed(&private)?.public().to_string();
    Ok(json!({ "private_key": private, "public_key": public }))
}

/// Makes the passwords that the next stacks need, of the database's three users and of Valkey's, and the key of certificates.
/// A secret that has a value keeps it.
pub fn make(aws: &Aws, installation: &Installation) -> anyhow::Result<()> {
    let (region, prefix) = place(installation)?;
    let user =
        |name: &str| json!({ "host": "", "port": 5432, "dbname": "ivory", "username": name, "password": password() });
    let mut made = vec![("control/purge-key", signing_pair()?)];
    if installation.of(Kind::Database).next().is_some() {
        made.push(("control/database", user("ivory_app")));
        made.push(("control/database-read", user("ivory_reader")));
        made.push(("control/database-owner", user("ivory_owner")));
    }
    if installation.of(Kind::Cache).next().is_some() {
        made.push(("control/valkey", json!({ "url": "", "password": password() })));
    }
    for (name, value) in made {
        let name = format!("{prefix}/{name}");
        if aws.secret(region, &name)?.is_none() {
            aws.replace_secret(region, &name, None, &value)?;
            match value["public_key"].as_str() {
                Some(public) => say!("  made a key in {name}; certificates of purges are verified with {public}"),
                None => say!("  made a password in {name}"),
            }
        }
    }
    Ok(())
}

/// Writes where the database is, once it is known.
pub fn complete_databases(
    aws: &Aws,
    installation: &Installation,
    functions: &str,
    instance: &str,
) -> anyhow::Result<()> {
    for name in ["control/database", "control/database-read"] {
        complete(aws, installation, name, |value| fill(value, "host", functions))?;
    }
    complete(aws, installation, "control/database-owner", |value| fill(value, "host", instance))
}

/// Writes Valkey's URL, once its address is known.
pub fn complete_valkey(aws: &Aws, installation: &Installation, address: &str) -> anyhow::Result<()> {
    complete(aws, installation, "control/valkey", |value| {
        let url = format!("rediss://ivory:{}@{address}/0", value["password"].as_str().unwrap_or_default());
        fill(value, "url", &url)
    })
}

/// Gives an empty field its value, and says whether it was empty.
fn fill(value: &mut Value, field: &str, with: &str) -> bool {
    let empty = value[field] == "";
    if empty {
        value[field] = json!(with);
    }
    empty
}

fn complete(
    aws: &Aws,
    installation: &Installation,
    name: &str,
    change: impl FnOnce(&mut Value) -> bool,
) -> anyhow::Result<()> {
    let (region, prefix) = place(installation)?;
    let name = format!("{prefix}/{name}");
    if let Some(current) = aws.secret(region, &name)? {
        let mut value = current.value.clone();
        if change(&mut value) {
            aws.replace_secret(region, &name, Some(&current), &value)?;
            say!("  wrote the address into {name}");
        }
    }
    Ok(())
}

/// The secrets without a value. `endpoint` gives the search of a region, if there is a stack of it.
pub fn missing(
    aws: &Aws,
    installation: &Installation,
    endpoint: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Vec<Missing>> {
    let (region, prefix) = place(installation)?;
    let mut missing = Vec::new();
    for (name, shape) in shapes(installation, endpoint)? {
        let name = format!("{prefix}/{name}");
        if aws.secret(region, &name)?.is_none() {
            missing.push(Missing { name, shape });
        }
    }
    Ok(missing)
}

/// Each secret's shape, as the README lists it.
fn shapes(
    installation: &Installation,
    endpoint: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Vec<(String, String)>> {
    const DATABASE: &str = r#"{"host": "…", "port": 5432, "dbname": "…", "username": "…", "password": "…"}"#;
    let mut shapes: Vec<_> = [
        ("control/database", DATABASE),
        ("control/database-read", DATABASE),
        ("control/database-owner", DATABASE),
        ("control/valkey", r#"{"url": "rediss://…:…@…:6379/0"}"#),
        ("control/supabase", r#"{"access_token": "…", "organization_slug": "…"}"#),
        ("control/stripe", r#"{"secret_key": "…"}"#),
        ("control/iomete", r#"{"token": "…"}"#),
        ("control/purge-key", r#"{"private_key": "…", "public_key": "…"}"#),
        (
            "control/smtp",
            r#"{"host": "…", "port": 587, "username": "…", "password": "…", "sender_email": "…", "sender_name": "…"}"#,
        ),
    ]
    .map(|(name, shape)| (name.to_owned(), shape.to_owned()))
    .into();
    for region in installation.regions()? {
        let search = endpoint(region).map_or_else(
            || r#"{"endpoint": "https://…", "auth": {"type": "basic", "username": "…", "password": "…"}}"#.to_owned(),
            |endpoint| json!({ "endpoint": endpoint, "auth": { "type": "sigv4" } }).to_string(),
        );
        let shape = format!(r#"{{"falkordb": {{"url": "rediss://…:…@…:6379"}}, "opensearch": {search}}}"#);
        shapes.push((format!("regions/{region}"), shape));
    }
    Ok(shapes)
}

/// Where the secrets are: their region, and the first part of their names.
pub fn place(installation: &Installation) -> anyhow::Result<(&str, &str)> {
    Ok((&installation.one(Kind::Secrets)?.region, installation.secret_prefix()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_needs_no_escaping_and_is_never_the_same() {
        let (one, other) = (password(), password());
        assert!(one.len() == 43 && one != other);
        assert!(one.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'), "{one}");
    }

    #[test]
    fn a_pair_is_one_and_never_the_same() {
        let [one, other] = [(); 2].map(|()| signing_pair().expect("a pair"));
        let half = |name: &str| one[name].as_str().expect("text");
        assert!(SigningKey::of_pair(half("private_key"), half("public_key")).is_ok());
        assert_ne!(one, other);
    }

    #[test]
    fn only_an_empty_field_is_filled() {
        let mut value = json!({ "host": "" });
        assert!(fill(&mut value, "host", "a") && !fill(&mut value, "host", "b"));
        assert_eq!(value, json!({ "host": "a" }));
    }
}
