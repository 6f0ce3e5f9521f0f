//! What every HTTP client of ours needs: one way to build it, answers bounded in size and time, and transport errors
//! that name what happened without repeating a URL, a header or a body.

#![warn(missing_docs)]

mod error;

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use reqwest::{ClientBuilder, RequestBuilder, StatusCode, header::HeaderMap};

pub use error::{ConnectError, TransportCodes, TransportError};

/// The size limit of an answer. All answers that we use are much smaller.
pub const MAX_BODY: usize = 4 * 1024 * 1024;
/// The time limit for opening a connection. The whole call has its own limit.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client whose calls take at most `timeout`, from connecting to the last byte. It follows no redirects: the vendors'
/// APIs do not redirect, and a redirect would send a credential elsewhere.
///
/// # Panics
/// Never in practice: the configuration is constant.
#[must_use]
pub fn client(timeout: Duration) -> reqwest::Client {
    builder(timeout).build().expect("a client of constants builds")
}

/// The same, which trusts the authorities in `ca_pem` as well.
///
/// # Panics
/// Never in practice: the configuration is constant.
pub fn client_trusting(timeout: Duration, ca_pem: Option<&str>) -> Result<reqwest::Client, tls::BadCaBundle> {
    Ok(trusting(timeout, ca_pem)?.build().expect("a client of constants builds"))
}

/// The same as [`client`], with a new connection for every call. It is used to check whether the other side can be reached: a
/// connection from an earlier call may have died while the process was frozen.
///
/// # Panics
/// Never in practice: the configuration is constant.
#[must_use]
pub fn client_without_reuse(timeout: Duration) -> reqwest::Client {
    builder(timeout).pool_max_idle_per_host(0).build().expect("a client of constants builds")
}

/// The same, which trusts the authorities in `ca_pem` as well.
///
/// # Panics
/// Never in practice: the configuration is constant.
pub fn client_without_reuse_trusting(
    timeout: Duration,
    ca_pem: Option<&str>,
) -> Result<reqwest::Client, tls::BadCaBundle> {
    Ok(trusting(timeout, ca_pem)?.pool_max_idle_per_host(0).build().expect("a client of constants builds"))
}

fn builder(timeout: Duration) -> ClientBuilder {
    trusting(timeout, None).expect("there is no bundle to refuse")
}

fn trusting(timeout: Duration, ca_pem: Option<&str>) -> Result<ClientBuilder, tls::BadCaBundle> {
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client_config(tls::Authorities::PUBLIC.and(ca_pem))?)
        .user_agent(concat!("ivory-control-plane/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none()))
}

/// A complete answer with any status.
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most [`MAX_BODY`] bytes.
    pub body: Bytes,
}

/// Headers and body may hold credentials: a vendor's answer may be about keys.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// The body as JSON, or `None` if it does not have that shape.
    #[must_use]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A header's value, if the header is present once and printable.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Sends a request and reads the whole answer.
pub fn send(request: RequestBuilder) -> BoxFuture<'static, Result<Answer, TransportError>> {
    send_within(request, MAX_BODY)
}

