//! Authorities that secrets name.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_cert::Certificate;
use x509_cert::der::DecodePem as _;

/// How long before its end a certificate is named.
const SOON: Duration = Duration::from_hours(24 * 60);

/// What is wrong with a bundle of authorities, and whether it is wrong already.
pub fn problem(pem: &str) -> Option<(bool, String)> {
    const END: &str = "-----END CERTIFICATE-----";
    let certificates: Vec<_> = pem.split_inclusive(END).filter(|part| part.contains("BEGIN CERTIFICATE")).collect();
    if certificates.is_empty() {
        return Some((true, "is no list of PEM certificates".to_owned()));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut ends_soon = None;
    for certificate in certificates {
        let start = certificate.find("-----BEGIN").unwrap_or_default();
        let Ok(certificate) = Certificate::from_pem(&certificate[start..]) else {
            return Some((true, "has a certificate that cannot be read".to_owned()));
        };
        let (name, ends) = (certificate.tbs_certificate.subject, certificate.tbs_certificate.validity.not_after);
        let left = ends.to_unix_duration().saturating_sub(now);
        if left.is_zero() {
            return Some((true, format!("has {name}, which ended: put the next authority")));
        }
        if left < SOON {
            let days = left.as_secs() / 86_400;
            ends_soon = Some((false, format!("has {name}, which ends in {days} days: add the next authority")));
        }
    }
    ends_soon
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_said() {
        for text in ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(problem(text).is_some_and(|(wrong, _)| wrong), "{text:?}");
        }
    }

    #[test]
    fn authorities_of_today_are_fine() {
        let pem = include_str!("../../../../shared/tls/authorities/supabase-prod-ca-2025.pem");
        assert_eq!(problem(&format!("# A comment\n{pem}\n{pem}")), None);
    }
}
