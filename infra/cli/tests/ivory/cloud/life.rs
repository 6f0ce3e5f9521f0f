//! One tenant, from its first command to its last, in every format.

use anyhow::{Context as _, Result, ensure};
use e2e::{credential, unique};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Desk, create};
use crate::allowed;
use crate::shown::shown;

impl Desk {
    /// Prints for people.
    async fn table(&self, name: &str, line: &str) -> Result<()> {
        shown(&format!("{name}.table"), &self.ivory.text(&format!("{line} -o table")).await?);
        Ok(())
    }

    /// Prints one thing as a table, as YAML and as a name. JSON is what a script gets without asking.
    async fn prints(&self, name: &str, line: &str) -> Result<Value> {
        for format in ["table", "yaml", "name"] {
            shown(&format!("{name}.{format}"), &self.ivory.text(&format!("{line} -o {format}")).await?);
        }
        let value = self.ivory.json(0, line).await?;
        shown(&format!("{name}.json"), &format!("{value:#}"));
        Ok(value)
    }
}

/// Every operation of the document has a command, and every command prints what its schema says.
#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_tenants_life() -> Result<()> {
    let desk = Desk::new().await?;
    let (ivory, slug) = (&desk.ivory, unique("cli-life"));

    let health = ivory.json(0, "health").await?;
    assert_eq!(health["status"], "ok");
    desk.table("auth-check", "auth check").await?;
    desk.table("explain", "explain opensearch_conflict").await?;
    ivory.json(0, "auth check").await?;
    let systems = ivory.json(0, "systems").await?;
    ensure!(systems.as_array().is_some_and(|systems| !systems.is_empty()), "{systems}");

    let intended = ivory.json(0, &format!("{} --dry-run", create(&slug))).await?;
    assert_eq!((&intended["method"], &intended["path"]), (&json!("POST"), &json!("/v1/admin/tenants")));
    ensure!(ivory.run(&format!("tenant get {slug}")).await?.ends(3)?.err.contains("tenant_not_found"));
    desk.table("tenant-create.dry-run", &format!("{} --dry-run", create(&slug))).await?;
    desk.table("tenant-create", &create(&unique("cli-other"))).await?;

    let active = ivory.json(0, &format!("{} --wait", create(&slug))).await?;
    assert_eq!((&active["provisioning_state"], &active["slug"]), (&json!("active"), &json!(slug)));
    let record = desk.prints("tenant-get", &format!("tenant get {slug}")).await?;
    assert_eq!(record, desk.cloud.tenant(&slug).await?);
    desk.prints("tenant-status", &format!("tenant status {slug}")).await?;
    shown("tenant-get.absolute", &ivory.text(&format!("tenant get {slug} -o table --absolute-times")).await?);
    let resources = ivory.json(0, &format!("tenant resources {slug}")).await?;
    let table = ivory.text(&format!("tenant resources {slug} -o table")).await?;
    for resource in resources.as_array().context("no list")? {
        let kind = resource["kind"].as_str().context("no kind")?;
        ensure!(table.lines().any(|line| line.starts_with(kind)), "no {kind}:\n{table}");
    }
    ensure!(table.contains("supabase_project"), "{table}");
    let listed = desk.prints("tenant-list", &format!("tenant list --search {slug}")).await?;
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    for filter in ["--state active", "--tier enterprise", "--region us-east-1", "--limit 1"] {
        let some = ivory.json(0, &format!("tenant list --search {slug} {filter}")).await?;
        assert_eq!(some, listed, "{filter}");
    }
    assert_eq!(ivory.json(0, &format!("tenant list --search {slug} --state failed")).await?, json!([]));

    let changes = "--display-name 'Acme Bank AG' --tier enterprise_plus";
    let updated = ivory.json(0, &format!("tenant update {slug} {changes} --custom-domain {slug}.example.com")).await?;
    let found = (&updated["display_name"], &updated["tier"], &updated["custom_domain"]);
    assert_eq!(found, (&json!("Acme Bank AG"), &json!("enterprise_plus"), &json!(format!("{slug}.example.com"))));
    desk.table("tenant-update", &format!("tenant update {slug} --tier enterprise")).await?;
    let cleared = ivory.json(0, &format!("tenant update {slug} --no-custom-domain")).await?;
    assert_eq!(cleared["custom_domain"], Value::Null);
    let invited = ivory.json(0, &format!("tenant invite {slug}")).await?;
    assert_eq!(
        (&invited["kind"], desk.cloud.mails_to(&format!("admin@{slug}.example.com")).await?.len()),
        (&json!("invitation"), 2)
    );
    desk.table("tenant-invite", &format!("tenant invite {slug}")).await?;
    ivory.json(0, &format!("tenant invalidate-cache {slug}")).await?;
    desk.table("tenant-invalidate-cache", &format!("tenant invalidate-cache {slug}")).await?;
    desk.table("tenant-watch", &format!("tenant watch {slug}")).await?;
    // What is active needs no retry.
    let refused = ivory.run(&format!("tenant retry {slug}")).await?.ends(3)?;
    shown("tenant-retry.refused", &refused.err);
    let events = ivory.events(0, &format!("tenant watch {slug}")).await?;
    assert_eq!(events.last().map(|event| &event["provisioning_state"]), Some(&json!("active")), "{events:?}");

    desk.repaired(&slug).await?;
    desk.lakehouse(&slug).await?;

    let kept = ivory.run(&format!("tenant delete {slug}")).await?.ends(2)?;
    shown("tenant-delete.unconfirmed", &kept.err);
    let gone = ivory.json(0, &format!("tenant delete {slug} --yes")).await?;
    assert_eq!(gone, json!({ "slug": slug, "deactivated": true }));
    desk.table("tenant-delete", &format!("tenant delete {slug} --yes")).await?;
    assert_eq!(ivory.json(0, &format!("tenant get {slug}")).await?["provisioning_state"], "deprovisioned");
    ivory.events(3, &format!("tenant watch {slug}")).await?;

    desk.way_back(&slug).await?;
    desk.audit(&slug).await?;
    desk.end(&slug).await?;

    let without_command: Vec<_> = allowed::operations().difference(&desk.recorder.operations()).cloned().collect();
    // A page is for a browser.
    assert_eq!(without_command, ["get-console"]);
    Ok(())
}

