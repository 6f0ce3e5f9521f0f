//! The secrets' values: complete, well formed, and encrypted with the right key. No value is shown.

use std::panic::resume_unwind;
use std::thread;

use serde_json::Value;
use tokens::Issuers;

use super::{Finding, certificates};
use crate::aws::{Aws, Current};
use crate::callers::is_digest;
use crate::installation::Installation;
use crate::secrets::place;
use crate::stack::Kind;

/// What is wrong with a value: whether a tenant would fail, and what to do.
type Wrong = (bool, String);

/// Fields that have to be there, by the secret's name.
const FIELDS: &[(&str, &[&str])] = &[
    ("control/database", &["/host", "/port", "/dbname", "/username", "/password"]),
    ("control/database-read", &["/host", "/port", "/dbname", "/username", "/password"]),
    ("control/database-owner", &["/host", "/port", "/dbname", "/username", "/password"]),
    ("control/supabase", &["/access_token", "/organization_slug"]),
    ("control/stripe", &["/secret_key"]),
    ("control/iomete", &["/token"]),
    ("control/purge-key", &["/private_key", "/public_key"]),
    ("control/valkey", &["/url"]),
    ("control/smtp", &["/host", "/port", "/username", "/password", "/sender_email", "/sender_name"]),
];
/// The same, for a residency region.
const FIELDS_OF_REGION: &[&str] = &["/falkordb/url", "/opensearch/endpoint", "/opensearch/auth/type"];
/// Where a secret may name authorities.
const AUTHORITIES: &[&str] = &["/ca_pem", "/database_ca_pem", "/falkordb/ca_pem", "/opensearch/ca_pem"];

pub fn check(aws: &Aws, installation: &Installation) -> anyhow::Result<Vec<Finding>> {
    let (region, prefix) = place(installation)?;
    let key = installation.one(Kind::Secrets)?.parameters.get("SecretsKeyArn").filter(|key| !key.is_empty());
    let mut names: Vec<(String, &'static [&'static str])> =
        FIELDS.iter().map(|(name, fields)| ((*name).to_owned(), *fields)).collect();
    for residency in installation.regions()? {
        names.push((format!("regions/{residency}"), FIELDS_OF_REGION));
    }
    names.push(("control/callers".to_owned(), &[]));
    let known = aws.secrets(region, prefix)?;
    // Each read waits for a program, so they wait side by side.
    let checked = thread::scope(|scope| {
        let check = |(name, fields): (String, &'static [&'static str])| {
            let (known, environment) = (&known, &installation.environment);
            scope.spawn(move || {
                let full = format!("{prefix}/{name}");
                let what = format!("secret {full}");
                if !known.contains(&full) {
                    return vec![Finding::failure(
                        what,
                        format!("does not exist: cargo xtask deploy --env {environment}"),
                    )];
                }
                let mut findings = Vec::new();
                if let Some(key) = key {
                    findings.extend(of_key(&what, key, aws.key_of_secret(region, &full), || {
                        format!(
                            "aws secretsmanager update-secret --region {region} --secret-id {full} --kms-key-id {key}"
                        )
                    }));
                }
                findings.extend(of_value(&what, &name, fields, aws.secret(region, &full)));
                findings
            })
        };
        let threads: Vec<_> = names.into_iter().map(check).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect::<Vec<_>>()
    });
    Ok(checked.into_iter().flatten().collect())
}

/// A function may decrypt with the installation's key only.
fn of_key(
    what: &str,
    key: &str,
    found: anyhow::Result<Option<String>>,
    command: impl FnOnce() -> String,
) -> Option<Finding> {
    match found {
        Ok(found) if found.as_deref() == Some(key) => None,
        Ok(_) => {
            let remedy = format!("is not encrypted with SecretsKeyArn, so no function can read it: {}", command());
            Some(Finding::failure(what, remedy))
        }
        Err(error) => Some(Finding::failure(what, format!("{error:#}"))),
    }
}

