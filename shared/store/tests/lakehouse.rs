//! Catalogs and sync targets stay one row each, even if they are requested repeatedly and at the same time.

mod support;

use std::time::Duration;

use domain::{CatalogRequest, SyncTargetRequest, TenantId};
use serde_json::{Value, json};
use store::{
    Author, Catalog, CatalogNotBegun, CatalogNotCommitted, Deactivation, Finding, NewCatalog, NewSyncTarget,
    NotRegistered, Store, StoreError, SyncTarget, Tenant, inspect,
};
use support::Database;
use tokio::task::JoinSet;
use uuid::Uuid;

fn catalog_request(change: &Value) -> CatalogRequest {
    let mut body =
        json!({"catalog_uri": "https://iomete/catalog", "warehouse": "s3://ivory/", "storage_prefix": "acme/"});
    let changes = change.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(changes);
    CatalogRequest::parse(body.as_object().expect("an object")).expect("valid")
}

fn new_catalog(tenant_id: TenantId, request: &CatalogRequest) -> NewCatalog<'_> {
    NewCatalog {
        tenant_id,
        request,
        permits: &|_| true,
        author: Author { actor: "ops", address: None, request_id: "r" },
    }
}

async fn upsert(store: &Store, tenant: &Tenant, change: &Value, secret_version: Option<&str>) -> Catalog {
    let request = catalog_request(change);
    let begun = store.begin_catalog_upsert(new_catalog(tenant.tenant_id, &request)).await;
    begun.expect("it goes through").commit(secret_version).await.expect("the database answers")
}

/// The tenant's catalog of that name, active or not.
async fn stored(database: &Database, tenant: &Tenant, name: &str) -> Option<Catalog> {
    let sql =
        "SELECT c.*, t.slug AS tenant_slug FROM lakehouse.tenant_catalogs c JOIN control.tenants t USING (tenant_id)
               WHERE c.tenant_id = $1 AND c.catalog_name = $2";
    let rows = database.own.connect().await.query(sql, &[&tenant.tenant_id.0, &name]).await.expect("answers");
    rows.first().map(|row| Catalog::try_from(row).expect("readable"))
}

fn target_request(tenant_id: TenantId, change: &Value) -> SyncTargetRequest {
    let mut body = json!({"tenant_id": tenant_id, "source_schema": "public", "source_table": "companies",
        "iceberg_namespace": "ivory_tenant_acme", "iceberg_table": "companies"});
    let changes = change.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(changes);
    SyncTargetRequest::parse(body.as_object().expect("an object")).expect("valid")
}

async fn register(store: &Store, tenant_id: TenantId, change: &Value) -> Result<SyncTarget, NotRegistered> {
    let request = target_request(tenant_id, change);
    store
        .register_sync_target(NewSyncTarget {
            request: &request,
            author: Author { actor: "ops", address: None, request_id: "r" },
        })
        .await
}

