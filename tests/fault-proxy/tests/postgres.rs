//! Every action on Postgres calls, including pipelined ones, in clear and before a server without databases.
//! `postgres_server.rs` has TLS and a real server.

mod support;

use std::time::{Duration, Instant};

use fault_proxy::client::{Action, Match, Rule, UpstreamKind, When};
use fault_proxy::{Config, ConfigError, UpstreamConfig, start};
use support::{Cloud, SOON, START_UP, STARTED, completed, expect, expect_silence, is_reset, message, query, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Starts a connection and sends these messages in one write.
async fn send(cloud: &Cloud, messages: &[String]) -> anyhow::Result<TcpStream> {
    let mut stream = cloud.connect().await?;
    stream.write_all(START_UP.as_bytes()).await?;
    expect(&mut stream, STARTED).await?;
    stream.write_all(messages.concat().as_bytes()).await?;
    Ok(stream)
}

/// Parses a statement, binds one parameter and executes it.
fn statement(sql: &str, parameter: &str) -> String {
    let len = char::from(u8::try_from(parameter.len()).unwrap_or_default());
    let bind = format!("\0\0\0\0\0\u{1}\0\0\0{len}{parameter}\0\0");
    let parse = message('P', &format!("\0{sql}\0\0\0"));
    parse + &message('D', "S\0") + &message('B', &bind) + &message('E', "\0\0\0\0\0") + &message('S', "")
}

#[tokio::test]
async fn calls_pass_and_are_logged_without_their_parameters() -> anyhow::Result<()> {
    let cloud = Cloud::postgres().await?;
    let typed = statement("-- why\nSELECT 1\n WHERE  $1", "secret");
    let mut stream = send(&cloud, &[query("COMMIT; SELECT 'secret'"), typed.clone(), message('S', "")]).await?;
    expect(&mut stream, &(completed(1) + &completed(2) + &completed(3))).await?;
    stream.write_all(message('X', "").as_bytes()).await?;
    assert_eq!(stream.read(&mut [0; 1]).await?, 0);
    let log = cloud.control.log(None).await?.calls;
    let seen: Vec<_> = log.iter().map(|call| (call.method.as_str(), call.path.as_deref())).collect();
    let expected = [("CONNECT", None), ("QUERY", Some("COMMIT")), ("QUERY", Some("SELECT 1 WHERE $1")), ("SYNC", None)];
    assert_eq!(seen, expected);
    assert_eq!(log[2].bytes, Some(typed.len() as u64));
    let outside = START_UP.len() + message('X', "").len();
    assert_eq!(log[0].bytes, log[1..].iter().map(|call| call.bytes).sum::<Option<u64>>().map(|n| n + outside as u64));
    assert!(log.iter().all(|call| call.forwarded));
    assert!(log.iter().all(|call| call.answered.is_some_and(|answered| answered >= call.at)));
    Ok(())
}

#[tokio::test]
async fn a_rule_fires_at_one_statement_of_one_tenant_however_it_arrives() -> anyhow::Result<()> {
    let cloud = Cloud::postgres().await?;
    let matching = Match::statement(r"^UPDATE t SET a = \$1 \$1=acme$");
    cloud.control.add(&Rule::new("system", Action::sql_error("40001", "no")).matching(matching)).await?;
    let refused = "E\0\0\0\u{1e}SERROR\0VERROR\0C40001\0Mno\0\0Z\0\0\0\u{5}I";
    let (acme, other) = (statement("UPDATE t\n SET a = $1", "acme"), statement("UPDATE t SET a = $1", "acmes"));
    let mut stream = send(&cloud, &[]).await?;
    stream.set_nodelay(true)?;
    for piece in format!("{other}{acme}{other}").as_bytes().chunks(7) {
        stream.write_all(piece).await?;
        tokio::task::yield_now().await;
    }
    expect(&mut stream, &format!("{}{refused}{}", completed(1), completed(2))).await?;
    assert_eq!(cloud.effects(), 2);
    Ok(())
}

#[tokio::test]
async fn cut_before_and_after() -> anyhow::Result<()> {
    for (when, effects) in [(When::Before, 1), (When::After, 2)] {
        let cloud = Cloud::postgres().await?;
        let matching = Match::statement("^SLOW").nth(2);
        let rule = Rule::new("system", Action::Cut { when }).matching(matching);
        cloud.control.add(&rule).await?;
        let mut stream = send(&cloud, &[query("SLOW 1")]).await?;
        expect(&mut stream, &completed(1)).await?;
        stream.write_all((query("SLOW 2") + &query("SELECT 3")).as_bytes()).await?;
        assert!(is_reset(&stream.read(&mut [0; 1]).await), "{when:?}");
        assert_eq!(cloud.effects(), effects, "{when:?}");
    }
    Ok(())
}

#[tokio::test]
async fn hold_before_keeps_later_calls_waiting() -> anyhow::Result<()> {
    let cloud = Cloud::postgres().await?;
    let rule = Rule::new("system", Action::Hold { when: When::Before }).matching(Match::statement(r"\$1=b$"));
    let rule = cloud.control.add(&rule).await?;
    let calls = ["a", "b", "c"].map(|parameter| statement("SELECT $1", parameter));
    let mut stream = send(&cloud, &calls).await?;
    let held = cloud.control.wait_held(rule, SOON).await?;
    assert_eq!((held.method.as_str(), held.path.as_deref(), held.when), ("QUERY", Some("SELECT $1"), When::Before));
    expect(&mut stream, &completed(1)).await?;
    expect_silence(&mut stream).await?;
    assert_eq!(cloud.effects(), 1);
    cloud.control.release(held.id).await?;
    expect(&mut stream, &(completed(2) + &completed(3))).await
}

#[tokio::test]
async fn hold_after_delays_that_reply_and_later_ones() -> anyhow::Result<()> {
    let cloud = Cloud::postgres().await?;
    let rule = cloud.rule(r#"{"statement_regex":"^SELECT 2"}"#, r#"{"type":"hold","when":"after"}"#).await?;
    let calls = ["SLOW 1", "SELECT 2", "SELECT 3"].map(query);
    let mut stream = send(&cloud, &calls).await?;
    let held = cloud.control.wait_held(rule, SOON).await?;
    assert_eq!((held.when, cloud.effects()), (When::After, 2));
    expect(&mut stream, &completed(1)).await?;
    expect_silence(&mut stream).await?;
    cloud.control.remove(rule).await?;
    expect(&mut stream, &(completed(2) + &completed(3))).await?;
    cloud.nothing_held().await
}

#[tokio::test]
async fn delay_and_patterns_of_bytes() -> anyhow::Result<()> {
    let cloud = Cloud::postgres().await?;
    cloud.rule(r#"{"statement_regex":"^SELECT 1$"}"#, r#"{"type":"delay","ms":100}"#).await?;
    cloud
        .rule(r#"{"bytes_regex":"^Q.*SELECT  2"}"#, r#"{"type":"respond","base64":"WgAAAAVJ","when":"after"}"#)
        .await?;
    // Bytes that belong to no call are not matched.
    cloud.rule(r#"{"bytes_regex":"^X|user|^d"}"#, r#"{"type":"cut","when":"before"}"#).await?;
    let start = Instant::now();
    let calls = [query("SELECT 1"), query("SELECT  2"), message('d', "a row"), query("SELECT 3"), message('X', "")];
    let mut stream = send(&cloud, &calls).await?;
    expect(&mut stream, &(completed(1) + &message('Z', "I") + &completed(3))).await?;
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!(stream.read(&mut [0; 1]).await?, 0);
    Ok(())
}

#[tokio::test]
async fn without_a_pattern_data_means_calls_on_older_connections() -> anyhow::Result<()> {
    let cloud = Cloud::postgres().await?;
    // One connection has not sent its start-up message yet.
    let (mut old, mut starting) = (send(&cloud, &[query("SELECT 1")]).await?, cloud.connect().await?);
    expect(&mut old, &completed(1)).await?;
    until(async || Ok(cloud.control.log(None).await?.calls.len() == 3)).await?;
    cloud.control.add(&Rule::new("system", Action::Cut { when: When::Before }).matching(Match::data())).await?;
    let mut new = send(&cloud, &[query("SELECT 2")]).await?;
    expect(&mut new, &completed(2)).await?;
    starting.write_all(START_UP.as_bytes()).await?;
    expect(&mut starting, STARTED).await?;
    for stream in [&mut old, &mut starting] {
        stream.write_all(query("SELECT 3").as_bytes()).await?;
        assert!(is_reset(&stream.read(&mut [0; 1]).await));
    }
    Ok(())
}

#[tokio::test]
async fn a_flushed_part_is_answered_before_the_call_ends() -> anyhow::Result<()> {
    let cloud = Cloud::postgres().await?;
    let rule = cloud.rule(r#"{"statement_regex":"^SELECT 1$"}"#, r#"{"type":"hold","when":"before"}"#).await?;
    let mut stream = send(&cloud, &[message('P', "\0SELECT 1\0\0\0"), message('H', "")]).await?;
    expect(&mut stream, &message('1', "")).await?;
    stream.write_all(message('S', "").as_bytes()).await?;
    let held = cloud.control.wait_held(rule, SOON).await?;
    assert_eq!(held.path.as_deref(), Some("SELECT 1"));
    cloud.control.release(held.id).await?;
    expect(&mut stream, &completed(1)).await
}

#[tokio::test]
async fn a_connection_to_a_server_without_tls_goes_on_in_clear() -> anyhow::Result<()> {
    let cloud = Cloud::postgres().await?;
    let mut stream = cloud.connect().await?;
    for request in [b"\0\0\0\x08\x04\xd2\x16\x30", b"\0\0\0\x08\x04\xd2\x16\x2f"] {
        stream.write_all(request).await?;
        expect(&mut stream, "N").await?;
    }
    stream.write_all((START_UP.to_owned() + &query("SELECT 1")).as_bytes()).await?;
    expect(&mut stream, &(STARTED.to_owned() + &completed(1))).await
}

#[tokio::test]
async fn another_protocol_passes() -> anyhow::Result<()> {
    let (target, effects) = (Cloud::bytes().await?.target, std::sync::Arc::default());
    let cloud = Cloud::before(UpstreamKind::Postgres, target, effects).await?;
    let mut stream = cloud.connect().await?;
    stream.write_all(b"\x16\x03\x01\0\x08 hello").await?;
    expect(&mut stream, "\u{16}\u{3}\u{1}\0\u{8} HELLO").await
}

#[tokio::test]
async fn certificates_are_checked_at_the_start() -> anyhow::Result<()> {
    let upstream =
        UpstreamConfig { name: "system".to_owned(), kind: UpstreamKind::Postgres, target: ([127, 0, 0, 1], 1).into() };
    let config = Config { upstreams: vec![upstream], ..Config::default() };
    assert!(matches!(start(config.clone()).await, Err(ConfigError::NoCertificate(_))));
    let (mut mixed, other) = (support::certificate()?, support::certificate()?);
    mixed.key = other.key;
    let config = Config { postgres: Some(mixed), ..config };
    assert!(matches!(start(config).await, Err(ConfigError::Certificate(_))));
    Ok(())
}
