//! Which servers a connection to Postgres trusts, and what is said of those that it does not.

use domain::{CauseCode, Failure, FailureKind};
use rcgen::date_time_ymd;
use secrets::DatabaseSecret;
use store::StoreError;
use test_database::stranger::{Authority, certificate, stranger};
use tls::{Authorities, Reason};

const HOST: &str = "127.0.0.1";

/// Connects as to a tenant's database: Supabase's own authorities are trusted.
async fn connect(server: &DatabaseSecret, given: &[&Authority]) -> Result<(), StoreError> {
    let pems: String = given.iter().map(|authority| authority.pem()).collect();
    let server = DatabaseSecret { ca_pem: (!pems.is_empty()).then_some(pems), ..server.clone() };
    store::connect_trusting(Authorities::SUPABASE, &server, "test").await.map(drop)
}

/// Why the server is not trusted. The failure fails a run at once and names who was there.
async fn reason(server: &DatabaseSecret, given: &[&Authority], issuer: &str) -> Reason {
    let error = connect(server, given).await.expect_err("not trusted");
    let StoreError::Untrusted(distrust) = &error else { panic!("{error:?}") };
    let reason = distrust.reason;
    let failure = Failure::from(error);
    assert_eq!((failure.code(), failure.kind()), (CauseCode::ControlDatabaseUntrusted, FailureKind::Rejected));
    assert!(!failure.cause().retryable);
    let hint = failure.hint();
    assert!(hint.contains(&format!("{reason} (subject \"CN={HOST}\", issuer \"{issuer}\")")), "{hint}");
    reason
}

const SUPABASES_NAME: &str = "CN=Supabase Root 2021 CA,O=Supabase Inc,L=New Castle,ST=Delware,C=US";

/// Supabase has made a second root of the same name once, and may make a third.
#[tokio::test]
async fn another_root_of_supabases_name_is_trusted_once_it_is_given() -> anyhow::Result<()> {
    let [ours, other] = [Authority::named_as_supabases()?, Authority::named_as_supabases()?];
    let between = ours.subordinate("Supabase Intermediate 2021 CA")?;
    for above in [&[&ours][..], &[&between], &[&between, &ours]] {
        let server = stranger(certificate(HOST)?, above).await?;
        assert_eq!(reason(&server, &[], SUPABASES_NAME).await, Reason::AnotherKey);
        assert_eq!(reason(&server, &[&other], SUPABASES_NAME).await, Reason::AnotherKey);
        connect(&server, &[&ours]).await?;
        connect(&server, &[&ours, &other]).await?;
        connect(&server, &[&other, &ours]).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_chain_as_rds_shows_it_is_trusted_once_its_root_is_given() -> anyhow::Result<()> {
    let name = "Amazon RDS eu-central-1 Root CA RSA2048 G1";
    let (root, other) = (Authority::named(name)?, Authority::named("Another")?);
    let between = root.subordinate("Amazon RDS eu-central-1 Subordinate CA RSA2048 G1.A.1")?;
    for above in [&[&between][..], &[&between, &root]] {
        let server = stranger(certificate(HOST)?, above).await?;
        assert_eq!(reason(&server, &[], &format!("CN={name}")).await, Reason::UnknownIssuer);
        assert_eq!(reason(&server, &[&other], &format!("CN={name}")).await, Reason::UnknownIssuer);
        connect(&server, &[&root]).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_expired_certificate_is_not_trusted() -> anyhow::Result<()> {
    let root = Authority::named("Root")?;
    let mut expired = certificate(HOST)?;
    (expired.not_before, expired.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    assert_eq!(reason(&stranger(expired, &[&root]).await?, &[&root], "CN=Root").await, Reason::Expired);
    Ok(())
}

#[tokio::test]
async fn a_certificate_of_the_future_is_not_trusted() -> anyhow::Result<()> {
    let root = Authority::named("Root")?;
    let mut early = certificate(HOST)?;
    (early.not_before, early.not_after) = (date_time_ymd(3000, 1, 1), date_time_ymd(3001, 1, 1));
    assert_eq!(reason(&stranger(early, &[&root]).await?, &[&root], "CN=Root").await, Reason::NotYetValid);
    Ok(())
}

#[tokio::test]
async fn a_certificate_of_another_host_is_not_trusted() -> anyhow::Result<()> {
    let root = Authority::named("Root")?;
    let mut other = certificate(HOST)?;
    other.subject_alt_names = certificate("db.example.com")?.subject_alt_names;
    assert_eq!(reason(&stranger(other, &[&root]).await?, &[&root], "CN=Root").await, Reason::AnotherHost);
    Ok(())
}