/// Sends a request and reads the whole answer. The body may have up to `max_body` bytes.
// Boxed: compiled in this crate only, not in each one that awaits it.
pub fn send_within(request: RequestBuilder, max_body: usize) -> BoxFuture<'static, Result<Answer, TransportError>> {
    Box::pin(async move {
        let mut response = request.send().await.map_err(|error| TransportError::of(&error))?;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| TransportError::of(&error))? {
            if body.len() + chunk.len() > max_body {
                return Err(TransportError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: response.status(), headers: response.headers().clone(), body: body.freeze() })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use domain::{CauseCode, FailureKind};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// The codes of a system.
    const CODES: TransportCodes = TransportCodes {
        unreachable: CauseCode::StripeUnreachable,
        untrusted: CauseCode::StripeUntrusted,
        timeout: CauseCode::StripeTimeout,
        connection_lost: CauseCode::StripeConnectionLost,
        answer_too_large: CauseCode::StripeAnswerTooLarge,
        bad_configuration: CauseCode::StripeBadConfiguration,
    };

    /// A server that reads one request and answers with these bytes, then closes.
    async fn server(answer: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(&answer).await;
        });
        url
    }

    #[tokio::test]
    async fn a_request_with_a_cut_answer_may_have_had_an_effect() {
        let url = server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec()).await;
        let error = send(client(Duration::from_secs(2)).get(url)).await.expect_err("cut");
        assert_eq!(error, TransportError::Broken);
        assert!(error.may_have_had_effect());
    }

    #[tokio::test]
    async fn a_refused_connection_had_no_effect() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        drop(listener);
        let error = send(client(Duration::from_secs(2)).get(url)).await.expect_err("refused");
        assert_eq!(error, TransportError::Connect(ConnectError::Refused));
        assert!(!error.may_have_had_effect());
    }

    #[tokio::test]
    async fn an_unknown_name_has_its_own_error() {
        let error = send(client(Duration::from_secs(10)).get("http://does-not-exist.invalid/")).await;
        assert_eq!(error.expect_err("unknown"), TransportError::Connect(ConnectError::Unresolved));
    }

    #[tokio::test]
    async fn a_server_without_tls_fails_the_handshake() {
        for answer in ["HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", ""] {
            let url = server(answer.into()).await.replace("http:", "https:");
            let error = send(client(Duration::from_secs(2)).get(url)).await.expect_err("no TLS");
            assert_eq!(error, TransportError::Connect(ConnectError::Tls), "{answer}");
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_to_a_server_that_is_not_trusted() {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        tls::install_provider();
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![made.cert.der().clone()], key).expect("they belong together");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("https://{}/", listener.local_addr().expect("bound"));
        let served = tokio::spawn(async move {
            let (socket, _) = listener.accept().await.expect("a connection");
            acceptor.accept(socket).await.is_ok()
        });
        let error = send(client(Duration::from_secs(2)).get(url)).await.expect_err("nobody vouches for it");
        assert!(!served.await.expect("it ends"), "the handshake was completed");
        let TransportError::Untrusted(distrust) = &error else { panic!("{error:?}") };
        assert!(!error.may_have_had_effect());
        let name = "CN=rcgen self signed cert";
        assert_eq!((&*distrust.subject, &*distrust.issuer), (name, name));
        let failure = error.failure(&CODES);
        assert_eq!((failure.code(), failure.kind()), (CODES.untrusted, FailureKind::Rejected));
        assert!(failure.hint().contains(&format!("subject \"{name}\", issuer \"{name}\"")), "{failure}");
    }

    #[tokio::test]
    async fn without_tls_no_handshake_fails() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        let listener = listener.into_std().expect("it has no connection yet");
        // On another thread: a server that runs in turns with the client would be too late.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("it is one");
                while let Ok((socket, _)) = listener.accept().await {
                    socket.set_zero_linger().expect("dropped, it is reset");
                }
            });
        });
        // It varies whether the reset arrives while the connection is opened or after that.
        for _ in 0..100 {
            let error = send(client_without_reuse(Duration::from_secs(2)).get(&url)).await.expect_err("reset");
            let known = [TransportError::Connect(ConnectError::Other), TransportError::Broken];
            assert!(known.contains(&error), "{error:?}");
        }
    }

    #[tokio::test]
    async fn every_call_can_have_its_own_connection() {
        for (client, expected) in
            [(client(Duration::from_secs(2)), 1), (client_without_reuse(Duration::from_secs(2)), 2)]
        {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let url = format!("http://{}/", listener.local_addr().expect("bound"));
            let connections = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&connections);
            tokio::spawn(async move {
                while let Ok((mut socket, _)) = listener.accept().await {
                    counted.fetch_add(1, Ordering::Relaxed);
                    tokio::spawn(async move {
                        while socket.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                        }
                    });
                }
            });
            for _ in 0..2 {
                send(client.get(&url)).await.expect("an answer");
                // A separate task puts the connection back into the pool.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert_eq!(connections.load(Ordering::Relaxed), expected);
        }
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut_off() {
        let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        answer.resize(MAX_BODY + 1024, b'x');
        let url = server(answer).await;
        let error = send(client(Duration::from_secs(5)).get(url)).await.expect_err("too large");
        assert_eq!(error, TransportError::TooLarge);
    }

    #[tokio::test]
    async fn a_caller_may_allow_less() {
        let answer = || b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".to_vec();
        let request =
            async |limit| send_within(client(Duration::from_secs(2)).get(server(answer()).await), limit).await;
        assert_eq!(request(3).await.expect("as many as allowed").body, "abc");
        assert_eq!(request(2).await.expect_err("too large"), TransportError::TooLarge);
    }

    #[tokio::test]
    async fn no_answer_is_a_timeout() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        let error = send(client(Duration::from_millis(100)).get(url)).await.expect_err("silence");
        assert_eq!(error, TransportError::Timeout);
        drop(listener);
    }
}
