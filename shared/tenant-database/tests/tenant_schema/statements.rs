//! Every file in `sql/` is one statement that the migrated schema accepts.

use std::path::Path;

use tenant_database::{TenantDatabase, newest_version};
use test_database::{TestDatabase, assert_accepted};

use crate::database::run;

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_schema_accepts_every_statement() {
    let database = TestDatabase::empty().await;
    let mut tenant = TenantDatabase::connect(database.config()).await.expect("it takes connections");
    let first = tenant.migrate().await.expect("the tenant migrations apply");
    assert!(first.applied > 0);
    let second = tenant.migrate().await.expect("and apply again");
    assert_eq!((second.version, second.applied), (newest_version(), 0), "a second time there is nothing to do");

    let client = database.connect().await;
    // The part of Supabase's schema that the statements need.
    run(
        &client,
        "CREATE SCHEMA auth;
               CREATE TABLE auth.users (id uuid, email text, invited_at timestamptz, email_confirmed_at timestamptz,
                   banned_until timestamptz, confirmation_sent_at timestamptz, recovery_sent_at timestamptz,
                   is_sso_user boolean)",
    )
    .await;
    assert_accepted(&client, &Path::new(env!("CARGO_MANIFEST_DIR")).join("sql")).await;
}
