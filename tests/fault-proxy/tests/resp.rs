//! Every action on RESP commands, including pipelined ones.

mod support;

use std::time::{Duration, Instant};

use fault_proxy::client::{Action, Match, Rule, When};
use support::{Cloud, SOON, encode, expect, expect_silence, is_reset};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends commands in one write on a new connection.
async fn send(cloud: &Cloud, commands: &[&[&str]]) -> anyhow::Result<TcpStream> {
    let mut stream = cloud.connect().await?;
    let bytes: Vec<_> = commands.iter().map(|words| encode(words)).collect();
    stream.write_all(bytes.concat().as_bytes()).await?;
    Ok(stream)
}

#[tokio::test]
async fn commands_pass_and_are_logged_without_their_arguments() -> anyhow::Result<()> {
    let cloud = Cloud::resp().await?;
    let large = "x".repeat(3 << 20);
    let setuser = ["acl", "setuser", "tenant", "#secret"];
    let mut stream = send(&cloud, &[&["PING"], &["LIST"], &setuser, &["SET", "k", &large]]).await?;
    expect(&mut stream, "+PONG\r\n*2\r\n$3\r\na\r\n\r\n:7\r\n:1\r\n:2\r\n").await?;
    let log = cloud.control.log(None).await?.calls;
    let names: Vec<_> = log.iter().map(|call| call.method.as_str()).collect();
    assert_eq!(names, ["CONNECT", "PING", "LIST", "ACL SETUSER", "SET"]);
    assert_eq!(log[0].bytes, Some(log[1..].iter().filter_map(|call| call.bytes).sum()));
    assert!(log.iter().all(|call| call.forwarded));
    assert!(log[1..].iter().all(|call| call.answered.is_some_and(|answered| answered >= call.at)));
    Ok(())
}

#[tokio::test]
async fn a_commands_end_is_found_however_it_arrives() -> anyhow::Result<()> {
    let cloud = Cloud::resp().await?;
    cloud.rule(r#"{"command_regex":"^UNLINK a b$"}"#, r#"{"type":"respond","base64":"OjQyDQo="}"#).await?;
    let mut stream = cloud.connect().await?;
    stream.set_nodelay(true)?;
    for byte in encode(&["UNLINK", "a", "b"]).bytes() {
        stream.write_all(&[byte]).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    expect(&mut stream, ":42\r\n").await?;
    assert_eq!(cloud.effects(), 0);
    Ok(())
}

#[tokio::test]
async fn respond_keeps_the_order_of_replies() -> anyhow::Result<()> {
    let cloud = Cloud::resp().await?;
    let action = Action::bytes(b"-LOADING injected\r\n");
    cloud.control.add(&Rule::new("system", action).matching(Match::command("^GET b$"))).await?;
    cloud.rule(r#"{"command_regex":"^GET c"}"#, r#"{"type":"respond","base64":"KzANCg==","when":"after"}"#).await?;
    let mut stream = send(&cloud, &[&["SLOW"], &["GET", "b"], &["LIST"], &["GET", "c"], &["PING"]]).await?;
    expect(&mut stream, ":1\r\n-LOADING injected\r\n*2\r\n$3\r\na\r\n\r\n:7\r\n+0\r\n+PONG\r\n").await?;
    assert_eq!(cloud.effects(), 2, "SLOW and GET c");
    Ok(())
}

#[tokio::test]
async fn cut() -> anyhow::Result<()> {
    for (when, effects) in [("before", 0), ("after", 1)] {
        let cloud = Cloud::resp().await?;
        let action = format!(r#"{{"type":"cut","when":"{when}"}}"#);
        cloud.rule(r#"{"command_regex":"^EVALSHA |^EVAL |^FCALL ","nth":2}"#, &action).await?;
        let mut stream = send(&cloud, &[&["EVALSHA", "x", "0"]]).await?;
        expect(&mut stream, ":1\r\n").await?;
        stream.write_all(encode(&["FCALL", "f", "0"]).as_bytes()).await?;
        assert!(is_reset(&stream.read(&mut [0; 1]).await), "{when}");
        assert_eq!(cloud.effects(), 1 + effects, "{when}");
        let log = cloud.control.log(None).await?.calls;
        let last = log.last().expect("a call");
        assert_eq!((last.method.as_str(), last.forwarded, last.rules.len()), ("FCALL", effects == 1, 1));
    }
    Ok(())
}

#[tokio::test]
async fn hold_before_keeps_later_commands_waiting() -> anyhow::Result<()> {
    let cloud = Cloud::resp().await?;
    let matching = Match::command(r"^GRAPH\.QUERY ");
    let rule = cloud.control.add(&Rule::new("system", Action::Hold { when: When::Before }).matching(matching)).await?;
    let mut stream = send(&cloud, &[&["INCR", "a"], &["GRAPH.QUERY", "g", "RETURN 1"], &["INCR", "a"]]).await?;
    let held = cloud.control.wait_held(rule, SOON).await?;
    assert_eq!((held.method.as_str(), held.when), ("GRAPH.QUERY", When::Before));
    assert_eq!(held.client_port, stream.local_addr()?.port());
    expect(&mut stream, ":1\r\n").await?;
    expect_silence(&mut stream).await?;
    assert_eq!(cloud.effects(), 1);
    cloud.control.release(held.id).await?;
    expect(&mut stream, ":2\r\n:3\r\n").await
}

#[tokio::test]
async fn hold_after_delays_that_reply_and_later_ones() -> anyhow::Result<()> {
    let cloud = Cloud::resp().await?;
    let rule = cloud.rule(r#"{"command_regex":"^LIST"}"#, r#"{"type":"hold","when":"after"}"#).await?;
    let mut stream = send(&cloud, &[&["SLOW"], &["PUSH"], &["LIST"], &["INCR", "a"]]).await?;
    let held = cloud.control.wait_held(rule, SOON).await?;
    assert_eq!(held.when, When::After);
    expect(&mut stream, ":1\r\n>1\r\n+news\r\n+OK\r\n").await?;
    expect_silence(&mut stream).await?;
    cloud.control.remove(rule).await?;
    expect(&mut stream, "*2\r\n$3\r\na\r\n\r\n:7\r\n:2\r\n").await?;
    cloud.nothing_held().await
}

#[tokio::test]
async fn delay() -> anyhow::Result<()> {
    let cloud = Cloud::resp().await?;
    cloud.rule(r#"{"command_regex":"^INCR"}"#, r#"{"type":"delay","ms":100}"#).await?;
    let start = Instant::now();
    let mut stream = send(&cloud, &[&["INCR", "a"], &["PING"]]).await?;
    expect(&mut stream, ":1\r\n+PONG\r\n").await?;
    assert!(start.elapsed() >= Duration::from_millis(100));
    Ok(())
}

#[tokio::test]
async fn a_killed_client_is_no_longer_held() -> anyhow::Result<()> {
    for (when, effects) in [("before", 0), ("after", 1)] {
        let cloud = Cloud::resp().await?;
        let rule = cloud.rule(r#"{"command_regex":"^INCR"}"#, &format!(r#"{{"type":"hold","when":"{when}"}}"#)).await?;
        let stream = send(&cloud, &[&["INCR", "a"], &["INCR", "b"]]).await?;
        cloud.control.wait_held(rule, SOON).await?;
        drop(stream);
        cloud.nothing_held().await?;
        assert_eq!(cloud.effects(), effects);
    }
    Ok(())
}
