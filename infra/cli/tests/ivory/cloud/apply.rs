//! What a file says is what there is.

use anyhow::{Result, ensure};
use e2e::unique;
use serde_json::{Value, json};

use super::Desk;

fn document(slug: &str, more: &str) -> String {
    format!(
        "slug: {slug}\ndisplay_name: Acme Bank\nregion: us-east-1\ntier: pilot\n\
         admin_email: admin@{slug}.example.com\ndata_residency_verified: true\n{more}"
    )
}

impl Desk {
    /// Applies documents. Its answer is as its schema says.
    async fn apply(&self, documents: &str, options: &str) -> Result<Value> {
        std::fs::write(self.ivory.home("tenants.yaml"), documents)?;
        self.ivory.json(0, &format!("tenant apply -f tenants.yaml {options}")).await
    }

    /// The requests since so many that change something.
    fn changes(&self) -> Vec<String> {
        let asked = self.recorder.asked();
        asked.iter().filter(|it| it.method != "GET").map(|it| format!("{} {}", it.method, it.path)).collect()
    }
}

fn done(result: &Value) -> Vec<(&str, bool)> {
    let items = result.as_array().into_iter().flatten();
    items.map(|item| (item["action"].as_str().unwrap_or("?"), item["applied"] == true)).collect()
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_file_is_applied_once() -> Result<()> {
    let (desk, slug) = (Desk::new().await?, unique("cli-file"));
    let (first, path) = (document(&slug, ""), format!("/v1/admin/tenants/{slug}"));
    // Nothing is sent as long as nobody has said yes.
    assert_eq!(done(&desk.apply(&first, "--dry-run").await?), [("create", false)]);
    let asked = desk.ivory.run("tenant apply -f tenants.yaml").await?.ends(2)?;
    ensure!(asked.err.contains("--yes") && asked.err.contains("Acme Bank"), "{asked:#?}");
    assert_eq!(desk.changes(), Vec::<String>::new());

    assert_eq!(done(&desk.apply(&first, "--yes --wait").await?), [("create", true)]);
    assert_eq!(done(&desk.apply(&first, "--yes").await?), [("none", false)]);
    assert_eq!(desk.changes(), ["POST /v1/admin/tenants"]);

    let second = first.replace("pilot", "enterprise").replace("Acme Bank", "Acme Bank AG");
    let changed = desk.apply(&second, "--yes").await?;
    assert_eq!(done(&changed), [("change", true)]);
    let expected = json!([
        { "field": "display_name", "from": "Acme Bank", "to": "Acme Bank AG" },
        { "field": "tier", "from": "pilot", "to": "enterprise" },
    ]);
    assert_eq!(changed[0]["changes"], expected);
    let asked = desk.recorder.asked();
    let changed = asked.iter().find(|it| it.method == "PATCH");
    ensure!(
        changed.is_some_and(|it| it.header("if-match").is_some()),
        "a change that is not for one version: {changed:?}"
    );

    // Another admin is invited. What the API never changes is refused before anything is sent.
    let third = second.replace("admin@", "chief@");
    assert_eq!(done(&desk.apply(&third, "--yes").await?), [("change", true)]);
    assert_eq!(desk.cloud.tenant(&slug).await?["admin_email"], format!("chief@{slug}.example.com"));
    let before = desk.changes();
    assert_eq!(before[1..], [format!("PATCH {path}"), format!("POST {path}/invitation")]);
    std::fs::write(desk.ivory.home("tenants.yaml"), third.replace("us-east-1", "eu-central-1"))?;
    ensure!(desk.ivory.run("tenant apply -f tenants.yaml --yes").await?.ends(3)?.err.contains("us-east-1"));
    assert_eq!(desk.changes(), before);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn several_documents_from_standard_input() -> Result<()> {
    let (desk, one, other) = (Desk::new().await?, unique("cli-one"), unique("cli-other"));
    let documents = format!("{}---\n{}", document(&one, ""), document(&other, "custom_domain: null\n"));
    let said = desk.ivory.fed(&documents, "tenant apply -f - --yes").await?.ends(0)?;
    assert_eq!(done(&said.json()?), [("create", true); 2], "{said:#?}");
    // A fault in one of them stops all.
    let third = unique("cli-third");
    for fault in ["color: red\n", "slug: twice\n", "custom_domain: not a domain\n"] {
        let documents = format!("{}---\n{}", document(&third, ""), document(&unique("cli-bad"), fault));
        desk.ivory.fed(&documents, "tenant apply -f - --yes").await?.ends(2)?;
    }
    // Nobody confirms the residency but the file.
    for instead in ["", "data_residency_verified: false\n"] {
        let document = document(&third, "").replace("data_residency_verified: true\n", instead);
        ensure!(desk.ivory.fed(&document, "tenant apply -f - --yes").await?.ends(2)?.err.contains("residency"));
    }
    ensure!(desk.ivory.run(&format!("tenant get {third}")).await?.ends(3)?.err.contains("tenant_not_found"));
    Ok(())
}
