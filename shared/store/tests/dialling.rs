//! The control database is dialled while its secret is read, which has the last word.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::TenantId;
use lambda_kit::Read;
use secrets::{DatabaseReadSecret, DatabaseSecret};
use store::Reader;
use test_database::TestDatabase;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// Longer than any of this takes.
const LONG: Duration = Duration::from_secs(10);

/// A way to the database that counts who takes it.
struct Way {
    /// The same user at this way's address.
    secret: DatabaseSecret,
    taken: Arc<AtomicUsize>,
}

impl Way {
    async fn to(database: &TestDatabase) -> Self {
        let server = database.users().reader.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let secret = DatabaseSecret { port: listener.local_addr().expect("bound").port(), ..server.clone() };
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let server = (server.host.clone(), server.port);
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.expect("the server listens");
                    copy_bidirectional(&mut near, &mut far).await
                });
            }
        });
        Self { secret, taken }
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
async fn the_server_is_dialled_before_the_secret_is_known() {
    let database = TestDatabase::control().await;
    let way = Way::to(&database).await;
    let (secret, taken) = (way.secret.clone(), Arc::clone(&way.taken));
    let credentials = Read::from_fn(move |()| {
        let (secret, taken) = (secret.clone(), Arc::clone(&taken));
        async move {
            // The secret comes once somebody is connected.
            while taken.load(Ordering::SeqCst) == 0 {
                sleep(Duration::from_millis(1)).await;
            }
            Ok(DatabaseReadSecret(secret))
        }
    });
    let address = format!("{}:{}", way.secret.host, way.secret.port);
    works(&Reader::new(credentials).probably_at(Some(&address))).await;
    assert_eq!(way.taken(), 1, "that connection is used");
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
