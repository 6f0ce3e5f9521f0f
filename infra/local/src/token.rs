//! `cargo xtask token`.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use anyhow::Context as _;
use serde_json::Value;
use tokens::{Bearer, Issuers, Key, Now, Rule, Seen, Token, key_set};

use crate::cli::{Check, CloudName, TokenCommand, Whose};
use crate::deployed::Deployed;
use crate::layout::Workspace;

/// Prints only the token, so that it can be used in a command substitution.
pub async fn run(cloud: &CloudName, command: &TokenCommand) -> anyhow::Result<ExitCode> {
    let deployed = || Deployed::load(&Workspace::find()?.cloud(&cloud.name));
    let check = match command {
        TokenCommand::Mint(whose) => {
            println!("{}", mint(&deployed()?, whose).await?);
            return Ok(ExitCode::SUCCESS);
        }
        TokenCommand::Check(check) => check,
    };
    let entry = match &check.callers {
        Some(file) => of_file(file)?,
        None => deployed()?.jwt.entry(),
    };
    let keys = check.jwks.as_deref().map(published).transpose()?;
    let verdict = judge(&entry, keys.as_deref(), &token(check)?, Now::read());
    match verdict {
        Ok(accepted) => println!("{accepted}"),
        Err(refused) => {
            println!("refused: {refused}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn mint(deployed: &Deployed, whose: &Whose) -> anyhow::Result<String> {
    match whose {
        Whose::Admin => deployed.jwt.admin(),
        Whose::Tenant { slug } => {
            let id = deployed.id_of_tenant(slug).await?;
            deployed.jwt.tenant(&id.with_context(|| format!("there is no tenant {slug}"))?)
        }
    }
}

fn token(check: &Check) -> anyhow::Result<String> {
    let mut token = check.token.clone();
    if token == "-" {
        token.clear();
        io::stdin().read_to_string(&mut token)?;
    }
    let token = token.trim();
    Ok(token.strip_prefix("Bearer ").unwrap_or(token).trim().to_owned())
}

fn of_file(file: &Path) -> anyhow::Result<Value> {
    let name = file.display();
    let text = fs::read(file).with_context(|| format!("{name} cannot be read"))?;
    let value: Value = serde_json::from_slice(&text).with_context(|| format!("{name} is no JSON"))?;
    // The whole secret, or the part of it that is about tokens.
    if value.get("consumers").is_some() {
        return value.get("jwt").cloned().with_context(|| format!("{name} has no `jwt`: no token is accepted"));
    }
    Ok(value)
}

fn published(file: &Path) -> anyhow::Result<Vec<Key>> {
    let text = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    key_set(&text).with_context(|| format!("{} is no key set", file.display()))
}

/// Whom the token is about, or the first rule that it breaks, under this `jwt` of control/callers.
fn judge(jwt: &Value, published: Option<&[Key]>, token: &str, now: Now) -> Result<String, String> {
    let issuers = Issuers::parse(jwt);
    for mistake in issuers.mistakes() {
        eprintln!("an entry cannot be used: {mistake}");
    }
    let token = Token::parse(token).map_err(|rule| rule.as_str().to_owned())?;
    let seen = Seen::of(&token);
    let position = issuers.find(&token).map_err(ToString::to_string)?;
    let found = position.map_err(|refusal| format!("{refusal}; {seen}"))?;
    let issuer = issuers.usable().nth(found).ok_or_else(|| Rule::Issuer.as_str().to_owned())?;
    match issuer.verify(&token, published.unwrap_or_default(), now) {
        Ok(bearer) => Ok(accepted(&bearer)),
        Err(refusal) if refusal.rule == Rule::NoKey && issuer.published().is_some() && published.is_none() => {
            Err("its claims hold; whether its signature does was not looked at: give the issuer's key set with --jwks"
                .to_owned())
        }
        Err(refusal) if refusal.seen.is_some() => Err(refusal.to_string()),
        // Whoever asks has the token before them, so there is nothing to keep from them.
        Err(refusal) => Err(format!("{refusal}; {seen}")),
    }
}

fn accepted(bearer: &Bearer) -> String {
    let Bearer { issuer, subject, tenant, roles, expires } = bearer;
    let roles = if roles.is_empty() {
        "no role that routes know".to_owned()
    } else {
        format!("the roles {}", roles.join(", "))
    };
    let tenant = tenant.map_or_else(|| "no tenant's own".to_owned(), |tenant| format!("tenant {tenant}'s own"));
    format!("accepted: {subject} of {issuer}, with {roles}, {tenant}; it ends at {expires} (seconds since 1970)")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::jwt::Jwt;

    fn jwt(secret: &str) -> Jwt {
        Jwt { issuer: "issuer".into(), audience: "audience".into(), secret: secret.repeat(32) }
    }

    #[test]
    fn the_clouds_tokens_are_accepted_by_its_own_entry() {
        let minted = jwt("s").admin().unwrap();
        let found = judge(&jwt("s").entry(), None, &minted, Now::read()).unwrap();
        assert!(
            found.starts_with("accepted: local-operator of issuer, with the roles admin, no tenant's own"),
            "{found}"
        );
        let id = "01900000-0000-7000-8000-00000000000a";
        let minted = jwt("s").tenant(id).unwrap();
        let found = judge(&jwt("s").entry(), None, &minted, Now::read()).unwrap();
        assert!(found.contains(&format!("tenant {id}'s own")), "{found}");
    }

    #[test]
    fn the_first_rule_that_fails_is_named() {
        let minted = jwt("s").admin().unwrap();
        let changed = |changes: Value| {
            let mut entry = jwt("s").entry();
            entry.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            entry
        };
        for (entry, token, rule) in [
            (changed(json!({})), "no token", "malformed_token"),
            (
                changed(json!({ "issuer": "https://other" })),
                &minted,
                "unknown_issuer; expected iss https://other; the token has iss issuer,",
            ),
            (
                changed(json!({ "audience": "other" })),
                &minted,
                "wrong_audience; expected other in aud; the token has iss issuer, aud audience,",
            ),
            (
                changed(json!({ "max_lifetime_seconds": 60 })),
                &minted,
                "lifetime_too_long; expected 60 s at most from iat to exp",
            ),
            (changed(json!({ "require": { "typ": "x" } })), &minted, "required_claim; expected typ to be \"x\""),
            (changed(json!({ "subject_claims": "oid" })), &minted, "no_subject; expected a subject in oid"),
            (jwt("t").entry(), &minted, "wrong_signature; expected one of the keys HS256 -"),
            (changed(json!({ "keys": null, "jwks_url": "https://issuer/" })), &minted, "jwt.keys must be a list"),
            (
                changed(json!({ "keys": [], "jwks_url": "https://issuer/" })),
                &minted,
                "its claims hold; whether its signature does",
            ),
            (
                changed(json!({ "jwks_uri": "https://issuer/" })),
                &minted,
                "jwt.jwks_uri is not a known field; did you mean jwks_url?",
            ),
        ] {
            let refused = judge(&entry, None, token, Now::read()).unwrap_err();
            assert!(refused.starts_with(rule), "{refused}");
        }
        let later = Now(Now::read().0 + Duration::from_hours(24));
        let refused = judge(&jwt("s").entry(), None, &minted, later).unwrap_err();
        assert!(refused.starts_with("expired; expected exp within 30 s of now"), "{refused}");
    }
}
