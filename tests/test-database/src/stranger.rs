//! Servers that speak as much of Postgres as it takes to log in, with whatever certificate a test wants.

use std::sync::Arc;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, DnValue, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrets::DatabaseSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The beginning of a Postgres connection asks for TLS in this many bytes.
const TLS_REQUEST: usize = 8;
/// No password is asked for, and the server is ready.
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";

/// A certificate authority with a key of its own.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A root of the name that both roots of Supabase have.
    pub fn named_as_supabases() -> Result<Self> {
        let mut name = DistinguishedName::new();
        // As Supabase's are encoded: names are compared byte by byte.
        name.push(DnType::CountryName, DnValue::PrintableString("US".try_into()?));
        name.push(DnType::StateOrProvinceName, "Delware");
        name.push(DnType::LocalityName, "New Castle");
        name.push(DnType::OrganizationName, "Supabase Inc");
        name.push(DnType::CommonName, "Supabase Root 2021 CA");
        Self::root(name)
    }

    /// A root that has only a common name.
    pub fn named(common_name: &str) -> Result<Self> {
        Self::root(common(common_name))
    }

    fn root(name: DistinguishedName) -> Result<Self> {
        Ok(Self(CertifiedIssuer::self_signed(params(name), KeyPair::generate()?)?))
    }

    /// An authority below this one.
    pub fn subordinate(&self, common_name: &str) -> Result<Self> {
        Ok(Self(CertifiedIssuer::signed_by(params(common(common_name)), KeyPair::generate()?, &self.0)?))
    }

    /// Its certificate.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }
}

fn common(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn params(name: DistinguishedName) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A certificate for this host.
pub fn certificate(host: &str) -> Result<CertificateParams> {
    let mut params = CertificateParams::new([host.to_owned()])?;
    params.distinguished_name = common(host);
    Ok(params)
}

/// Starts a server that shows this certificate and those of the authorities above it, and lets everybody in who asks.
/// Returns how to connect.
pub async fn stranger(certificate: CertificateParams, above: &[&Authority]) -> Result<DatabaseSecret> {
    let key = KeyPair::generate()?;
    let own = certificate.signed_by(&key, &above[0].0)?.der().clone();
    let above = above.iter().map(|authority| authority.0.der().clone());
    let chain: Vec<CertificateDer<'static>> = std::iter::once(own).chain(above).collect();
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let acceptor = TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key)?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            // A client that leaves is no error.
            tokio::spawn(async move { welcome(&acceptor, socket).await.ok() });
        }
    });
    Ok(DatabaseSecret {
        host: "127.0.0.1".to_owned(),
        port,
        dbname: "postgres".to_owned(),
        username: "postgres".to_owned(),
        password: "never sent".into(),
        ca_pem: None,
    })
}

async fn welcome(acceptor: &TlsAcceptor, mut socket: TcpStream) -> Result<()> {
    socket.read_exact(&mut [0; TLS_REQUEST]).await?;
    socket.write_all(b"S").await?;
    let mut socket = acceptor.accept(socket).await?;
    // The startup message is a single record of TLS; what it says does not matter.
    let mut startup = Vec::with_capacity(512);
    socket.read_buf(&mut startup).await?;
    socket.write_all(WELCOME).await?;
    // Until the client leaves.
    socket.read_to_end(&mut startup).await?;
    Ok(())
}
