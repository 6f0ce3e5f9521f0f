//! What a migration does to the rows that are there.

use audit_chain::{Scope, verify};
use refinery::Target;
use serde_json::Value;
use test_database::TestDatabase;
use tokio_postgres::Client;

mod control {
    refinery::embed_migrations!("migrations");
}

async fn migrate(client: &mut Client, target: Target) {
    let runner = control::migrations::runner().set_grouped(true).set_target(target);
    Box::pin(runner.run_async(client)).await.expect("migrated");
}

/// A tenant that was deprovisioned before the release in which that ends its access.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn tenants_that_are_off_already_lose_their_access_too() {
    let database = TestDatabase::empty().await;
    let mut client = database.connect().await;
    migrate(&mut client, Target::Version(7)).await;
    let rows = "
        INSERT INTO control.tenants (tenant_id, slug, display_name, region, tier, admin_email, correlation_id,
                                     provisioning_state, is_active, custom_domain)
        SELECT gen_random_uuid(), slug, 'x', 'us-east-1', 'pilot', 'a@b.example', 'c', state, state = 'active', domain
        FROM (VALUES ('off', 'deprovisioned', 'off.example'), ('early', 'deprovisioned', NULL),
                     ('live', 'active', 'live.example')) AS made (slug, state, domain);
        INSERT INTO control.resources (id, tenant_id, kind, generation, name, step, attempt)
        SELECT gen_random_uuid(), tenant_id, 'graph', 1, 'client_' || slug, 6, 1 FROM control.tenants WHERE slug <> 'early'";
    client.batch_execute(rows).await.expect("made");
    migrate(&mut client, Target::Latest).await;
    let promised = "SELECT slug FROM control.outbox JOIN control.tenants USING (tenant_id)
                    WHERE kind = 'switch_off_graph_user' AND delivered_at IS NULL";
    let promised = client.query(promised, &[]).await.expect("answers");
    assert_eq!(promised.iter().map(|row| row.get(0)).collect::<Vec<&str>>(), ["off"]);
    let take = "UPDATE control.tenants SET custom_domain = 'off.example' WHERE slug = 'live'";
    client.batch_execute(take).await.expect("free");
    let off = "UPDATE control.tenants SET provisioning_state = 'failed', error_message = 'x' WHERE slug = 'off'";
    client.batch_execute(off).await.expect_err("somebody else has it now");
}

/// What an older release wrote gets its salts and its digest, and can be sealed.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn rows_of_before_the_digests_have_one() {
    let database = TestDatabase::empty().await;
    let mut client = database.connect().await;
    migrate(&mut client, Target::Version(11)).await;
    let row = "INSERT INTO control.audit_log (actor, action, request_id, source_address, before, after)
               VALUES ('a', 'tenant.invite', 'r', '203.0.113.7', '{\"admin_email\": \"a@b.example\"}', '{\"n\": 1.50}')";
    client.batch_execute(row).await.expect("written");
    migrate(&mut client, Target::Latest).await;
    client.batch_execute(row).await.expect("written");
    let rows = "SELECT control.audit_content(l) || jsonb_build_object('addresses', l.addresses, 'digest', encode(l.digest, 'hex'))
                FROM control.audit_log l ORDER BY id";
    let rows: Vec<Value> = client.query(rows, &[]).await.expect("readable").iter().map(|row| row.get(0)).collect();
    assert_eq!(verify(&rows, &[], Scope::Whole).expect("fits").unsealed.0, 2);
    for row in &rows {
        let places: Vec<_> = row["addresses"].as_object().expect("an object").keys().collect();
        assert_eq!(places, ["/before/admin_email", "/source_address"]);
    }
    assert_ne!(rows[0]["addresses"], rows[1]["addresses"], "each has its own salts");
}
