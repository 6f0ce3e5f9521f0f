//! Lists show every row once while rows are added, and reading a page costs no more than its rows.

mod support;

use std::collections::HashSet;

use domain::{ProvisioningState, Region, SyncTargetRequest, TenantId, Tier};
use serde_json::{Value, json};
use store::{Author, Cursor, NewSyncTarget, TenantFilter};
use support::Database;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

const MANY: i64 = 100_000;
const PAGE: i64 = 1_000;

async fn owner(database: &Database) -> Client {
    database.own.connect().await
}

/// Inserts `count` tenants, ten with the same time, of every tier, region and state.
async fn generate(client: &Client, count: i64) {
    let sql = "INSERT INTO control.tenants (tenant_id, slug, display_name, region, tier, admin_email, correlation_id, provisioned_at,
                   provisioning_state, is_active)
               SELECT gen_random_uuid(), 'tenant-' || n, 'Tenant', (ARRAY['us-east-1', 'eu-central-1', 'ap-southeast-1'])[n % 3 + 1],
                   (ARRAY['pilot', 'enterprise', 'enterprise_plus'])[n % 3 + 1], 'a@acme.com', 'c',
                   timestamptz '2026-01-01' + n / 10 * interval '1 second',
                   CASE WHEN n % 2 = 0 THEN 'active' ELSE 'provisioning' END, n % 2 = 0
               FROM generate_series(1, $1::bigint) n";
    assert_eq!(client.execute(sql, &[&count]).await.expect("inserted"), count.unsigned_abs());
}

async fn plan(client: &Client, sql: &str, parameters: &[(&(dyn ToSql + Sync), Type)]) -> Value {
    let rows = client.query_typed(&format!("EXPLAIN (FORMAT JSON) {sql}"), parameters).await.expect("explained");
    let plan: Value = rows[0].get(0);
    plan[0]["Plan"].clone()
}

fn nodes(plan: &Value) -> Vec<&Value> {
    let children = plan["Plans"].as_array().into_iter().flatten().flat_map(nodes);
    std::iter::once(plan).chain(children).collect()
}

