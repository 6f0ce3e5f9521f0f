//! A proxy in this process, and small servers behind it.
#![allow(dead_code, reason = "every test file is a separate crate and uses only a part of this")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::{any, get, post};
use fault_proxy::client::{Client, Rule, UpstreamKind};
use fault_proxy::{Config, PostgresTls, Running, UpstreamConfig, start};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A time limit that no test here reaches.
pub const SOON: Duration = Duration::from_secs(5);
/// How long the slow effects take.
pub const SLOW: Duration = Duration::from_millis(200);

/// A proxy before one upstream, called `system`.
pub struct Cloud {
    pub proxy: Running,
    pub control: Client,
    /// Where the upstream itself listens.
    pub target: SocketAddr,
    /// Where the proxy listens for `system`.
    pub address: SocketAddr,
    /// How often the upstream has had an effect.
    pub effects: Arc<AtomicU64>,
}

impl Cloud {
    pub async fn before(kind: UpstreamKind, target: SocketAddr, effects: Arc<AtomicU64>) -> anyhow::Result<Self> {
        let postgres = if kind == UpstreamKind::Postgres { Some(certificate()?) } else { None };
        Self::with_certificate(kind, target, effects, postgres).await
    }

    pub async fn with_certificate(
        kind: UpstreamKind,
        target: SocketAddr,
        effects: Arc<AtomicU64>,
        postgres: Option<PostgresTls>,
    ) -> anyhow::Result<Self> {
        let upstreams = vec![UpstreamConfig { name: "system".to_owned(), kind, target }];
        let proxy = start(Config { control_port: 0, upstreams, postgres }).await?;
        let control = Client::of(proxy.ready())?;
        let address = proxy.ready().upstreams["system"];
        Ok(Self { proxy, control, target, address, effects })
    }

    /// A proxy before a web server.
    pub async fn http() -> anyhow::Result<Self> {
        let (target, effects) = http_upstream().await?;
        Self::before(UpstreamKind::Http, target, effects).await
    }

    /// A proxy before a RESP server.
    pub async fn resp() -> anyhow::Result<Self> {
        let (target, effects) = resp_upstream().await?;
        Self::before(UpstreamKind::Tcp, target, effects).await
    }

    /// A proxy before a server that speaks Postgres' protocol, without TLS and without databases.
    pub async fn postgres() -> anyhow::Result<Self> {
        let (target, effects) = postgres_upstream().await?;
        Self::before(UpstreamKind::Postgres, target, effects).await
    }

