//! The one TLS configuration of every connection we open ourselves: rustls over ring.
//!
//! The public roots are compiled in: loading a system's store costs 3 ms of every cold start, and the store of a Lambda
//! image has the same list. [`Authorities`] says which are trusted. A server that is not trusted is described by a
//! [`Distrust`], which [`distrust`] finds behind any error that a handshake leads to.

#![warn(missing_docs)]

mod authorities;
mod trust;

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring::kx_group::{SECP256R1, SECP384R1, X25519};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};

pub use authorities::{Authorities, BadCaBundle};
pub use trust::{Distrust, Reason, causes, distrust};

use crate::trust::Verifier;

/// Makes ring the process's provider. It must be called first in `main`. Calling it again does nothing.
pub fn install_provider() {
    // An error means that a provider is installed already, and ring is the only one linked.
    let _ = ring::default_provider().install_default();
}

/// The groups for the exchange of keys, the first of which a handshake begins with. A server that does not take that one asks
/// for another, which costs a round trip: Postgres takes only P-256 before version 18, if nobody told it otherwise.
const GROUPS: [&dyn SupportedKxGroup; 3] = [SECP256R1, X25519, SECP384R1];

/// A client configuration that trusts these authorities. It remembers its sessions, so a server that keeps them is met
/// again with a shorter handshake by whoever uses the same configuration.
///
/// # Panics
/// Never: ring supports the protocol versions asked for, and there are public roots.
pub fn client_config(authorities: Authorities<'_>) -> Result<ClientConfig, BadCaBundle> {
    install_provider();
    let roots = Arc::new(authorities.roots()?);
    let provider = Arc::new(CryptoProvider { kx_groups: GROUPS.into(), ..ring::default_provider() });
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        // What rustls calls dangerous is that a verifier may be wrong. Ours only adds words to what webpki decides.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier::new(verifier.expect("there are roots"))));
    Ok(config.with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use rustls::{ClientConnection, HandshakeKind, ServerConfig, ServerConnection};

    use super::*;

    #[test]
    fn public_roots_alone_are_enough() {
        assert!(client_config(Authorities::PUBLIC).is_ok());
    }

    /// How a client with this configuration meets the server.
    fn met(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> HandshakeKind {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut client = ClientConnection::new(Arc::clone(client), name).expect("a client");
        let mut server = ServerConnection::new(Arc::clone(server)).expect("a server");
        while client.wants_write() || server.wants_write() {
            let (mut there, mut back) = (Vec::new(), Vec::new());
            while client.wants_write() {
                client.write_tls(&mut there).expect("into memory");
            }
            let mut there = &there[..];
            while !there.is_empty() {
                server.read_tls(&mut there).expect("from memory");
                server.process_new_packets().expect("a handshake");
            }
            while server.wants_write() {
                server.write_tls(&mut back).expect("into memory");
            }
            let mut back = &back[..];
            while !back.is_empty() {
                client.read_tls(&mut back).expect("from memory");
                client.process_new_packets().expect("a trusted server");
            }
        }
        client.handshake_kind().expect("the handshake is over")
    }

    /// A server that takes these groups, and the PEM of the authority that vouches for it.
    fn server(groups: &[&'static dyn SupportedKxGroup]) -> (Arc<ServerConfig>, String) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root");
        let key = KeyPair::generate().expect("a key");
        let own = CertificateParams::new(["localhost".to_owned()]).expect("a name").signed_by(&key, &root);
        let chain = vec![own.expect("signed").der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let provider = Arc::new(CryptoProvider { kx_groups: groups.to_vec(), ..ring::default_provider() });
        let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let server = server.expect("the default versions").with_no_client_auth().with_single_cert(chain, key);
        (Arc::new(server.expect("a server")), root.pem())
    }

    fn client(pem: &str) -> Arc<ClientConfig> {
        Arc::new(client_config(Authorities::PUBLIC.and(Some(pem))).expect("an authority"))
    }

    #[test]
    fn a_server_that_keeps_sessions_is_met_again_with_a_shorter_handshake() {
        let (server, pem) = server(&GROUPS);
        let known = client(&pem);
        assert_eq!(met(&known, &server), HandshakeKind::Full);
        assert_eq!(met(&known, &server), HandshakeKind::Resumed);
        assert_eq!(met(&client(&pem), &server), HandshakeKind::Full, "another configuration knows no sessions");
    }

    #[test]
    fn a_server_like_postgres_17_does_not_ask_for_another_group() {
        let (postgres, pem) = server(&[SECP256R1]);
        assert_eq!(met(&client(&pem), &postgres), HandshakeKind::Full);
        let (other, pem) = server(&[X25519]);
        assert_eq!(met(&client(&pem), &other), HandshakeKind::FullWithHelloRetryRequest);
    }
}
