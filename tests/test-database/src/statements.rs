//! The `.sql` files of a crate.

use std::fs;
use std::path::Path;

use tokio_postgres::Client;

/// Asserts that the database accepts every statement of a folder, one in each file.
///
/// # Panics
/// If a statement is not accepted, or if the folder holds none.
pub async fn assert_accepted(client: &Client, folder: &Path) {
    let mut checked = 0;
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            continue;
        }
        let sql = fs::read_to_string(&path).expect("a text file");
        let prepared = client.prepare(&sql).await;
        assert!(prepared.is_ok(), "{}: {:?}", path.display(), prepared.err());
        checked += 1;
    }
    assert!(checked > 0);
}
