//! Whom a connection trusts: public authorities, Supabase's and RDS's own, and those that an installation gives.

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, TrustAnchor, pem::PemObject};

/// The given authorities cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the CA bundle is not a list of PEM certificates")]
pub struct BadCaBundle;

/// Supabase's two roots. They have one name and different keys.
const SUPABASE: &[&str] = &[
    include_str!("../authorities/supabase-prod-ca-2021.pem"),
    include_str!("../authorities/supabase-prod-ca-2025.pem"),
];

macro_rules! regions {
    ($($region:literal)+) => {
        /// RDS's roots of each region: RSA2048, RSA4096 and ECC384.
        const RDS: &[(&str, &[&str])] =
            &[$(($region, &[include_str!(concat!("../authorities/rds/", $region, ".pem"))])),+];
    };
}

regions! {
    "af-south-1" "ap-east-1" "ap-northeast-1" "ap-northeast-2" "ap-northeast-3" "ap-south-1" "ap-south-2"
    "ap-southeast-1" "ap-southeast-2" "ap-southeast-3" "ap-southeast-4" "ca-central-1" "eu-central-1"
    "eu-central-2" "eu-north-1" "eu-south-1" "eu-south-2" "eu-west-1" "eu-west-2" "eu-west-3" "me-central-1"
    "me-south-1" "sa-east-1" "us-east-1" "us-east-2" "us-west-1" "us-west-2"
}

/// How the subjects of Amazon's five public roots end. They vouch for the endpoints of AWS (amazontrust.com/repository).
const AMAZON: [&str; 5] = [
    "Amazon Root CA 1",
    "Amazon Root CA 2",
    "Amazon Root CA 3",
    "Amazon Root CA 4",
    "Starfield Services Root Certificate Authority - G2",
];

/// How the names of regions begin whose endpoints may show certificates of other authorities: China's and the isolated ones.
const ELSEWHERE: [&str; 3] = ["cn-", "us-iso", "eu-iso"];

/// Which of the public authorities are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Public {
    /// Those of Mozilla's list.
    All,
    /// Those of the list that are Amazon's.
    Amazon,
}

/// The authorities that a connection trusts.
#[derive(Clone, Copy, Debug)]
pub struct Authorities<'a> {
    public: Public,
    built_in: &'static [&'static str],
    given: Option<&'a str>,
}

