//! Every check against the servers and the stand-ins of a local cloud. Each test has secrets of its own, in which one thing
//! is wrong.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test opens its needs from the environment")]

use anyhow::{Context as _, Result, ensure};
use domain::{Checked, Region, Tier, Verdict, Warning};
use e2e::{Cloud, alone, unique};
use lambda_kit::{Platform, Settings};
use preflight::Preflight;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use url::Url;

/// What is copied from the cloud.
const SECRETS: [&str; 5] =
    ["control/smtp", "control/stripe", "control/supabase", "control/valkey", "regions/us-east-1"];
/// The name under which everything is rehearsed.
const REHEARSED: &str = domain::names::REHEARSED;

/// The cloud, and what is different.
struct World {
    cloud: Cloud,
    region: Region,
    secrets: Vec<(&'static str, &'static str, Value)>,
    settings: Vec<(&'static str, String)>,
}

impl World {
    fn new() -> Result<Self> {
        Ok(Self { cloud: Cloud::from_env()?, region: Region::UsEast1, secrets: Vec::new(), settings: Vec::new() })
    }

    /// With another value at this place of a secret.
    fn with(mut self, secret: &'static str, pointer: &'static str, value: impl Into<Value>) -> Self {
        self.secrets.push((secret, pointer, value.into()));
        self
    }

    fn setting(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.to_owned()));
        self
    }

    /// The secrets' values, which may name a region that is not among them.
    async fn secret(&self, name: &str) -> Result<Value> {
        self.cloud.aws.secret(&format!("{}/{name}", self.cloud.secret_prefix()?)).await
    }

    async fn verdicts(&self) -> Result<Vec<Verdict>> {
        let prefix = unique("preflight");
        for name in SECRETS {
            let mut value = self.secret(&name.replace("us-east-1", self.region.as_str())).await?;
            for (_, pointer, wrong) in self.secrets.iter().filter(|(secret, ..)| *secret == name) {
                *value.pointer_mut(pointer).context(*pointer)? = wrong.clone();
            }
            let name = format!("{prefix}/{}", name.replace("us-east-1", self.region.as_str()));
            let create = json!({ "Name": name, "SecretString": value.to_string() });
            self.cloud.aws.json("secretsmanager", "secretsmanager.CreateSecret", create).await?;
        }
        let usual = [("SECRET_PREFIX", prefix), ("KNN_ENGINE", "lucene".to_owned()), ("KNN_REPLICAS", "0".to_owned())];
        let addresses =
            ["STRIPE_API_URL", "SUPABASE_API_URL"].map(|name| (name, std::env::var(name).unwrap_or_default()));
        let settings = usual.into_iter().chain(addresses).chain(self.settings.iter().cloned());
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        let settings: Settings = std::env::vars().chain(settings).collect();
        let preflight: Preflight = Platform::with("check-region", settings).open()?;
        Ok(preflight.check(&[self.region]).await)
    }

    /// The only system that cannot be used, with its cause; every other one can.
    async fn only_wrong(&self, system: Checked) -> Result<(String, bool)> {
        let mut found = None;
        for verdict in self.verdicts().await? {
            match &verdict.cause {
                Some(cause) if verdict.system == system => found = Some((cause.code.clone(), verdict.stops)),
                other => assert_eq!(*other, None, "{verdict:?}"),
            }
        }
        found.context("nothing is wrong")
    }

    /// A URL with another user.
    async fn url_as(&self, secret: &str, pointer: &str, user: &str, password: &str) -> Result<String> {
        let secret = self.secret(secret).await?;
        let mut url = Url::parse(secret.pointer(pointer).and_then(Value::as_str).context("a URL")?)?;
        url.set_username(user).ok().context("a user")?;
        url.set_password(Some(password)).ok().context("a password")?;
        Ok(url.into())
    }

    /// Changes a price, or makes one, like a user of the dashboard.
    async fn price(&self, path: &str, form: &[(&str, &str)]) -> Result<String> {
        let url = format!("{}/v1/prices{path}", std::env::var("STRIPE_API_URL")?);
        let request = self.cloud.http.post(url).bearer_auth(std::env::var("STRIPE_SECRET_KEY")?);
        let answer = request.header("stripe-version", "2026-07-29.dahlia").form(form).send().await?;
        let price: Value = answer.error_for_status()?.json().await?;
        Ok(price["id"].as_str().context("no id")?.to_owned())
    }
}

