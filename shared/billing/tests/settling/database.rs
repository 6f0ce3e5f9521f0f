//! A control database for one test.

use store::Store;
use test_database::TestDatabase;
use tokio_postgres::Client;

/// Dropped at the end of the test.
pub struct Database {
    pub store: Store,
    /// For changes that no statement of the product makes: the passage of time.
    pub client: Client,
    _own: TestDatabase,
}

impl Database {
    pub async fn create() -> Self {
        let own = TestDatabase::control().await;
        Self { store: own.store(), client: own.connect().await, _own: own }
    }
}
