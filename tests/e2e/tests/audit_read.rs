//! `GET /v1/admin/audit` and `GET /v1/admin/tenants/{slug}/audit`: what they list, in which form, and that anybody can verify it.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use audit_chain::{Anchor, Scope, objects, verify};
use e2e::{Answer, Cloud, Lakehouse, is_timestamp, unique};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const FIELDS: [&str; 15] = [
    "action",
    "actor",
    "addresses",
    "after",
    "at",
    "before",
    "digest",
    "id",
    "previous_seal",
    "request_id",
    "seal",
    "sealed_at",
    "seq",
    "source_address",
    "tenant_id",
];
/// The schedule's reconciler may be at work for a minute.
const SEALED: Duration = Duration::from_mins(2);

/// A tenant that was renamed, and got a catalog with numbers that are easily written in another way.
async fn changed(cloud: &Cloud) -> Result<(String, Uuid)> {
    let slug = unique("audited");
    let tenant_id =
        cloud.accepted(&slug, json!({ "tier": "pilot", "admin_email": format!("ada@{slug}.example.com") })).await?;
    let lakehouse = Lakehouse::of(cloud, tenant_id, &slug).await?;
    let metadata = json!({ "numbers": [1.0, 2.50, 1e21, 1e-7, -0.0], "owner": format!("ada@{slug}.example.com"), "ä\u{1f600}": "\"\\\u{7f}" });
    lakehouse.upsert(&json!({ "metadata": metadata })).await?.expect(201)?;
    cloud.deactivate(&slug).await?.no_content()?;
    Ok((slug, tenant_id))
}

/// All pages from this path on.
async fn pages(cloud: &Cloud, path: &str) -> Result<Vec<Answer>> {
    let mut answers = vec![cloud.get(path).await?];
    while let Some(next) = answers.last().and_then(Answer::next).map(str::to_owned) {
        ensure!(next.starts_with(path.split('?').next().unwrap_or_default()), "{next}");
        answers.push(cloud.get(&next).await?);
    }
    Ok(answers)
}

fn rows(pages: &[Answer]) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    for page in pages {
        rows.extend(page.expect(200)?.as_array().context("no array")?.clone());
    }
    Ok(rows)
}

fn actions(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|row| row["action"].as_str()).collect()
}

