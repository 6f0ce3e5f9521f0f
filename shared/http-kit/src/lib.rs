//! What every HTTP client of ours needs: one way to build it, answers bounded in size and time, and transport errors
//! that name what happened without repeating a URL, a header or a body.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use domain::{Failure, FailureKind, Owner};
use reqwest::{RequestBuilder, StatusCode, header::HeaderMap};

/// An answer is read up to this many bytes: no vendor's answer that we use comes near it.
pub const MAX_BODY: usize = 4 * 1024 * 1024;
/// Time to open a connection; the whole call has its own limit.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client whose calls take at most `timeout` from connect to the last byte. It follows no redirects: none of the
/// vendors' APIs redirects, and a redirect would carry a credential elsewhere.
///
/// # Panics
/// Never in practice: the configuration is constant.
#[must_use]
pub fn client(timeout: Duration) -> reqwest::Client {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client_config(None).expect("the compiled-in roots are valid"))
        .user_agent(concat!("ivory-control-plane/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client of constants builds")
}

/// What went wrong before there was an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection: refused, unknown host, or TLS failed. The request was never sent.
    #[error("no connection")]
    Connect,
    /// No answer in time: the request may have had its effect.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke after the request was sent: it may have had its effect.
    #[error("the connection broke")]
    Broken,
    /// An answer of more bytes than [`MAX_BODY`], or than the caller allows.
    #[error("the answer is too large")]
    TooLarge,
    /// The request could not be built: a URL or a header value that is none.
    #[error("the request could not be built")]
    Unsendable,
}

impl TransportError {
    /// Whether the other side may have acted on the request.
    #[must_use]
    pub fn may_have_had_effect(self) -> bool {
        match self {
            Self::Timeout | Self::Broken | Self::TooLarge => true,
            Self::Connect | Self::Unsendable => false,
        }
    }

    /// This error as the pipeline sees it; `system` names the other side in the cause's code, e.g. `stripe_timeout`.
    #[must_use]
    pub fn failure(self, system: &str) -> Failure {
        let (kind, code, owner, hint) = match self {
            Self::Connect => (
                FailureKind::Transient,
                "unreachable",
                Owner::Platform,
                "could not be reached; check its address, the network path and its status page",
            ),
            Self::Timeout => {
                (FailureKind::Transient, "timeout", Owner::Provider, "did not answer in time; it is tried again")
            }
            Self::Broken => (
                FailureKind::Transient,
                "connection_lost",
                Owner::Provider,
                "closed the connection before its answer was complete; it is tried again",
            ),
            Self::TooLarge => (
                FailureKind::Rejected,
                "answer_too_large",
                Owner::Provider,
                "sent an answer larger than any it documents; check that its address is the right one",
            ),
            Self::Unsendable => (
                FailureKind::Internal,
                "bad_configuration",
                Owner::Platform,
                "cannot be called with the configured address and credential; check both",
            ),
        };
        Failure::new(kind, &format!("{system}_{code}"), owner, &format!("{system} {hint}."))
    }
}

/// A complete answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most [`MAX_BODY`] bytes.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON, or nothing where it is not of that shape.
    #[must_use]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A header's value, if it is there once and printable.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Retry-After` in seconds (the date form is not used by any of the vendors).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
    }
}

/// Sends a request and reads the whole answer.
pub async fn send(request: RequestBuilder) -> Result<Answer, TransportError> {
    send_within(request, MAX_BODY).await
}

/// Sends a request and reads the whole answer, whose body may have up to `max_body` bytes.
pub async fn send_within(request: RequestBuilder, max_body: usize) -> Result<Answer, TransportError> {
    let mut response = request.send().await.map_err(|error| name(&error))?;
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| name(&error))? {
        if body.len() + chunk.len() > max_body {
            return Err(TransportError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status: response.status(), headers: response.headers().clone(), body: body.freeze() })
}

fn name(error: &reqwest::Error) -> TransportError {
    if error.is_builder() {
        TransportError::Unsendable
    } else if error.is_connect() {
        TransportError::Connect
    } else if error.is_timeout() {
        TransportError::Timeout
    } else {
        TransportError::Broken
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

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
    async fn a_cut_answer_may_have_had_effect() {
        let url = server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec()).await;
        let error = send(client(Duration::from_secs(2)).get(url)).await.expect_err("cut");
        assert_eq!(error, TransportError::Broken);
        assert!(error.may_have_had_effect());
    }

    #[tokio::test]
    async fn a_refused_connection_had_none() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        drop(listener);
        let error = send(client(Duration::from_secs(2)).get(url)).await.expect_err("refused");
        assert_eq!(error, TransportError::Connect);
        assert!(!error.may_have_had_effect());
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
