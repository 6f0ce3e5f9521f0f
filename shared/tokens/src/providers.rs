//! Tests of the entries in `PROVIDERS.md`, each with tokens of its provider's shape.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fixtures::{NOW, SECRET, bearer, hs256, now, rs256, rsa_jwk};
use crate::{Address, Bearer, Issuer, Issuers, Rule, Token, key_set};

const PAGE: &str = include_str!("../../../functions/ops/authorize-caller/PROVIDERS.md");
const TENANT: &str = "01900000-0000-7000-8000-00000000000a";

/// The page's entries by provider.
fn page() -> BTreeMap<&'static str, Value> {
    let blocks = PAGE.split("```json ").skip(1);
    let block = |block: &'static str| {
        let (name, rest) = block.split_once('\n').expect("a block has lines");
        let json = rest.split("\n```").next().expect("a block ends");
        (name, serde_json::from_str(json).unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    blocks.map(block).collect()
}

/// What a token is good for: the subject, the roles, whether it is the tenant's own.
type Outcome = Result<(String, Vec<String>, bool), Rule>;

/// One provider: how its tokens begin, what they say, and what becomes of them if something in them is different.
struct Provider {
    name: &'static str,
    header: Value,
    /// Where it publishes the document that names its keys.
    document: Option<&'static str>,
    claims: Value,
    cases: Vec<(Value, Outcome)>,
}