fn of(verdicts: &[Verdict], system: Checked) -> Result<&Verdict> {
    verdicts.iter().find(|verdict| verdict.system == system).context("no verdict")
}

async fn tell(server: &mut MultiplexedConnection, command: &[&str]) -> Result<()> {
    Ok(redis::cmd(command[0]).arg(&command[1..]).query_async(server).await?)
}

/// Nothing exists under the name of the rehearsal.
async fn nothing_is_left(cloud: &Cloud) -> Result<()> {
    let mut falkordb = cloud.falkordb("us-east-1").await?;
    let graphs: Vec<String> = redis::cmd("GRAPH.LIST").query_async(&mut falkordb).await?;
    let users: Vec<String> = redis::cmd("ACL").arg("USERS").query_async(&mut falkordb).await?;
    ensure!(![graphs, users].concat().iter().any(|name| name == REHEARSED), "FalkorDB keeps the name");
    let indices = format!("/_cat/indices/{REHEARSED}*?format=json");
    assert_eq!(cloud.search()?.call("GET".parse()?, &indices, None).await?, json!([]));
    let keys = format!("*{REHEARSED}*");
    let keys: Vec<String> = redis::cmd("KEYS").arg(keys).query_async(&mut cloud.valkey().await?).await?;
    assert!(keys.is_empty(), "{keys:?}");
    Ok(())
}

