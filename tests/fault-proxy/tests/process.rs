//! The binary: its READY line, its end, its arguments and its costs.

mod support;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use fault_proxy::PostgresTls;
use fault_proxy::client::{Client, Ready, UpstreamKind};
use secrecy::ExposeSecret;
use support::{Cloud, SOON, encode};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

async fn spawn(arguments: &[String]) -> anyhow::Result<(Child, Ready)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fault-proxy"));
    let mut process = command.args(arguments).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut line = String::new();
    let stdout = process.stdout.take().ok_or_else(|| anyhow::anyhow!("no stdout"))?;
    tokio::time::timeout(SOON, BufReader::new(stdout).read_line(&mut line)).await??;
    Ok((process, line.parse()?))
}

#[tokio::test]
async fn it_prints_its_addresses_and_ends_on_sigterm_even_if_calls_are_held() -> anyhow::Result<()> {
    let cloud = Cloud::bytes().await?;
    let upstream = format!("system={}", cloud.address);
    let (mut process, ready) = spawn(&["--tcp".to_owned(), upstream]).await?;
    let control = Client::of(&ready)?;
    assert_eq!(control.upstreams().await?["system"].kind, UpstreamKind::Tcp);
    let rule = serde_json::from_str(r#"{"upstream":"system","action":{"type":"hold","when":"before"}}"#)?;
    let rule = control.add(&rule).await?;
    let _held = TcpStream::connect(ready.upstreams["system"]).await?;
    control.wait_held(rule, SOON).await?;
    let pid = process.id().ok_or_else(|| anyhow::anyhow!("it has ended"))?.to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await?.success());
    let status = tokio::time::timeout(Duration::from_secs(1), process.wait()).await??;
    assert!(status.success(), "{status}");
    Ok(())
}

#[tokio::test]
async fn postgres_takes_a_certificate() -> anyhow::Result<()> {
    let (folder, PostgresTls { certificate, key, authority }) =
        (Path::new(env!("CARGO_TARGET_TMPDIR")), support::certificate()?);
    let mut arguments = vec!["--postgres=system=127.0.0.1:1".to_owned()];
    for (name, pem) in [("certificate", &*certificate), ("key", key.expose_secret()), ("authority", &authority)] {
        let file = folder.join(name);
        fs::write(&file, pem)?;
        arguments.push(format!("--postgres-{name}={}", file.display()));
    }
    let (_process, ready) = spawn(&arguments).await?;
    assert_eq!(Client::of(&ready)?.upstreams().await?["system"].kind, UpstreamKind::Postgres);
    Ok(())
}

#[tokio::test]
async fn bad_arguments_are_refused() -> anyhow::Result<()> {
    let twice = ["--tcp", "a=[::1]:1", "--http", "a=[::1]:1"];
    let no_file = ["--postgres-certificate", "/nowhere", "--tcp", "a=[::1]:1"];
    for arguments in [&["--http", "a"][..], &["--tcp", "a=localhost"], &twice, &["--postgres", "a=[::1]:1"], &no_file] {
        let output = Command::new(env!("CARGO_BIN_EXE_fault-proxy")).args(arguments).output().await?;
        assert!(!output.status.success() && output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
    Ok(())
}

/// Prints what passing through costs per call. It asserts nothing, because that depends on the machine.
#[tokio::test]
async fn cost_of_passing_through() -> anyhow::Result<()> {
    let (web, resp) = (Cloud::http().await?, Cloud::resp().await?);
    let upstreams = [format!("--http=web={}", web.target), format!("--tcp=resp={}", resp.target)];
    let (_process, ready) = spawn(&upstreams).await?;
    let request = "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n";
    for (name, direct, call, end) in
        [("web", web.target, request, "\r\n\r\n"), ("resp", resp.target, &encode(&["PING"]), "\r\n")]
    {
        // The first time only warms the caches.
        let through = ready.upstreams[name];
        time_per_call(through, call, end).await?;
        let (without, with) = (time_per_call(direct, call, end).await?, time_per_call(through, call, end).await?);
        println!("{name}: {without:?} per call directly, {with:?} through the proxy");
    }
    Ok(())
}

/// `end` is what an answer ends with.
async fn time_per_call(address: SocketAddr, call: &str, end: &str) -> anyhow::Result<Duration> {
    const CALLS: u32 = 2000;
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    stream.get_ref().set_nodelay(true)?;
    let start = Instant::now();
    for _ in 0..CALLS {
        stream.get_mut().write_all(call.as_bytes()).await?;
        let mut answer = String::new();
        while !answer.ends_with(end) {
            anyhow::ensure!(stream.read_line(&mut answer).await? > 0, "closed");
        }
    }
    Ok(start.elapsed() / CALLS)
}