/// A row that is sealed between two reads is still the same row.
fn ids(rows: &[Value]) -> Vec<&Value> {
    rows.iter().map(|row| &row["id"]).collect()
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_tenants_changes_are_listed_newest_first() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, tenant_id) = changed(&cloud).await?;
    let path = format!("/v1/admin/tenants/{slug}/audit");
    let answer = cloud.get(&path).await?;
    let listed = rows(std::slice::from_ref(&answer))?;
    let expected = ["tenant.deactivate", "catalog.upsert", "tenant.create"];
    let ours: Vec<_> = actions(&listed).into_iter().filter(|action| expected.contains(action)).collect();
    assert_eq!(ours, expected);
    ensure!(answer.header("link").is_none(), "{answer:?}");
    for row in &listed {
        let names: Vec<_> = row.as_object().context("no object")?.keys().collect();
        assert_eq!(names, FIELDS);
        ensure!(is_timestamp(&row["at"]) && row["tenant_id"] == json!(tenant_id), "{row}");
    }
    let created = listed.last().context("no row")?;
    ensure!(created["before"].is_null() && created["after"]["slug"] == slug.as_str(), "{created}");
    ensure!(created["actor"].as_str().is_some_and(|actor| actor.starts_with("api_key:")), "{created}");
    ensure!(created["source_address"] == "127.0.0.1", "{created}");
    let addresses: Vec<_> = created["addresses"].as_object().context("no object")?.keys().collect();
    assert_eq!(addresses, ["/after/admin_email", "/source_address"]);
    // The tenant's id leads to the same rows, an auditor sees them, and the list of all has them too.
    assert_eq!(
        rows(&pages(&cloud, &format!("/v1/admin/tenants/{tenant_id}/audit?until=2100-01-01T00:00:00Z")).await?)?.len(),
        listed.len()
    );
    let auditor = cloud.request(Method::GET, &path).header("x-api-key", &cloud.auditor_key);
    assert_eq!(actions(&rows(&[cloud.send(auditor).await?])?), actions(&listed));
    let request = created["request_id"].as_str().context("a text")?;
    let found = rows(&[cloud.get(&format!("/v1/admin/audit?request_id={request}")).await?])?;
    ensure!(found.len() == 1 && found[0]["id"] == created["id"], "{found:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn rows_are_filtered_and_paged() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, _) = changed(&cloud).await?;
    let path = format!("/v1/admin/tenants/{slug}/audit");
    let all = rows(&[cloud.get(&path).await?])?;
    let filtered = async |query: &str| rows(&[cloud.get(&format!("{path}?{query}")).await?]);
    let catalog = all.iter().find(|row| row["action"] == "catalog.upsert").context("no catalog")?;
    assert_eq!(ids(&filtered("action=catalog.upsert").await?), [&catalog["id"]]);
    assert_eq!(filtered("action=catalog").await?, Vec::<Value>::new());
    // A key of the consumer, and all of them.
    let admin = all.last().and_then(|row| row["actor"].as_str()).context("an actor")?;
    let consumer = admin.split('#').next().unwrap_or_default();
    let by_key = filtered(&format!("actor={}", admin.replace('#', "%23"))).await?;
    ensure!(by_key.len() >= 2 && by_key.iter().all(|row| row["actor"] == admin), "{by_key:?}");
    assert_eq!(actions(&filtered(&format!("actor={consumer}")).await?), actions(&by_key));
    let at = catalog["at"].as_str().context("a time")?;
    let (since, until) = (filtered(&format!("since={at}")).await?, filtered(&format!("until={at}")).await?);
    assert_eq!([ids(&since), ids(&until)].concat(), ids(&all));
    assert_eq!(ids(&since).last(), Some(&&catalog["id"]));
    // Generated clients write it like this.
    assert_eq!(ids(&filtered(&format!("since={}", at.replace('Z', "%2B00:00"))).await?), ids(&since));
    // Each row once, and the filter stays.
    let walked = pages(&cloud, &format!("{path}?limit=1&until=2100-01-01T00:00:00Z")).await?;
    assert_eq!(walked.len(), all.len());
    assert_eq!(actions(&rows(&walked)?), actions(&all));
    for answer in walked.iter().filter_map(Answer::next) {
        ensure!(answer.contains("until=2100-01-01T00%3A00%3A00Z") && answer.contains("limit=1"), "{answer}");
    }
    let time = "must be a time with its zone, such as 2026-03-24T10:00:00Z";
    for (query, field, message) in [
        ("since=yesterday", "since", time),
        ("until=2026-03-24T10:00:00", "until", time),
        ("limit=0", "limit", "must be a whole number from 1 to 10000"),
        ("actor=", "actor", "must be 1 to 512 characters long, without control characters"),
        ("action=a%00b", "action", "must be 1 to 512 characters long, without control characters"),
        ("request=1", "request", "is not a known field; did you mean request_id?"),
    ] {
        for path in ["/v1/admin/audit", &path] {
            let errors = cloud.get(&format!("{path}?{query}")).await?.invalid()?;
            assert_eq!(errors.get(field).map(String::as_str), Some(message), "{query}");
        }
    }
    cloud.get("/v1/admin/tenants/absent-tenant/audit").await?.problem(404, "tenant_not_found")?;
    cloud.get(&format!("/v1/admin/tenants/{}/audit", Uuid::new_v4())).await?.problem(404, "tenant_not_found")?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn whoever_prefers_csv_gets_it() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, _) = changed(&cloud).await?;
    let path = format!("/v1/admin/tenants/{slug}/audit?action=tenant.create");
    let asked =
        async |accept: &str, path: &str| cloud.send(cloud.admin(Method::GET, path).header("accept", accept)).await;
    sealed(&cloud, &path).await?;
    let listed = rows(&[cloud.get(&path).await?])?;
    for accept in ["application/json", "*/*", "text/html", "application/json, text/csv"] {
        assert_eq!(rows(&[asked(accept, &path).await?])?, listed, "{accept}");
    }
    for accept in ["text/csv", "text/csv, */*;q=0.5"] {
        let answer = asked(accept, &path).await?;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("text/csv; charset=utf-8")),
            "{answer:?}"
        );
        let lines: Vec<_> = answer.body.split("\r\n").collect();
        let [columns, line, ""] = lines[..] else { anyhow::bail!("not two lines: {answer:?}") };
        ensure!(
            columns.starts_with("id,at,actor,action,tenant_id,request_id,source_address,before,after,"),
            "{columns}"
        );
        assert_eq!(columns.split(',').count(), FIELDS.len());
        let row = &listed[0];
        let [id, at, tenant] = ["id", "at", "tenant_id"].map(|name| row[name].to_string().replace('"', ""));
        ensure!(
            line.starts_with(&format!("{id},{at},api_key:")) && line.contains(&format!(",tenant.create,{tenant},")),
            "{line}"
        );
        // An object is JSON, and its quotes are doubled; what is null is empty.
        ensure!(
            line.contains(&format!(",127.0.0.1,,\"{}\",", row["after"].to_string().replace('"', "\"\""))),
            "{line}"
        );
    }
    let first = asked("text/csv", &format!("/v1/admin/tenants/{slug}/audit?limit=1")).await?;
    let next = first.next().context("a next page")?.to_owned();
    ensure!(asked("text/csv", &next).await?.body.lines().count() == 2, "{next}");
    cloud.send(cloud.admin(Method::GET, "/v1/admin/audit?limit=0").header("accept", "text/csv")).await?.invalid()?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn anybody_can_verify_what_was_read() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, _) = changed(&cloud).await?;
    let path = format!("/v1/admin/tenants/{slug}/audit");
    sealed(&cloud, &path).await?;
    // A tenant's rows each fit; of all rows none is missing. Whoever writes meanwhile adds at the end.
    let own = cloud.get(&path).await?;
    verify(&objects(&own.body)?, &[], Scope::Part)?;
    let all: String =
        pages(&cloud, "/v1/admin/audit?limit=500").await?.into_iter().map(|page| page.body + "\n").collect();
    let all = objects(&all)?;
    let sealed: Vec<_> = all.iter().filter(|row| !row["seq"].is_null()).cloned().collect();
    let middle = sealed.iter().find(|row| row["action"] == "catalog.upsert").context("a catalog")?;
    let anchor = Anchor {
        seq: middle["seq"].as_u64().context("a number")?,
        seal: middle["seal"].as_str().context("a seal")?.parse()?,
    };
    let verified = verify(&all, std::slice::from_ref(&anchor), Scope::Whole)?;
    ensure!(verified.anchored == Some(anchor.seq) && verified.gaps == 0, "{verified:?}");
    assert_eq!(by_python(&sealed, &anchor)?, "fits");
    // And what was altered in the file does not fit.
    let mut altered = sealed;
    let row = altered.iter_mut().find(|row| row["seq"] == anchor.seq).context("the row")?;
    row["after"]["warehouse"] = json!("s3://elsewhere/");
    let found = verify(&altered, &[], Scope::Whole).err().context("an altered row fits")?;
    assert_eq!(found.seq, Some(anchor.seq));
    assert_eq!(by_python(&altered, &anchor)?, anchor.seq.to_string());
    Ok(())
}