fn stops(code: &str) -> (String, bool) {
    (code.to_owned(), true)
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn what_is_right_is_usable_and_nothing_is_left_of_the_check() -> Result<()> {
    let _alone = alone().await;
    let world = World::new()?;
    let mails = world.cloud.mails().await?.len();
    let verdicts = world.verdicts().await?;
    assert!(verdicts.iter().all(|verdict| verdict.cause.is_none() && !verdict.stops), "{verdicts:?}");
    let tiers: Vec<_> = verdicts.iter().filter_map(|verdict| verdict.tier).collect();
    assert_eq!(tiers, [Tier::Enterprise, Tier::EnterprisePlus]);
    for (system, warnings) in [
        (Checked::FalkorDb, &[Warning::FalkorDbNoTimeout, Warning::FalkorDbNoMemoryCap, Warning::FalkorDbLoadCsv][..]),
        (Checked::OpenSearch, &[]),
        (Checked::Supabase, &[]),
        (Checked::Stripe, &[Warning::StripeTestMode]),
        (Checked::Valkey, &[]),
        (Checked::Smtp, &[Warning::SmtpInPlain]),
    ] {
        assert_eq!(of(&verdicts, system)?.warnings, warnings);
    }
    nothing_is_left(&world.cloud).await?;
    assert_eq!(world.cloud.mails().await?.len(), mails);
    Ok(())
}

/// Among the users are those that FalkorDB Cloud's presets make (FalkorDB/docs `snippets/cloud/acl-preset-clauses.mdx`).
#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_falkordb_that_does_not_let_us_make_users_is_found() -> Result<()> {
    let _alone = alone().await;
    let mut server = Cloud::from_env()?.falkordb("us-east-1").await?;
    let cloud_admin = "+INFO +CLIENT +PING +HELLO +AUTH +DISCARD +EXEC +MULTI +GRAPH.LIST +GRAPH.QUERY +GRAPH.RO_QUERY \
                       +GRAPH.CONSTRAINT +GRAPH.CONFIG +GRAPH.DELETE";
    let cloud_read = "+INFO +CLIENT +PING +HELLO +AUTH +GRAPH.LIST +GRAPH.RO_QUERY";
    let no_multi = "+@all -multi";
    for (rules, found) in [
        ("+@all -acl", stops("falkordb_no_users")),
        ("+@all -acl|setuser", stops("falkordb_no_users")),
        ("+@all -acl|save", stops("falkordb_no_users")),
        (cloud_admin, stops("falkordb_no_users")),
        (cloud_read, stops("falkordb_no_users")),
        ("+@all -graph.constraint", stops("falkordb_unauthorized")),
    ] {
        let user = unique("user");
        let rules = format!("ACL SETUSER {user} on >secret ~* &* {rules}");
        tell(&mut server, &rules.split_ascii_whitespace().collect::<Vec<_>>()).await?;
        let world = World::new()?;
        let url = world.url_as("regions/us-east-1", "/falkordb/url", &user, "secret").await?;
        let world = world.with("regions/us-east-1", "/falkordb/url", url);
        assert_eq!(world.only_wrong(Checked::FalkorDb).await?, found, "{rules}");
        nothing_is_left(&world.cloud).await?;
        tell(&mut server, &["ACL", "DELUSER", &user]).await?;
    }
    let user = unique("user");
    for (rules, warning) in [
        (no_multi, Warning::FalkorDbRightsUnknown),
        ("+@all -graph.config", Warning::FalkorDbLimitsUnknown),
        // What only a purge needs stops nobody.
        ("+@all -graph.delete", Warning::FalkorDbNoPurge),
        ("+@all -acl|deluser", Warning::FalkorDbNoPurge),
    ] {
        let rules = format!("ACL SETUSER {user} reset on >secret ~* &* {rules}");
        tell(&mut server, &rules.split_ascii_whitespace().collect::<Vec<_>>()).await?;
        let world = World::new()?;
        let url = world.url_as("regions/us-east-1", "/falkordb/url", &user, "secret").await?;
        let world = world.with("regions/us-east-1", "/falkordb/url", url);
        let verdicts = world.verdicts().await?;
        let verdict = of(&verdicts, Checked::FalkorDb)?;
        assert_eq!(verdict.cause, None, "{rules}");
        nothing_is_left(&world.cloud).await?;
        assert!(verdict.warnings.contains(&warning), "{verdict:?}");
        let lacks = [Warning::FalkorDbRightsUnknown, Warning::FalkorDbNoPurge];
        assert!(verdict.warnings.iter().all(|found| *found == warning || !lacks.contains(found)), "{verdict:?}");
    }
    let url = World::new()?.url_as("regions/us-east-1", "/falkordb/url", &user, "another").await?;
    let world = World::new()?.with("regions/us-east-1", "/falkordb/url", url);
    assert_eq!(world.only_wrong(Checked::FalkorDb).await?, stops("falkordb_unauthorized"));
    tell(&mut server, &["ACL", "DELUSER", &user]).await?;
    tell(&mut server, &["ACL", "SAVE"]).await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_falkordb_with_limits_is_not_named_for_the_lack_of_them() -> Result<()> {
    let _alone = alone().await;
    let world = World { region: Region::EuCentral1, ..World::new()? };
    let mut server = world.cloud.falkordb("eu-central-1").await?;
    for (name, value) in [("TIMEOUT_MAX", "2000"), ("TIMEOUT_DEFAULT", "1000"), ("QUERY_MEM_CAPACITY", "100000000")] {
        tell(&mut server, &["GRAPH.CONFIG", "SET", name, value]).await?;
    }
    let verdicts = world.verdicts().await?;
    for (name, value) in [("TIMEOUT_DEFAULT", "0"), ("TIMEOUT_MAX", "0"), ("QUERY_MEM_CAPACITY", "0")] {
        tell(&mut server, &["GRAPH.CONFIG", "SET", name, value]).await?;
    }
    assert_eq!(of(&verdicts, Checked::FalkorDb)?.warnings, [Warning::FalkorDbLoadCsv]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_valkey_that_loses_events_or_lacks_a_right_is_found() -> Result<()> {
    let _alone = alone().await;
    let mut server = Cloud::from_env()?.valkey().await?;
    tell(&mut server, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await?;
    let found = World::new()?.only_wrong(Checked::Valkey).await;
    tell(&mut server, &["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await?;
    assert_eq!(found?, stops("valkey_evicting"));
    let user = unique("user");
    for rules in ["~* +@all -unlink", "~* +@all -xadd", "~* +@all -eval", "~tenant:* +@all", "~* +@all -info"] {
        let rules = format!("ACL SETUSER {user} reset on >secret {rules}");
        tell(&mut server, &rules.split_ascii_whitespace().collect::<Vec<_>>()).await?;
        let world = World::new()?;
        let url = world.url_as("control/valkey", "/url", &user, "secret").await?;
        let world = world.with("control/valkey", "/url", url);
        assert_eq!(world.only_wrong(Checked::Valkey).await?, stops("valkey_unauthorized"), "{rules}");
        nothing_is_left(&world.cloud).await?;
    }
    tell(&mut server, &["ACL", "SETUSER", &user, "reset", "on", ">secret", "~*", "+@all", "-multi"]).await?;
    let world = World::new()?;
    let url = world.url_as("control/valkey", "/url", &user, "secret").await?;
    let verdicts = world.with("control/valkey", "/url", url).verdicts().await?;
    assert_eq!(of(&verdicts, Checked::Valkey)?.warnings, [Warning::ValkeyRightsUnknown]);
    nothing_is_left(&Cloud::from_env()?).await?;
    tell(&mut server, &["ACL", "DELUSER", &user]).await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_opensearch_that_cannot_be_used_is_found() -> Result<()> {
    let _alone = alone().await;
    let serverless = "https://abc.us-east-1.aoss.amazonaws.com";
    let world = World::new()?.with("regions/us-east-1", "/opensearch/endpoint", serverless);
    assert_eq!(world.only_wrong(Checked::OpenSearch).await?, stops("opensearch_serverless"));
    // Valid here, and refused by the server.
    let world = World::new()?.setting("KNN_REPLICAS", "255").setting("KNN_DIMENSION", "16000");
    let found = of(&world.verdicts().await?, Checked::OpenSearch)?.cause.clone();
    assert_eq!(found, None, "a cluster with room takes many copies");
    let nobody = World::new()?.with("regions/us-east-1", "/opensearch/endpoint", "http://127.0.0.1:9");
    assert_eq!(nobody.only_wrong(Checked::OpenSearch).await?, ("opensearch_unreachable".to_owned(), false));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_tier_without_a_price_that_can_be_billed_is_found() -> Result<()> {
    let _alone = alone().await;
    let world = World::new()?.setting("STRIPE_PRICE_ENTERPRISE", "nobody");
    let verdicts = world.verdicts().await?;
    let of_tier = |tier| verdicts.iter().find(|verdict| verdict.tier == Some(tier)).and_then(|it| it.cause.clone());
    assert_eq!(of_tier(Tier::Enterprise).context("no cause")?.code, "billing_price_missing");
    assert_eq!(of_tier(Tier::EnterprisePlus), None, "the other tier has its price");

    let monthly = ("recurring[interval]", "month");
    let usual = [("currency", "usd"), ("product", "prod_x"), ("unit_amount", "1")];
    for (form, archived, code) in [
        (&[monthly][..], false, None),
        (&[monthly], true, Some("billing_price_missing")),
        (&[], false, Some("billing_price_once")),
    ] {
        let key = unique("price");
        let form: Vec<_> = usual.iter().chain(form).chain(&[("lookup_key", key.as_str())]).copied().collect();
        let id = world.price("", &form).await?;
        if archived {
            world.price(&format!("/{id}"), &[("active", "false")]).await?;
        }
        let world = World::new()?.setting("STRIPE_PRICE_ENTERPRISE", &key);
        let verdicts = world.verdicts().await?;
        let verdict = verdicts.iter().find(|verdict| verdict.tier == Some(Tier::Enterprise)).context("no verdict")?;
        assert_eq!((verdict.cause.as_ref().map(|cause| &*cause.code), verdict.stops), (code, code.is_some()));
    }

    let world = World::new()?.with("control/stripe", "/secret_key", "sk_test_nobody");
    assert_eq!(world.only_wrong(Checked::Stripe).await?, stops("stripe_unauthorized"));
    let live = std::env::var("STRIPE_LIVE_SECRET_KEY")?;
    let verdicts = World::new()?.with("control/stripe", "/secret_key", live).verdicts().await?;
    assert_eq!(of(&verdicts, Checked::Stripe)?.warnings, []);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn an_organisation_that_the_token_does_not_see_is_found() -> Result<()> {
    let _alone = alone().await;
    let world = World::new()?.with("control/supabase", "/organization_slug", "nobody");
    assert_eq!(world.only_wrong(Checked::Supabase).await?, stops("supabase_organization_unknown"));
    let world = World::new()?.with("control/supabase", "/access_token", "sbp_0000000000000000000000000000000000000000");
    assert_eq!(world.only_wrong(Checked::Supabase).await?, stops("supabase_unauthorized"));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_mail_server_that_takes_no_log_in_is_found() -> Result<()> {
    let _alone = alone().await;
    let world = World::new()?.with("control/smtp", "/password", "another");
    assert_eq!(world.only_wrong(Checked::Smtp).await?, stops("smtp_unauthorized"));
    // Nobody listens there. A moment's outage looks the same.
    let world = World::new()?.with("control/smtp", "/port", 9);
    assert_eq!(world.only_wrong(Checked::Smtp).await?, ("smtp_unreachable".to_owned(), false));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_secret_that_is_missing_or_malformed_is_found_for_what_needs_it() -> Result<()> {
    let _alone = alone().await;
    let world = World::new()?.with("control/smtp", "/port", "not a number");
    assert_eq!(world.only_wrong(Checked::Smtp).await?, stops("secret_malformed"));
    Ok(())
}
