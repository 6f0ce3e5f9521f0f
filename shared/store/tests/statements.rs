//! Every file in `sql/` is one statement that the migrated schema accepts.

use std::fs;
use std::path::Path;

use test_database::TestDatabase;

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_schema_accepts_every_statement() {
    let database = TestDatabase::empty().await;
    let (mut client, user) = (database.connect().await, &database.config().username);
    let first = store::migrate_control(&mut client, user).await.expect("the control migrations apply");
    assert!(first.applied > 0);
    let second = store::migrate_control(&mut client, user).await.expect("and apply again");
    assert_eq!((second.version, second.applied), (first.version, 0), "a second time there is nothing to do");

    let mut checked = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("sql")).expect("the folder is there") {
        let path = entry.expect("readable").path();
        let sql = fs::read_to_string(&path).expect("a text file");
        let prepared = client.prepare(&sql).await;
        assert!(prepared.is_ok(), "{}: {:?}", path.display(), prepared.err());
        checked += 1;
    }
    assert!(checked > 0);
}
