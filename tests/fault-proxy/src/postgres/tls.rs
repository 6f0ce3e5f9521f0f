//! The beginning of a Postgres connection: client and server agree whether it is encrypted. The proxy shows the client
//! the server's own certificate, so that channel binding (SCRAM-SHA-256-PLUS, `tls-server-end-point`) works end to end.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, ServerConfig};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::ending::End;

/// Asks for TLS: the message's length (8) and its code.
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// Asks for encryption by GSSAPI.
const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];

/// The server's identity and the authority that signed it, as PEM.
#[derive(Debug, Clone)]
pub struct PostgresTls {
    /// The server's own certificate, followed by its chain.
    pub certificate: String,
    /// Its private key.
    pub key: SecretString,
    /// The authority that has signed it.
    pub authority: String,
}

/// The certificate, the key or the authority cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Postgres certificate, key and authority are not PEM or do not belong together")]
pub struct BadPostgresTls;

/// TLS towards both sides.
#[derive(Debug, Clone)]
pub(crate) struct Sides {
    to_clients: Arc<ServerConfig>,
    to_server: Arc<ClientConfig>,
}

impl TryFrom<&PostgresTls> for Sides {
    type Error = BadPostgresTls;

    fn try_from(from: &PostgresTls) -> Result<Self, BadPostgresTls> {
        // This also installs the provider for the server side.
        let to_server =
            tls::client_config(tls::Authorities::PUBLIC.and(Some(&from.authority))).map_err(|_| BadPostgresTls)?;
        let chain = CertificateDer::pem_slice_iter(from.certificate.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|_| BadPostgresTls)?;
        let key = PrivateKeyDer::from_pem_slice(from.key.expose_secret().as_bytes()).map_err(|_| BadPostgresTls)?;
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
        let mut to_clients = config.map_err(|_| BadPostgresTls)?;
        // Postgres resumes no sessions.
        to_clients.session_storage = Arc::new(NoServerSessionStorage {});
        to_clients.send_tls13_tickets = 0;
        Ok(Self { to_clients: Arc::new(to_clients), to_server: Arc::new(to_server) })
    }
}

/// A connection on which both sides have agreed about encryption.
pub(crate) enum Greeted<'a> {
    Clear { client: &'a mut TcpStream, server: &'a mut TcpStream },
    Tls { client: Box<server::TlsStream<&'a mut TcpStream>>, server: Box<client::TlsStream<&'a mut TcpStream>> },
}

/// Agrees with both sides whether the connection is encrypted; it is on both or on none. `sent` is what the client has
/// sent already. Afterwards it is what the client has sent in clear and is not answered yet.
pub(crate) async fn greet<'a>(
    sides: &Sides,
    client: &'a mut TcpStream,
    server: &'a mut TcpStream,
    sent: &mut BytesMut,
) -> Result<Greeted<'a>, End> {
    loop {
        while sent.len() < TLS_REQUEST.len() {
            if client.read_buf(sent).await.map_err(|_| End::Close)? == 0 {
                return Err(End::Close);
            }
        }
        if sent.starts_with(&GSS_REQUEST) {
            sent.advance(GSS_REQUEST.len());
            client.write_all(b"N").await.map_err(|_| End::Close)?;
            continue;
        }
        // Nothing may follow the request before it is answered.
        if sent[..] != TLS_REQUEST {
            return Ok(Greeted::Clear { client, server });
        }
        server.write_all(&TLS_REQUEST).await.map_err(|_| End::Reset)?;
        let answer = server.read_u8().await.map_err(|_| End::Reset)?;
        if answer == b'S' {
            break;
        }
        sent.clear();
        client.write_u8(answer).await.map_err(|_| End::Close)?;
        if answer != b'N' {
            // The beginning of an error message. The rest follows in clear.
            return Ok(Greeted::Clear { client, server });
        }
    }
    sent.clear();
    let name = ServerName::from(server.peer_addr().map_err(|_| End::Reset)?.ip());
    let server =
        TlsConnector::from(Arc::clone(&sides.to_server)).connect(name, server).await.map_err(|_| End::Reset)?;
    client.write_u8(b'S').await.map_err(|_| End::Close)?;
    let client = TlsAcceptor::from(Arc::clone(&sides.to_clients)).accept(client).await.map_err(|_| End::Reset)?;
    Ok(Greeted::Tls { client: Box::new(client), server: Box::new(server) })
}
