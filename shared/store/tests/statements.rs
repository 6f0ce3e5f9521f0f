//! Every file in `sql/` is one statement that the migrated schema accepts.

use std::path::Path;

use test_database::{TestDatabase, assert_accepted};

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_schema_accepts_every_statement() {
    let database = TestDatabase::empty().await;
    let (mut client, user) = (database.connect().await, &database.config().username);
    let first = store::migrate_control(&mut client, user).await.expect("the control migrations apply");
    assert!(first.applied > 0);
    let second = store::migrate_control(&mut client, user).await.expect("and apply again");
    assert_eq!((second.version, second.applied), (first.version, 0), "a second time there is nothing to do");

    assert_accepted(&client, &Path::new(env!("CARGO_MANIFEST_DIR")).join("sql")).await;
}