impl Desk {
    /// A tenant that is switched off is held, released, and brought back.
    async fn way_back(&self, slug: &str) -> Result<()> {
        let ivory = &self.ivory;
        let intended = ivory.json(0, &format!("tenant hold {slug} --reason litigation --dry-run")).await?;
        assert_eq!((&intended["method"], &intended["body"]), (&json!("PUT"), &json!({ "reason": "litigation" })));
        let held = ivory.json(0, &format!("tenant hold {slug} --reason 'Acme v. Bank'")).await?;
        assert_eq!(held["hold"]["reason"], "Acme v. Bank");
        self.table("tenant-hold", &format!("tenant hold {slug} --reason 'Acme v. Bank'")).await?;
        let refused = ivory.run(&format!("tenant restore {slug}")).await?.ends(3)?;
        shown("tenant-restore.refused", &refused.err);
        assert_eq!(ivory.json(0, &format!("tenant release {slug}")).await?, json!({ "slug": slug, "held": false }));
        self.table("tenant-release", &format!("tenant release {slug}")).await?;
        self.table("tenant-restore", &format!("tenant restore {slug}")).await?;
        let events = ivory.events(0, &format!("tenant watch {slug}")).await?;
        let last = events.last().context("no event")?;
        assert_eq!((&last["provisioning_state"], &last["attempt"]), (&json!("active"), &json!(2)));
        let record = ivory.json(0, &format!("tenant get {slug}")).await?;
        ensure!(record["restored_at"].is_string() && record["hold"].is_null(), "{record}");
        Ok(())
    }

    /// All of the tenant is there; what was broken by hand is found and brought back.
    async fn repaired(&self, slug: &str) -> Result<()> {
        let ivory = &self.ivory;
        let found = ivory.json(0, &format!("tenant check {slug}")).await?;
        let states: Vec<_> = found.as_array().context("no list")?.iter().map(|part| &part["state"]).collect();
        ensure!(states.iter().all(|state| *state == "ok" || *state == "not_needed"), "{found}");
        let (index, alias) = (format!("client_{slug}_v1"), format!("client_{slug}"));
        let removal = json!({ "actions": [{ "remove": { "index": index, "alias": alias } }] });
        self.cloud.search()?.call(Method::POST, "/_aliases", Some(&removal)).await?;
        let said = ivory.run(&format!("tenant check {slug} -o table")).await?.ends(7)?;
        for part in ["search_alias", "broken", "search_alias_differs (platform)", "Repair search_alias."] {
            ensure!(said.out.contains(part), "no {part:?}: {said:#?}");
        }
        let mended = ivory.json(0, &format!("tenant repair {slug} search_alias cache")).await?;
        let outcomes: Vec<_> = mended.as_array().into_iter().flatten().map(|part| &part["outcome"]).collect();
        assert_eq!(outcomes, ["mended", "sound"], "{mended}");
        ivory.json(0, &format!("tenant check {slug}")).await?;
        self.table("tenant-repair", &format!("tenant repair {slug} search_alias")).await
    }

