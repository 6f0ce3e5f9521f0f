//! What the systems of a local cloud are asked for a tenant is what the simulation plays.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use domain::Step;
use e2e::{Cloud, alone, unique};
use fault_proxy::client::{Action, Call, Client, Match, Rule, RuleId};
use regex::Regex;
use serde_json::json;
use simulation::calls::{Calls, Made, Next};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How long a tenant may take, each of whose calls of Supabase is refused once.
const LIVE: Duration = Duration::from_mins(4);

/// How often it is tried: another function may have asked for something meanwhile, such as the check of the regions.
const TRIES: usize = 3;

/// The calls of the Management API.
const MANAGEMENT: [(&str, &str); 7] = [
    ("POST", "^/v1/projects$"),
    ("GET", "^/v1/projects/[a-z]{20}$"),
    ("GET", "^/v1/projects/[a-z]{20}/health"),
    ("GET", "^/v1/projects/[a-z]{20}/api-keys"),
    ("GET", "^/v1/projects/[a-z]{20}/config/database/pooler"),
    ("GET", "^/v1/projects/[a-z]{20}/config/auth"),
    ("PATCH", "^/v1/projects/[a-z]{20}/config/auth"),
];

/// One invocation of a step: its calls, and whether a limit refused each.
struct Invocation {
    step: Step,
    calls: Vec<(String, bool)>,
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn the_systems_are_asked_what_the_simulation_plays() -> Result<()> {
    is_played(false).await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn after_a_refusal_they_are_asked_what_the_simulation_plays() -> Result<()> {
    is_played(true).await
}

async fn is_played(refused: bool) -> Result<()> {
    let cloud = Cloud::from_env()?;
    let proxy = Client::new(std::env::var("FAULT_PROXY_URL")?)?;
    let _alone = alone().await;
    proxy.reset().await?;
    // Each function's process is there afterwards.
    cloud.live("first", json!({})).await?;
    let mut played = Ok(());
    for _ in 0..TRIES {
        proxy.reset().await?;
        played = match seen(&cloud, &proxy, refused).await {
            Ok(invocations) => play(&invocations, refused),
            Err(error) => Err(error),
        };
        if played.is_ok() {
            break;
        }
    }
    proxy.reset().await?;
    played
}

/// The invocations of a new tenant's steps. With `refused`, each call of the Management API is refused once.
async fn seen(cloud: &Cloud, proxy: &Client, refused: bool) -> Result<Vec<Invocation>> {
    let marked = async |statement: &str| -> Result<RuleId> {
        let rule = Rule::new("postgres", Action::Delay { ms: 0 }).matching(Match::statement(statement));
        Ok(proxy.add(&rule).await?)
    };
    let mut begin = Vec::new();
    for step in Step::ALL {
        begin.push((marked(&format!(r"begun\.begun_secs .*\$3={} ", step.number())).await?, step));
    }
    let end = [
        marked(r"^WITH released AS .*control\.provisioning_steps").await?,
        marked(r"SET provisioning_state = 'active'").await?,
    ];
    if refused {
        for (method, path) in MANAGEMENT {
            let once = Match::request(method, path).times(1);
            proxy.add(&Rule::new("supabase", Action::too_many_requests(None)).matching(once)).await?;
        }
    }
    let tenant_id = cloud.accepted(&unique("counted"), json!({})).await?;
    is_active(cloud, tenant_id).await?;
    let mut invocations: Vec<Invocation> = Vec::new();
    let mut at_work = false;
    for call in proxy.log(None).await?.calls {
        if let Some((_, step)) = begin.iter().find(|(rule, _)| call.rules.contains(rule)) {
            invocations.push(Invocation { step: *step, calls: Vec::new() });
            at_work = true;
        } else if end.iter().any(|rule| call.rules.contains(rule)) {
            at_work = false;
        } else if at_work
            && let Some(invocation) = invocations.last_mut()
            && let Some(name) = name(&call)?
        {
            invocation.calls.push((name, call.status == Some(429)));
        }
    }
    Ok(invocations)
}

/// Waits without a request to the API, whose functions ask for secrets too.
async fn is_active(cloud: &Cloud, tenant_id: Uuid) -> Result<()> {
    let control = cloud.control().await?;
    let sql = "SELECT provisioning_state FROM control.tenants WHERE tenant_id = $1";
    let end = Instant::now() + LIVE;
    loop {
        let state: String = control.query_one(sql, &[&tenant_id]).await?.get(0);
        match state.as_str() {
            "active" => return Ok(()),
            "provisioning" => ensure!(Instant::now() < end, "the tenant is not active within {LIVE:?}"),
            other => bail!("the tenant is {other}"),
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// A call as `calls.json` names it; `None`: its system has no limit that is played.
fn name(call: &Call) -> Result<Option<String>> {
    let path = call.path.as_deref().unwrap_or_default();
    let method = &call.method;
    Ok(match call.upstream.as_str() {
        "aws" => call
            .target
            .as_deref()
            .and_then(|target| target.strip_prefix("secretsmanager."))
            .map(|operation| format!("secretsmanager {operation}")),
        "stripe" => Some(format!("stripe {method} {path}")),
        "supabase" => {
            let of_auth = Regex::new("^/projects/[a-z]{20}(/auth/v1/.*)$")?;
            let reference = Regex::new("^/v1/projects/[a-z]{20}")?;
            Some(match of_auth.captures(path) {
                Some(found) => format!("auth {method} {}", &found[1]),
                None => format!("supabase {method} {}", reference.replace(path, "/v1/projects/{ref}")),
            })
        }
        upstream if upstream.starts_with("opensearch-") => {
            let alias = Regex::new("^/_alias/client_.*$")?.replace(path, "/_alias/{alias}").into_owned();
            let index = Regex::new("^/client_.*$")?.replace(&alias, "/{index}").into_owned();
            Some(format!("opensearch {method} {index}"))
        }
        _ => None,
    })
}

/// Follows the simulation through what was seen.
fn play(invocations: &[Invocation], refused: bool) -> Result<()> {
    let (calls, mut made) = (Calls::load()?, Made::new());
    let (mut done, mut waited, mut limited) = (Vec::new(), Vec::new(), 0);
    for invocation in invocations {
        let shown = || format!("{:?}: {:#?}", invocation.step, invocation.calls);
        let mut walk = calls.walk(invocation.step);
        let mut is_limited = false;
        for (seen, is_refused) in &invocation.calls {
            ensure!(!is_limited, "a call after a refusal: {}", shown());
            let expected = loop {
                match walk.next(&made) {
                    Next::Call(call) => break call.to_string(),
                    Next::Wait(_) => walk.goes_on(&mut made),
                    Next::Done => bail!("{seen} is one call more: {}", shown()),
                }
            };
            ensure!(*seen == expected, "{seen} instead of {expected}: {}", shown());
            if *is_refused {
                is_limited = true;
            } else {
                walk.goes_on(&mut made);
            }
        }
        match walk.next(&made) {
            Next::Done => done.push(invocation.step),
            Next::Wait(_) => waited.push(invocation.step),
            Next::Call(_) if is_limited => limited += 1,
            Next::Call(call) => bail!("{call} was not made: {}", shown()),
        }
    }
    ensure!(done == Step::ALL, "done: {done:?}");
    for step in [Step::AwaitEnvironment, Step::InviteAdmin] {
        ensure!(waited.contains(&step), "{step:?} did not wait");
    }
    let expected = if refused { MANAGEMENT.len() } else { 0 };
    ensure!(limited == expected, "{limited} calls were refused");
    Ok(())
}

#[test]
fn calls_are_named_by_what_does_not_vary() -> Result<()> {
    let call = |upstream: &str, method: &str, path: Option<&str>, target: Option<&str>| -> Result<Call> {
        Ok(serde_json::from_value(json!({
            "seq": 1, "upstream": upstream, "at": "2026-01-01T00:00:00Z", "client_port": 1, "method": method, "path": path,
            "target": target, "forwarded": true, "rules": [],
        }))?)
    };
    let project = "abcdefghijklmnopqrst";
    for (call, expected) in [
        (call("aws", "POST", Some("/"), Some("secretsmanager.PutSecretValue"))?, Some("secretsmanager PutSecretValue")),
        (call("aws", "POST", Some("/"), Some("AWSStepFunctions.StartExecution"))?, None),
        (call("supabase", "POST", Some("/v1/projects"), None)?, Some("supabase POST /v1/projects")),
        (
            call("supabase", "GET", Some(&format!("/v1/projects/{project}/health")), None)?,
            Some("supabase GET /v1/projects/{ref}/health"),
        ),
        (
            call("supabase", "POST", Some(&format!("/projects/{project}/auth/v1/invite")), None)?,
            Some("auth POST /auth/v1/invite"),
        ),
        (call("opensearch-us-east-1", "PUT", Some("/client_acme_v1"), None)?, Some("opensearch PUT /{index}")),
        (
            call("opensearch-us-east-1", "GET", Some("/_alias/client_acme"), None)?,
            Some("opensearch GET /_alias/{alias}"),
        ),
        (call("postgres", "QUERY", Some("SELECT 1"), None)?, None),
    ] {
        assert_eq!(name(&call)?.as_deref(), expected, "{call:?}");
    }
    Ok(())
}

#[test]
fn what_differs_is_found() -> Result<()> {
    let calls = Calls::load()?;
    let whole = |waits: bool, step: Step, made: &mut Made| {
        let (mut walk, mut seen) = (calls.walk(step), Vec::new());
        loop {
            match walk.next(made) {
                Next::Call(call) => seen.push((call.to_string(), false)),
                Next::Wait(_) if waits => return Invocation { step, calls: seen },
                Next::Wait(_) => {}
                Next::Done => return Invocation { step, calls: seen },
            }
            walk.goes_on(made);
        }
    };
    let mut made = Made::new();
    let mut all = Vec::new();
    for step in Step::ALL {
        if matches!(step, Step::AwaitEnvironment | Step::InviteAdmin) {
            all.push(whole(true, step, &mut made));
        }
        all.push(whole(false, step, &mut made));
    }
    play(&all, false)?;
    all[0].calls.pop().context("no call")?;
    assert!(play(&all, false).is_err_and(|error| error.to_string().contains("was not made")));
    all[0].calls.push(("supabase GET /v1/projects".to_owned(), false));
    assert!(play(&all, false).is_err_and(|error| error.to_string().contains("instead of")));
    Ok(())
}
