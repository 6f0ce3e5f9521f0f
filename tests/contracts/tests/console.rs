//! The console asks the API for what there is. One table of the page names every operation that it uses.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use contracts::{openapi, read, root};
use regex::Regex;
use serde_json::{Value, json};

const PAGE: &str = "functions/api/get-console/page";

/// Operations that the console does not offer, and why.
const WITHOUT: [(&str, &str); 3] = [
    ("get-console", "it is the page itself"),
    ("register-sync-target", "targets are registered by machines, in large numbers"),
    ("upsert-catalog", "its request holds credentials, which a page should not ask for"),
];

fn table() -> Result<String> {
    read(&format!("{PAGE}/routes.js"))
}

/// Each row: operation, then method and path.
fn rows() -> Result<BTreeMap<String, (String, String)>> {
    let row = Regex::new(r#"(?m)^  "([a-z-]+)": \["([A-Z]+)", "([^"]+)", "[a-z -]+"\],$"#)?;
    let table = table()?;
    let rows: BTreeMap<_, _> = row
        .captures_iter(&table)
        .map(|found| (found[1].to_owned(), (found[2].to_owned(), found[3].to_owned())))
        .collect();
    ensure!(rows.len() == table.matches("\": [\"").count(), "a row that this test does not read");
    Ok(rows)
}

/// Operations of the document: method, path and security.
fn operations() -> Result<BTreeMap<String, (String, String, Value)>> {
    let document: Value = serde_json::from_str(&read(openapi::PATH)?)?;
    let mut found = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().context("paths")? {
        for (method, operation) in methods.as_object().context("a path")? {
            let name = operation["operationId"].as_str().context("operationId")?.to_owned();
            found.insert(name, (method.to_uppercase(), path.clone(), operation["security"].clone()));
        }
    }
    Ok(found)
}

#[test]
fn the_console_knows_every_operation_as_the_contract_has_it() -> Result<()> {
    let (rows, operations) = (rows()?, operations()?);
    for (name, (method, path)) in &rows {
        let (documented, at, _) = operations.get(name).with_context(|| format!("no operation {name}"))?;
        assert_eq!((method, path), (documented, at), "{name}");
    }
    let known: BTreeSet<_> = rows.keys().map(String::as_str).chain(WITHOUT.map(|(name, _)| name)).collect();
    assert_eq!(known, operations.keys().map(String::as_str).collect(), "rows of routes.js, operations");
    Ok(())
}

#[test]
fn the_console_sends_the_credential_that_an_operation_takes() -> Result<()> {
    let (table, rows) = (table()?, rows()?);
    for (set, security) in [("OF_THE_LAKEHOUSE", json!([{ "Bearer": [] }])), ("OF_ANYBODY", json!([]))] {
        let list = table.split_once(&format!("{set} = new Set([")).with_context(|| set)?.1;
        let list = list.split_once("])").context("an end")?.0;
        let named: BTreeSet<_> = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
        let expected =
            operations()?.into_iter().filter(|(name, (.., its))| rows.contains_key(name) && *its == security);
        assert_eq!(named, expected.map(|(name, _)| name).collect(), "{set}");
    }
    Ok(())
}

/// What is in the table is used, and nothing else is asked for.
#[test]
fn the_console_asks_for_nothing_beside_the_table() -> Result<()> {
    let mut text = String::new();
    for file in std::fs::read_dir(root()?.join(PAGE))? {
        let file = file?;
        if file.file_name() != "routes.js" && file.path().extension().is_some_and(|end| end == "js") {
            text.push_str(&std::fs::read_to_string(file.path())?);
        }
    }
    for name in rows()?.keys() {
        ensure!(text.contains(&format!("\"{name}\"")), "the console does not use {name}");
    }
    assert_eq!(text.matches("fetch(").count(), 1, "one place talks to the API");
    for way in ["XMLHttpRequest", "WebSocket", "EventSource", "sendBeacon", "import("] {
        let code = text.lines().filter(|line| !line.trim_start().starts_with(['*', '/']) && !line.contains("/** "));
        assert_eq!(code.filter(|line| line.contains(way)).count(), 0, "{way}");
    }
    ensure!(!text.contains("\"/v1/admin") && !text.contains("`/v1/admin"), "a path beside the table");
    Ok(())
}