/// `before` and `after` of the audit rows of that action, in order.
async fn audit(database: &Database, action: &str) -> Vec<(Option<Value>, Option<Value>)> {
    let client = database.own.connect().await;
    let sql = "SELECT before, after FROM control.audit_log WHERE action = $1 AND actor = 'ops' AND request_id = 'r' \
               AND tenant_id IS NOT NULL ORDER BY id";
    let rows = client.query(sql, &[&action]).await.expect("readable");
    rows.iter().map(|row| (row.get("before"), row.get("after"))).collect()
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_catalog_is_made_once_and_replaced_afterwards() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let store = &database.store;
    let first = upsert(store, &tenant, &json!({"metadata": {"a": [1, "x"]}, "s3_endpoint": "https://s3"}), None).await;
    assert_eq!((first.version, first.tenant_slug.as_str(), first.is_active), (1, "acme", true));
    assert_eq!((first.metadata.clone(), first.s3_endpoint.as_deref()), (json!({"a": [1, "x"]}), Some("https://s3")));

    let second =
        upsert(store, &tenant, &json!({"catalog_type": "hive", "catalog_uri": "thrift://m"}), Some("v1")).await;
    assert_eq!((second.id, second.provisioned_at, second.version), (first.id, first.provisioned_at, 2));
    assert!(second.updated_at > first.updated_at);
    assert_eq!((second.catalog_type, second.catalog_uri.as_str()), (domain::CatalogType::Hive, "thrift://m"));
    assert_eq!(
        (second.metadata.clone(), second.s3_endpoint, second.secret_version),
        (json!({}), None, Some("v1".to_owned()))
    );

    let request = catalog_request(&json!({}));
    let begun = store.begin_catalog_upsert(new_catalog(tenant.tenant_id, &request)).await.expect("it goes through");
    assert_eq!((begun.id(), begun.secret_version()), (first.id, Some("v1")));
    begun.give_up().await;
    let row = stored(&database, &tenant, first.catalog_name.as_str()).await.expect("there");
    assert_eq!((row.version, row.catalog_uri.as_str()), (2, "thrift://m"), "given up");

    let audit = audit(&database, "catalog.upsert").await;
    let [(None, Some(made)), (Some(before), Some(after))] = &audit[..] else { panic!("{audit:?}") };
    assert_eq!((&made["version"], &made["metadata"]), (&json!(1), &json!({"a": [1, "x"]})));
    assert_eq!((before, &after["catalog_uri"]), (made, &json!("thrift://m")));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_dropped_upsert_changes_nothing_and_closes_its_transaction() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let request = catalog_request(&json!({}));
    drop(database.store.begin_catalog_upsert(new_catalog(tenant.tenant_id, &request)).await.expect("it goes through"));
    assert!(database.store.newest_active_catalog(tenant.tenant_id).await.expect("answers").is_none());
    let made = upsert(&database.store, &tenant, &json!({}), None).await;
    assert_eq!(made.version, 1);
    let elsewhere = database.own.store().newest_active_catalog(tenant.tenant_id).await.expect("answers");
    assert_eq!(elsewhere.map(|catalog| catalog.version), Some(1), "committed");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_second_upsert_of_a_catalog_waits_for_the_first() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let other = database.own.store();
    let request = catalog_request(&json!({}));
    for round in 1..=2 {
        let first = database.store.begin_catalog_upsert(new_catalog(tenant.tenant_id, &request)).await;
        let first = first.expect("it goes through");
        let finish = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            first.commit(Some(&format!("v{round}"))).await.expect("the database answers")
        };
        let second = async {
            let begun = other.begin_catalog_upsert(new_catalog(tenant.tenant_id, &request)).await;
            let begun = begun.expect("it goes through");
            let seen = begun.secret_version().map(str::to_owned);
            begun.commit(seen.as_deref()).await.expect("the database answers")
        };
        let (first, second) = tokio::join!(finish, second);
        assert_eq!(second.version, first.version + 1);
        assert_eq!(second.secret_version, Some(format!("v{round}")), "what the first wrote");
    }
    let audit = audit(&database, "catalog.upsert").await;
    assert_eq!(audit.len(), 4);
    for pair in audit.windows(2) {
        assert_eq!(pair[1].0, pair[0].1, "each began with what the one before left");
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn waiting_for_a_row_and_holding_it_are_limited() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let other = database.own.store();
    let request = catalog_request(&json!({}));
    let frozen = database.store.begin_catalog_upsert(new_catalog(tenant.tenant_id, &request)).await;
    let frozen = frozen.expect("it goes through");
    let waiting = other.begin_catalog_upsert(new_catalog(tenant.tenant_id, &request)).await;
    assert!(matches!(waiting, Err(CatalogNotBegun::Store(StoreError::Timeout))), "gives up in time");
    let another = upsert(&other, &tenant, &json!({"catalog_name": "another"}), None).await;
    assert_eq!(another.version, 1, "only this catalog is locked");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let next = upsert(&other, &tenant, &json!({}), None).await;
    assert_eq!(next.version, 1, "the frozen one lost its transaction");
    let late = frozen.commit(Some("late")).await;
    assert!(matches!(late, Err(CatalogNotCommitted::Store(StoreError::Unavailable))));
    let row = stored(&database, &tenant, next.catalog_name.as_str()).await.expect("there");
    assert_eq!((row.version, row.secret_version), (1, None));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_open_upsert_does_not_block_the_tenants_pipeline() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let request = catalog_request(&json!({}));
    let open = database.store.begin_catalog_upsert(new_catalog(tenant.tenant_id, &request)).await;
    let open = open.expect("it goes through");
    let client = database.own.connect().await;
    let lock = "SET lock_timeout = '200ms'; SELECT FROM control.tenants FOR UPDATE";
    client.batch_execute(lock).await.expect("the tenant's row is free");
    open.commit(None).await.expect("the database answers");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_upsert_can_require_a_version() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let store = &database.store;
    let request = catalog_request(&json!({}));
    let new = new_catalog(tenant.tenant_id, &request);
    let mismatch = async |expected| {
        let permits = move |version| version == Some(expected);
        let begun = store.begin_catalog_upsert(NewCatalog { permits: &permits, ..new }).await;
        matches!(begun, Err(CatalogNotBegun::VersionMismatch))
    };
    assert!(mismatch(0).await && mismatch(1).await, "there is none yet");
    assert!(stored(&database, &tenant, request.catalog_name.as_str()).await.is_none());
    upsert(store, &tenant, &json!({}), None).await;
    assert!(mismatch(2).await);
    let only_new = store.begin_catalog_upsert(NewCatalog { permits: &|version| version.is_none(), ..new }).await.err();
    assert!(matches!(only_new, Some(CatalogNotBegun::VersionMismatch)));
    let begun = store.begin_catalog_upsert(NewCatalog { permits: &|version| version == Some(1), ..new }).await;
    let written = begun.expect("it goes through").commit(None).await.expect("the database answers");
    assert_eq!(written.version, 2);
    let unknown = store.begin_catalog_upsert(NewCatalog { tenant_id: TenantId(Uuid::now_v7()), ..new }).await.err();
    assert!(matches!(unknown, Some(CatalogNotBegun::NoTenant)));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_tenants_catalog_is_its_newest_active_one() {
    let database = Database::create().await;
    let (tenant, other) = (database.tenant("acme").await, database.tenant("other").await);
    let store = &database.store;
    upsert(store, &tenant, &json!({"catalog_name": "old"}), None).await;
    upsert(store, &tenant, &json!({"catalog_name": "new"}), None).await;
    upsert(store, &tenant, &json!({"catalog_name": "off", "is_active": false}), None).await;
    upsert(store, &other, &json!({"catalog_name": "others", "storage_prefix": "other/"}), None).await;
    let newest = async || {
        let catalog = store.newest_active_catalog(tenant.tenant_id).await.expect("answers");
        catalog.map(|catalog| catalog.catalog_name.as_str().to_owned())
    };
    assert_eq!(newest().await.as_deref(), Some("new"));
    upsert(store, &tenant, &json!({"catalog_name": "new", "is_active": false}), None).await;
    assert_eq!(newest().await.as_deref(), Some("old"));
    upsert(store, &tenant, &json!({"catalog_name": "old", "is_active": false}), None).await;
    assert_eq!(newest().await, None);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_target_goes_to_an_active_catalog() {
    let database = Database::create().await;
    let (tenant, other) = (database.tenant("acme").await, database.tenant("other").await);
    let (store, id) = (&database.store, tenant.tenant_id);
    let unknown = register(store, TenantId(Uuid::now_v7()), &json!({})).await;
    assert!(matches!(unknown, Err(NotRegistered::NoTenant)));
    upsert(store, &other, &json!({"catalog_name": "others", "storage_prefix": "other/"}), None).await;
    for change in [json!({}), json!({"catalog_name": "others"})] {
        assert!(matches!(register(store, id, &change).await, Err(NotRegistered::NoActiveCatalog)), "{change}");
    }
    upsert(store, &tenant, &json!({"catalog_name": "old"}), None).await;
    upsert(store, &tenant, &json!({"catalog_name": "new"}), None).await;
    upsert(store, &tenant, &json!({"catalog_name": "off", "is_active": false}), None).await;
    let catalog = async |change: Value| {
        let target = register(store, id, &change).await.expect("it goes through");
        target.catalog_name.as_str().to_owned()
    };
    assert_eq!(catalog(json!({})).await, "new");
    assert_eq!(catalog(json!({"catalog_name": "old"})).await, "old");
    let off = register(store, id, &json!({"catalog_name": "off"})).await;
    assert!(matches!(off, Err(NotRegistered::NoActiveCatalog)));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn registering_the_same_target_again_replaces_it() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let (store, id) = (&database.store, tenant.tenant_id);
    upsert(store, &tenant, &json!({}), None).await;
    let full =
        json!({"primary_key_cols": ["a", "b"], "cursor_col": "c", "fivetran_connector_id": "f", "metadata": {"k": 1}});
    let first = register(store, id, &full).await.expect("it goes through");
    assert_eq!(
        (first.primary_key_cols, first.cursor_col.as_deref()),
        (vec!["a".to_owned(), "b".to_owned()], Some("c"))
    );
    assert_eq!((first.fivetran_connector_id.as_deref(), first.metadata), (Some("f"), json!({"k": 1})));
    let second = register(store, id, &json!({"sync_mode": "full_refresh"})).await.expect("it goes through");
    assert_eq!((second.id, second.created_at, second.tenant_slug.as_str()), (first.id, first.created_at, "acme"));
    assert_eq!((second.sync_mode, second.cursor_col), (domain::SyncMode::FullRefresh, None));
    assert!(second.primary_key_cols.is_empty() && second.updated_at > first.updated_at);
    let third = register(store, id, &json!({"iceberg_table": "another"})).await.expect("it goes through");
    assert_ne!(third.id, first.id);

    let audit = audit(&database, "sync_target.register").await;
    let [(None, Some(made)), (Some(before), Some(after)), (None, Some(_))] = &audit[..] else { panic!("{audit:?}") };
    assert_eq!((before, &after["sync_mode"]), (made, &json!("full_refresh")));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn simultaneous_registrations_are_one_target() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    upsert(&database.store, &tenant, &json!({}), None).await;
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let (store, tenant_id) = (database.own.store(), tenant.tenant_id);
        all.spawn(async move { register(&store, tenant_id, &json!({})).await.expect("it goes through").id });
    }
    let mut ids = all.join_all().await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(database.store.sync_targets_page(None, None, 10).await.expect("answers").rows.len(), 1);
}

async fn deactivate(database: &Database, tenant: &Tenant) {
    let payload = json!({});
    let deactivation = Deactivation {
        tenant_id: tenant.tenant_id,
        version: None,
        invalidation: (Uuid::now_v7(), &payload),
        revoke_access: false,
        author: Author { actor: "ops", address: None, request_id: "r" },
    };
    database.store.deactivate_tenant(deactivation).await.expect("the database answers").expect("it was not off");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn nothing_is_written_for_a_deprovisioned_tenant() {
    let database = Database::create().await;
    let (tenant, store) = (database.tenant("acme").await, &database.store);
    let made = upsert(store, &tenant, &json!({}), None).await;
    register(store, tenant.tenant_id, &json!({})).await.expect("it has a catalog");
    // One is begun before, and would be committed afterwards.
    let (other, request) = (database.own.store(), catalog_request(&json!({"warehouse": "s3://other/"})));
    let late = other.begin_catalog_upsert(new_catalog(tenant.tenant_id, &request)).await.expect("not off yet");
    deactivate(&database, &tenant).await;
    assert!(matches!(late.commit(Some("v2")).await, Err(CatalogNotCommitted::NoTenant)));
    for name in ["ivory-lakehouse", "another"] {
        let request = catalog_request(&json!({"catalog_name": name}));
        let begun = store.begin_catalog_upsert(new_catalog(tenant.tenant_id, &request)).await;
        assert!(matches!(begun.err(), Some(CatalogNotBegun::NoTenant)), "{name}");
    }
    for table in ["companies", "others"] {
        let registered = register(store, tenant.tenant_id, &json!({"iceberg_table": table})).await;
        assert!(matches!(registered, Err(NotRegistered::NoTenant)), "{table}");
    }
    let kept = store.newest_active_catalog(tenant.tenant_id).await.expect("the database answers").expect("kept");
    assert_eq!((kept.version, kept.warehouse, kept.secret_version), (made.version, made.warehouse, None));
    let rows = "SELECT (SELECT count(*) FROM lakehouse.tenant_catalogs), (SELECT count(*) FROM lakehouse.sync_targets)";
    let rows = database.own.connect().await.query_one(rows, &[]).await.expect("answers");
    assert_eq!((rows.get::<_, i64>(0), rows.get::<_, i64>(1)), (1, 1));
}

/// Whichever of the two commits first, the other one waits for it and sees it.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_write_and_a_deactivation_of_the_same_moment_are_one_after_the_other() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    upsert(&database.store, &tenant, &json!({}), None).await;
    let mut client = database.own.connect().await;
    let off = client.transaction().await.expect("begun");
    let sql = "UPDATE control.tenants SET provisioning_state = 'deprovisioned' WHERE slug = 'acme'";
    off.batch_execute(sql).await.expect("not committed yet");
    let (store, request) = (database.own.store(), catalog_request(&json!({"warehouse": "s3://other/"})));
    let catalog = async {
        let begun = store.begin_catalog_upsert(new_catalog(tenant.tenant_id, &request)).await.expect("not off yet");
        begun.commit(None).await
    };
    let nothing = json!({});
    let target = register(&database.store, tenant.tenant_id, &nothing);
    let commit = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        off.commit().await.expect("committed");
    };
    let (catalog, target, ()) = tokio::join!(catalog, target, commit);
    assert!(matches!(catalog, Err(CatalogNotCommitted::NoTenant)));
    assert!(matches!(target, Err(NotRegistered::NoTenant)));
}

