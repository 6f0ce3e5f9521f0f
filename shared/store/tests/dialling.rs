//! The control database is dialled while its secret is read, which has the last word.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::TenantId;
use lambda_kit::Read;
use secrets::{DatabaseReadSecret, DatabaseSecret};
use store::{Reader, StoreError};
use test_database::TestDatabase;
use test_database::stranger::{Authority, certificate, stranger};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio::try_join;
use uuid::Uuid;

/// More bytes than a server sends before its certificate, and fewer than that has.
const CERTIFICATE: usize = 300;
/// Longer than any of this takes.
const LONG: Duration = Duration::from_secs(10);

/// A way to the database that counts who takes it.
struct Way {
    /// The same user at this way's address.
    secret: DatabaseSecret,
    taken: Arc<AtomicUsize>,
    /// How many bytes the server has sent.
    answered: Arc<AtomicUsize>,
}

impl Way {
    async fn to(database: &TestDatabase) -> Self {
        let server = database.users().reader.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let secret = DatabaseSecret { port: listener.local_addr().expect("bound").port(), ..server.clone() };
        let (taken, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, bytes) = (Arc::clone(&taken), Arc::clone(&answered));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (server, bytes) = ((server.host.clone(), server.port), Arc::clone(&bytes));
                tokio::spawn(async move {
                    let far = TcpStream::connect(server).await.expect("the server listens");
                    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) =
                        (near.into_split(), far.into_split());
                    let there = async {
                        copy(&mut near_in, &mut far_out).await?;
                        far_out.shutdown().await
                    };
                    let back = async {
                        let mut part = [0; 4096];
                        loop {
                            let length = far_in.read(&mut part).await?;
                            if length == 0 {
                                return near_out.shutdown().await;
                            }
                            bytes.fetch_add(length, Ordering::SeqCst);
                            near_out.write_all(&part[..length]).await?;
                        }
                    };
                    try_join!(there, back)
                });
            }
        });
        Self { secret, taken, answered }
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }
}

async fn works(reader: &Reader) {
    let found = timeout(LONG, reader.tenant_by_id(TenantId(Uuid::nil()))).await.expect("it answers");
    assert!(found.expect("it is connected").is_none());
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_server_has_made_its_part_of_the_handshake_before_the_secret_is_known() {
    let database = TestDatabase::control().await;
    let way = Way::to(&database).await;
    let (secret, answered) = (way.secret.clone(), Arc::clone(&way.answered));
    let credentials = Read::from_fn(move |()| {
        let (secret, answered) = (secret.clone(), Arc::clone(&answered));
        async move {
            // The secret comes once the server has shown its certificate.
            while answered.load(Ordering::SeqCst) < CERTIFICATE {
                sleep(Duration::from_millis(1)).await;
            }
            Ok(DatabaseReadSecret(secret))
        }
    });
    let address = format!("{}:{}", way.secret.host, way.secret.port);
    works(&Reader::new(credentials).probably_at(Some(&address))).await;
    assert_eq!(way.taken(), 1, "that connection is used");
}

/// The handshake begins before it is known whom to trust, and ends as if that had been known.
#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_not_logged_in_to() -> anyhow::Result<()> {
    let root = Authority::named("Root")?;
    let server = stranger(certificate("127.0.0.1")?, &[&root]).await?;
    let address = format!("{}:{}", server.host, server.port);
    for (ca_pem, trusted) in [(None, false), (Some(Authority::named("Root")?.pem()), false), (Some(root.pem()), true)] {
        let secret = DatabaseSecret { ca_pem, ..server.clone() };
        let credentials = Read::from_fn(move |()| std::future::ready(Ok(DatabaseReadSecret(secret.clone()))));
        let reader = Reader::new(credentials).probably_at(Some(&address));
        let found = timeout(Duration::from_millis(500), reader.tenant_by_id(TenantId(Uuid::nil()))).await;
        // The stranger lets everybody in, and answers no statement.
        let refused = matches!(found, Ok(Err(StoreError::Untrusted(_))));
        assert_eq!(refused, !trusted, "{found:?}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn another_address_than_the_secrets_costs_nothing() {
    let database = TestDatabase::control().await;
    let way = Way::to(&database).await;
    // One server takes connections and says nothing, and nobody answers at the last address.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let silent = silent.local_addr().expect("bound").to_string();
    let addresses = ["127.0.0.1:1", &silent, "192.0.2.1", "nowhere.invalid:5432", ":5432", "a:b:c", "127.0.0.1:65536"];
    for (number, address) in addresses.into_iter().enumerate() {
        let secret = way.secret.clone();
        let credentials = Read::from_fn(move |()| std::future::ready(Ok(DatabaseReadSecret(secret.clone()))));
        let begun = Instant::now();
        works(&Reader::new(credentials).probably_at(Some(address))).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{address}: {:?}", begun.elapsed());
        assert_eq!(way.taken(), number + 1, "{address}");
    }
}