/// A page is read from one range of that index: nothing is sorted, and no row before the cursor is read.
fn assert_one_range(plan: &Value, index: &str) {
    assert_eq!(plan["Node Type"], "Limit", "{plan:#}");
    let [scan] = &plan["Plans"].as_array().expect("children")[..] else { panic!("{plan:#}") };
    let node = scan["Node Type"].as_str().expect("a node type");
    assert!(matches!(node, "Index Scan" | "Index Only Scan"), "{plan:#}");
    assert_eq!(scan["Index Name"], index, "{plan:#}");
    assert!(scan["Index Cond"].is_string(), "{plan:#}");
    assert!(scan["Plans"].is_null(), "{plan:#}");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_page_of_many_tenants_is_one_index_range() {
    let database = Database::create().await;
    let client = owner(&database).await;
    generate(&client, MANY).await;
    client.batch_execute("ANALYZE control.tenants").await.expect("analysed");
    let middle = database.store.tenants_page(&TenantFilter::default(), None, 50_000).await.expect("answers");
    let (at, id) = middle.last().map(|tenant| (tenant.provisioned_at, tenant.tenant_id.0)).expect("there");

    let sql = include_str!("../sql/read/tenants_page.sql");
    let none: Option<&str> = None;
    for (state, tier, region) in
        [(none, none, none), (Some("active"), none, none), (Some("active"), Some("pilot"), Some("us-east-1"))]
    {
        let parameters: &[(&(dyn ToSql + Sync), Type)] = &[
            (&state, Type::TEXT),
            (&tier, Type::TEXT),
            (&region, Type::TEXT),
            (&Some(at), Type::TIMESTAMPTZ),
            (&Some(id), Type::UUID),
            (&PAGE, Type::INT8),
            (&none, Type::TEXT),
        ];
        let plan = plan(&client, sql, parameters).await;
        assert_one_range(&plan, "tenants_newest_first");
        let scan = &plan["Plans"][0];
        assert_eq!(
            scan["Filter"].is_string(),
            state.is_some(),
            "a filter that is not asked for costs nothing: {plan:#}"
        );
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_page_of_catalogs_and_targets_is_cut_before_it_is_joined() {
    let database = Database::create().await;
    let client = owner(&database).await;
    generate(&client, 20_000).await;
    client
        .batch_execute(
            "INSERT INTO lakehouse.tenant_catalogs (id, tenant_id, catalog_name, catalog_type, catalog_uri, warehouse, storage_prefix,
                 metadata, is_active, version, provisioned_at)
             SELECT gen_random_uuid(), tenant_id, 'c', 'rest', 'https://c', 's3://w', 'p', '{}', true, 1, provisioned_at FROM control.tenants;
             INSERT INTO lakehouse.sync_targets (id, tenant_id, catalog_name, source_schema, source_table, iceberg_namespace,
                 iceberg_table, sync_mode, primary_key_cols, metadata, created_at)
             SELECT gen_random_uuid(), tenant_id, 'c', 's', 't', 'n', 'i' || n, 'incremental', '{}', '{}', provisioned_at
             FROM control.tenants, generate_series(1, 2) n;
             ANALYZE",
        )
        .await
        .expect("inserted");
    let catalogs = database.store.catalogs_page(None, 10_000).await.expect("answers").rows;
    let after = catalogs.last().map(|catalog| (catalog.provisioned_at, catalog.id.0)).expect("there");
    let tenant = catalogs[0].tenant_id.0;
    let assert_cut = |plan: &Value, index: &str| {
        let limits: Vec<_> = nodes(plan).into_iter().filter(|node| node["Node Type"] == "Limit").collect();
        let [limit] = limits[..] else { panic!("{plan:#}") };
        assert_one_range(limit, index);
    };
    let sql = include_str!("../sql/read/catalogs_page.sql");
    let parameters: &[(&(dyn ToSql + Sync), Type)] =
        &[(&Some(after.0), Type::TIMESTAMPTZ), (&Some(after.1), Type::UUID), (&PAGE, Type::INT8)];
    assert_cut(&plan(&client, sql, parameters).await, "tenant_catalogs_newest_first");
    let sql = include_str!("../sql/read/sync_targets_page.sql");
    for (tenant, index) in [(None, "sync_targets_newest_first"), (Some(tenant), "sync_targets_of_tenant")] {
        let parameters: &[(&(dyn ToSql + Sync), Type)] = &[
            (&tenant, Type::UUID),
            (&Some(after.0), Type::TIMESTAMPTZ),
            (&Some(after.1), Type::UUID),
            (&PAGE, Type::INT8),
        ];
        assert_cut(&plan(&client, sql, parameters).await, index);
    }
}

/// A row may hold 64 KiB of metadata. A page ends when it has twice as much as an answer can hold. The next page
/// continues there.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_page_of_large_rows_is_cut_by_their_size() {
    let database = Database::create().await;
    let client = owner(&database).await;
    generate(&client, 300).await;
    client
        .batch_execute(
            "INSERT INTO lakehouse.tenant_catalogs (id, tenant_id, catalog_name, catalog_type, catalog_uri, warehouse, storage_prefix,
                 metadata, is_active, version, provisioned_at)
             SELECT gen_random_uuid(), tenant_id, 'c', 'rest', 'https://c', 's3://w', 'p', jsonb_build_object('x', repeat('x', 60000)), true, 1,
                 provisioned_at FROM control.tenants",
        )
        .await
        .expect("inserted");
    let (mut seen, mut pages, mut after) = (HashSet::new(), Vec::new(), None);
    loop {
        let page = database.store.catalogs_page(after, 10_000).await.expect("answers");
        let Some(last) = page.rows.last() else { break };
        after = Some((last.provisioned_at, last.id.0));
        pages.push((page.rows.len(), page.cut));
        seen.extend(page.rows.into_iter().map(|catalog| catalog.id));
    }
    assert_eq!((seen.len(), pages), (300, vec![(140, true), (140, true), (20, false)]));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn paging_sees_every_old_row_once_while_new_ones_come_in() {
    let database = Database::create().await;
    let client = owner(&database).await;
    generate(&client, 95).await;
    let old: Vec<Uuid> = client
        .query("SELECT tenant_id FROM control.tenants ORDER BY provisioned_at DESC, tenant_id DESC", &[])
        .await
        .expect("readable")
        .iter()
        .map(|row| row.get(0))
        .collect();
    let (mut seen, mut after, mut pages) = (Vec::new(), None::<Cursor>, 0);
    loop {
        let page = database.store.tenants_page(&TenantFilter::default(), after, 7).await.expect("answers");
        let Some(last) = page.last() else { break };
        after = Some((last.provisioned_at, last.tenant_id.0));
        seen.extend(page.iter().map(|tenant| tenant.tenant_id.0));
        pages += 1;
        database.tenant(&format!("newer-{pages}")).await;
        // This row is added late, among rows that were not read yet.
        let late = "INSERT INTO control.tenants (tenant_id, slug, display_name, region, tier, admin_email, correlation_id, provisioned_at)
                    VALUES (gen_random_uuid(), $1, 'L', 'us-east-1', 'pilot', 'a@acme.com', 'c', '2025-12-31')";
        client.execute(late, &[&format!("late-{pages}")]).await.expect("inserted");
        if pages == 30 {
            break;
        }
    }
    let distinct: HashSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "nothing twice");
    let known: HashSet<_> = old.iter().collect();
    let seen_old: Vec<_> = seen.iter().filter(|id| known.contains(id)).copied().collect();
    assert_eq!(seen_old, old, "every old one, in order");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn tenants_are_filtered() {
    let database = Database::create().await;
    generate(&owner(&database).await, 60).await;
    let list = async |filter: TenantFilter| database.store.tenants_page(&filter, None, 1_000).await.expect("answers");
    let all = list(TenantFilter::default()).await;
    assert_eq!(all.len(), 60);
    assert!(all.is_sorted_by(|a, b| (a.provisioned_at, a.tenant_id) > (b.provisioned_at, b.tenant_id)));
    let (state, tier, region) = (ProvisioningState::Active, Tier::Pilot, Region::UsEast1);
    let active = list(TenantFilter { state: Some(state), ..TenantFilter::default() }).await;
    assert!(active.len() == 30 && active.iter().all(|tenant| tenant.is_active && tenant.state == state));
    let pilots = list(TenantFilter { tier: Some(tier), ..TenantFilter::default() }).await;
    assert!(pilots.len() == 20 && pilots.iter().all(|tenant| tenant.tier == tier));
    let both = list(TenantFilter { state: Some(state), tier: Some(tier), region: Some(region), text: None }).await;
    assert_eq!(both.len(), 10);
    let none =
        list(TenantFilter { tier: Some(tier), region: Some(Region::EuCentral1), ..TenantFilter::default() }).await;
    assert!(none.is_empty());
}

/// A search that few tenants fit reads the index of texts, and one that many fit reads the newest until the page is full.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_search_among_many_tenants_reads_an_index() {
    let database = Database::create().await;
    let client = owner(&database).await;
    generate(&client, MANY).await;
    let sql = "UPDATE control.tenants SET display_name = 'Zürich Re', admin_email = 'cfo@zurich-re.example', custom_domain = 'bank.zurich-re.example'
               WHERE slug = 'tenant-77'";
    assert_eq!(client.execute(sql, &[]).await.expect("updated"), 1);
    client.batch_execute("ANALYZE control.tenants").await.expect("analysed");

    let (none, page_sql) = (None::<&str>, include_str!("../sql/read/tenants_page.sql"));
    for (pattern, index) in
        [("%zurich%", "tenants_search"), ("%nant-7777%", "tenants_search"), ("%tenant%", "tenants_newest_first")]
    {
        let (at, id) = (None::<jiff::Timestamp>, None::<Uuid>);
        let parameters: &[(&(dyn ToSql + Sync), Type)] = &[
            (&none, Type::TEXT),
            (&none, Type::TEXT),
            (&none, Type::TEXT),
            (&at, Type::TIMESTAMPTZ),
            (&id, Type::UUID),
            (&20_i64, Type::INT8),
            (&pattern, Type::TEXT),
        ];
        let plan = plan(&client, page_sql, parameters).await;
        let nodes = nodes(&plan);
        let indices: HashSet<_> = nodes.iter().filter_map(|node| node["Index Name"].as_str()).collect();
        assert_eq!(indices, HashSet::from([index]), "{pattern}: {plan:#}");
        assert!(nodes.iter().all(|node| node["Node Type"] != "Seq Scan"), "{pattern}: {plan:#}");
    }

    let found = async |text: &str| {
        let filter = TenantFilter { text: Some(text.parse().expect("a text")), ..TenantFilter::default() };
        let page = database.store.tenants_page(&filter, None, 20).await.expect("answers");
        page.iter().map(|tenant| tenant.slug.as_str().to_owned()).collect::<Vec<_>>()
    };
    for text in ["zürich", "ZÜRICH", "CFO@", "bank.zurich", "-re.EXAMPLE", "Zürich Re"] {
        assert_eq!(found(text).await, ["tenant-77"], "{text}");
    }
    assert_eq!(found("nant-7777").await.len(), 11);
    for text in ["nobody", "t%n", "tenant_7", r"tenant\", "'", "acme.com zurich"] {
        assert!(found(text).await.is_empty(), "{text}");
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn catalogs_and_targets_are_listed_newest_first() {
    let database = Database::create().await;
    let client = owner(&database).await;
    let store = &database.store;
    let (one, two) = (database.tenant("one").await.tenant_id, database.tenant("two").await.tenant_id);
    // All have the same time, so their order is that of their ids.
    let sql = "INSERT INTO lakehouse.tenant_catalogs (id, tenant_id, catalog_name, catalog_type, catalog_uri, warehouse, storage_prefix,
                   metadata, is_active, version, provisioned_at)
               SELECT gen_random_uuid(), $1::uuid, 'c' || n, 'rest', 'https://c', 's3://w', 'p', '{}', n % 2 = 0, 1, '2026-01-01'
               FROM generate_series(1, 9) n";
    for tenant in [one, two] {
        client.execute(sql, &[&tenant.0]).await.expect("inserted");
    }
    let (mut catalogs, mut after) = (Vec::new(), None);
    for expected in [7, 7, 4, 0] {
        let page = store.catalogs_page(after, 7).await.expect("answers").rows;
        assert_eq!(page.len(), expected);
        after = page.last().map(|last| (last.provisioned_at, last.id.0)).or(after);
        catalogs.extend(page);
    }
    assert!(catalogs.is_sorted_by(|a, b| (a.provisioned_at, a.id.0) > (b.provisioned_at, b.id.0)));
    assert_eq!(catalogs.iter().filter(|catalog| !catalog.is_active).count(), 10, "active or not");

    for (tenant, slug, count) in [(one, "one", 3), (two, "two", 5)] {
        for number in 0..count {
            let body = json!({"tenant_id": tenant, "source_schema": "s", "source_table": format!("t{number}"),
                "iceberg_namespace": format!("ivory_tenant_{slug}"), "iceberg_table": format!("i{number}")});
            let request = SyncTargetRequest::parse(body.as_object().expect("an object")).expect("valid");
            let new =
                NewSyncTarget { request: &request, author: Author { actor: "ops", address: None, request_id: "r" } };
            store.register_sync_target(new).await.expect("registered");
        }
    }
    let walk = async |tenant: Option<TenantId>| {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = store.sync_targets_page(tenant, after, 2).await.expect("answers").rows;
            let Some(last) = page.last() else { return ids };
            after = Some((last.created_at, last.id));
            ids.extend(page.into_iter().map(|target| (target.created_at, target.id, target.tenant_slug)));
        }
    };
    let all = walk(None).await;
    assert!(all.len() == 8 && all.is_sorted_by(|a, b| (a.0, a.1) > (b.0, b.1)));
    let ones = walk(Some(one)).await;
    assert!(ones.len() == 3 && ones.iter().all(|target| target.2.as_str() == "one"));
    assert!(walk(Some(TenantId(Uuid::now_v7()))).await.is_empty());
}
