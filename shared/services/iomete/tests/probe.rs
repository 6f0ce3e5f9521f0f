//! The probe against servers that answer in all ways that the probe distinguishes.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use iomete::{Iomete, ProbeError};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const TOKEN: &str = "iomete-token-of-the-tests";
const CATALOG: &str = "/catalogs/ivory";
const CONFIG: &str =
    r#"{"defaults":{"clients":"4"},"overrides":{"prefix":"p"},"endpoints":["GET /v1/{prefix}/namespaces"]}"#;
/// More time than any answer takes here, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// A limit that is short enough for a test to wait for it.
const TIMEOUT: Duration = Duration::from_millis(500);

async fn probe(base_url: &str) -> Result<(), ProbeError> {
    Iomete::new(base_url, TOKEN.into(), PATIENCE).probe().await
}

async fn probe_briefly(base_url: &str) -> Result<(), ProbeError> {
    Iomete::new(base_url, TOKEN.into(), TIMEOUT).probe().await
}

/// Starts a server that hands every connection to `answer` after its request has arrived. Returns its base URL.
async fn server<F: Future<Output = ()> + Send>(answer: impl Fn(TcpStream) -> F + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}{CATALOG}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let _ = socket.read(&mut [0; 4096]).await;
            answer(socket).await;
        }
    });
    url
}

/// The probe's result for this answer, after which the connection is closed.
async fn answered(bytes: impl Into<Vec<u8>>) -> Result<(), ProbeError> {
    let bytes = bytes.into();
    let url = server(move |mut socket| {
        let bytes = bytes.clone();
        async move {
            let _ = socket.write_all(&bytes).await;
        }
    });
    probe(&url.await).await
}

