//! How the program ends says what a script can do about it. `ivory --help` lists the codes.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use purge_certificate::SigningKey;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::answers::{CREATE, accepted, active, failed, running};
use crate::program::{Ivory, LIMIT, Said};
use crate::server::{Reply, Server};

const GET: &str = "tenant get acme-bank";

async fn ends(code: i32, replies: impl IntoIterator<Item = Reply>, line: &str) -> Result<Said> {
    let server = Server::script(replies).await?;
    Ivory::at(&server.url)?.run(line).await?.ends(code).with_context(|| line.to_owned())
}

#[tokio::test]
async fn code_0_it_is_done() -> Result<()> {
    ends(0, [accepted(), running(), active()], &format!("{CREATE} --wait")).await?;
    Ok(())
}

#[tokio::test]
async fn code_1_it_is_not_understood() -> Result<()> {
    let page = Reply::Answer { status: 200, headers: vec![], body: "<html>".to_owned() };
    ends(1, [page], GET).await?;
    Ok(())
}

#[tokio::test]
async fn code_2_the_input_is_wrong() -> Result<()> {
    for line in ["tenant", "tenant get", "tenant get Acme", "tenant get acme-bank --color red", "explain not_a_code"] {
        ends(2, [], line).await?;
    }
    for (from, to) in [("us-east-1", "mars-1"), ("admin@acme-bank.example", "nobody"), (" --residency-verified", "")] {
        let said = ends(2, [], &CREATE.replace(from, to)).await?;
        ensure!(said.out.is_empty() && !said.err.is_empty(), "{said:#?}");
    }
    for (status, code) in [(400, "malformed_request"), (413, "body_too_large"), (422, "region_not_configured")] {
        ends(2, [Reply::problem(status, code)], CREATE).await?;
    }
    Ok(())
}

