//! Every file in `sql/` is one statement that the migrated schema accepts.

use std::fs;
use std::path::Path;

use tokio_postgres::{Client, Config, NoTls};

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("TEST_POSTGRES_URL answers");
    tokio::spawn(connection);
    client
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn the_schema_accepts_every_statement() {
    let url = std::env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL is set");
    let server: Config = url.parse().expect("a connection string");
    let admin = connect(&server).await;
    let name = format!("statements_{}", std::process::id());
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database of our own");

    let mut config = server.clone();
    config.dbname(&name);
    let mut client = connect(&config).await;
    let user = config.get_user().expect("a user").to_owned();
    let first = store::migrate_control(&mut client, &user).await.expect("the control migrations apply");
    assert!(first.applied > 0);
    let second = store::migrate_control(&mut client, &user).await.expect("and apply again");
    assert_eq!((second.version, second.applied), (first.version, 0), "a second time there is nothing to do");
    // What the tenant's statements look at, Supabase's part being as small as they need it.
    client
        .batch_execute("CREATE SCHEMA auth; CREATE TABLE auth.users (id uuid, email text, invited_at timestamptz); DROP TABLE refinery_schema_history")
        .await
        .expect("a stand-in for Auth's schema");
    store::migrate_tenant(&mut client).await.expect("the tenant migrations apply");

    let mut checked = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("sql")).expect("the folder is there") {
        let path = entry.expect("readable").path();
        let sql = fs::read_to_string(&path).expect("a text file");
        let prepared = client.prepare(&sql).await;
        assert!(prepared.is_ok(), "{}: {:?}", path.display(), prepared.err());
        checked += 1;
    }
    assert!(checked > 0);
    drop(client);
    admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("cleaned up");
}
