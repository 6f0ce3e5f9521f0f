//! The one TLS configuration of every connection we open ourselves: rustls over ring.
//!
//! The public roots are compiled in: loading a system's store costs 3 ms of every cold start, and the store of a Lambda
//! image has the same list. A private authority (RDS, the Supabase pooler) is given as PEM and is trusted in addition.

#![warn(missing_docs)]

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};

/// The given authorities cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the CA bundle is not a list of PEM certificates")]
pub struct BadCaBundle;

/// Makes ring the process's provider. It must be called first in `main`. Calling it again does nothing.
pub fn install_provider() {
    // An error means that a provider is installed already, and ring is the only one linked.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client configuration that trusts the public roots and the certificates in `ca_pem`.
///
/// # Panics
/// Never: ring supports the protocol versions asked for.
pub fn client_config(ca_pem: Option<&str>) -> Result<ClientConfig, BadCaBundle> {
    install_provider();
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(pem) = ca_pem {
        let mut certificates = 0_usize;
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(certificate.map_err(|_| BadCaBundle)?).map_err(|_| BadCaBundle)?;
            certificates += 1;
        }
        if certificates == 0 {
            return Err(BadCaBundle);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions");
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_roots_alone_are_enough() {
        assert!(client_config(None).is_ok());
    }

    #[test]
    fn a_bundle_without_a_certificate_is_refused() {
        assert!(client_config(Some("")).is_err());
        assert!(client_config(Some("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----")).is_err());
    }
}
