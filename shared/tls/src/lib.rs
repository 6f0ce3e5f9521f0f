//! The one TLS configuration of every connection we open ourselves: rustls over ring.
//!
//! The public roots are compiled in: loading a system's store costs 3 ms of every cold start, and the store of a Lambda
//! image has the same list. [`Authorities`] are trusted in addition. A server that is not trusted is described by a
//! [`Distrust`], which [`distrust`] finds behind any error that a handshake leads to.

#![warn(missing_docs)]

mod authorities;
mod trust;

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::{ClientConfig, RootCertStore};

pub use authorities::{Authorities, BadCaBundle};
pub use trust::{Distrust, Reason, causes, distrust};

use crate::trust::Verifier;

/// Makes ring the process's provider. It must be called first in `main`. Calling it again does nothing.
pub fn install_provider() {
    // An error means that a provider is installed already, and ring is the only one linked.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client configuration that trusts the public roots and these authorities.
///
/// # Panics
/// Never: ring supports the protocol versions asked for, and there are public roots.
pub fn client_config(authorities: Authorities<'_>) -> Result<ClientConfig, BadCaBundle> {
    install_provider();
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    authorities.add_to(&mut roots)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
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
    use super::*;

    #[test]
    fn public_roots_alone_are_enough() {
        assert!(client_config(Authorities::PUBLIC).is_ok());
    }
}