impl Authorities<'_> {
    /// The public ones.
    pub const PUBLIC: Self = Self { public: Public::All, built_in: &[], given: None };
    /// The public ones and Supabase's own, which vouch for its poolers and for a project's database.
    pub const SUPABASE: Self = Self { built_in: SUPABASE, ..Self::PUBLIC };

    /// Those that vouch for the endpoints of AWS in a region.
    #[must_use]
    pub fn aws(region: &str) -> Self {
        let elsewhere = ELSEWHERE.iter().any(|begin| region.starts_with(begin));
        Self { public: if elsewhere { Public::All } else { Public::Amazon }, ..Self::PUBLIC }
    }

    /// The public ones and those of RDS that vouch for this host, which are those of its region: none if it is no host of
    /// RDS. RDS Proxy does not need them, since it has a public certificate.
    #[must_use]
    pub fn rds(host: &str) -> Self {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let region = host.strip_suffix(".rds.amazonaws.com").and_then(|rest| rest.rsplit('.').next());
        let found = RDS.iter().find(|(known, _)| Some(*known) == region);
        Self { built_in: found.map_or(&[], |(_, roots)| roots), ..Self::PUBLIC }
    }

    /// These, and the certificates in `pem` if any are given.
    #[must_use]
    pub const fn and(self, pem: Option<&str>) -> Authorities<'_> {
        Authorities { public: self.public, built_in: self.built_in, given: pem }
    }

    pub(crate) fn roots(self) -> Result<RootCertStore, BadCaBundle> {
        let mut roots = RootCertStore { roots: self.public() };
        self.add_to(&mut roots)?;
        Ok(roots)
    }

    fn public(self) -> Vec<TrustAnchor<'static>> {
        let all = webpki_roots::TLS_SERVER_ROOTS.iter();
        let of_amazon = |root: &&TrustAnchor<'_>| AMAZON.iter().any(|name| root.subject.ends_with(name.as_bytes()));
        match self.public {
            Public::All => all.cloned().collect(),
            Public::Amazon => all.filter(of_amazon).cloned().collect(),
        }
    }

    fn add_to(self, roots: &mut RootCertStore) -> Result<(), BadCaBundle> {
        for pem in self.built_in.iter().copied().chain(self.given) {
            let before = roots.len();
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                roots.add(certificate.map_err(|_| BadCaBundle)?).map_err(|_| BadCaBundle)?;
            }
            if roots.len() == before {
                return Err(BadCaBundle);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use x509_cert::Certificate;
    use x509_cert::der::Decode as _;

    use super::*;

    fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().expect("PEM")
    }

    fn subjects(pem: &str) -> Vec<String> {
        let parse = |der: &CertificateDer<'_>| Certificate::from_der(der).expect("X.509").tbs_certificate;
        certificates(pem).iter().map(|der| parse(der).subject.to_string()).collect()
    }

    fn trusted(authorities: Authorities<'_>) -> usize {
        let mut roots = RootCertStore::empty();
        authorities.add_to(&mut roots).expect("certificates");
        roots.len()
    }

    /// The digests of the list beside the certificates, which a person compares with their source.
    #[test]
    fn each_built_in_root_is_the_listed_one() {
        let list = include_str!("../authorities/README.md");
        let mut listed: BTreeSet<&str> =
            list.lines().filter_map(|line| line.rsplit_once("| `")?.1.strip_suffix("` |")).collect();
        for der in SUPABASE.iter().chain(RDS.iter().flat_map(|(_, roots)| *roots)).flat_map(|pem| certificates(pem)) {
            let hex = sha256(&der);
            assert!(listed.remove(hex.as_str()), "{hex} is not in the list");
        }
        assert!(listed.is_empty(), "only in the list: {listed:?}");
    }

    fn sha256(bytes: &[u8]) -> String {
        ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a String takes it");
            hex
        })
    }

    /// The digests of the keys as amazontrust.com/repository publishes them.
    #[test]
    fn the_endpoints_of_aws_are_vouched_for_by_amazons_five_keys() {
        const PUBLISHED: [&str; 5] = [
            "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
            "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
            "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
            "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
            "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92",
        ];
        // A trust anchor holds what is inside the key's outermost SEQUENCE.
        let whole = |inside: &[u8]| {
            let length = match u16::try_from(inside.len()).expect("a key").to_be_bytes() {
                [0, short @ 0..128] => vec![short],
                [0, long] => vec![0x81, long],
                both => [&[0x82], &both[..]].concat(),
            };
            [&[0x30], &length[..], inside].concat()
        };
        for region in ["eu-central-1", "us-gov-west-1", "eusc-de-east-1"] {
            let roots = Authorities::aws(region).roots().expect("no others").roots;
            let keys: BTreeSet<_> = roots.iter().map(|root| sha256(&whole(&root.subject_public_key_info))).collect();
            assert_eq!(keys, PUBLISHED.map(str::to_owned).into(), "{region}");
        }
        for region in ["cn-north-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1"] {
            let roots = Authorities::aws(region).roots().expect("no others");
            assert_eq!(roots.len(), webpki_roots::TLS_SERVER_ROOTS.len(), "{region}");
        }
        let given = include_str!("../authorities/rds/eu-north-1.pem");
        assert_eq!(Authorities::aws("eu-central-1").and(Some(given)).roots().expect("certificates").len(), 5 + 3);
    }

    #[test]
    fn supabases_roots_have_one_name_and_are_both_trusted() {
        let names: BTreeSet<_> = SUPABASE.iter().flat_map(|pem| subjects(pem)).collect();
        assert_eq!(names.len(), 1, "{names:?}");
        assert_eq!(trusted(Authorities::SUPABASE), 2);
    }

    #[test]
    fn a_host_of_rds_has_the_roots_of_its_region() {
        for (region, pems) in RDS {
            let names: Vec<_> = pems.iter().flat_map(|pem| subjects(pem)).collect();
            assert!(
                names.len() == 3 && names.iter().all(|name| name.contains(&format!("RDS {region} Root CA"))),
                "{names:?}"
            );
            for host in [
                format!("ivory.c1a2b3.{region}.rds.amazonaws.com"),
                format!("IVORY.C1A2B3.{region}.rds.amazonaws.com."),
            ] {
                assert_eq!(Authorities::rds(&host).built_in, *pems, "{host}");
                assert_eq!(trusted(Authorities::rds(&host)), 3, "{host}");
            }
        }
    }

    #[test]
    fn another_host_has_no_built_in_roots() {
        for host in [
            "127.0.0.1",
            "rds.amazonaws.com",
            "ivory.c1a2b3.moon-north-1.rds.amazonaws.com",
            "eu-central-1.rds.amazonaws.com.example.com",
            "xrds.amazonaws.com",
        ] {
            assert_eq!(trusted(Authorities::rds(host)), 0, "{host}");
        }
    }

    #[test]
    fn given_authorities_are_added() {
        let given = include_str!("../authorities/rds/eu-north-1.pem");
        assert_eq!(trusted(Authorities::SUPABASE.and(Some(given))), 5);
        assert_eq!(trusted(Authorities::SUPABASE.and(None)), 2);
    }

    #[test]
    fn a_bundle_without_a_certificate_is_refused() {
        for given in ["", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----"] {
            assert!(Authorities::SUPABASE.and(Some(given)).add_to(&mut RootCertStore::empty()).is_err(), "{given}");
        }
    }
}