    /// The tenant is switched off for good. It is of a paid tier and off since a moment ago, so somebody else has to agree.
    async fn end(&self, slug: &str) -> Result<()> {
        let ivory = &self.ivory;
        ivory.json(0, &format!("tenant delete {slug} --yes")).await?;
        let plan = ivory.json(0, &format!("purge plan {slug} --customer delete --data keep")).await?;
        assert_eq!((&plan["needs_reason"], &plan["point_of_no_return"]), (&json!(true), &json!("purge_2")));
        let table = ivory.text(&format!("purge plan {slug} -o table")).await?;
        ensure!(table.contains("supabase_project") && table.contains("never"), "{table}");
        let unconfirmed = ivory.run(&format!("purge start {slug}")).await?.ends(2)?;
        ensure!(unconfirmed.err.contains("--yes"), "{}", unconfirmed.err);
        let intended = ivory.json(0, &format!("purge start {slug} --data keep --dry-run")).await?;
        assert_eq!(intended["body"], json!({ "confirm": slug, "data": "keep" }));
        let refused = ivory.run(&format!("purge start {slug} --yes")).await?.ends(3)?;
        ensure!(refused.err.contains("retrieval_period"), "{}", refused.err);
        let asked = ivory.json(0, &format!("purge start {slug} --reason 'it is a test' --yes")).await?;
        assert_eq!((&asked["request"], &asked["purge"]["state"]), (&json!("asked"), &json!("waiting_approval")));
        let mine = ivory.run(&format!("purge approve {slug} --yes")).await?.ends(3)?;
        ensure!(mine.err.contains("same_consumer"), "{}", mine.err);
        let purge = ivory.json(0, &format!("purge get {slug}")).await?;
        assert_eq!((&purge["reason"], &purge["certificate"]), (&json!("it is a test"), &Value::Null));
        ensure!(ivory.text(&format!("purge get {slug} -o table")).await?.contains("waiting_approval"));
        ivory.events(5, &format!("purge watch {slug} --wait-for 1s")).await?;
        Ok(())
    }

    /// What was done above is in the log, and nobody has changed it.
    async fn audit(&self, slug: &str) -> Result<()> {
        let ivory = &self.ivory;
        let rows = ivory.json(0, &format!("audit list --tenant {slug} --since 1h")).await?;
        let actions: Vec<_> = rows.as_array().into_iter().flatten().map(|row| &row["action"]).collect();
        ensure!(actions.contains(&&json!("tenant.update")), "{actions:?}");
        let some = ivory.json(0, &format!("audit list --tenant {slug} --action tenant.update")).await?;
        ensure!(some.as_array().is_some_and(|some| !some.is_empty() && some.len() < actions.len()), "{some}");

        let all = ivory.json(0, "audit list").await?;
        std::fs::write(ivory.home("audit.json"), all.to_string())?;
        let verified = ivory.json(0, "audit verify audit.json").await?;
        assert_eq!(verified["rows"].as_u64(), all.as_array().map(|all| all.len() as u64));
        let altered = rows.to_string().replace("tenant.update", "tenant.upgrade");
        ivory.fed(&altered, "audit verify - --part").await?.ends(6)?;
        Ok(())
    }

    async fn lakehouse(&self, slug: &str) -> Result<()> {
        let ivory = &self.ivory;
        let (access_key, secret_key) = (credential("access"), credential("secret"));
        let set = format!(
            "catalog set {slug} --uri https://iomete.internal/api/v1/catalog --warehouse s3://ivory-iceberg/{slug}/ \
             --prefix tables/ --metadata '{{\"owner\": \"data\"}}' --s3-endpoint https://s3.example.com --s3-credentials"
        );
        let said = ivory.fed(&format!("{access_key}\n{secret_key}\n"), &set).await?.ends(0)?;
        ensure!(![&access_key, &secret_key].iter().any(|secret| said.all().contains(*secret)), "it shows a credential");
        let catalog = self.prints("catalog-get", &format!("catalog get {slug}")).await?;
        assert_eq!(said.json()?, catalog);
        // Other tests have catalogs, too.
        let table = ivory.text("catalog list -o table").await?;
        let row = table.lines().find(|line| line.starts_with(slug)).with_context(|| format!("no {slug}:\n{table}"))?;
        ensure!(row.contains("ivory-lakehouse") && row.contains("tables/"), "{table}");
        let catalogs = ivory.json(0, "catalog list").await?;
        ensure!(catalogs.as_array().is_some_and(|catalogs| catalogs.contains(&catalog)), "{catalogs}");

        let add = format!(
            "sync add {slug} --schema public --table companies --namespace ivory_tenant_{slug} --iceberg-table companies \
             --primary-key id,region --cursor updated_at"
        );
        let target = ivory.json(0, &add).await?;
        assert_eq!(
            (&target["primary_key_cols"], &target["cursor_col"]),
            (&json!(["id", "region"]), &json!("updated_at"))
        );
        self.table("sync-add", &add).await?;
        let target = ivory.json(0, &add).await.context("the same one again")?;
        let targets = self.prints("sync-list", &format!("sync list --tenant {slug}")).await?;
        assert_eq!(targets, json!([target]));
        Ok(())
    }
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_list_is_the_newest_first() -> Result<()> {
    let desk = Desk::new().await?;
    let name = unique("cli-pages");
    for number in 0..3 {
        desk.ivory.json(0, &create(&format!("{name}-{number}"))).await?;
    }
    let all = desk.ivory.json(0, &format!("tenant list --search {name}")).await?;
    let slugs: Vec<_> = all.as_array().into_iter().flatten().map(|tenant| tenant["slug"].clone()).collect();
    assert_eq!(slugs, [2, 1, 0].map(|number| json!(format!("{name}-{number}"))));
    let two = desk.ivory.json(0, &format!("tenant list --search {name} --limit 2")).await?;
    assert_eq!(two.as_array().map(Vec::as_slice), all.as_array().map(|all| &all[..2]));
    Ok(())
}
