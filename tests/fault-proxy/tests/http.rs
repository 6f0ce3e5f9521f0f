//! Every action on HTTP calls, and calls that pass.

mod support;

use std::time::{Duration, Instant};

use fault_proxy::client::{Action, Match, Rule, UpstreamKind, When};
use support::{Cloud, SLOW, SOON, expect, is_reset, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::net::TcpStream;

const EFFECT: &str = "POST /effect?key=sk_secret HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi";

async fn post(cloud: &Cloud, path: &str, body: &'static str) -> reqwest::Result<reqwest::Response> {
    client().post(cloud.url(path)).body(body).send().await
}

fn client() -> reqwest::Client {
    tls::install_provider();
    reqwest::Client::builder().no_proxy().timeout(SOON).build().expect("a client")
}

/// Sends a request on a new connection.
async fn send(cloud: &Cloud, request: &str) -> anyhow::Result<TcpStream> {
    let mut stream = cloud.connect().await?;
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

#[tokio::test]
async fn bytes_pass_unchanged_in_both_directions_on_one_connection() -> anyhow::Result<()> {
    let request = "POST /a%20b?x=%2F&y HTTP/1.1\r\nHost: secretsmanager.eu-central-1.amazonaws.com\r\nX-Amz-Target: \
                   secretsmanager.GetSecretValue\r\nauthorization: AWS4-HMAC-SHA256 SignedHeaders=host\r\nACCEPT: \
                   */*\r\nx-twice: 1\r\nX-Twice: 2\r\nContent-Length: 4\r\n\r\nbody";
    let answer =
        "HTTP/1.1 299 Most Peculiar\r\nX-Odd-Case: Yes\r\nx-sb-error-code: none\r\nContent-Length: 3\r\n\r\nyes";
    let upstream = TcpListener::bind("127.0.0.1:0").await?;
    let cloud = Cloud::before(UpstreamKind::Http, upstream.local_addr()?, std::sync::Arc::default()).await?;
    let server = tokio::spawn(async move {
        let (mut stream, _) = upstream.accept().await?;
        for _ in 0..2 {
            expect(&mut stream, request).await?;
            stream.write_all(answer.as_bytes()).await?;
        }
        anyhow::Ok(())
    });
    let mut stream = cloud.connect().await?;
    for _ in 0..2 {
        stream.write_all(request.as_bytes()).await?;
        expect(&mut stream, answer).await?;
    }
    server.await??;
    let log = cloud.control.log(Some("system")).await?.calls;
    let [first, second] = log.as_slice() else { panic!("{log:?}") };
    assert_eq!((first.seq + 1, first.status, first.forwarded), (second.seq, Some(299), true));
    assert_eq!(first.target.as_deref(), Some("secretsmanager.GetSecretValue"));
    assert!(log.iter().all(|call| call.answered.is_some_and(|answered| answered >= call.at)));
    assert_eq!(first.client_port, stream.local_addr()?.port());
    Ok(())
}

#[tokio::test]
async fn answers_stream_and_an_idle_connection_closed_by_the_upstream_is_replaced() -> anyhow::Result<()> {
    let upstream = TcpListener::bind("127.0.0.1:0").await?;
    let cloud = Cloud::before(UpstreamKind::Http, upstream.local_addr()?, std::sync::Arc::default()).await?;
    let mut client = cloud.connect().await?;
    for _ in 0..2 {
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await?;
        let (mut server, _) = tokio::time::timeout(SOON, upstream.accept()).await??;
        expect(&mut server, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await?;
        server.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n").await?;
        expect(&mut client, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n").await?;
        server.write_all(b"3\r\ntwo\r\n0\r\n\r\n").await?;
        expect(&mut client, "3\r\ntwo\r\n0\r\n\r\n").await?;
    }
    drop(upstream);
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await?;
    assert!(is_reset(&client.read(&mut [0; 1]).await), "an upstream that is down looks like one");
    Ok(())
}

#[tokio::test]
async fn large_answers_pass() -> anyhow::Result<()> {
    let cloud = Cloud::http().await?;
    let answer = client().get(cloud.url("/large")).send().await?;
    assert_eq!(answer.bytes().await?.len(), 3 << 20);
    Ok(())
}

#[tokio::test]
async fn respond() -> anyhow::Result<()> {
    let cloud = Cloud::http().await?;
    let action = r#"{"type":"respond","status":429,"headers":{"Retry-After":"7"},"body":"slow down"}"#;
    let rule = cloud.rule(r#"{"method":"POST","path_regex":"^/effect\\?a="}"#, action).await?;
    let answer = post(&cloud, "/effect?a=1", "").await?;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"7".parse()?));
    assert_eq!((answer.text().await?.as_str(), cloud.effects()), ("slow down", 0));
    assert_eq!(post(&cloud, "/effect", "").await?.status(), 200);
    cloud.control.remove(rule).await?;
    cloud.rule("{}", r#"{"type":"respond","status":500,"when":"after"}"#).await?;
    assert_eq!(post(&cloud, "/effect", "").await?.status(), 500);
    assert_eq!(cloud.effects(), 2);
    let log = cloud.control.log(None).await?.calls;
    let seen: Vec<_> = log.iter().map(|call| (call.status, call.forwarded, call.rules.len())).collect();
    assert_eq!(seen, [(Some(429), false, 1), (Some(200), true, 0), (Some(200), true, 1)]);
    assert!(log.iter().all(|call| call.path.as_deref() == Some("/effect")));
    Ok(())
}

#[tokio::test]
async fn cut() -> anyhow::Result<()> {
    for (when, effects) in [("before", 0), ("after", 1)] {
        let cloud = Cloud::http().await?;
        cloud.rule(r#"{"times":1}"#, &format!(r#"{{"type":"cut","when":"{when}"}}"#)).await?;
        let mut stream = send(&cloud, EFFECT).await?;
        assert!(is_reset(&stream.read(&mut [0; 1]).await), "{when}");
        assert_eq!(cloud.effects(), effects, "{when}");
        let log = cloud.control.log(None).await?.calls;
        assert_eq!((log[0].status, log[0].forwarded), if effects == 0 { (None, false) } else { (Some(200), true) });
        assert_eq!(post(&cloud, "/effect", "").await?.status(), 200);
    }
    Ok(())
}

#[tokio::test]
async fn hold_until_released() -> anyhow::Result<()> {
    for (when, effects) in [(When::Before, 0), (When::After, 1)] {
        let cloud = Cloud::http().await?;
        let rule = cloud.control.add(&Rule::new("system", Action::Hold { when })).await?;
        let mut stream = send(&cloud, EFFECT).await?;
        let held = cloud.control.wait_held(rule, SOON).await?;
        assert_eq!((held.when, held.rule, held.method.as_str()), (when, rule, "POST"));
        assert_eq!((held.path.as_deref(), held.client_port), (Some("/effect"), stream.local_addr()?.port()));
        support::expect_silence(&mut stream).await?;
        assert_eq!(cloud.effects(), effects);
        cloud.control.release(held.id).await?;
        expect(&mut stream, "HTTP/1.1 200 OK").await?;
        assert_eq!(cloud.effects(), 1);
        assert!(cloud.control.release(held.id).await.is_err());
    }
    Ok(())
}

#[tokio::test]
async fn deleting_a_rule_releases_what_it_holds() -> anyhow::Result<()> {
    let cloud = Cloud::http().await?;
    for all in [false, true] {
        let rule = cloud.rule("{}", r#"{"type":"hold","when":"before"}"#).await?;
        let mut stream = send(&cloud, EFFECT).await?;
        cloud.control.wait_held(rule, SOON).await?;
        if all {
            cloud.control.remove_all().await?;
        } else {
            cloud.control.remove(rule).await?;
        }
        expect(&mut stream, "HTTP/1.1 200 OK").await?;
        assert!(cloud.control.held().await?.is_empty() && cloud.control.rules().await?.is_empty());
        assert!(cloud.control.remove(rule).await.is_err());
    }
    Ok(())
}

#[tokio::test]
async fn a_client_killed_before_the_effect_leaves_none() -> anyhow::Result<()> {
    let cloud = Cloud::http().await?;
    let rule = cloud.rule("{}", r#"{"type":"hold","when":"before"}"#).await?;
    let stream = send(&cloud, EFFECT).await?;
    cloud.control.wait_held(rule, SOON).await?;
    drop(stream);
    cloud.nothing_held().await?;
    cloud.control.remove(rule).await?;
    assert_eq!((cloud.effects(), cloud.control.log(None).await?.calls[0].forwarded), (0, false));
    Ok(())
}

#[tokio::test]
async fn a_client_killed_after_the_effect_leaves_nothing_held() -> anyhow::Result<()> {
    let cloud = Cloud::http().await?;
    let rule = cloud.rule("{}", r#"{"type":"hold","when":"after"}"#).await?;
    let stream = send(&cloud, EFFECT).await?;
    cloud.control.wait_held(rule, SOON).await?;
    drop(stream);
    cloud.nothing_held().await?;
    assert_eq!(cloud.effects(), 1);
    Ok(())
}

#[tokio::test]
async fn delay_and_sequence() -> anyhow::Result<()> {
    let cloud = Cloud::http().await?;
    cloud.rule(r#"{"body_regex":"^wait$"}"#, r#"{"type":"delay","ms":100}"#).await?;
    cloud.rule(r#"{"method":"GET"}"#, r#"{"type":"sequence","statuses":[500,503]}"#).await?;
    let start = Instant::now();
    assert_eq!(post(&cloud, "/effect", "wait").await?.status(), 200);
    assert!(start.elapsed() >= Duration::from_millis(100));
    let start = Instant::now();
    assert_eq!(post(&cloud, "/effect", "await").await?.status(), 200);
    assert!(start.elapsed() < Duration::from_millis(100));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(client().get(cloud.url("/effect")).send().await?.status().as_u16());
    }
    assert_eq!(statuses, [500, 503, 200, 200]);
    let counts: Vec<_> = cloud.control.rules().await?.iter().map(|rule| (rule.matched, rule.fired)).collect();
    assert_eq!(counts, [(1, 1), (4, 2)]);
    Ok(())
}

#[tokio::test]
async fn conditions_on_headers_and_bodies() -> anyhow::Result<()> {
    let cloud = Cloud::http().await?;
    let matching = Match::aws("secretsmanager.CreateSecret").nth(2);
    cloud.control.add(&Rule::new("system", Action::status(400)).matching(matching)).await?;
    cloud.rule(r#"{"body_regex":"tier=\\w+&"}"#, r#"{"type":"respond","status":402}"#).await?;
    let call = async |target: &'static str, body: &'static str| {
        let request = client().post(cloud.url("/effect")).header("X-Amz-Target", target).body(body);
        anyhow::Ok(request.send().await?.status().as_u16())
    };
    assert_eq!(call("secretsmanager.CreateSecret", "").await?, 200);
    assert_eq!(call("secretsmanager.CreateSecretX", "").await?, 200);
    assert_eq!(call("secretsmanager.CreateSecret", "").await?, 400);
    assert_eq!(call("x", "tier=pilot&b").await?, 402);
    assert_eq!(cloud.effects(), 2);
    Ok(())
}

#[tokio::test]
async fn refuse_and_silent() -> anyhow::Result<()> {
    use fault_proxy::client::UpstreamState::{Refuse, Silent, Up};
    let cloud = Cloud::http().await?;
    let mut open = send(&cloud, EFFECT).await?;
    expect(&mut open, "HTTP/1.1 200 OK").await?;
    cloud.control.set_state("system", Refuse).await?;
    // The unread part of the answer is lost with the reset.
    assert!(is_reset(&open.read_to_end(&mut Vec::new()).await));
    let mut refused = cloud.connect().await?;
    assert!(is_reset(&refused.read(&mut [0; 1]).await));
    cloud.control.set_state("system", Up).await?;
    assert_eq!(post(&cloud, "/effect", "").await?.status(), 200);

    cloud.control.set_state("system", Silent).await?;
    let mut patient = send(&cloud, EFFECT).await?;
    let impatient = send(&cloud, EFFECT).await?;
    until(async || Ok(cloud.control.log(None).await?.calls.len() == 4)).await?;
    support::expect_silence(&mut patient).await?;
    drop(impatient);
    tokio::time::sleep(Duration::from_millis(50)).await;
    cloud.control.set_state("system", Up).await?;
    expect(&mut patient, "HTTP/1.1 200 OK").await?;
    assert_eq!(cloud.effects(), 3, "the client that left had no effect");

    // An answer that arrives while the upstream is silent waits.
    let mut stream = send(&cloud, "POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await?;
    until(async || Ok(cloud.control.log(None).await?.calls.iter().filter(|call| call.forwarded).count() == 4)).await?;
    cloud.control.set_state("system", Silent).await?;
    tokio::time::sleep(SLOW).await;
    support::expect_silence(&mut stream).await?;
    cloud.control.reset().await?;
    expect(&mut stream, "HTTP/1.1 200 OK").await
}

#[tokio::test]
async fn a_refusal_says_what_is_wrong_with_the_rule() -> anyhow::Result<()> {
    let cloud = Cloud::http().await?;
    let refused = cloud.rule(r#"{"path_regex":"("}"#, r#"{"type":"delay","ms":1}"#).await.expect_err("refused");
    assert!(refused.to_string().starts_with("422 Unprocessable Entity: `path_regex` is no regular expression"));
    let elsewhere = Rule::new("elsewhere", Action::status(500));
    let refused = cloud.control.add(&elsewhere).await.expect_err("refused").to_string();
    assert_eq!(refused, "422 Unprocessable Entity: there is no upstream of that name");
    assert!(cloud.control.set_state("elsewhere", fault_proxy::UpstreamState::Up).await.is_err());
    Ok(())
}
