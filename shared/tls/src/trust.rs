//! What is said of a server that is not trusted. Rustls says why; whoever mends it has to know who was there as well.

use std::error::Error;
use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::name::Name;

/// The longest name that is repeated.
const NAME_LENGTH: usize = 200;

/// A server was not trusted, so the handshake was given up. Nothing was sent to it.
///
/// The names are the server's own words, cut and cleared of anything but letters, digits and ASCII. It had been told
/// nothing when it said them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (subject \"{subject}\", issuer \"{issuer}\")")]
pub struct Distrust {
    /// Why.
    pub reason: Reason,
    /// The subject of the server's certificate.
    pub subject: String,
    /// The issuer at which the chain ends that the server showed: the name of the authority that would have to be trusted.
    pub issuer: String,
}

/// Why a server is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// No trusted authority has the issuer's name.
    #[error("no trusted authority issued its certificate")]
    UnknownIssuer,
    /// A trusted authority has the issuer's name, but another key.
    #[error("its certificate is signed with another key than the trusted authority of that name has")]
    AnotherKey,
    /// The certificate, or one above it, has expired.
    #[error("its certificate has expired")]
    Expired,
    /// The certificate, or one above it, is not valid yet.
    #[error("its certificate is not valid yet")]
    NotYetValid,
    /// The certificate is for other hosts.
    #[error("its certificate is for another host")]
    AnotherHost,
    /// The server does not hold the certificate's key.
    #[error("it does not hold the key of its certificate")]
    KeyNotHeld,
    /// The certificate, or one above it, cannot be accepted for another reason.
    #[error("its certificate cannot be accepted")]
    Unacceptable,
}

impl From<&CertificateError> for Reason {
    fn from(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            // The second: an RSA key of that name cannot have made an ECDSA signature.
            CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Self::AnotherKey,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::AnotherHost,
            // Rustls's enum is open, so a wildcard is needed.
            _ => Self::Unacceptable,
        }
    }
}

/// The distrust behind an error, if a handshake failed because the server is not trusted.
#[must_use]
pub fn distrust(error: &(dyn Error + 'static)) -> Option<Distrust> {
    causes(error).find_map(|cause| match cause.downcast_ref()? {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(why))) => {
            why.downcast_ref::<Distrust>().cloned()
        }
        _ => None,
    })
}

/// An error and its causes, from the outermost to the innermost. An [`io::Error`] that contains another error names
/// that error's source as its own, so the contained error is read instead.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map_or_else(|| error.source(), |wrapped| Some(wrapped))
    })
}

/// What is said of a server before it is known whom to trust.
pub(crate) const UNDECIDED: &str = "it is not known yet whom to trust";

/// Decides as webpki does, and says who was there.
#[derive(Debug)]
pub(crate) struct Verifier {
    provider: Arc<CryptoProvider>,
    /// Nobody is trusted before it is set.
    chains: OnceLock<Arc<WebPkiServerVerifier>>,
}

impl Verifier {
    pub(crate) const fn new(provider: Arc<CryptoProvider>) -> Self {
        Self { provider, chains: OnceLock::new() }
    }

    /// Trusts these, of which there is at least one. Who was named first counts.
    pub(crate) fn trust(&self, roots: RootCertStore) {
        self.chains.get_or_init(|| {
            let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider));
            chains.build().expect("there are roots")
        });
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chains = self.chains.get().ok_or_else(|| rustls::Error::General(UNDECIDED.to_owned()))?;
        let verified = chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|error| explained(error, end_entity, intermediates, |why| why.into()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let verified = verify_tls12_signature(message, certificate, signed, algorithms);
        verified.map_err(|error| explained(error, certificate, &[], |_| Reason::KeyNotHeld))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let verified = verify_tls13_signature(message, certificate, signed, algorithms);
        verified.map_err(|error| explained(error, certificate, &[], |_| Reason::KeyNotHeld))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn explained(
    error: rustls::Error,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    reason: impl FnOnce(&CertificateError) -> Reason,
) -> rustls::Error {
    let rustls::Error::InvalidCertificate(why) = &error else { return error };
    let (own, last) = (Certificate::from_der(end_entity), intermediates.last().unwrap_or(end_entity));
    let distrust = Distrust {
        reason: reason(why),
        subject: own.map_or_else(|_| unreadable(), |own| clean(&own.tbs_certificate.subject)),
        issuer: Certificate::from_der(last).map_or_else(|_| unreadable(), |last| clean(&last.tbs_certificate.issuer)),
    };
    rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(distrust))))
}

fn unreadable() -> String {
    "(unreadable)".to_owned()
}

