//! An issuer for the tests.

use std::fmt::Display;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokens::Now;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

/// The time of the tests.
pub fn now() -> Now {
    Now(Duration::from_secs(test_tokens::NOW))
}

/// An issuer's server, which counts the requests.
pub struct Server {
    url: Url,
    requests: Arc<AtomicUsize>,
    /// `None`: it takes requests and does not answer.
    answer: Arc<Mutex<Option<String>>>,
}

impl Server {
    pub async fn start(status: u16, body: impl Display) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/jwks", listener.local_addr().expect("bound")).parse().expect("a URL");
        let server = Self { url, requests: Arc::default(), answer: Arc::default() };
        server.answer(status, &body);
        let (requests, answer) = (Arc::clone(&server.requests), Arc::clone(&server.answer));
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((mut socket, _)) = listener.accept().await {
                let _ = socket.read(&mut [0; 4096]).await;
                requests.fetch_add(1, Ordering::SeqCst);
                let answer = answer.lock().expect("not poisoned").clone();
                match answer {
                    Some(answer) => drop(socket.write_all(answer.as_bytes()).await),
                    None => silent.push(socket),
                }
            }
        });
        server
    }

    /// A URL on which no server listens.
    pub async fn nowhere() -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        format!("http://{}/jwks", listener.local_addr().expect("bound")).parse().expect("a URL")
    }

    pub fn url(&self) -> Url {
        self.url.clone()
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// From now on, answers like this. A redirect leads back to this server.
    pub fn answer(&self, status: u16, body: &(impl Display + ?Sized)) {
        self.answer_with(status, "", body);
    }

    /// The same, with more lines in its head.
    pub fn answer_with(&self, status: u16, headers: &str, body: &(impl Display + ?Sized)) {
        let (body, url) = (body.to_string(), &self.url);
        let more = if headers.is_empty() { String::new() } else { format!("{headers}\r\n") };
        let answer = format!(
            "HTTP/1.1 {status} Any\r\nLocation: {url}\r\n{more}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        *self.answer.lock().expect("not poisoned") = Some(answer);
    }

    /// A server over TLS that always answers like this: its address, and the authority that vouches for it alone.
    pub async fn over_tls(body: impl Display) -> (Url, String) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("ring has them").with_no_client_auth();
        let config = config.with_single_cert(vec![made.cert.der().clone()], key).expect("they belong together");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("https://{}/jwks", listener.local_addr().expect("bound")).parse().expect("a URL");
        let body = body.to_string();
        let answer = format!("HTTP/1.1 200 Any\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let Ok(mut socket) = acceptor.accept(socket).await else { continue };
                let _ = socket.read(&mut [0; 4096]).await;
                let _ = socket.write_all(answer.as_bytes()).await;
                let _ = socket.shutdown().await;
            }
        });
        (url, made.cert.pem())
    }

    /// From now on, does not answer.
    pub fn hang(&self) {
        *self.answer.lock().expect("not poisoned") = None;
    }
}
