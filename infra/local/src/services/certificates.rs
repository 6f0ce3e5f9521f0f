//! A certificate authority that lives as long as the cloud, and Postgres' certificate.

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use crate::layout::{CloudFolder, private_dir, private_file};

/// The folder's name among the services' data.
const FOLDER: &str = "certificates";

/// PEM texts.
pub struct Certificates {
    pub authority: String,
    pub server: String,
    pub server_key: String,
}

/// Where the fault proxy and the tests of single crates find them.
pub struct CertificateFiles {
    pub authority: PathBuf,
    pub server: PathBuf,
    pub server_key: PathBuf,
}

impl CertificateFiles {
    /// The paths in one cloud's folder. The files may not exist yet.
    pub fn of(cloud: &CloudFolder) -> Self {
        let folder = cloud.data(FOLDER);
        Self {
            authority: folder.join("ca.crt"),
            server: folder.join("server.crt"),
            server_key: folder.join("server.key"),
        }
    }
}

impl Certificates {
    /// Writes them to files that only their owner may read.
    pub fn write(&self, cloud: &CloudFolder) -> anyhow::Result<CertificateFiles> {
        private_dir(&cloud.data(FOLDER))?;
        let files = CertificateFiles::of(cloud);
        private_file(&files.authority, self.authority.as_bytes())?;
        private_file(&files.server, self.server.as_bytes())?;
        private_file(&files.server_key, self.server_key.as_bytes())?;
        Ok(files)
    }
}

/// Makes an authority and one server certificate for the loopback names. The authority's key is not kept. The authority
/// has the name of Supabase's roots and a key of its own, so wherever a tenant's database is reached, the right one of
/// three authorities of one name was found.
pub fn generate() -> anyhow::Result<Certificates> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.distinguished_name = supabases_name()?;
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);
    let mut server = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    server.distinguished_name = name("Local cloud Postgres");
    let server_key = KeyPair::generate()?;
    let certificate = server.signed_by(&server_key, &issuer)?;
    Ok(Certificates {
        authority: authority_certificate.pem(),
        server: certificate.pem(),
        server_key: server_key.serialize_pem(),
    })
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// As Supabase encodes it: names are compared byte by byte.
fn supabases_name() -> anyhow::Result<DistinguishedName> {
    let mut name = DistinguishedName::new();
    for (part, value) in [
        (DnType::CountryName, DnValue::PrintableString("US".try_into()?)),
        (DnType::StateOrProvinceName, "Delware".into()),
        (DnType::LocalityName, "New Castle".into()),
        (DnType::OrganizationName, "Supabase Inc".into()),
        (DnType::CommonName, "Supabase Root 2021 CA".into()),
    ] {
        name.push(part, value);
    }
    Ok(name)
}
