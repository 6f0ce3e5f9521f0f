//! No part of a connection is left behind, for every rule and for every way in which a client ends.

mod support;

use std::time::Duration;

use support::{Cloud, START_UP, encode, query, until};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A call whose effect takes [`support::SLOW`].
const POST: &str = "POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";

const ACTIONS: [&str; 6] = [
    r#"{"type":"cut","when":"before"}"#,
    r#"{"type":"cut","when":"after"}"#,
    r#"{"type":"hold","when":"before"}"#,
    r#"{"type":"hold","when":"after"}"#,
    r#"{"type":"delay","ms":60000}"#,
    "RESPOND",
];

/// Ends clients at different moments of a call, by FIN and by RST, and waits until the number of tasks is as before.
async fn kill_clients(cloud: &Cloud, matching: &str, respond: &str, call: &str) -> anyhow::Result<()> {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    cloud.control.rules().await?;
    let before = tasks();
    for action in ACTIONS {
        let rule = cloud.rule(matching, if action == "RESPOND" { respond } else { action }).await?;
        let mut clients = JoinSet::new();
        for moment in 0..20 {
            let (address, call) = (cloud.address, call.to_owned());
            clients.spawn(async move {
                let mut stream = TcpStream::connect(address).await?;
                stream.write_all(call.as_bytes()).await?;
                // The upstream's effect takes 200 ms, so some clients end before it and some after.
                tokio::time::sleep(Duration::from_millis(moment * 15)).await;
                if moment % 2 == 0 {
                    stream.set_zero_linger()?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(client) = clients.join_next().await {
            client??;
        }
        cloud.nothing_held().await?;
        until(async || Ok(tasks() <= before)).await.map_err(|_| anyhow::anyhow!("{action}: {} > {before}", tasks()))?;
        cloud.control.remove(rule).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_client_killed_during_the_effect_does_not_stop_it() -> anyhow::Result<()> {
    let pipelined = encode(&["PING"]) + &encode(&["SLOW"]);
    let queries = START_UP.to_owned() + &query("SELECT 1") + &query("SLOW");
    for (cloud, matching, calls, effects) in [
        (Cloud::http().await?, "{}", POST, 1),
        (Cloud::bytes().await?, r#"{"bytes_regex":"slow"}"#, "slow", 1),
        (Cloud::resp().await?, r#"{"command_regex":"^SLOW"}"#, &pipelined, 1),
        (Cloud::postgres().await?, r#"{"statement_regex":"^SLOW"}"#, &queries, 2),
    ] {
        for (round, action) in (1..).zip(["hold", "cut"]) {
            let rule = cloud.rule(matching, &format!(r#"{{"type":"{action}","when":"after"}}"#)).await?;
            let mut stream = cloud.connect().await?;
            stream.write_all(calls.as_bytes()).await?;
            until(async || Ok(cloud.control.rules().await?[0].fired == 1)).await?;
            until(async || Ok(cloud.control.log(None).await?.calls.iter().all(|call| call.forwarded))).await?;
            stream.set_zero_linger()?;
            drop(stream);
            until(async || Ok(cloud.effects() == round * effects)).await?;
            cloud.nothing_held().await?;
            cloud.control.remove(rule).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn http() -> anyhow::Result<()> {
    kill_clients(&Cloud::http().await?, "{}", r#"{"type":"respond","status":500,"when":"after"}"#, POST).await
}

#[tokio::test]
async fn resp() -> anyhow::Result<()> {
    let (matching, respond) = (r#"{"command_regex":"^SLOW"}"#, r#"{"type":"respond","base64":"KzANCg=="}"#);
    kill_clients(&Cloud::resp().await?, matching, respond, &encode(&["SLOW"])).await
}

#[tokio::test]
async fn postgres() -> anyhow::Result<()> {
    let (matching, respond) = (r#"{"statement_regex":"^SLOW"}"#, r#"{"type":"respond","base64":"WgAAAAVJ"}"#);
    kill_clients(&Cloud::postgres().await?, matching, respond, &(START_UP.to_owned() + &query("SLOW"))).await
}

#[tokio::test]
async fn new_connections() -> anyhow::Result<()> {
    kill_clients(&Cloud::bytes().await?, "{}", r#"{"type":"respond","base64":"KzANCg=="}"#, "slow").await
}

#[tokio::test]
async fn bytes() -> anyhow::Result<()> {
    let (matching, respond) = (r#"{"bytes_regex":"^slow"}"#, r#"{"type":"respond","base64":"KzA=","when":"after"}"#);
    kill_clients(&Cloud::bytes().await?, matching, respond, "slow").await
}
