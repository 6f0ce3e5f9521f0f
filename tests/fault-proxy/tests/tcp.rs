//! Every action on connections whose protocol is unknown.

mod support;

use std::time::{Duration, Instant};

use fault_proxy::client::UpstreamState::{Refuse, Silent, Up};
use fault_proxy::client::{Action, Match, Rule, When};
use support::{Cloud, SOON, expect, expect_silence, is_reset, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn send(cloud: &Cloud, bytes: &str) -> anyhow::Result<TcpStream> {
    let mut stream = cloud.connect().await?;
    stream.write_all(bytes.as_bytes()).await?;
    Ok(stream)
}

#[tokio::test]
async fn bytes_pass_and_the_connection_is_logged() -> anyhow::Result<()> {
    let cloud = Cloud::bytes().await?;
    let mut stream = send(&cloud, "\0\0\0\u{8}abc").await?;
    expect(&mut stream, "\0\0\0\u{8}ABC").await?;
    let large = "y".repeat(8 << 20);
    let (mut read, mut write) = stream.split();
    let mut answer = vec![0; large.len()];
    let (written, got) = tokio::join!(write.write_all(large.as_bytes()), read.read_exact(&mut answer));
    written?;
    got?;
    assert!(answer.iter().all(|&byte| byte == b'Y'));
    let log = cloud.control.log(None).await?.calls;
    let [call] = log.as_slice() else { panic!("{log:?}") };
    assert_eq!((call.method.as_str(), call.bytes), ("CONNECT", Some((8 << 20) + 7)));
    // The upstream closes after the client.
    stream.shutdown().await?;
    assert_eq!(stream.read(&mut [0; 1]).await?, 0);
    Ok(())
}

#[tokio::test]
async fn rules_on_a_new_connection() -> anyhow::Result<()> {
    let cloud = Cloud::bytes().await?;
    cloud.rule(r#"{"times":1}"#, r#"{"type":"cut","when":"before"}"#).await?;
    let mut cut = cloud.connect().await?;
    assert!(is_reset(&cut.read(&mut [0; 1]).await));
    expect(&mut send(&cloud, "a").await?, "A").await?;

    let rule = cloud.control.add(&Rule::new("system", Action::Hold { when: When::Before })).await?;
    let mut waiting = send(&cloud, "b").await?;
    let held = cloud.control.wait_held(rule, SOON).await?;
    assert_eq!((held.method.as_str(), held.client_port), ("CONNECT", waiting.local_addr()?.port()));
    let killed = send(&cloud, "c").await?;
    until(async || Ok(cloud.control.held().await?.len() == 2)).await?;
    drop(killed);
    until(async || Ok(cloud.control.held().await?.len() == 1)).await?;
    expect_silence(&mut waiting).await?;
    cloud.control.remove(rule).await?;
    expect(&mut waiting, "B").await?;

    let rule = cloud.control.add(&Rule::new("system", Action::bytes(b"FATAL: too many"))).await?;
    let mut told = send(&cloud, "d").await?;
    let mut answer = String::new();
    told.read_to_string(&mut answer).await?;
    assert_eq!(answer, "FATAL: too many");
    cloud.control.remove(rule).await?;

    cloud.rule("{}", r#"{"type":"delay","ms":100}"#).await?;
    let start = Instant::now();
    expect(&mut send(&cloud, "e").await?, "E").await?;
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!(cloud.effects(), 3);
    Ok(())
}

#[tokio::test]
async fn rules_on_data_of_established_connections() -> anyhow::Result<()> {
    for (when, effects) in [(When::Before, 1), (When::After, 2)] {
        let cloud = Cloud::bytes().await?;
        let mut old = send(&cloud, "a").await?;
        expect(&mut old, "A").await?;
        cloud.control.add(&Rule::new("system", Action::Cut { when }).matching(Match::data())).await?;
        old.write_all(b"slow").await?;
        assert!(is_reset(&old.read(&mut [0; 1]).await));
        assert_eq!(cloud.effects(), effects);
        expect(&mut send(&cloud, "new").await?, "NEW").await?;
        assert_eq!(cloud.control.log(None).await?.calls[0].rules.len(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_rule_can_name_one_connection() -> anyhow::Result<()> {
    let cloud = Cloud::bytes().await?;
    let mut streams = [send(&cloud, "a").await?, send(&cloud, "b").await?];
    expect(&mut streams[0], "A").await?;
    expect(&mut streams[1], "B").await?;
    let matching = Match::data().from_port(streams[1].local_addr()?.port());
    cloud.control.add(&Rule::new("system", Action::Cut { when: When::Before }).matching(matching)).await?;
    for stream in &mut streams {
        stream.write_all(b"x").await?;
    }
    expect(&mut streams[0], "X").await?;
    assert!(is_reset(&streams[1].read(&mut [0; 1]).await));
    Ok(())
}

#[tokio::test]
async fn hold_respond_and_delay_by_pattern() -> anyhow::Result<()> {
    let cloud = Cloud::bytes().await?;
    let before = cloud.rule(r#"{"bytes_regex":"^b"}"#, r#"{"type":"hold","when":"before"}"#).await?;
    let after = cloud.rule(r#"{"bytes_regex":"^a"}"#, r#"{"type":"hold","when":"after"}"#).await?;
    for (rule, bytes, effects) in [(before, "b", 0), (after, "a", 2)] {
        let mut stream = send(&cloud, bytes).await?;
        let held = cloud.control.wait_held(rule, SOON).await?;
        assert_eq!((held.method.as_str(), cloud.effects()), ("DATA", effects));
        stream.write_all(b"later").await?;
        expect_silence(&mut stream).await?;
        cloud.control.release(held.id).await?;
        expect(&mut stream, &bytes.to_uppercase()).await?;
        expect(&mut stream, "LATER").await?;
    }
    cloud.rule(r#"{"bytes_regex":"^r"}"#, r#"{"type":"respond","base64":"aGk="}"#).await?;
    cloud.rule(r#"{"bytes_regex":"^d"}"#, r#"{"type":"delay","ms":100}"#).await?;
    cloud.rule(r#"{"bytes_regex":"^z"}"#, r#"{"type":"respond","base64":"aGk=","when":"after"}"#).await?;
    cloud.rule(r#"{"bytes_regex":"needle"}"#, r#"{"type":"respond","base64":"aGk="}"#).await?;
    let mut stream = send(&cloud, "r").await?;
    expect(&mut stream, "hi").await?;
    stream.write_all(format!("{}needle", "hay".repeat(1000)).as_bytes()).await?;
    expect(&mut stream, "hi").await?;
    stream.write_all(b"z").await?;
    expect(&mut stream, "hi").await?;
    let start = Instant::now();
    stream.write_all(b"d").await?;
    expect(&mut stream, "D").await?;
    assert!(start.elapsed() >= Duration::from_millis(100));
    Ok(())
}

#[tokio::test]
async fn a_mail_is_one_call_even_if_it_is_written_in_parts() -> anyhow::Result<()> {
    for (when, effects) in [("before", 1), ("after", 2)] {
        let cloud = Cloud::bytes().await?;
        let action = format!(r#"{{"type":"cut","when":"{when}"}}"#);
        cloud.rule(r#"{"bytes_regex":"(?s)^to: ada.*\\r\\n\\.\\r\\n$"}"#, &action).await?;
        // The upstream repeats what it gets. So this is the answer to `DATA`.
        let mut stream = send(&cloud, "354 ").await?;
        expect(&mut stream, "354 ").await?;
        stream.write_all(b"to: ada\r\n\r\ntext").await?;
        expect_silence(&mut stream).await?;
        stream.write_all(b"\r\n.\r\n").await?;
        assert!(is_reset(&stream.read(&mut [0; 1]).await), "{when}");
        assert_eq!(cloud.effects(), effects, "{when}");
    }
    Ok(())
}

#[tokio::test]
async fn refuse_and_silent() -> anyhow::Result<()> {
    let cloud = Cloud::bytes().await?;
    let mut open = send(&cloud, "a").await?;
    expect(&mut open, "A").await?;
    cloud.control.set_state("system", Silent).await?;
    let mut new = send(&cloud, "b").await?;
    open.write_all(b"slow").await?;
    expect_silence(&mut new).await?;
    expect_silence(&mut open).await?;
    assert_eq!(cloud.effects(), 1);
    cloud.control.set_state("system", Up).await?;
    expect(&mut new, "B").await?;
    expect(&mut open, "SLOW").await?;
    cloud.control.set_state("system", Refuse).await?;
    cloud.control.set_state("system", Up).await?;
    assert!(is_reset(&open.read(&mut [0; 1]).await) && is_reset(&new.read(&mut [0; 1]).await));
    cloud.control.set_state("system", Refuse).await?;
    assert!(is_reset(&cloud.connect().await?.read(&mut [0; 1]).await));
    cloud.control.reset().await?;
    expect(&mut send(&cloud, "c").await?, "C").await
}
