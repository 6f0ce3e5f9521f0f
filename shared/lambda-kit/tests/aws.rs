//! Whom the client of AWS trusts, and how it is told where AWS is.

#![allow(clippy::disallowed_methods, reason = "the test that starts itself again says so to itself in the environment")]
#![allow(clippy::disallowed_types, reason = "a test opens a need itself")]

use std::env;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use domain::CauseCode;
use lambda_kit::{Platform, Read, Settings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use secrecy::ExposeSecret as _;
use secrets::StripeSecret;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const ANSWER: &str = r#"{"SecretString":"{\"secret_key\":\"sk_test_of_a_test\"}"}"#;

/// A Secrets Manager with one secret, whose certificate an authority of its own has issued.
struct Server {
    url: String,
    authority: String,
    requests: Arc<AtomicUsize>,
}

impl Server {
    async fn start() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let own = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &authority)?.der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let acceptor = TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(vec![own], key)?));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // Whoever does not trust the server leaves here.
                let Ok(mut socket) = acceptor.accept(socket).await else { continue };
                let mut request = [0; 16 * 1024];
                if socket.read(&mut request).await.is_ok_and(|read| read > 0) {
                    counted.fetch_add(1, Ordering::Relaxed);
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close", ANSWER.len());
                    socket.write_all(format!("{head}\r\n\r\n{ANSWER}").as_bytes()).await.ok();
                    socket.shutdown().await.ok();
                }
            }
        });
        Ok(Self { url, authority: authority.pem(), requests })
    }

    /// What a function reads from it that has these variables besides the usual ones.
    async fn secret(&self, more: &[(&str, &str)]) -> Result<String, CauseCode> {
        let usual = [
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "example"),
            ("AWS_ENDPOINT_URL", &self.url),
        ];
        let all = usual.iter().chain(more).map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let platform = Platform::with("a-test", all.collect::<Settings>());
        let secret: Read<StripeSecret> = platform.open().expect("nothing else is needed");
        let read = secret.read().await.map_err(|failure| failure.code())?;
        Ok(read.secret_key.expose_secret().to_owned())
    }
}

/// `SSL_CERT_FILE` is where the system's store is looked for by whoever reads it, so this test starts itself again with a store
/// that vouches for the server. Another variable tells it so: the first one may be set, and then it names the store of this
/// machine.
#[tokio::test]
async fn the_systems_roots_are_not_read() -> Result<()> {
    const STORE: &str = "STORE_OF_THE_TEST";
    let Ok(store) = env::var(STORE) else {
        let store = NamedTempFile::new()?;
        let mut again = Command::new(env::current_exe()?);
        again.args(["--exact", "the_systems_roots_are_not_read"]);
        let again = again.env("SSL_CERT_FILE", store.path()).env(STORE, store.path()).output()?;
        ensure!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
        return Ok(());
    };
    let server = Server::start().await?;
    fs::write(store, &server.authority)?;
    assert_eq!(server.secret(&[]).await, Err(CauseCode::SecretsUnavailable));
    assert_eq!(server.requests.load(Ordering::Relaxed), 0, "it is told nothing");
    Ok(())
}

/// As behind a proxy that opens TLS.
#[tokio::test]
async fn an_authority_in_the_given_bundle_is_trusted_and_no_other() -> Result<()> {
    let [server, other] = [Server::start().await?, Server::start().await?];
    let bundle = NamedTempFile::new()?;
    fs::write(&bundle, &server.authority)?;
    let bundle = bundle.path().to_str().context("a path")?;
    assert_eq!(server.secret(&[("AWS_CA_BUNDLE", bundle)]).await.as_deref(), Ok("sk_test_of_a_test"));
    assert_eq!(other.secret(&[("AWS_CA_BUNDLE", bundle)]).await, Err(CauseCode::SecretsUnavailable));
    assert_eq!(other.requests.load(Ordering::Relaxed), 0, "it is told nothing");
    // One that cannot be read, or holds none, adds nobody.
    for useless in ["/nowhere", file!()] {
        assert_eq!(server.secret(&[("AWS_CA_BUNDLE", useless)]).await, Err(CauseCode::SecretsUnavailable));
    }
    Ok(())
}

#[tokio::test]
async fn a_services_own_address_counts_before_the_common_one() -> Result<()> {
    let server = Server::start().await?;
    let bundle = NamedTempFile::new()?;
    fs::write(&bundle, &server.authority)?;
    let own = [
        ("AWS_CA_BUNDLE", bundle.path().to_str().context("a path")?),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &server.url),
    ];
    assert_eq!(server.secret(&own).await.as_deref(), Ok("sk_test_of_a_test"));
    Ok(())
}
