//! The audit log shows whether somebody changed it: rows are sealed in one order, and whoever changes, removes, adds or swaps rows is
//! found out at the first row that does not fit, by `audit-chain` and by a page of Python.

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use audit_chain::{Anchor, Fault, Misfit, Scope, Verified, verify};
use domain::AuditWord;
use serde_json::{Value, json};
use store::AuditFilter;
use support::Database;
use tokio_postgres::Client;

const SEALER: &str = "sealer";
const LEASE: Duration = Duration::from_mins(1);

/// Contents whose canonical form is easily missed.
fn contents() -> Vec<Value> {
    vec![
        Value::Null,
        json!({}),
        json!({ "b": 1, "a": [], "ab": {}, "B": [null, true, false, [], {}] }),
        json!({ "ä": "ö\u{7f}\u{80}", "\u{1f600}": "\u{ffff}", "\u{ffff}": "\u{1f600}", "": "\"\\/\u{8}\u{c}\n\r\t\u{1}\u{1f}" }),
        json!({ "numbers": [0, -0.0, 1.0, 1.5, -12.25, 1e2, 1e21, 1e300, 1.797_693_134_862_315_7e308, 5e-324, 1e-7, 0.1, u64::MAX, i64::MIN] }),
        json!({ "admin_email": "ada@acme.com", "attempt": 2 }),
        json!({ "metadata": { "a/b": { "~c": ["nobody", "Ask ADA@acme.com.", { "0": "grace@acme.com" }] } }, "text": "@" }),
        json!({ "cause": { "hint": "ada@acme.com.au and xada@acme.com are others" } }),
    ]
}

/// Writes rows as functions do: each in its own transaction, with these contents before or after.
async fn write(client: &Client) {
    let sql = "INSERT INTO control.audit_log (actor, action, tenant_id, request_id, source_address, before, after)
               VALUES ($1, 'tenant.update', NULL, 'r', $2::text::inet, $3, $4)";
    for (n, content) in contents().iter().enumerate() {
        let actor = if n % 3 == 1 { "bearer:https://id.example/|ada@acme.com" } else { "system:a-test" };
        let address = [None, Some("2001:db8::7"), Some("203.0.113.7")][n % 3];
        let (before, after) =
            if n % 2 == 0 { (None, Some(content)) } else { (Some(content), Some(&json!({ "n": n }))) };
        client.execute(sql, &[&actor, &address, &before, &after]).await.expect("written");
    }
}

async fn seal(database: &Database) -> usize {
    assert!(database.store.take_singleton(SEALER, "t", LEASE).await.expect("answers"));
    database.store.seal_audit(SEALER, "t", 1000).await.expect("sealed")
}

/// All rows, with the fields that the API gives them.
async fn rows(client: &Client) -> Vec<Value> {
    let sql = "SELECT (control.audit_content(l) || jsonb_build_object('addresses', l.addresses, 'digest', encode(l.digest, 'hex'),
                   'seq', s.seq, 'previous_seal', encode(s.previous, 'hex'), 'seal', encode(s.seal, 'hex')))
               FROM control.audit_log l LEFT JOIN control.audit_seals s USING (id) ORDER BY l.at DESC, l.id DESC";
    client.query(sql, &[]).await.expect("readable").iter().map(|row| row.get(0)).collect()
}

fn anchor(rows: &[Value], seq: u64) -> Anchor {
    let row = rows.iter().find(|row| row["seq"] == seq).expect("sealed");
    Anchor { seq, seal: row["seal"].as_str().expect("a seal").parse().expect("a digest") }
}