    /// A proxy before a server that returns what it has read in capitals.
    pub async fn bytes() -> anyhow::Result<Self> {
        let (target, effects) = bytes_upstream().await?;
        Self::before(UpstreamKind::Tcp, target, effects).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn effects(&self) -> u64 {
        self.effects.load(Ordering::SeqCst)
    }

    pub async fn connect(&self) -> anyhow::Result<TcpStream> {
        Ok(TcpStream::connect(self.address).await?)
    }

    /// Makes a rule from the JSON of a `POST`.
    pub async fn rule(&self, matching: &str, action: &str) -> anyhow::Result<fault_proxy::RuleId> {
        let json = format!(r#"{{"upstream":"system","match":{matching},"action":{action}}}"#);
        let rule: Rule = serde_json::from_str(&json)?;
        Ok(self.control.add(&rule).await?)
    }

    /// Waits until nothing is held.
    pub async fn nothing_held(&self) -> anyhow::Result<()> {
        until(async || Ok(self.control.held().await?.is_empty())).await
    }
}

/// Waits for a condition.
pub async fn until<F: Future<Output = anyhow::Result<bool>>>(condition: impl Fn() -> F) -> anyhow::Result<()> {
    let poll = async {
        while !condition().await? {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    };
    tokio::time::timeout(SOON, poll).await?
}

/// Whether this is the end of a connection that was reset.
pub fn is_reset<T>(result: &std::io::Result<T>) -> bool {
    matches!(result, Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset)
}

/// Reads as many bytes as `expected` has, and compares them.
pub async fn expect(stream: &mut TcpStream, expected: &str) -> anyhow::Result<()> {
    let mut bytes = vec![0; expected.len()];
    tokio::time::timeout(SOON, stream.read_exact(&mut bytes)).await??;
    anyhow::ensure!(bytes == expected.as_bytes(), "{:?} instead of {expected:?}", String::from_utf8_lossy(&bytes));
    Ok(())
}

/// Expects that nothing can be read for a while.
pub async fn expect_silence(stream: &mut TcpStream) -> anyhow::Result<()> {
    let mut byte = [0; 1];
    let read = tokio::time::timeout(Duration::from_millis(50), stream.read(&mut byte)).await;
    anyhow::ensure!(read.is_err(), "{read:?}");
    Ok(())
}

async fn http_upstream() -> anyhow::Result<(SocketAddr, Arc<AtomicU64>)> {
    let effects = Arc::new(AtomicU64::new(0));
    let count = |effects: &AtomicU64| (effects.fetch_add(1, Ordering::SeqCst) + 1).to_string();
    let router = Router::new()
        .route("/effect", any(move |State(effects): State<Arc<AtomicU64>>, _: String| async move { count(&effects) }))
        .route(
            "/slow",
            post(move |State(effects): State<Arc<AtomicU64>>| async move {
                tokio::time::sleep(SLOW).await;
                count(&effects)
            }),
        )
        .route("/", any(async || "root"))
        .route("/large", get(async || vec![b'x'; 3 << 20]))
        .with_state(Arc::clone(&effects));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((address, effects))
}

async fn resp_upstream() -> anyhow::Result<(SocketAddr, Arc<AtomicU64>)> {
    let effects = Arc::new(AtomicU64::new(0));
    let address = serve(Arc::clone(&effects), async |stream: TcpStream, effects: Arc<AtomicU64>| {
        let mut stream = BufReader::new(stream);
        loop {
            let name = command(&mut stream).await?;
            let reply = match name.as_str() {
                "PING" => "+PONG\r\n".to_owned(),
                "LIST" => "*2\r\n$3\r\na\r\n\r\n:7\r\n".to_owned(),
                "PUSH" => ">1\r\n+news\r\n+OK\r\n".to_owned(),
                other => {
                    if other == "SLOW" {
                        slowly(stream.get_ref()).await?;
                    }
                    format!(":{}\r\n", effects.fetch_add(1, Ordering::SeqCst) + 1)
                }
            };
            // In two pieces, so that no reply is complete with the first read.
            let (first, second) = reply.split_at(2);
            stream.get_mut().write_all(first.as_bytes()).await?;
            tokio::task::yield_now().await;
            stream.get_mut().write_all(second.as_bytes()).await?;
        }
    });
    Ok((address.await?, effects))
}

/// Takes [`SLOW`], and gives up if the client has gone.
async fn slowly(client: &TcpStream) -> anyhow::Result<()> {
    let gone = async {
        while client.peek(&mut [0; 1]).await? > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::bail!("the client has gone")
    };
    tokio::select! {
        () = tokio::time::sleep(SLOW) => Ok(()),
        gone = gone => gone,
    }
}

/// Reads a command and returns its first word.
async fn command(stream: &mut BufReader<TcpStream>) -> anyhow::Result<String> {
    let mut line = String::new();
    anyhow::ensure!(stream.read_line(&mut line).await? > 0, "closed");
    let mut words = Vec::new();
    for _ in 0..line.trim_start_matches('*').trim().parse::<usize>()? {
        line.clear();
        stream.read_line(&mut line).await?;
        let mut word = vec![0; line.trim_start_matches('$').trim().parse::<usize>()? + 2];
        stream.read_exact(&mut word).await?;
        words.push(String::from_utf8_lossy(&word).trim().to_owned());
    }
    Ok(words.swap_remove(0))
}

/// A command as RESP.
pub fn encode(words: &[&str]) -> String {
    let words: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect::<Vec<_>>().concat();
    format!("*{}\r\n{words}", words.matches('$').count())
}

/// A self-signed certificate.
pub fn certificate() -> anyhow::Result<PostgresTls> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    let certificate = made.cert.pem();
    Ok(PostgresTls { authority: certificate.clone(), certificate, key: made.signing_key.serialize_pem().into() })
}

/// What a client of Postgres sends first.
pub const START_UP: &str = "\0\0\0\u{f}\0\u{3}\0\0user\0a\0";
/// The answer to that: `AuthenticationOk`, `ReadyForQuery`.
pub const STARTED: &str = "R\0\0\0\u{8}\0\0\0\0Z\0\0\0\u{5}I";

/// A message of Postgres' protocol, of at most 123 bytes.
pub fn message(kind: char, body: &str) -> String {
    let len = char::from(u8::try_from(body.len() + 4).unwrap_or_default());
    assert!(len.is_ascii(), "{body} is too long");
    format!("{kind}\0\0\0{len}{body}")
}

/// A simple query.
pub fn query(sql: &str) -> String {
    message('Q', &format!("{sql}\0"))
}

/// The answer to a call: `CommandComplete` with the number of the effect, `ReadyForQuery`.
pub fn completed(effect: u64) -> String {
    message('C', &format!("EFFECT {effect}\0")) + &message('Z', "I")
}

async fn postgres_upstream() -> anyhow::Result<(SocketAddr, Arc<AtomicU64>)> {
    let effects = Arc::new(AtomicU64::new(0));
    let address = serve(Arc::clone(&effects), async |mut stream: TcpStream, effects: Arc<AtomicU64>| {
        let mut first = vec![0; START_UP.len()];
        stream.read_exact(&mut first[..8]).await?;
        if first[..8] == *b"\0\0\0\x08\x04\xd2\x16\x2f" {
            stream.write_all(b"N").await?;
            stream.read_exact(&mut first[..8]).await?;
        }
        stream.read_exact(&mut first[8..]).await?;
        anyhow::ensure!(first == START_UP.as_bytes(), "{first:?}");
        stream.write_all(STARTED.as_bytes()).await?;
        loop {
            let kind = stream.read_u8().await?;
            let mut body = vec![0; usize::try_from(stream.read_u32().await?)? - 4];
            stream.read_exact(&mut body).await?;
            if body.starts_with(b"SLOW") {
                slowly(&stream).await?;
            }
            let reply = match kind {
                b'H' => message('1', ""),
                b'Q' | b'S' => completed(effects.fetch_add(1, Ordering::SeqCst) + 1),
                b'X' => return Ok(()),
                _ => continue,
            };
            // In two pieces, so that no reply is complete with the first read.
            let (first, second) = reply.split_at(3);
            stream.write_all(first.as_bytes()).await?;
            tokio::task::yield_now().await;
            stream.write_all(second.as_bytes()).await?;
        }
    });
    Ok((address.await?, effects))
}

async fn bytes_upstream() -> anyhow::Result<(SocketAddr, Arc<AtomicU64>)> {
    let effects = Arc::new(AtomicU64::new(0));
    let address = serve(Arc::clone(&effects), async |mut stream: TcpStream, effects: Arc<AtomicU64>| {
        let mut bytes = vec![0; 65536];
        loop {
            let len = stream.read(&mut bytes).await?;
            anyhow::ensure!(len > 0, "closed");
            if bytes[..len].starts_with(b"slow") {
                slowly(&stream).await?;
            }
            effects.fetch_add(1, Ordering::SeqCst);
            stream.write_all(&bytes[..len].to_ascii_uppercase()).await?;
        }
    });
    Ok((address.await?, effects))
}

async fn serve<F>(
    effects: Arc<AtomicU64>,
    connection: impl Fn(TcpStream, Arc<AtomicU64>) -> F + Send + Sync + 'static,
) -> anyhow::Result<SocketAddr>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true)?;
            tokio::spawn(connection(stream, Arc::clone(&effects)));
        }
        anyhow::Ok(())
    });
    Ok(address)
}