#[tokio::test]
async fn code_3_it_is_refused() -> Result<()> {
    let problems = [
        (401, "unauthenticated"),
        (403, "forbidden"),
        (404, "tenant_not_found"),
        (409, "tenant_active"),
        (412, "version_mismatch"),
    ];
    for (status, code) in problems {
        let said = ends(3, [Reply::problem(status, code)], "tenant retry acme-bank").await?;
        for part in ["error: ", "  then: ", code, "  request: request-4711"] {
            ensure!(said.err.contains(part), "no {part:?}: {said:#?}");
        }
    }
    let server = Server::script([]).await?;
    Ivory::at(&server.url)?.without("IVORY_API_KEY").run(GET).await?.ends(3)?;
    assert_eq!(server.lines(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn code_4_it_is_not_available() -> Result<()> {
    let gone = Server::script([]).await?.url.clone();
    let said = Ivory::at(&gone)?.run(GET).await?.ends(4)?;
    ensure!(said.err.contains("127.0.0.1"), "where is not said: {said:#?}");
    for (status, code) in [(429, "too_many_requests"), (500, "internal"), (503, "unavailable")] {
        ends(4, [Reply::problem(status, code)], &format!("--retry-for 0s {GET}")).await?;
    }
    let unhealthy = serde_json::json!({ "status": "unavailable", "error": "connection timeout" });
    let said = ends(4, [Reply::json(503, &unhealthy)], "health").await?;
    assert_eq!(said.json()?, unhealthy);
    Ok(())
}

#[tokio::test]
async fn code_5_it_is_still_running() -> Result<()> {
    let server = Server::replying(|asked| if asked.method == "POST" { accepted() } else { running() }).await?;
    for line in ["tenant watch acme-bank --wait-for 1s", &format!("{CREATE} --wait --wait-for 1s")] {
        let said = Ivory::at(&server.url)?.run(line).await?.ends(5)?;
        ensure!(said.err.contains("then: ivory tenant watch acme-bank"), "{said:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn code_6_the_log_was_changed() -> Result<()> {
    let said = Ivory::new()?.fed(r#"[{"id": 1}]"#, "audit verify -").await?.ends(6)?;
    ensure!(said.out.is_empty() && said.err.starts_with("error: "), "{said:#?}");
    Ok(())
}

#[tokio::test]
async fn code_6_a_certificate_was_changed() -> Result<()> {
    let key = SigningKey::of_seed(&"07".repeat(32))?;
    let content = json!({
        "format": purge_certificate::FORMAT, "tenant_id": "t", "slug": "acme", "issued_at": "2026-11-29T05:00:00.000000Z",
        "slug_released": true, "items": [{ "kind": "graph", "name": "client_acme", "outcome": "gone", "answered": "no such graph" }],
    });
    let certificate = purge_certificate::sign(&content, &key)?;
    let answer = json!({ "tenant_id": "t", "certificate": certificate }).to_string();
    let ivory = Ivory::new()?;
    let said = ivory.fed(&answer, "purge verify - -o json").await?.ends(0)?.json()?;
    assert_eq!((&said["gone"], &said["kept"], &said["trusted"]), (&json!(1), &json!(0), &json!(false)));
    let trusting = format!("purge verify - --key {}", key.public());
    ensure!(
        ivory.fed(&answer, &format!("{trusting} -o json")).await?.ends(0)?.json()?["trusted"] == true,
        "{trusting}"
    );
    let shown = ivory.fed(&answer, &format!("{trusting} -o table")).await?.ends(0)?;
    ensure!(shown.out.contains("client_acme") && shown.out.contains("which you trust"), "{shown:#?}");

    let altered = answer.replace("\"gone\"", "\"kept\"");
    let said = ivory.fed(&altered, &trusting).await?.ends(6)?;
    ensure!(said.out.is_empty() && said.err.contains("its content is not what was signed"), "{said:#?}");
    let another = SigningKey::of_seed(&"08".repeat(32))?;
    ivory.fed(&answer, &format!("purge verify - --key {}", another.public())).await?.ends(6)?;
    ivory.fed(&answer, "purge verify - --key 07").await?.ends(2)?;
    ivory.fed("no JSON", "purge verify -").await?.ends(2).map(drop)
}

#[tokio::test]
async fn code_7_something_is_broken() -> Result<()> {
    let of = |states: &[&str]| {
        let part = |state: &&str| {
            let code = matches!(*state, "broken" | "not_asked").then_some("cache_outdated");
            json!({
                "resource": "cache", "name": null, "state": state, "expected": "none", "found": "one", "repairable": true,
                "code": code, "owner": code.map(|_| "platform"), "hint": code.map(|_| "Repair cache."),
            })
        };
        Reply::json(200, &states.iter().map(part).collect())
    };
    for (states, code) in
        [(&["ok", "not_needed"][..], 0), (&["ok", "not_asked"], 4), (&["not_asked", "broken", "ok"], 7)]
    {
        let said = ends(code, [of(states)], "tenant check acme-bank -o table").await?;
        ensure!(code == 0 || said.out.contains("Repair cache."), "{said:#?}");
    }
    for (outcome, code) in [("mended", 0), ("sound", 0), ("left", 7), ("failed", 7)] {
        let done = json!([{
            "resource": "cache", "outcome": outcome, "code": null, "owner": null, "hint": null, "after": [],
        }]);
        ends(code, [Reply::json(200, &done)], "tenant repair acme-bank cache").await?;
    }
    Ok(())
}

/// A script for each of the four can do something else.
async fn fails(code: i32, owner: &'static str) -> Result<()> {
    let server = Server::replying(move |asked| {
        if asked.method == "POST" { accepted() } else { failed(owner, "opensearch_conflict", "Mend the index.") }
    })
    .await?;
    let ivory = Ivory::at(&server.url)?;
    let then = "then: ivory tenant retry acme-bank";
    for line in [&format!("{CREATE} --wait"), "tenant retry acme-bank --wait"] {
        let said = ivory.run(line).await?.ends(code)?;
        for part in ["opensearch_conflict", &format!("{owner} can mend it"), "Mend the index.", then] {
            ensure!(said.err.contains(part), "no {part:?}: {said:#?}");
        }
    }
    let said = ivory.run("tenant watch acme-bank").await?.ends(code)?;
    ensure!(said.out.contains(owner) && said.err.contains("Mend the index.") && said.err.contains(then), "{said:#?}");
    // Who only looks sees it, and nothing went wrong.
    ivory.run("tenant status acme-bank").await?.ends(0)?;
    Ok(())
}

#[tokio::test]
async fn code_10_the_caller_can_mend_it() -> Result<()> {
    fails(10, "caller").await
}

#[tokio::test]
async fn code_11_the_platform_can_mend_it() -> Result<()> {
    fails(11, "platform").await
}

#[tokio::test]
async fn code_12_the_provider_can_mend_it() -> Result<()> {
    fails(12, "provider").await
}

#[tokio::test]
async fn code_13_a_limit_has_to_be_raised() -> Result<()> {
    fails(13, "quota").await
}

/// Ctrl-C while the server has been asked and the program waits.
async fn interrupted(server: &Server, line: &str) -> Result<Said> {
    let child = Ivory::at(&server.url)?.start(line)?;
    let process = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).context("it has ended")?;
    let asks = async {
        while server.asked().is_empty() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, asks).await?;
    sleep(Duration::from_millis(300)).await;
    kill_process(process, Signal::INT)?;
    Said::of(child).await?.ends(130)
}

#[tokio::test]
async fn code_130_it_was_interrupted() -> Result<()> {
    let server = Server::replying(|_| running()).await?;
    let said = interrupted(&server, "tenant watch acme-bank").await?;
    ensure!(said.err.contains("then: ivory tenant watch acme-bank"), "{said:#?}");
    // Whether this was served, its key finds out.
    let server = Server::replying(|_| Reply::Silence).await?;
    let said = interrupted(&server, CREATE).await?;
    let asked = server.asked();
    let key = asked[0].header("idempotency-key").context("no key")?;
    ensure!(said.err.contains(&format!("--idempotency-key {key}")), "{said:#?}");
    Ok(())
}

#[tokio::test]
async fn the_help_lists_them() -> Result<()> {
    let help = Ivory::new()?.text("--help").await?;
    let codes = help.lines().filter_map(|line| line.trim_start().split_once("  ")?.0.parse::<i32>().ok());
    assert_eq!(codes.collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 130]);
    Ok(())
}
