//! Whatever is typed, no request is sent that the API's document does not allow.

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use crate::allowed;
use crate::program::Ivory;
use crate::server::{Reply, Server};

/// Every command that sends values, with every option that has one. In place of each value comes each of [`ODD`].
const LINES: &[&str] = &[
    "tenant create {acme} --display-name {Acme} --region us-east-1 --tier pilot --admin {a@acme.com} --residency-verified \
     --idempotency-key {key}",
    "tenant list --search {acme} --limit {3}",
    "tenant get {acme}",
    "tenant resources {acme}",
    "tenant check {acme}",
    "tenant repair {acme} {cache}",
    "tenant update {acme} --display-name {Acme} --custom-domain {bank.acme.com}",
    "tenant invite {acme} --admin {a@acme.com}",
    "tenant restore {acme} --idempotency-key {key}",
    "tenant hold {acme} --reason {litigation}",
    "tenant release {acme}",
    "tenant delete {acme} --yes",
    "purge plan {acme}",
    "purge start {acme} --reason {asked} --yes --idempotency-key {key}",
    "purge approve {acme} --yes --idempotency-key {key}",
    "purge get {0198c0de-0000-7000-8000-000000000001}",
    "catalog set {acme} --uri {https://a.example.com} --warehouse {s3://acme/} --prefix {acme/} --name {lake} \
     --s3-endpoint {https://s3.example.com} --metadata {{}}",
    "catalog list --limit {3}",
    "sync add {0198c0de-0000-7000-8000-000000000001} --schema {public} --table {rates} --namespace {ivory_tenant_acme} \
     --iceberg-table {rates} --catalog {lake} --primary-key {id} --cursor {at} --connector {c} --metadata {{}}",
    "sync list --tenant {0198c0de-0000-7000-8000-000000000001}",
    "audit list --tenant {acme} --actor {a} --action {tenant.update} --since {1h} --until {1m} --request-id {r}",
];

/// What somebody may type, or a script may make of a variable.
fn odd() -> Vec<String> {
    let long = "a".repeat(300);
    let odd = [
        "",
        " ",
        "0",
        "-1",
        "4294967296",
        "null",
        "ACME",
        "a/b",
        "../x",
        "a?b=c",
        "a%2Fb",
        "a#b",
        "é",
        "\u{202e}a",
        "a\u{7}b",
        "a\nb",
        "{\"a\": 1}",
        "a'b\"c",
        "0198C0DE-0000-7000-8000-000000000001",
        "2026-01-02",
        "1000000h",
        "s3://a b/",
        &long,
    ];
    odd.map(str::to_owned).to_vec()
}

/// The lines with one odd value each, and the line without.
fn variants(line: &str) -> Vec<String> {
    // The braces of a gap are those at the ends of a word.
    let words: Vec<_> = line.split_whitespace().collect();
    let gap = |word: &str| word.strip_prefix('{').and_then(|word| word.strip_suffix('}')).map(str::to_owned);
    let with = |odd: Option<(usize, &str)>| {
        let value = |(place, word): (usize, &&str)| match odd {
            Some((there, odd)) if there == place => odd.to_owned(),
            _ => gap(word).unwrap_or_else(|| (*word).to_owned()),
        };
        let words: Vec<_> = words.iter().enumerate().map(value).collect();
        // An option's value may begin with a hyphen only behind an equals sign; here it is refused, which is well.
        shell_words::join(words)
    };
    let places = words.iter().enumerate().filter(|(_, word)| gap(word).is_some()).map(|(place, _)| place);
    let odd = odd();
    let mut lines: Vec<_> = places
        .flat_map(|place| odd.iter().map(move |odd| (place, odd)))
        .map(|(place, odd)| with(Some((place, odd))))
        .collect();
    lines.push(with(None));
    lines
}

/// An API that has nothing, and says what it should not have been asked.
async fn strict() -> Result<Server> {
    Server::replying(|asked| match allowed::operation(asked) {
        Ok(_) => Reply::problem(404, "tenant_not_found"),
        Err(fault) => Reply::Answer { status: 418, headers: vec![], body: format!("{fault:#}") },
    })
    .await
}

fn all_allowed(server: &Server) -> Result<()> {
    for asked in server.asked() {
        allowed::operation(&asked).with_context(|| format!("{} {} {}", asked.method, asked.path, asked.body))?;
    }
    Ok(())
}

#[tokio::test]
async fn no_line_makes_a_request_that_is_not_allowed() -> Result<()> {
    let server = strict().await?;
    let ivory = &Ivory::at(&server.url)?;
    for line in LINES {
        let before = server.asked().len();
        let said = stream::iter(variants(line)).map(async |line| {
            let said = ivory.run(&line).await?;
            ensure!(matches!(said.code, Some(2 | 3)), "{line}: {said:#?}");
            ensure!(!said.err.contains("panicked"), "{line}: {said:#?}");
            anyhow::Ok(())
        });
        said.buffer_unordered(2).try_collect::<Vec<()>>().await?;
        ensure!(server.asked().len() > before, "not even this was sent: {line}");
    }
    all_allowed(&server)
}

#[tokio::test]
async fn no_file_makes_a_request_that_is_not_allowed() -> Result<()> {
    let server = strict().await?;
    let ivory = Ivory::at(&server.url)?;
    let sound = json!({
        "slug": "acme-bank", "display_name": "Acme", "region": "us-east-1", "tier": "pilot", "admin_email": "a@acme.com",
        "data_residency_verified": true, "custom_domain": "bank.acme.com",
    });
    let odd = odd().into_iter().map(Value::from).chain([json!(null), json!(1), json!([]), json!({}), json!(false)]);
    let odd: Vec<_> = odd.collect();
    for field in sound.as_object().into_iter().flat_map(|fields| fields.keys()) {
        for value in &odd {
            let mut document = sound.clone();
            document[field] = value.clone();
            // JSON is YAML.
            let said = ivory.fed(&document.to_string(), "tenant apply -f - --yes").await?;
            ensure!(matches!(said.code, Some(2 | 3)), "{document}: {said:#?}");
        }
    }
    ensure!(server.lines().contains(&"POST /v1/admin/tenants".to_owned()), "nothing was sent");
    all_allowed(&server)
}