#[expect(clippy::unnecessary_wraps, reason = "it stands beside refusals")]
fn good(subject: &str, roles: &[&str], own: bool) -> Outcome {
    Ok((subject.to_owned(), roles.iter().map(|&role| role.to_owned()).collect(), own))
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn providers() -> Vec<Provider> {
    let rs256 = |kid: &str| json!({ "alg": "RS256", "typ": "JWT", "kid": kid });
    let directory = "8f0a5e0c-3b1f-4f59-9d3c-0c6a0f4b7d21";
    let many: Vec<String> = (0..160).map(|group| format!("{group:08x}-14a6-49ae-97bc-6eba6914391e")).collect();
    vec![
        Provider {
            name: "auth0",
            header: rs256("NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4QzQ2MDAyQjVDNjk1RTM2Qg"),
            document: Some("https://example.eu.auth0.com/.well-known/openid-configuration"),
            claims: json!({
                "iss": "https://example.eu.auth0.com/", "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
                "aud": ["https://ivory.example/api", "https://example.eu.auth0.com/userinfo"],
                "iat": NOW - 60, "exp": NOW - 60 + 86_400, "azp": "my_client_id", "scope": "openid profile",
                "https://ivory.example/roles": ["ivory-admin"],
            }),
            cases: vec![
                (json!({}), good("auth0|5f7c8ec7c33c6c004bbafe82", &["admin"], false)),
                (
                    json!({ "https://ivory.example/roles": ["tenant"], "https://ivory.example/tenant": TENANT }),
                    good("auth0|5f7c8ec7c33c6c004bbafe82", &["tenant"], true),
                ),
                // A default token has no roles, and a user of that name is no administrator.
                (
                    json!({ "https://ivory.example/roles": null, "role": "admin", "permissions": ["admin"] }),
                    good("auth0|5f7c8ec7c33c6c004bbafe82", &[], false),
                ),
                (
                    json!({ "https://ivory.example/roles": ["admin"] }),
                    good("auth0|5f7c8ec7c33c6c004bbafe82", &[], false),
                ),
                (json!({ "aud": "https://example.eu.auth0.com/userinfo" }), Err(Rule::Audience)),
                (json!({ "iss": "https://example.eu.auth0.com" }), Err(Rule::Issuer)),
                (json!({ "exp": NOW - 60 + 86_401 }), Err(Rule::Lifetime)),
            ],
        },
        Provider {
            name: "okta",
            header: json!({ "alg": "RS256", "kid": "0tnTr4Ec" }),
            document: Some("https://example.okta.com/oauth2/default/.well-known/openid-configuration"),
            claims: json!({
                "ver": 1, "jti": "AT.0mP4JKAZX1iACIT4", "iss": "https://example.okta.com/oauth2/default",
                "aud": "api://default", "iat": NOW - 60, "exp": NOW + 3540, "cid": "0oa1client", "uid": "00u1user",
                "scp": ["openid"], "auth_time": NOW - 70, "sub": "admin@bank.example", "groups": ["Everyone", "Ivory Admins"],
            }),
            cases: vec![
                (json!({}), good("00u1user", &["admin"], false)),
                // Client credentials: no user.
                (json!({ "uid": null, "sub": "0oa1client", "groups": null }), good("0oa1client", &[], false)),
                (json!({ "groups": ["admin"], "role": "admin" }), good("00u1user", &[], false)),
                (json!({ "aud": "https://example.okta.com" }), Err(Rule::Audience)),
                (json!({ "iss": "https://example.okta.com" }), Err(Rule::Issuer)),
            ],
        },
        Provider {
            name: "entra",
            header: json!({ "typ": "JWT", "alg": "RS256", "kid": "MGLqj98VNLoXaFfpJCBpgB4JaKs" }),
            document: Some(
                "https://login.microsoftonline.com/8f0a5e0c-3b1f-4f59-9d3c-0c6a0f4b7d21/v2.0/.well-known/openid-configuration",
            ),
            claims: json!({
                "aud": "6731de76-14a6-49ae-97bc-6eba6914391e",
                "iss": format!("https://login.microsoftonline.com/{directory}/v2.0"), "iat": NOW - 60, "nbf": NOW - 60,
                "exp": NOW + 4000, "aio": "AXQAi/8IAAAA", "azp": "client", "azpacr": "0", "name": "Abe", "oid": "user-oid",
                "preferred_username": "abe@bank.example", "rh": "0.ARoA", "roles": ["Ivory.Admin"], "scp": "access",
                "sub": "pairwise", "tid": directory, "uti": "U", "ver": "2.0",
            }),
            cases: vec![
                (json!({}), good("user-oid", &["admin"], false)),
                (
                    json!({ "iss": format!("https://sts.windows.net/{directory}/"), "ver": "1.0", "appid": "client",
                            "aud": "api://6731de76-14a6-49ae-97bc-6eba6914391e" }),
                    good("user-oid", &["admin"], false),
                ),
                (json!({ "oid": null }), good("pairwise", &["admin"], false)),
                (json!({ "groups": many }), good("user-oid", &["admin"], false)),
                (json!({ "roles": null, "role": "admin", "groups": ["admin"] }), good("user-oid", &[], false)),
                (json!({ "tid": "9188040d-6c67-4c5b-b112-36a304b66dad" }), Err(Rule::Required)),
                (json!({ "aud": "00000003-0000-0000-c000-000000000000" }), Err(Rule::Audience)),
                (json!({ "iss": "https://login.microsoftonline.com/common/v2.0" }), Err(Rule::Issuer)),
            ],
        },
        Provider {
            name: "cognito",
            header: json!({ "kid": "W7mKJG0e+1s1vLh/7Wc=", "alg": "RS256" }),
            document: Some(
                "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example01/.well-known/openid-configuration",
            ),
            claims: json!({
                "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["ivory-admins"],
                "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example01", "version": 2,
                "client_id": "1example23456789", "origin_jti": "o", "event_id": "e", "token_use": "access",
                "scope": "openid", "auth_time": NOW - 60, "exp": NOW + 3540, "iat": NOW - 60, "jti": "j", "username": "u",
            }),
            cases: vec![
                (json!({}), good("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", &["admin"], false)),
                (
                    json!({ "cognito:groups": ["admin"], "role": "admin", "cognito": { "groups": "ivory-admins" } }),
                    good("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", &[], false),
                ),
                // Its ID tokens have the client in `aud`.
                (json!({ "token_use": "id", "client_id": null, "aud": "1example23456789" }), Err(Rule::Audience)),
                (json!({ "token_use": "id" }), Err(Rule::Required)),
                (json!({ "client_id": "another" }), Err(Rule::Audience)),
            ],
        },
        Provider {
            name: "keycloak",
            header: rs256("FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE"),
            document: Some("https://sso.example.com/realms/bank/.well-known/openid-configuration"),
            claims: json!({
                "exp": NOW + 240, "iat": NOW - 60, "jti": "j", "iss": "https://sso.example.com/realms/bank",
                "aud": ["ivory", "account"], "sub": "f:1:abe", "typ": "Bearer", "azp": "console", "sid": "s", "acr": "1",
                "realm_access": { "roles": ["offline_access", "ivory-admin"] },
                "resource_access": { "account": { "roles": ["view-profile"] } }, "scope": "openid", "email_verified": false,
            }),
            cases: vec![
                (json!({}), good("f:1:abe", &["admin"], false)),
                (
                    json!({ "realm_access": null, "resource_access": { "ivory": { "roles": ["tenant"] } }, "ivory_tenant": TENANT }),
                    good("f:1:abe", &["tenant"], true),
                ),
                (
                    json!({ "realm_access": { "roles": ["admin"] }, "resource_access": { "other": { "roles": ["tenant"] } },
                            "ivory_tenant": TENANT, "role": "admin" }),
                    good("f:1:abe", &[], false),
                ),
                // A client's role of this name is not the realm's.
                (
                    json!({ "realm_access": null, "resource_access": { "ivory": { "roles": ["admin", "ivory-admin"] } } }),
                    good("f:1:abe", &[], false),
                ),
                // Without the mapper.
                (json!({ "aud": "account" }), Err(Rule::Audience)),
                (json!({ "typ": "ID" }), Err(Rule::Required)),
                (json!({ "iss": "https://sso.example.com/realms/other" }), Err(Rule::Issuer)),
            ],
        },
        Provider {
            name: "supabase",
            header: json!({ "alg": "HS256", "kid": "Xw3QeFH4kQ9vJ2mC", "typ": "JWT" }),
            document: None,
            claims: json!({
                "aal": "aal1", "amr": [{ "method": "password", "timestamp": NOW - 60 }],
                "app_metadata": { "provider": "email", "providers": ["email"], "ivory_roles": ["admin"] },
                "aud": "authenticated", "email": "abe@bank.example", "exp": NOW + 3540, "iat": NOW - 60, "phone": "",
                "iss": "https://abcdefghijklmnopqrst.supabase.co/auth/v1", "is_anonymous": false, "role": "authenticated",
                "session_id": "s", "sub": "7c1e6a0e-0d5f-4a57-9f0e-2f5a3a1b9c11", "user_metadata": {},
            }),
            cases: vec![
                (json!({}), good("7c1e6a0e-0d5f-4a57-9f0e-2f5a3a1b9c11", &["admin"], false)),
                (
                    json!({ "app_metadata": { "ivory_roles": ["tenant"], "ivory_tenant": TENANT } }),
                    good("7c1e6a0e-0d5f-4a57-9f0e-2f5a3a1b9c11", &["tenant"], true),
                ),
                // What a user can write.
                (
                    json!({ "app_metadata": { "provider": "email" },
                            "user_metadata": { "ivory_roles": ["admin"], "ivory_tenant": TENANT } }),
                    good("7c1e6a0e-0d5f-4a57-9f0e-2f5a3a1b9c11", &[], false),
                ),
                (json!({ "is_anonymous": true }), Err(Rule::Required)),
                // The keys of the same secret that every client has.
                (json!({ "iss": "supabase", "role": "anon", "aud": null }), Err(Rule::Issuer)),
                (json!({ "aud": null }), Err(Rule::Audience)),
            ],
        },
    ]
}

/// What becomes of the provider's token with these changes, under this entry.
fn ask(provider: &Provider, entry: &Value, changes: &Value) -> Result<Outcome, String> {
    let issuers = Issuers::parse(&json!({ "issuers": [entry] }));
    if let Some(mistake) = issuers.mistakes().next() {
        return Err(mistake.to_string());
    }
    let mut claims = provider.claims.clone();
    let members = claims.as_object_mut().expect("an object");
    members.extend(changes.as_object().expect("an object").clone());
    members.retain(|_, value| !value.is_null());
    let secret = entry["keys"][0]["secret"].as_str().unwrap_or(SECRET);
    let token = match provider.header["alg"].as_str() {
        Some("HS256") => bearer(&provider.header, &claims, hs256(secret)),
        _ => bearer(&provider.header, &claims, rs256),
    };
    let published = json!({ "keys": [rsa_jwk(provider.header["kid"].as_str())] });
    let published = key_set(published.to_string().as_bytes()).expect("a key set");
    let token = Token::from_header(&token).map_err(|rule| rule.as_str().to_owned())?;
    let found = issuers.find(&token).map_err(ToString::to_string)?;
    let issuer = found.map(|position| issuers.usable().nth(position).expect("it was found"));
    let keys = |issuer: &Issuer| if issuer.published().is_some() { published } else { Vec::new() };
    let found = issuer.and_then(|issuer| issuer.verify(&token, &keys(issuer), now()));
    let outcome = |Bearer { subject, tenant, roles, .. }| (subject, roles, tenant.is_some());
    Ok(found.map(outcome).map_err(|refusal| refusal.rule))
}

#[test]
fn each_entry_of_the_page_takes_its_providers_tokens_and_no_others() {
    let page = page();
    let providers = providers();
    assert_eq!(page.len(), providers.len());
    for provider in &providers {
        let entry = &page[provider.name];
        for (changes, expected) in &provider.cases {
            let found = ask(provider, entry, changes);
            assert_eq!(found.as_ref(), Ok(expected), "{}: {changes}", provider.name);
        }
        let issuers = Issuers::parse(entry);
        let published = issuers.usable().next().and_then(Issuer::published);
        let document = match published.map(|published| &published.address) {
            Some(Address::Discovery { document, .. }) => Some(document.as_str()),
            Some(Address::KeySet(_)) | None => None,
        };
        assert_eq!(document, provider.document, "{}", provider.name);
    }
}

/// Every entry without one of its fields, or without one of the elements of a list in it.
fn lesser(entry: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (name, value) in entry.as_object().expect("an object") {
        let mut without = entry.clone();
        without.as_object_mut().expect("an object").remove(name);
        found.push((name.clone(), without));
        for index in 0..value.as_array().filter(|list| list.len() > 1).map_or(0, Vec::len) {
            let mut without = entry.clone();
            without[name].as_array_mut().expect("a list").remove(index);
            found.push((format!("{name}[{index}]"), without));
        }
        for (nested, index) in value.as_array().into_iter().flatten().zip(0..).filter(|(nested, _)| nested.is_object())
        {
            for member in nested.as_object().expect("an object").keys() {
                let mut without = entry.clone();
                without[name][index].as_object_mut().expect("an object").remove(member);
                found.push((format!("{name}[{index}].{member}"), without));
            }
        }
    }
    found
}

#[test]
fn each_field_of_the_page_matters() {
    let page = page();
    let mut tried = 0;
    for provider in providers() {
        for (field, entry) in lesser(&page[provider.name]) {
            let differs = provider
                .cases
                .iter()
                .any(|(changes, expected)| ask(&provider, &entry, changes).as_ref() != Ok(expected));
            assert!(differs, "{}: {field} changes nothing", provider.name);
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
}

/// Shapes that are not on the page, and what makes them work.
#[test]
fn others_work_with_the_same_fields() {
    let base = json!({ "iat": NOW - 60, "exp": NOW + 60, "sub": "user" });
    for (entry, claims, roles) in [
        // Clerk: a session, for a party.
        (
            json!({ "audience": "https://app.example", "audience_claims": ["azp"], "role_claim": "/o/rol" }),
            json!({ "azp": "https://app.example", "o": { "id": "org", "rol": "admin" } }),
            &["admin"][..],
        ),
        // WorkOS: a session, for a client.
        (
            json!({ "audience": "client_1", "audience_claims": ["client_id"] }),
            json!({ "client_id": "client_1", "role": "admin", "permissions": [] }),
            &["admin"][..],
        ),
        // Zitadel: an object's keys.
        (
            json!({ "audience": "project", "roles": [{ "claim": "urn:zitadel:iam:org:project:roles", "values": ["boss"], "role": "admin" }] }),
            json!({ "aud": ["project", "other"], "urn:zitadel:iam:org:project:roles": { "boss": { "1": "org.example" } } }),
            &["admin"][..],
        ),
        // Hydra: scopes as a list, or as a text.
        (
            json!({ "audience": "ivory", "roles": [{ "claim": "scp", "values": ["ivory.admin"], "role": "admin" }] }),
            json!({ "aud": ["ivory"], "scp": ["openid", "ivory.admin"] }),
            &["admin"][..],
        ),
        (
            json!({ "audience": "ivory", "roles": [{ "claim": "scope", "split": " ", "values": ["ivory.admin"], "role": "admin" }] }),
            json!({ "aud": "ivory", "scope": "openid ivory.admin" }),
            &["admin"][..],
        ),
        // FusionAuth.
        (
            json!({ "audience": "app", "role_claim": "roles" }),
            json!({ "aud": "app", "roles": ["admin", "x"] }),
            &["admin"][..],
        ),
    ] {
        let mut entry = entry.clone();
        let more = json!({ "issuer": "https://idp.example", "jwks_url": "https://idp.example/jwks" });
        entry.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let (header, document, cases) = (json!({ "alg": "RS256", "kid": "k" }), None, Vec::new());
        let mut all = base.clone();
        all["iss"] = json!("https://idp.example");
        let provider = Provider { name: "other", header, document, claims: all, cases };
        assert_eq!(ask(&provider, &entry, &claims), Ok(good("user", roles, false)), "{entry}");
        assert!(ask(&provider, &entry, &json!({})).expect("an entry").is_err(), "without an audience: {entry}");
    }
}