fn response(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[track_caller]
fn is(result: Result<(), ProbeError>, error: ProbeError, text: &str) {
    assert_eq!(result, Err(error));
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn a_catalog_answers() {
    let config = |headers: HeaderMap| async move {
        let allowed = headers.get("authorization").is_some_and(|it| *it == format!("Bearer {TOKEN}"));
        if allowed { (StatusCode::OK, CONFIG) } else { (StatusCode::UNAUTHORIZED, "") }
    };
    let router = Router::new().route(&format!("{CATALOG}/v1/config"), get(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}{CATALOG}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    assert_eq!(probe(&url).await, Ok(()));
    assert_eq!(probe(&format!("{url}/")).await, Ok(()), "a trailing slash");
    is(probe(&format!("{url}2")).await, ProbeError::Status(404), "HTTP status 404");
    let stranger = Iomete::new(&url, "wrong".into(), PATIENCE).probe().await;
    is(stranger, ProbeError::Status(401), "HTTP status 401");
}

#[tokio::test]
async fn a_status_is_reported_only_as_its_number() {
    for status in [302, 400, 401, 403, 404, 419, 429, 500, 503] {
        let answer = answered(response(status, CONFIG)).await;
        is(answer, ProbeError::Status(status), &format!("HTTP status {status}"));
    }
}

#[tokio::test]
async fn a_success_without_a_configuration_is_unexpected() {
    let bodies = [
        "",
        "<html>Sign in</html>",
        "null",
        "[{},{}]",
        "{}",
        r#"{"defaults":{}}"#,
        r#"{"overrides":{}}"#,
        r#"{"defaults":null,"overrides":null}"#,
        r#"{"defaults":{},"overrides":[]}"#,
    ];
    for body in bodies {
        is(answered(response(200, body)).await, ProbeError::UnexpectedAnswer, "unexpected answer");
    }
    assert_eq!(answered(response(200, r#"{"defaults":{},"overrides":{}}"#)).await, Ok(()));
    is(answered("HTTP/1.1 204 No Content\r\n\r\n").await, ProbeError::UnexpectedAnswer, "unexpected answer");
}

#[tokio::test]
async fn an_answer_too_large_is_unexpected() {
    let body = format!(r#"{{"defaults":{{}},"overrides":{{}},"x":"{}"}}"#, "x".repeat(http_kit::MAX_BODY));
    let url = server(move |mut socket| {
        let answer = response(200, &body);
        async move {
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    is(probe(&url.await).await, ProbeError::UnexpectedAnswer, "unexpected answer");
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}{CATALOG}", listener.local_addr().expect("bound"));
    drop(listener);
    is(probe(&url).await, ProbeError::Refused, "connection refused");
}

#[tokio::test]
async fn an_unknown_name_is_not_resolved() {
    is(probe("https://does-not-exist.invalid/catalogs/x").await, ProbeError::Unresolved, "name not resolved");
}

/// The time limit is the same for a server that stops at the start of its answer or in the middle of it.
#[tokio::test]
async fn silence_is_a_timeout() {
    for said in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{\"defaults\":"] {
        let url = server(move |mut socket| async move {
            let _ = socket.write_all(said.as_bytes()).await;
            std::future::pending::<()>().await;
        });
        let url = url.await;
        let started = Instant::now();
        is(probe_briefly(&url).await, ProbeError::Timeout, "connection timeout");
        assert!((TIMEOUT..TIMEOUT * 6).contains(&started.elapsed()), "{:?} after {said:?}", started.elapsed());
    }
}

/// A body that arrives slowly and never ends does not extend the time.
#[tokio::test]
async fn a_trickle_is_a_timeout() {
    let url = server(|mut socket| async move {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while socket.write_all(b" ").await.is_ok() {
            tokio::time::sleep(TIMEOUT / 10).await;
        }
    });
    is(probe_briefly(&url.await).await, ProbeError::Timeout, "connection timeout");
}

/// The connection stays in the backlog: the kernel has opened it, and no data arrives.
#[tokio::test]
async fn a_connection_that_is_not_accepted_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    is(probe_briefly(&format!("http://{address}{CATALOG}")).await, ProbeError::Timeout, "connection timeout");
    is(probe_briefly(&format!("https://{address}{CATALOG}")).await, ProbeError::Timeout, "connection timeout");
}

#[tokio::test]
async fn a_connection_can_be_closed_early() {
    let complete = response(200, CONFIG);
    for cut in [0, 5, complete.len() - 1] {
        is(answered(&complete[..cut]).await, ProbeError::Closed, "connection closed");
    }
}

#[tokio::test]
async fn a_server_without_tls_fails_the_handshake() {
    for said in [response(400, "The plain HTTP request was expected"), String::new()] {
        let url = server(move |mut socket| {
            let said = said.clone();
            async move {
                let _ = socket.write_all(said.as_bytes()).await;
            }
        });
        is(probe(&url.await.replace("http:", "https:")).await, ProbeError::Tls, "TLS handshake failed");
    }
}

#[tokio::test]
async fn an_untrusted_certificate_is_not_accepted() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a configuration");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let served = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a connection");
        let mut connection = rustls::ServerConnection::new(Arc::new(config)).expect("a connection");
        let mut stream = rustls::Stream::new(&mut connection, &mut socket);
        let mut request = [0; 4096];
        let read = stream.read(&mut request).ok()?;
        let _ = stream.write_all(response(200, CONFIG).as_bytes());
        Some(String::from_utf8_lossy(&request[..read]).into_owned())
    });
    let result = probe(&format!("https://localhost:{port}{CATALOG}")).await;
    is(result, ProbeError::Untrusted, "certificate not trusted");
    assert_eq!(served.join().expect("served"), None, "the token was sent to an untrusted server");
}

#[tokio::test]
async fn a_request_that_cannot_be_built_is_a_bad_configuration() {
    is(probe("console.example.com/catalogs/ivory").await, ProbeError::BadConfiguration, "bad configuration");
    let broken = Iomete::new("http://127.0.0.1:1", "two\nlines".into(), PATIENCE).probe().await;
    is(broken, ProbeError::BadConfiguration, "bad configuration");
}
