//! Several issuers: one that publishes its keys, one with a mistake. And what the log says of whom it refuses.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use e2e::{Answer, Cloud, Issuer, unique};
use reqwest::Method;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

/// An issuer whose discovery document and keys are served on this machine.
struct Publisher {
    iss: String,
    key: EcdsaKeyPair,
}

impl Publisher {
    async fn start() -> Result<Self> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random).ok().context("a key")?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, document.as_ref(), &random);
        let key = key.ok().context("a key")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let iss = format!("http://{}/realms/bank", listener.local_addr()?);
        let (x, y) = key.public_key().as_ref()[1..].split_at(48);
        let encode = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
        let jwk = json!({ "kty": "EC", "crv": "P-384", "kid": "k", "use": "sig", "x": encode(x), "y": encode(y) });
        let discovered = json!({ "issuer": iss, "jwks_uri": format!("{iss}/keys") }).to_string();
        let keys = json!({ "keys": [{ "kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB" }, jwk] }).to_string();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let read = socket.read(&mut request).await.unwrap_or_default();
                let wants = String::from_utf8_lossy(&request[..read]);
                let body = if wants.starts_with("GET /realms/bank/.well-known/openid-configuration ") {
                    &discovered
                } else if wants.starts_with("GET /realms/bank/keys ") {
                    &keys
                } else {
                    continue;
                };
                let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                let _ = socket.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        Ok(Self { iss, key })
    }

    fn entry(&self, audience: &str) -> Value {
        json!({
            "issuer": self.iss, "audience": audience, "audience_claims": ["client_id"], "require": { "token_use": "access" },
            "discovery": true, "subject_claims": ["oid"], "tenant_claim": "/app/tenant",
            "roles": [{ "claim": "/app/roles", "values": ["boss"], "role": "admin" }, { "claim": "/app/roles", "values": ["tenant"] }],
        })
    }

    fn sign(&self, claims: &Value) -> Result<String> {
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(&json!({ "alg": "ES384", "kid": "k" })), encode(claims));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).ok().context("signed")?;
        Ok(format!("Bearer {text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

async fn me(cloud: &Cloud, token: &str) -> Result<Answer> {
    cloud.send(cloud.request(Method::GET, "/v1/admin/lakehouse/me").header("authorization", token)).await
}

/// What a token that is accepted is answered with. A process that could not fetch the keys in time is asked again.
async fn accepted(cloud: &Cloud, token: &str) -> Result<Value> {
    let until = Instant::now() + Duration::from_secs(40);
    loop {
        let answer = me(cloud, token).await?;
        if answer.status == 200 || Instant::now() > until {
            return answer.expect(200);
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Whether the authorizer has logged such a line about a refused request.
async fn is_logged(cloud: &Cloud, wanted: impl Fn(&Value) -> bool) -> Result<bool> {
    let lines = cloud.aws.log_events().await?;
    let mut parsed = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(parsed.any(|line| line["message"] == "not authenticated" && wanted(&line)))
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn issuers_stand_side_by_side_and_a_mistake_is_told() -> Result<()> {
    const TENANT: &str = "0190d5c0-0000-7000-8000-000000000000";
    let cloud = Cloud::from_env()?;
    let (publisher, ours) = (Publisher::start().await?, Issuer::of(&cloud).await?);
    let (secret, audience) = (format!("{}/control/callers", cloud.secret_prefix()?), unique("client"));
    let before = cloud.aws.secret(&secret).await?;
    let mut flat = before["jwt"].clone();
    flat["tenant_claim"] = json!("sub");
    let mistake = json!({ "issuer": "https://typo.example", "audience": "a", "jwks_uri": "https://typo.example/keys" });
    let mut changed = before.clone();
    changed["jwt"] = json!({ "issuers": [flat, publisher.entry(&audience), mistake] });
    cloud.aws.put_secret(&secret, &changed).await?;
    let outcome = with_issuers(&cloud, &publisher, &ours, &audience, TENANT).await;
    cloud.aws.put_secret(&secret, &before).await?;
    outcome
}

async fn with_issuers(cloud: &Cloud, publisher: &Publisher, ours: &Issuer, audience: &str, tenant: &str) -> Result<()> {
    let mut claims = ours.claims("somebody")?;
    let more = json!({
        "iss": publisher.iss, "aud": "another", "client_id": audience, "token_use": "access", "oid": "user-7",
        "app": { "roles": ["boss", "admin"], "tenant": tenant },
    });
    claims.as_object_mut().context("an object")?.extend(more.as_object().context("an object")?.clone());
    let token = publisher.sign(&claims)?;
    // Each of the authorizer's processes reads the secret again after ten seconds.
    sleep(Duration::from_secs(11)).await;
    let found = accepted(cloud, &token).await?;
    assert_eq!(
        (&found["name"], &found["roles"], &found["tenant_id"]),
        (&json!("user-7"), &json!(["admin"]), &Value::Null)
    );
    let of_tenant = |roles: Value| {
        let mut claims = claims.clone();
        claims["app"]["roles"] = roles;
        publisher.sign(&claims)
    };
    let found = accepted(cloud, &of_tenant(json!(["tenant"]))?).await?;
    assert_eq!(found["tenant_id"], tenant);
    // The one that was there before.
    me(cloud, &format!("Bearer {}", ours.admin()?)).await?.expect(200)?;
    let found = me(cloud, &format!("Bearer {}", ours.tenant(tenant)?)).await?.expect(200)?;
    assert_eq!(found["tenant_id"], tenant);

    // Neither vouches for the other, and each rule has its name in the log.
    let mut theirs = ours.claims("somebody")?;
    theirs["iss"] = json!(publisher.iss);
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        publisher.sign(&claims)
    };
    let mut of_ours = claims.clone();
    of_ours["iss"] = ours.claims("somebody")?["iss"].clone();
    of_ours["aud"] = ours.claims("somebody")?["aud"].clone();
    of_ours["sub"] = json!("somebody");
    let wants_client = format!("{audience} in client_id");
    for (token, reason, expected, is_shown) in [
        (format!("Bearer {}", ours.sign(&theirs)), "wrong_audience", wants_client.as_str(), false),
        (publisher.sign(&of_ours)?, "unknown_token_key", "one of the keys HS256 -", false),
        (with("client_id", json!("hush"))?, "wrong_audience", &wants_client, true),
        (with("token_use", json!("id"))?, "required_claim", "token_use to be \"access\"", true),
        (with("oid", Value::Null)?, "no_subject", "a subject in oid", true),
        ("Bearer x".to_owned(), "malformed_token", "", false),
    ] {
        let iss = publisher.iss.as_str();
        let whole = |line: &Value| line["seen_iss"] == iss && line["seen_aud"] == "another" && line["seen_kid"] == "k";
        let none =
            |line: &Value| ["seen_iss", "seen_aud", "seen_alg", "seen_kid"].iter().all(|it| line.get(it).is_none());
        let seen = |line: &Value| if is_shown { whole(line) } else { none(line) };
        let of_rule =
            |line: &Value| line["reason"] == reason && line["expected"].as_str().unwrap_or_default() == expected;
        // A process that has no keys yet and may not ask for them says less. So it is asked again.
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            let problem = me(cloud, &token).await?.problem(401, "unauthenticated")?;
            let detail = problem["detail"].as_str().unwrap_or_default();
            ensure!(detail.contains("Authorization") && detail.contains("X-API-Key"), "{problem}");
            sleep(Duration::from_millis(500)).await;
            // The stand-in cannot list its log groups while one is being made.
            if matches!(is_logged(cloud, |line| of_rule(line) && seen(line)).await, Ok(true)) {
                break;
            }
            ensure!(Instant::now() < until, "no line says {reason}");
        }
    }
    // Whoever has tokens of the entry with the mistake is told that it is not their fault.
    let typo = with("iss", json!("https://typo.example"))?;
    me(cloud, &typo).await?.problem(503, "unavailable")?;
    Ok(())
}
