//! Every file in `sql/` is one statement that the migrated schema accepts.

use std::path::Path;

use test_database::{TestDatabase, assert_accepted};

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_schema_accepts_every_statement() {
    let database = TestDatabase::control().await;
    let client = database.connect().await;
    for folder in ["sql", "sql/read"] {
        assert_accepted(&client, &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).await;
    }
}