/// What a page of Python says of them: the number of the first row that does not fit.
fn by_python(rows: &[Value], anchors: &[Anchor]) -> Option<u64> {
    let folder = std::env::temp_dir().join(format!("audit-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&folder).expect("a folder");
    let anchors: Vec<_> =
        anchors.iter().map(|anchor| json!({ "seq": anchor.seq, "seal": anchor.seal.to_string() })).collect();
    for (name, objects) in [("rows", rows), ("anchors", &anchors)] {
        std::fs::write(folder.join(name), serde_json::to_string(objects).expect("JSON")).expect("written");
    }
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../audit-chain/verify.py");
    let output = Command::new("python3").arg(program).args(["rows", "anchors"].map(|name| folder.join(name))).output();
    std::fs::remove_dir_all(&folder).expect("removed");
    let output = output.expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (said != "fits").then(|| said.parse().expect("a number"))
}

async fn checked(client: &Client, anchors: &[Anchor]) -> Result<Verified, Misfit> {
    let rows = rows(client).await;
    let verified = verify(&rows, anchors, Scope::Whole);
    assert_eq!(by_python(&rows, anchors), verified.as_ref().err().map(|misfit| misfit.seq.unwrap_or_default()));
    verified
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn whatever_was_written_fits() {
    let database = Database::create().await;
    let client = database.own.connect().await;
    assert_eq!(seal(&database).await, 0, "an empty log");
    write(&client).await;
    database.tenant("acme").await;
    let count = contents().len() + 1;
    let unsealed = checked(&client, &[]).await.expect("fits");
    assert_eq!((unsealed.rows, unsealed.sealed, unsealed.unsealed.0), (count, None, count));
    // In batches.
    assert!(database.store.take_singleton(SEALER, "t", LEASE).await.expect("answers"));
    assert_eq!(database.store.seal_audit(SEALER, "t", 4).await.expect("sealed"), 4);
    assert_eq!(seal(&database).await, count - 4);
    assert_eq!(seal(&database).await, 0, "each row once");
    let verified = checked(&client, &[anchor(&rows(&client).await, 3)]).await.expect("fits");
    let last = u64::try_from(count).expect("few");
    let expected = Verified { rows: count, sealed: Some((1, last)), anchored: Some(3), ..Verified::default() };
    assert_eq!(verified, expected);
}

/// The digest and the seals as whoever owns the database can compute them.
const HELPERS: &str = "
        CREATE FUNCTION pg_temp.digest(l control.audit_log) RETURNS bytea LANGUAGE sql AS $$
            SELECT sha256(convert_to(control.audit_canonical(control.audit_content(l) || '{\"addresses\": {}}'), 'UTF8')) $$;
        CREATE FUNCTION pg_temp.seal(previous bytea, seq bigint, digest bytea) RETURNS bytea LANGUAGE sql AS $$
            SELECT sha256(previous || int8send(seq) || digest) $$;
        CREATE FUNCTION pg_temp.reseal(first bigint) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE place record; before bytea := (SELECT seal FROM control.audit_seals WHERE seq = first - 1);
        BEGIN
            FOR place IN SELECT s.seq, l.digest FROM control.audit_seals s JOIN control.audit_log l USING (id) WHERE seq >= first ORDER BY seq LOOP
                UPDATE control.audit_seals SET previous = before, seal = pg_temp.seal(before, place.seq, place.digest) WHERE seq = place.seq;
                before := (SELECT seal FROM control.audit_seals WHERE seq = place.seq);
            END LOOP;
        END $$;";

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_first_row_that_was_tampered_with_is_named() {
    let database = Database::create().await;
    let mut client = database.own.connect().await;
    write(&client).await;
    let last = u64::try_from(seal(&database).await).expect("few");
    let genuine = rows(&client).await;
    client.batch_execute(HELPERS).await.expect("made");
    let of = |seq: u64| format!("(SELECT id FROM control.audit_seals WHERE seq = {seq})");
    let altered = format!("UPDATE control.audit_log SET after = '{{\"n\": 8}}' WHERE id = {}", of(4));
    let digested = format!("{altered}; UPDATE control.audit_log l SET digest = pg_temp.digest(l) WHERE id = {}", of(4));
    let resealed = format!(
        "{digested}; UPDATE control.audit_seals s SET seal = pg_temp.seal(s.previous, s.seq, l.digest) FROM control.audit_log l
         WHERE l.id = s.id AND s.seq = 4"
    );
    let removed = "DELETE FROM control.audit_seals WHERE seq = 4";
    let renumbered = format!(
        "{removed}; ALTER TABLE control.audit_seals DROP CONSTRAINT audit_seals_seq_check;
         UPDATE control.audit_seals SET seq = -seq WHERE seq > 4; UPDATE control.audit_seals SET seq = -seq - 1 WHERE seq < 0"
    );
    let forged = "INSERT INTO control.audit_log (actor, action, request_id) VALUES ('nobody', 'tenant.update', 'r')";
    let inserted = format!(
        "{forged}; ALTER TABLE control.audit_seals DROP CONSTRAINT audit_seals_pkey;
         INSERT INTO control.audit_seals (seq, id, previous, seal)
         SELECT 4, max(l.id), s.previous, s.seal FROM control.audit_log l, control.audit_seals s WHERE s.seq = 4 GROUP BY s.seq, s.previous, s.seal"
    );
    let swapped = format!(
        "UPDATE control.audit_log l SET before = o.before, after = o.after FROM control.audit_log o
         WHERE (l.id, o.id) IN (({a}, {b}), ({b}, {a}))",
        a = of(4),
        b = of(6)
    );
    let places = "ALTER TABLE control.audit_seals DROP CONSTRAINT audit_seals_row_key;
                  UPDATE control.audit_seals s SET id = o.id FROM control.audit_seals o WHERE (s.seq, o.seq) IN ((4, 6), (6, 4))"
        .to_owned();
    let address = |sql: &str| format!("UPDATE control.audit_log SET {sql} WHERE id = {}", of(6));
    let anchors = [anchor(&genuine, 2), anchor(&genuine, 7)];
    let cases: [(&str, String, u64, Fault); 16] = [
        ("altered", altered.clone(), 4, Fault::Content),
        (
            "by whom",
            format!("UPDATE control.audit_log SET actor = 'system:b-test' WHERE id = {}", of(3)),
            3,
            Fault::Content,
        ),
        (
            "when",
            format!("UPDATE control.audit_log SET at = at + interval '1 microsecond' WHERE id = {}", of(2)),
            2,
            Fault::Content,
        ),
        ("altered with its digest", digested.clone(), 4, Fault::Seal),
        ("altered with digest and seal", resealed.clone(), 5, Fault::Previous),
        ("altered with all seals after it", format!("{digested}; SELECT pg_temp.reseal(4)"), 7, Fault::Anchor),
        ("removed", removed.to_owned(), 5, Fault::Missing(4, 4)),
        ("removed and renumbered", renumbered.clone(), 4, Fault::Previous),
        ("removed, renumbered and sealed", format!("{renumbered}; SELECT pg_temp.reseal(4)"), 7, Fault::Anchor),
        ("inserted", inserted, 4, Fault::Seal),
        ("contents swapped", swapped, 4, Fault::Content),
        ("places swapped", places, 4, Fault::Seal),
        ("the end cut off", "DELETE FROM control.audit_seals WHERE seq > 5".to_owned(), 5, Fault::CutOff(7)),
        ("the beginning cut off", "DELETE FROM control.audit_seals WHERE seq < 3".to_owned(), 3, Fault::Missing(1, 2)),
        (
            "another address",
            address("before = jsonb_set(before, '{admin_email}', '\"eve@acme.com\"')"),
            6,
            Fault::Address("/before/admin_email".to_owned()),
        ),
        (
            "an address kept without its salt",
            address("addresses = addresses #- '{/before/admin_email,salt}'"),
            6,
            Fault::Address("/before/admin_email".to_owned()),
        ),
    ];
    for (what, attack, seq, fault) in cases {
        let attacked = client.transaction().await.expect("begun");
        attacked.batch_execute(&attack).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        let found = checked(attacked.client(), &anchors).await.expect_err(what);
        assert_eq!((found.seq, found.fault), (Some(seq), fault), "{what}");
        attacked.rollback().await.expect("rolled back");
    }
    let fits = checked(&client, &anchors).await.expect("as before");
    assert_eq!((fits.sealed, fits.anchored), (Some((1, last)), Some(7)));
    // Of some rows only, the gap says nothing, and everything else does.
    let some: Vec<Value> = genuine.iter().filter(|row| row["seq"] != 4).cloned().collect();
    assert_eq!(verify(&some, &anchors, Scope::Part).expect("fits").gaps, 1);
    // A row that is not sealed yet has its digest at least.
    client.batch_execute(forged).await.expect("written");
    client.batch_execute("UPDATE control.audit_log SET action = 'x' WHERE actor = 'nobody'").await.expect("altered");
    let found = verify(&rows(&client).await, &anchors, Scope::Whole).expect_err("altered");
    assert_eq!((found.seq, found.fault), (None, Fault::Content));
}

/// A row takes its number and its time before it is committed.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_row_that_was_committed_late_is_in_the_next_batch() {
    const ROW: &str = "INSERT INTO control.audit_log (actor, action, request_id) VALUES ('a', 'b', $1)";
    let database = Database::create().await;
    let (client, mut slow) = (database.own.connect().await, database.own.connect().await);
    let late = slow.transaction().await.expect("begun");
    late.execute(ROW, &[&"late"]).await.expect("written");
    client.execute(ROW, &[&"early"]).await.expect("written");
    assert_eq!(seal(&database).await, 1);
    late.commit().await.expect("committed");
    assert_eq!(seal(&database).await, 1);
    client.execute(ROW, &[&"next"]).await.expect("written");
    assert_eq!(seal(&database).await, 1);
    let rows = rows(&client).await;
    let place = |request: &str| {
        rows.iter().find(|row| row["request_id"] == request).map(|row| (row["seq"].clone(), row["id"].clone()))
    };
    assert_eq!(place("early"), Some((json!(1), json!(2))));
    assert_eq!(place("late"), Some((json!(2), json!(1))));
    assert_eq!(place("next"), Some((json!(3), json!(3))));
    assert_eq!(checked(&client, &[]).await.expect("fits").sealed, Some((1, 3)));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn who_lost_the_lease_seals_nothing() {
    let database = Database::create().await;
    let client = database.own.connect().await;
    write(&client).await;
    assert_eq!(database.store.seal_audit(SEALER, "t", 1000).await.expect("answers"), 0, "no lease");
    assert!(database.store.take_singleton(SEALER, "t", LEASE).await.expect("answers"));
    assert_eq!(database.store.seal_audit(SEALER, "other", 1000).await.expect("answers"), 0, "another's lease");
    client.batch_execute("UPDATE control.leases SET until = clock_timestamp()").await.expect("ended");
    assert_eq!(database.store.seal_audit(SEALER, "t", 1000).await.expect("answers"), 0, "a lease that ended");
    assert_eq!(seal(&database).await, contents().len());
}

/// Should two of them seal at the same time nevertheless, the log has one order.
#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn many_sealers_make_one_chain() {
    let database = Database::create().await;
    let client = database.own.connect().await;
    assert!(database.store.take_singleton(SEALER, "t", LEASE).await.expect("answers"));
    for _ in 0..8 {
        write(&client).await;
        let stores: Vec<_> = (0..8).map(|_| database.own.store()).collect();
        let sealing = stores.iter().map(|store| store.seal_audit(SEALER, "t", 5));
        let sealed = futures_util::future::join_all(sealing).await;
        assert!(sealed.iter().any(Result::is_ok), "{sealed:?}");
        while database.store.seal_audit(SEALER, "t", 1000).await.expect("answers") > 0 {}
    }
    let count = u64::try_from(8 * contents().len()).expect("few");
    assert_eq!(checked(&client, &[]).await.expect("fits").sealed, Some((1, count)));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn an_erasure_leaves_the_chain_whole() {
    let database = Database::create().await;
    let client = database.own.connect().await;
    write(&client).await;
    seal(&database).await;
    let anchors = [anchor(&rows(&client).await, 7)];
    let erase = async |address: &str| -> i64 {
        client.query_one("SELECT control.audit_erase($1)", &[&address]).await.expect("erased").get(0)
    };
    // Three as actor, one as admin, one within a text.
    assert_eq!(erase("ada@acme.com").await, 5);
    assert_eq!(erase("203.0.113.7").await, 2);
    assert_eq!(erase("203.0.113.7").await, 0);
    assert_eq!(checked(&client, &anchors).await.expect("fits").erased, 7);
    let text = Value::from(rows(&client).await).to_string();
    for gone in ["|ada@", "\"ada@acme.com\"", "ADA", "203.0.113.7"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    for kept in ["grace@acme.com", "ada@acme.com.au and xada@acme.com are others", "2001:db8::7"] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    // What was erased cannot be said to have been something else.
    let restored =
        "UPDATE control.audit_log SET actor = 'bearer:https://id.example/|eve@acme.com' WHERE actor = 'erased'";
    client.batch_execute(restored).await.expect("altered");
    let found = checked(&client, &anchors).await.expect_err("altered");
    assert_eq!((found.seq, found.fault), (Some(2), Fault::Address("/actor".to_owned())));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn rows_are_found_by_every_filter_and_have_their_seals() {
    let database = Database::create().await;
    let client = database.own.connect().await;
    write(&client).await;
    let tenant = database.tenant("acme").await;
    seal(&database).await;
    let sql = "INSERT INTO control.audit_log (actor, action, request_id) VALUES ($1, 'tenant.delete', 'last')";
    for actor in ["api_key:platform#2c70e12b", "api_key:platform#00000000", "api_key:platform-2#2c70e12b"] {
        client.execute(sql, &[&actor]).await.expect("written");
    }
    let reader = database.own.reader();
    let word = |text: &str| text.parse::<AuditWord>().ok();
    let count = async |filter: AuditFilter| reader.audit_page(&filter, None, 1000).await.expect("answers").rows.len();
    let all = reader.audit_page(&AuditFilter::default(), None, 1000).await.expect("answers").rows;
    assert_eq!(all.len(), contents().len() + 4);
    assert!(all.is_sorted_by(|a, b| (a.at, a.id) > (b.at, b.id)));
    assert_eq!(all.iter().filter(|row| row.seal.is_none()).count(), 3, "those that were written last");
    let middle = all[3].at;
    let older = all.iter().filter(|row| row.at < middle).count();
    for (filter, expected) in [
        (AuditFilter { tenant: Some(tenant.tenant_id), ..AuditFilter::default() }, 1),
        (AuditFilter { actor: word("api_key:platform#2c70e12b"), ..AuditFilter::default() }, 1),
        (AuditFilter { actor: word("api_key:platform"), ..AuditFilter::default() }, 2),
        (AuditFilter { actor: word("api_key:plat"), ..AuditFilter::default() }, 0),
        (AuditFilter { action: word("tenant.delete"), ..AuditFilter::default() }, 3),
        (AuditFilter { action: word("tenant"), ..AuditFilter::default() }, 0),
        (AuditFilter { request_id: word("last"), ..AuditFilter::default() }, 3),
        (AuditFilter { since: Some(middle), ..AuditFilter::default() }, all.len() - older),
        (AuditFilter { until: Some(middle), ..AuditFilter::default() }, older),
    ] {
        assert_eq!(count(filter.clone()).await, expected, "{filter:?}");
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = reader.audit_page(&AuditFilter::default(), after, 5).await.expect("answers").rows;
        let Some(last) = page.last() else { break };
        after = Some((last.at, last.id));
        seen.extend(page);
    }
    assert_eq!(seen, all);
}