/// The place of a catalog that is written without being asked about, as older releases did.
async fn plant(database: &Database, tenant: &Tenant, name: &str, warehouse: &str, prefix: &str) {
    upsert(
        &database.store,
        tenant,
        &json!({"catalog_name": name, "storage_prefix": format!("{}/{name}", tenant.slug)}),
        None,
    )
    .await;
    let sql = "UPDATE lakehouse.tenant_catalogs SET warehouse = $3, storage_prefix = $4, version = version + 1
               WHERE tenant_id = $1 AND catalog_name = $2";
    let client = database.own.connect().await;
    client.execute(sql, &[&tenant.tenant_id.0, &name, &warehouse, &prefix]).await.expect("writable");
}

/// Whether a tenant may have a catalog there.
async fn may_be_at(store: &Store, tenant: &Tenant, change: &Value) -> bool {
    let request = catalog_request(change);
    match store.begin_catalog_upsert(new_catalog(tenant.tenant_id, &request)).await {
        Ok(begun) => {
            begun.give_up().await;
            true
        }
        Err(CatalogNotBegun::StorageOverlap) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn no_tenants_data_lies_where_anothers_does() {
    let database = Database::create().await;
    let (acme, globex) = (database.tenant("acme").await, database.tenant("globex").await);
    let store = &database.store;
    let own = json!({"warehouse": "s3://ivory/lake", "storage_prefix": "tenants/acme/"});
    upsert(store, &acme, &own, None).await;
    let aliases = [
        ("s3://ivory/lake", "tenants/acme/"),
        ("s3a://ivory/lake/", "tenants/acme"),
        ("S3N://IVORY/", "lake/tenants/acme/raw"),
        ("s3://ivory/lake/tenants", "acme"),
        ("s3://ivory", "lake"),
        ("s3://ivory/", "lake//tenants"),
        ("s3://ivory/", "lake/tenants/./acme/"),
        ("s3://ivory/", "lake/%74enants/acme"),
        ("https://ivory.s3.eu-central-1.amazonaws.com/", "lake/tenants/acme/raw/"),
        ("https://s3.us-east-1.amazonaws.com/ivory", "lake/tenants/acme"),
    ];
    let apart = [
        ("s3://ivory/lake", "tenants/acme-bank"),
        ("s3://ivory/lake", "tenants/globex"),
        ("s3://ivory-2/lake", "tenants/acme"),
        ("s3://ivory/", "tenants/acme"),
        ("s3://ivory/lake", "tenants/Acme"),
    ];
    let everywhere = async |why: &str, own: bool| {
        for (warehouse, prefix) in aliases {
            let place = json!({"warehouse": warehouse, "storage_prefix": prefix});
            assert!(!may_be_at(store, &globex, &place).await, "{why}: {place}");
            assert!(!own || may_be_at(store, &acme, &place).await, "{why}: its own {place}");
        }
        for (warehouse, prefix) in apart {
            assert!(
                may_be_at(store, &globex, &json!({"warehouse": warehouse, "storage_prefix": prefix})).await,
                "{why}: {warehouse} {prefix}"
            );
        }
    };
    everywhere("in use", true).await;
    let mut off = own.clone();
    off["is_active"] = json!(false);
    upsert(store, &acme, &off, None).await;
    everywhere("not in use", true).await;
    let client = database.own.connect().await;
    client
        .batch_execute("UPDATE control.tenants SET provisioning_state = 'deprovisioned' WHERE slug = 'acme'")
        .await
        .expect("writable");
    everywhere("deprovisioned", false).await;
    client
        .batch_execute("UPDATE lakehouse.tenant_catalogs SET location = NULL, location_version = NULL")
        .await
        .expect("writable");
    everywhere("of an older release", false).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_place_that_is_left_is_free_and_a_place_that_is_kept_stays() {
    let database = Database::create().await;
    let (acme, globex) = (database.tenant("acme").await, database.tenant("globex").await);
    let store = &database.store;
    let at = |prefix: &str| json!({"storage_prefix": prefix});
    upsert(store, &acme, &at("a/"), None).await;
    upsert(store, &globex, &at("b/"), None).await;
    assert!(!may_be_at(store, &globex, &at("a/b/")).await, "an update that moves is decided too");
    upsert(store, &acme, &at("c/"), None).await;
    upsert(store, &globex, &at("a/"), None).await;
    assert!(!may_be_at(store, &acme, &at("a/")).await, "it was left");
    // Long places are in no index.
    let long = "x".repeat(900) + "/" + &"y".repeat(123);
    let wide = json!({"warehouse": format!("s3://ivory/{}", "z".repeat(1990)), "storage_prefix": long});
    upsert(store, &acme, &wide, None).await;
    assert!(!may_be_at(store, &globex, &wide).await);
}

/// Rows that overlap since before can be read and changed, but do not move to where others are.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn rows_of_older_releases_stay_and_are_reported() {
    let database = Database::create().await;
    let (acme, globex) = (database.tenant("acme").await, database.tenant("globex").await);
    let store = &database.store;
    plant(&database, &acme, "one", "s3://ivory/lake", "acme/").await;
    plant(&database, &globex, "two", "s3a://ivory/", "other/../lake/acme/raw").await;
    plant(&database, &acme, "three", "s3://ivory/lake", "acme/raw/deep").await;
    plant(&database, &globex, "four", "https://host/?token=hush", "globex/").await;
    let place = |catalog: &Catalog| json!({"catalog_name": catalog.catalog_name, "warehouse": "s3a://ivory/", "storage_prefix": "lake/acme/raw", "is_active": false});
    let mut of = Vec::new();
    for (tenant, name) in [(&acme, "one"), (&globex, "two"), (&acme, "three"), (&globex, "four")] {
        of.push(stored(&database, tenant, name).await.expect("there"));
    }
    let client = database.own.connect().await;
    let mut found = inspect(&client).await.expect("answers");
    found.sort_by_key(|finding| format!("{finding:?}"));
    let mut expected = vec![
        Finding::StorageOverlap { catalog: of[1].id.0, lies_in: of[0].id.0 },
        Finding::StorageOverlap { catalog: of[2].id.0, lies_in: of[1].id.0 },
        Finding::Credential { catalog: of[3].id.0, column: "warehouse" },
    ];
    expected.sort_by_key(|finding| format!("{finding:?}"));
    assert_eq!(found, expected);
    assert!(!format!("{found:?}").contains("hush"));

    let same = upsert(store, &globex, &place(&of[1]), Some("v2")).await;
    assert_eq!(
        (same.version, same.secret_version.as_deref(), same.is_active),
        (of[1].version + 1, Some("v2"), false),
        "the same place"
    );
    assert!(
        !may_be_at(
            store,
            &globex,
            &json!({"catalog_name": "two", "warehouse": "s3://ivory/", "storage_prefix": "lake/acme"})
        )
        .await
    );
}

/// Both see that the place is free. One of them gets it, whoever comes first.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn of_two_tenants_at_once_one_gets_the_place() {
    let database = Database::create().await;
    let mut tenants = Vec::new();
    for n in 0..6 {
        tenants.push(database.tenant(&format!("tenant-{n}")).await);
    }
    for round in 0..4 {
        let mut all = JoinSet::new();
        for (n, tenant) in tenants.iter().enumerate() {
            let (store, tenant_id) = (database.own.store(), tenant.tenant_id);
            // Some above, some below, some equal.
            let prefix = format!("{round}/shared/{}", ["", "raw", "raw/deep"][n % 3]);
            all.spawn(async move {
                let request = catalog_request(&json!({"catalog_name": format!("r{round}"), "storage_prefix": prefix}));
                let begun = match store.begin_catalog_upsert(new_catalog(tenant_id, &request)).await {
                    Ok(begun) => begun,
                    Err(CatalogNotBegun::StorageOverlap) => return false,
                    Err(other) => panic!("{other:?}"),
                };
                tokio::time::sleep(Duration::from_millis(100)).await;
                match begun.commit(None).await {
                    Ok(_) => true,
                    Err(CatalogNotCommitted::StorageOverlap) => false,
                    Err(other) => panic!("{other:?}"),
                }
            });
        }
        assert_eq!(all.join_all().await.into_iter().filter(|won| *won).count(), 1, "round {round}");
    }
    let client = database.own.connect().await;
    assert_eq!(inspect(&client).await.expect("answers"), []);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn two_sources_feed_one_table_only_if_that_is_meant() {
    let database = Database::create().await;
    let (acme, globex) = (database.tenant("acme").await, database.tenant("globex").await);
    let (store, id) = (&database.store, acme.tenant_id);
    upsert(store, &acme, &json!({}), None).await;
    upsert(store, &acme, &json!({"catalog_name": "second"}), None).await;
    upsert(store, &globex, &json!({"storage_prefix": "globex/"}), None).await;
    let first = register(store, id, &json!({"iceberg_table": "Companies\u{c4}"})).await.expect("it goes through");
    for other in [
        json!({"source_table": "firms", "iceberg_table": "Companies\u{c4}"}),
        json!({"source_schema": "crm", "iceberg_table": "companies\u{e4}"}),
        json!({"source_table": "firms", "iceberg_table": "COMPANIESA\u{308}"}),
        json!({"source_table": "firms", "iceberg_table": "companies\u{e4}", "catalog_name": "second"}),
        // The same source, whose rows would arrive twice.
        json!({"iceberg_table": "companies\u{e4}"}),
    ] {
        let taken = register(store, id, &other).await;
        assert!(matches!(taken, Err(NotRegistered::IcebergTableTaken)), "{other}");
    }
    // Another tenant's target in the same catalog is another one, too. In a catalog elsewhere it is another table.
    let foreign = json!({"iceberg_table": "companies\u{e4}"});
    assert!(matches!(register(store, globex.tenant_id, &foreign).await, Err(NotRegistered::IcebergTableTaken)));
    let elsewhere =
        json!({"catalog_name": "own", "catalog_uri": "https://own.example/catalog", "storage_prefix": "own/"});
    upsert(store, &globex, &elsewhere, None).await;
    let own = json!({"iceberg_table": "companies\u{e4}", "catalog_name": "own"});
    register(store, globex.tenant_id, &own).await.expect("it is another table");

    let meant = json!({"source_table": "firms", "iceberg_table": "companies\u{e4}", "shared_table": true});
    assert!(register(store, id, &meant).await.expect("it goes through").shared_table);
    let again = register(store, id, &json!({"iceberg_table": "Companies\u{c4}"})).await.expect("it is there already");
    assert_eq!((again.id, again.shared_table), (first.id, false));
    let third = json!({"source_table": "third", "iceberg_table": "companies\u{e4}"});
    assert!(matches!(register(store, id, &third).await, Err(NotRegistered::IcebergTableTaken)));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn of_two_sources_at_once_one_gets_the_table() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    upsert(&database.store, &tenant, &json!({}), None).await;
    for round in 0..4 {
        let mut all = JoinSet::new();
        for n in 0..6 {
            let (store, tenant_id) = (database.own.store(), tenant.tenant_id);
            let table = if n % 2 == 0 { format!("Table{round}") } else { format!("tAble{round}") };
            let change = json!({"source_table": format!("source{n}"), "iceberg_table": table});
            all.spawn(async move {
                match register(&store, tenant_id, &change).await {
                    Ok(_) => true,
                    Err(NotRegistered::IcebergTableTaken) => false,
                    Err(other) => panic!("{other:?}"),
                }
            });
        }
        assert_eq!(all.join_all().await.into_iter().filter(|won| *won).count(), 1, "round {round}");
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_tenant_with_a_name_of_an_older_release_can_be_read() {
    let database = Database::create().await;
    let tenant = database.tenant("acme").await;
    let client = database.own.connect().await;
    let sql = "UPDATE control.tenants SET display_name = U&'Acme\\202EknaB', slug = 'xn--bnk-qla' WHERE slug = 'acme'";
    client.batch_execute(sql).await.expect("writable");
    let read = database.store.tenant_by_id(tenant.tenant_id).await.expect("answers").expect("there");
    assert_eq!((read.slug.as_str(), read.display_name.as_str()), ("xn--bnk-qla", "Acme\u{202e}knaB"));
    assert_eq!(
        database.store.tenant_by_slug(&read.slug).await.expect("answers").expect("there").tenant_id,
        tenant.tenant_id
    );
}