fn clean(name: &Name) -> String {
    let shown = |c: char| if c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    name.to_string().chars().map(shown).take(NAME_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
        KeyUsagePurpose, date_time_ymd,
    };

    type Authority = CertifiedIssuer<'static, KeyPair>;

    /// A moment in 2026, so that no test depends on the day it runs.
    const NOW: u64 = 1_780_000_000;
    const POOLER: &str = "aws-0-eu-central-1.pooler.supabase.com";

    fn authority(common_name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }

    fn named(common_name: &str) -> DistinguishedName {
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, common_name);
        name
    }

    fn root(common_name: &str) -> Authority {
        let key = KeyPair::generate().expect("a key");
        CertifiedIssuer::self_signed(authority(common_name), key).expect("a root")
    }

    fn below(root: &Authority, params: CertificateParams) -> Authority {
        CertifiedIssuer::signed_by(params, KeyPair::generate().expect("a key"), root).expect("signed")
    }

    fn leaf() -> CertificateParams {
        let mut params = CertificateParams::new([POOLER.to_owned()]).expect("a name");
        params.distinguished_name = named(POOLER);
        params
    }

    /// What a client that trusts `trusted` says of a server that shows this certificate and those above it.
    fn verdict(trusted: &[&Authority], leaf: &CertificateParams, above: &[&Authority]) -> Result<(), Distrust> {
        crate::install_provider();
        let mut roots = RootCertStore::empty();
        for root in trusted {
            roots.add(root.der().clone()).expect("a root");
        }
        let verifier = Verifier::new(Arc::new(rustls::crypto::ring::default_provider()));
        verifier.trust(roots);
        let own = leaf.signed_by(&KeyPair::generate().expect("a key"), above[0]).expect("signed");
        let above: Vec<_> = above.iter().map(|authority| authority.der().clone()).collect();
        let host = ServerName::try_from(POOLER).expect("a name");
        let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
        let outcome = verifier.verify_server_cert(own.der(), &above, &host, &[], now);
        outcome.map(drop).map_err(|error| distrust(&error).expect("a distrust"))
    }

    fn reason(trusted: &[&Authority], leaf: &CertificateParams, above: &[&Authority]) -> Reason {
        verdict(trusted, leaf, above).expect_err("not trusted").reason
    }

    #[test]
    fn a_chain_of_an_unknown_root_is_named_by_its_ends() {
        let unknown = root("Supabase Root 2021 CA");
        let between = below(&unknown, authority("Supabase Intermediate 2021 CA"));
        for above in [&[&between][..], &[&between, &unknown]] {
            let expected = Distrust {
                reason: Reason::UnknownIssuer,
                subject: format!("CN={POOLER}"),
                issuer: "CN=Supabase Root 2021 CA".to_owned(),
            };
            assert_eq!(verdict(&[&root("Another")], &leaf(), above), Err(expected));
            assert_eq!(verdict(&[&root("Another"), &unknown], &leaf(), above), Ok(()));
        }
    }

    /// As Supabase's two roots: whichever vouches for the server is found by its key.
    #[test]
    fn roots_of_one_name_are_told_apart_by_their_keys() {
        let [old, new, third] = [(); 3].map(|()| root("Supabase Root 2021 CA"));
        for actual in [&old, &new] {
            let between = below(actual, authority("Supabase Intermediate 2021 CA"));
            for above in [&[actual][..], &[&between], &[&between, actual]] {
                assert_eq!(verdict(&[&old, &new], &leaf(), above), Ok(()));
                assert_eq!(verdict(&[&new, &old], &leaf(), above), Ok(()));
                assert_eq!(reason(&[&third], &leaf(), above), Reason::AnotherKey);
            }
        }
    }

    #[test]
    fn a_certificate_is_trusted_in_its_time_only() {
        let root = root("Amazon RDS eu-central-1 Root CA RSA2048 G1");
        let between = |from, to| {
            let mut params = leaf();
            (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
            params
        };
        assert_eq!(verdict(&[&root], &between(2025, 2030), &[&root]), Ok(()));
        assert_eq!(reason(&[&root], &between(2020, 2025), &[&root]), Reason::Expired);
        assert_eq!(reason(&[&root], &between(2030, 2040), &[&root]), Reason::NotYetValid);
        let mut old = authority("Amazon RDS eu-central-1 Subordinate CA");
        old.not_after = date_time_ymd(2025, 1, 1);
        assert_eq!(reason(&[&root], &leaf(), &[&below(&root, old)]), Reason::Expired, "of one above it");
    }

    #[test]
    fn a_certificate_is_trusted_for_its_hosts_only() {
        let root = root("Root");
        let other = CertificateParams::new(["db.example.com".to_owned()]).expect("a name");
        assert_eq!(reason(&[&root], &other, &[&root]), Reason::AnotherHost);
    }

    #[test]
    fn names_are_cut_and_cleaned() {
        let root = root(&format!("a\u{202e}\n\u{1b}[31mé{}", "x".repeat(1000)));
        let distrust = verdict(&[&self::root("Another")], &leaf(), &[&root]).expect_err("not trusted");
        assert_eq!(distrust.issuer.chars().count(), NAME_LENGTH);
        assert!(distrust.issuer.chars().all(|c| c.is_ascii_graphic() || c == 'é'), "{}", distrust.issuer);
    }
}