/// Waits until all rows at this path are sealed.
async fn sealed(cloud: &Cloud, path: &str) -> Result<()> {
    let end = Instant::now() + SEALED;
    while rows(&[cloud.get(path).await?])?.iter().any(|row| row["seq"].is_null()) {
        ensure!(Instant::now() < end, "not sealed");
        cloud.aws.invoke("reconcile-tenants", &json!({})).await?;
        sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// A bucket of this name, which keeps objects for a day if `locks`.
async fn bucket(cloud: &Cloud, name: &str, locks: bool) -> Result<()> {
    let header = [("x-amz-bucket-object-lock-enabled", if locks { "true" } else { "false" })];
    let made = cloud.aws.s3(Method::PUT, &format!("/{name}"), &header, String::new()).await?;
    ensure!(made.status().is_success(), "{made:?}");
    if locks {
        let retention = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                         <Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
        let set = cloud.aws.s3(Method::PUT, &format!("/{name}?object-lock"), &[], retention.to_owned()).await?;
        ensure!(set.status().is_success(), "{set:?}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn the_last_seal_is_anchored_where_nobody_can_remove_it() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let (slug, _) = changed(&cloud).await?;
    sealed(&cloud, &format!("/v1/admin/tenants/{slug}/audit")).await?;
    let [locking, open, other] = ["anchors", "open", "other"].map(unique);
    bucket(&cloud, &locking, true).await?;
    bucket(&cloud, &open, false).await?;
    bucket(&cloud, &other, true).await?;
    // As the template does where it is given a bucket.
    let actions = ["s3:PutObject", "s3:GetObject", "s3:GetObjectRetention"];
    let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "arn:aws:s3:::*/audit/*" });
    cloud.aws.allow("anchor-audit", &json!({ "Version": "2012-10-17", "Statement": [statement] })).await?;
    let before = cloud.aws.environment_of("anchor-audit").await?;
    let anchored = async |bucket: &str| {
        let mut variables = before.clone();
        variables["AUDIT_ANCHOR_BUCKET"] = json!(bucket);
        cloud.aws.set_environment_of("anchor-audit", &variables).await?;
        cloud.aws.invoke("anchor-audit", &json!({})).await
    };
    // By default there is no bucket.
    assert_eq!(cloud.aws.invoke("anchor-audit", &json!({})).await?, json!({ "seq": null, "locked_until": null }));
    let first = anchored(&locking).await;
    let again = anchored(&locking).await;
    // Another seal of the same row. Whoever works meanwhile is given some more rows.
    let seq = first.as_ref().ok().and_then(|first| first["seq"].as_u64()).unwrap_or_default();
    for seq in seq..seq + 100 {
        let anchor = json!({ "seq": seq, "seal": "00".repeat(32) }).to_string();
        cloud.aws.s3(Method::PUT, &format!("/{other}/audit/{seq:012}.json"), &[], anchor).await?;
    }
    let differs = anchored(&other).await;
    // What could be removed is no anchor.
    let unlocked = anchored(&open).await;
    let absent = anchored(&unique("absent")).await;
    cloud.aws.set_environment_of("anchor-audit", &before).await?;
    let first = first?;
    ensure!(first["locked_until"].is_string(), "{first}");
    ensure!(again?["locked_until"].is_string(), "the same again is no error");
    let told = |outcome: Result<Value>| outcome.err().map(|error| error.to_string()).unwrap_or_default();
    let (unlocked, absent, differs) = (told(unlocked), told(absent), told(differs));
    ensure!(differs.contains("was changed after it was anchored"), "{differs}");
    ensure!(unlocked.contains("does not lock its objects"), "{unlocked}");
    ensure!(absent.contains("S3 answered 404"), "{absent}");
    // It vouches for all rows up to it, and is still there after somebody tried to remove it.
    let path = format!("/{locking}/audit/{seq:012}.json");
    let found = cloud.aws.s3(Method::GET, &path, &[], String::new()).await?;
    let version = found.headers().get("x-amz-version-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let anchor = Anchor::read(&found.text().await?)?;
    let all: String = pages(&cloud, "/v1/admin/audit").await?.into_iter().map(|page| page.body + "\n").collect();
    assert_eq!(verify(&objects(&all)?, &anchor, Scope::Whole)?.anchored, Some(seq));
    let version = version.context("no version")?;
    let removed = cloud.aws.s3(Method::DELETE, &format!("{path}?versionId={version}"), &[], String::new()).await?;
    assert_eq!(removed.status(), 403, "{removed:?}");
    Ok(())
}

/// What `verify.py` says of a file of these rows.
fn by_python(rows: &[Value], anchor: &Anchor) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let [file, anchors] = ["rows", "anchors"].map(|name| folder.path().join(name));
    std::fs::write(&file, serde_json::to_string(rows)?)?;
    std::fs::write(&anchors, json!({ "seq": anchor.seq, "seal": anchor.seal.to_string() }).to_string())?;
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/audit-chain/verify.py");
    let output = Command::new("python3").arg(program).args([file, anchors]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
