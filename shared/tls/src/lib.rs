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
pub fn client_config(authorities: Authorities<'_>) -> Result<ClientConfig, BadCaBundle> {
    let undecided = Undecided::default();
    let config = undecided.config().clone();
    undecided.trust(authorities)?;
    Ok(config)
}

/// A client configuration with which a handshake can begin before it is known whom to trust. A handshake that comes to the
/// server's certificate before that fails.
#[derive(Debug)]
pub struct Undecided {
    config: ClientConfig,
    verifier: Arc<Verifier>,
}

impl Default for Undecided {
    /// # Panics
    /// Never: ring supports the protocol versions asked for.
    fn default() -> Self {
        install_provider();
        let provider = Arc::new(CryptoProvider { kx_groups: GROUPS.into(), ..ring::default_provider() });
        let verifier = Arc::new(Verifier::new(Arc::clone(&provider)));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports the default protocol versions")
            // What rustls calls dangerous is that a verifier may be wrong. Ours only adds words to what webpki decides.
            .dangerous()
            .with_custom_certificate_verifier(Arc::<Verifier>::clone(&verifier))
            .with_no_client_auth();
        Self { config, verifier }
    }
}

impl Undecided {
    /// The configuration. Every copy of it trusts whom [`Undecided::trust`] names.
    #[must_use]
    pub const fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// Decides once and for all whom to trust.
    pub fn trust(self, authorities: Authorities<'_>) -> Result<(), BadCaBundle> {
        self.verifier.trust(authorities.roots()?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use rustls::{ClientConnection, HandshakeKind, ServerConfig, ServerConnection};

    use super::*;
    use crate::trust::UNDECIDED;

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

    /// The client's first words, and what it says of the server's answer to them once `decide` was called.
    fn judged(server: &Arc<ServerConfig>, decide: impl FnOnce(Undecided)) -> Result<(), rustls::Error> {
        let undecided = Undecided::default();
        let name = ServerName::try_from("localhost").expect("a name");
        let mut client = ClientConnection::new(Arc::new(undecided.config().clone()), name).expect("a client");
        let mut server = ServerConnection::new(Arc::clone(server)).expect("a server");
        let (mut there, mut back) = (Vec::new(), Vec::new());
        client.write_tls(&mut there).expect("into memory");
        server.read_tls(&mut &there[..]).expect("from memory");
        server.process_new_packets().expect("a hello");
        while server.wants_write() {
            server.write_tls(&mut back).expect("into memory");
        }
        decide(undecided);
        let mut back = &back[..];
        while !back.is_empty() {
            client.read_tls(&mut back).expect("from memory");
            client.process_new_packets()?;
        }
        assert!(!client.is_handshaking());
        Ok(())
    }

    #[test]
    fn a_handshake_can_begin_before_it_is_known_whom_to_trust() {
        let (server, pem) = server(&GROUPS);
        let trusting = |pem: &str| {
            let authorities = Authorities::PUBLIC.and(Some(pem));
            judged(&server, |undecided| undecided.trust(authorities).expect("an authority"))
        };
        assert_eq!(trusting(&pem), Ok(()));
        let (_, other) = self::server(&GROUPS);
        let error = trusting(&other).expect_err("another authority");
        assert_eq!(distrust(&error).map(|distrust| distrust.reason), Some(Reason::AnotherKey));
    }

    #[test]
    fn nobody_is_trusted_before_it_is_known_whom_to_trust() {
        let (server, _) = server(&GROUPS);
        let error = judged(&server, drop).expect_err("nobody said whom to trust");
        assert_eq!(error, rustls::Error::General(UNDECIDED.to_owned()));
    }
}