fn of_value(what: &str, name: &str, fields: &[&str], read: anyhow::Result<Option<Current>>) -> Vec<Finding> {
    let value = match read {
        Ok(Some(current)) => current.value,
        Ok(None) => return vec![Finding::failure(what, "has no value: put it, as the README lists it")],
        Err(error) => return vec![Finding::failure(what, format!("{error:#}"))],
    };
    let mut wrong = lacking(&value, fields);
    wrong.extend(of_authorities(&value));
    wrong.extend(match name {
        "control/callers" => of_callers(&value),
        "control/valkey" => encrypted(&value, "/url", "rediss://"),
        name if name.starts_with("regions/") => of_region(&value),
        _ => Vec::new(),
    });
    if wrong.is_empty() {
        return vec![Finding::fine(what)];
    }
    let finding = |(fails, remedy)| if fails { Finding::failure(what, remedy) } else { Finding::warning(what, remedy) };
    wrong.into_iter().map(finding).collect()
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

fn lacking(value: &Value, fields: &[&str]) -> Vec<Wrong> {
    let empty = |field: &&&str| match value.pointer(field) {
        None | Some(Value::Null) => true,
        // The example's ellipsis is no value either.
        Some(Value::String(text)) => text.is_empty() || text.contains('…'),
        Some(_) => false,
    };
    let name = |field: &&str| field.trim_start_matches('/').replace('/', ".");
    fields.iter().filter(empty).map(|field| (true, format!("has no {}", name(field)))).collect()
}

fn of_authorities(value: &Value) -> Vec<Wrong> {
    let named = AUTHORITIES.iter().filter_map(|field| Some((field, text(value, field)?)));
    named
        .filter_map(|(field, pem)| {
            let (wrong, problem) = certificates::problem(pem)?;
            Some((wrong, format!("{} {problem}", field.trim_start_matches('/').replace('/', "."))))
        })
        .collect()
}

/// An address without TLS would show its password to the network.
fn encrypted(value: &Value, field: &str, scheme: &str) -> Vec<Wrong> {
    let plain = text(value, field).filter(|url| !url.is_empty() && !url.starts_with(scheme));
    let name = field.trim_start_matches('/').replace('/', ".");
    plain.map(|_| (false, format!("{name} is not encrypted: use {scheme}"))).into_iter().collect()
}

fn of_region(value: &Value) -> Vec<Wrong> {
    let mut wrong = encrypted(value, "/falkordb/url", "rediss://");
    wrong.extend(encrypted(value, "/opensearch/endpoint", "https://"));
    match text(value, "/opensearch/auth/type") {
        Some("basic") => wrong.extend(lacking(value, &["/opensearch/auth/username", "/opensearch/auth/password"])),
        Some("sigv4") | None => {}
        Some(other) => wrong.push((true, format!("opensearch.auth.type is {other:?}, neither basic nor sigv4"))),
    }
    wrong
}

/// A key whose digest is no digest is a 401 for ever.
fn of_callers(value: &Value) -> Vec<Wrong> {
    let Some(consumers) = value["consumers"].as_array() else {
        return vec![(true, "has no list `consumers`: cargo xtask keys new".to_owned())];
    };
    let mut wrong = Vec::new();
    let mut admins = 0;
    for consumer in consumers {
        let name = consumer["name"].as_str().unwrap_or("(no name)");
        let keys = consumer["keys"].as_array().into_iter().flatten();
        for key in keys.filter(|key| !key.as_str().is_some_and(is_digest)) {
            let shown = if key.as_str().is_some_and(|key| key.starts_with("sha256:")) {
                "is not 64 hexadecimal digits"
            } else {
                "does not begin with sha256:"
            };
            wrong
                .push((true, format!("a key of {name} {shown}: take it back and make it with `cargo xtask keys new`")));
        }
        admins +=
            usize::from(consumer["groups"].as_array().is_some_and(|groups| groups.contains(&Value::from("admin"))));
    }
    if admins == 0 {
        wrong.push((true, "names nobody in the group admin: cargo xtask keys new --groups admin".to_owned()));
    }
    wrong.extend(unknown("the secret", value, &["consumers", "jwt"]));
    for consumer in consumers {
        let name = consumer["name"].as_str().unwrap_or("(no name)");
        wrong.extend(unknown(&format!("the consumer {name}"), consumer, &["name", "groups", "keys"]));
    }
    wrong.extend(of_issuers(&value["jwt"]));
    wrong
}

/// What the functions do not know, they refuse: it may have been meant to take something away.
fn unknown(of: &str, object: &Value, known: &[&str]) -> Vec<Wrong> {
    let names = object.as_object().into_iter().flat_map(|object| object.keys());
    let unknown = names.filter(|name| !known.contains(&name.as_str()));
    unknown.map(|name| (true, format!("{of} has a field {name:?}, which is not known: take it out"))).collect()
}

/// An entry that cannot be used is a 503 for whoever has its tokens.
fn of_issuers(jwt: &Value) -> Vec<Wrong> {
    if jwt.is_null() {
        return vec![(false, "has no `jwt`, so nobody can call the lakehouse's routes".to_owned())];
    }
    let mut wrong: Vec<Wrong> = Issuers::parse(jwt).mistakes().map(|mistake| (true, mistake.to_string())).collect();
    let entries = jwt["issuers"].as_array().map_or_else(|| vec![jwt], |list| list.iter().collect());
    for entry in entries {
        wrong.extend(examples(entry, &["/issuer", "/audience"]));
        if let Some((fails, problem)) = text(entry, "/ca_pem").and_then(certificates::problem) {
            wrong.push((fails, format!("jwt's ca_pem {problem}")));
        }
    }
    wrong
}

/// A value that is still the example's.
fn examples(value: &Value, fields: &[&str]) -> Vec<Wrong> {
    let is_example = |field: &&&str| text(value, field).is_some_and(|text| text.contains('…'));
    fields.iter().filter(is_example).map(|field| (true, format!("jwt's {} is the example's", &field[1..]))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_field_and_the_examples_ellipsis_are_no_values() {
        let value = json!({ "host": "", "port": 5432, "password": "…" });
        let found: Vec<_> =
            lacking(&value, &["/host", "/port", "/password", "/dbname"]).into_iter().map(|it| it.1).collect();
        assert_eq!(found, ["has no host", "has no password", "has no dbname"]);
    }

    #[test]
    fn a_key_that_nobody_can_use_is_found() {
        let caller = |key: &str| {
            json!({ "consumers": [{ "name": "ci", "groups": ["admin"], "keys": [key] }], "jwt": {
            "issuer": "https://idp.example", "audience": "ivory", "jwks_url": "https://idp.example/keys",
        } })
        };
        let digest = crate::callers::digest("key");
        assert_eq!(of_callers(&caller(&digest)), []);
        for key in ["key", &digest[7..], "sha256:abc", &digest.to_uppercase(), &format!("{digest}  -")] {
            assert_eq!(of_callers(&caller(key)).len(), 1, "{key}");
        }
        for (lifetime, wrong) in
            [(json!(60), 0), (json!(59), 1), (json!(604_801), 1), (json!("3600"), 1), (json!(null), 1)]
        {
            let mut value = caller(&digest);
            value["jwt"]["max_lifetime_seconds"] = lifetime.clone();
            assert_eq!(of_callers(&value).len(), wrong, "{lifetime}");
        }
    }

    #[test]
    fn what_the_functions_would_refuse_is_found_before() {
        let digest = crate::callers::digest("key");
        let entry = json!({ "issuer": "https://idp.example", "audience": "ivory", "discovery": true });
        let secret =
            |jwt: Value| json!({ "consumers": [{ "name": "ci", "groups": ["admin"], "keys": [digest] }], "jwt": jwt });
        let with = |changes: Value| {
            let mut entry = entry.clone();
            entry.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
            secret(json!({ "issuers": [{ "issuer": "other", "audience": "a", "jwks_url": "https://other/" }, entry] }))
        };
        assert_eq!(of_callers(&secret(entry.clone())), []);
        assert_eq!(of_callers(&with(json!({}))), []);
        for (value, expected) in [
            (
                with(json!({ "jwks_uri": "https://a" })),
                "jwt.issuers[1].jwks_uri is not a known field; did you mean jwks_url?",
            ),
            (
                with(json!({ "discovery": false })),
                "jwt.issuers[1] has no source of keys: give keys, jwks_url or discovery",
            ),
            (
                with(json!({ "issuer": "other", "discovery": false, "jwks_url": "https://other/" })),
                "jwt.issuers[0].issuer is another entry's as well",
            ),
            (with(json!({ "audience": "…" })), "jwt's audience is the example's"),
            (with(json!({ "ca_pem": "x" })), "jwt.issuers[1].ca_pem must be certificates as PEM"),
            (
                with(json!({ "keys": [{ "alg": "HS256", "secret": "hush" }] })),
                "jwt.issuers[1].keys[0].secret is no key for HS256, or too short for it",
            ),
        ] {
            let found = of_callers(&value);
            assert!(found.iter().any(|(fails, text)| *fails && text == expected), "{found:?}");
            assert!(!found.iter().any(|(_, text)| text.contains("hush")), "{found:?}");
        }
        let mut other = secret(entry.clone());
        other["jwts"] = entry;
        other["consumers"][0]["expires"] = json!("2020-01-01");
        let found: Vec<_> = of_callers(&other).into_iter().map(|(_, text)| text).collect();
        let expected = [("the secret", "jwts"), ("the consumer ci", "expires")];
        assert_eq!(
            found,
            expected.map(|(of, name)| format!("{of} has a field {name:?}, which is not known: take it out"))
        );
    }
}
