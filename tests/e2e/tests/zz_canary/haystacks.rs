//! The places in which no secret may be.

use anyhow::{Context as _, Result};
use e2e::{Answer, Cloud, answers};
use serde_json::{Value, json};

/// The name and the entries of each place.
pub async fn all(cloud: &Cloud) -> Result<Vec<(&'static str, Vec<String>)>> {
    Ok(vec![
        ("executions", executions(cloud).await?),
        ("logs", cloud.aws.log_events().await?),
        ("answers", recorded()?),
        ("schema lakehouse", dump(cloud, "schemaname = 'lakehouse'").await?),
        ("other schemas", dump(cloud, "schemaname NOT IN ('lakehouse', 'pg_catalog', 'information_schema')").await?),
        ("idempotency records", records(cloud).await?),
    ])
}

/// Input, output and history of every execution.
async fn executions(cloud: &Cloud) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for execution in cloud.aws.executions().await? {
        let arn = execution["executionArn"].as_str().context("an execution without a name")?;
        texts.push(cloud.aws.execution(arn).await?.context("an execution that is gone")?.to_string());
        texts.extend(cloud.aws.history(arn).await?.iter().map(ToString::to_string));
    }
    Ok(texts)
}

/// Every answer of the gateway: those of this program, and those that earlier programs wrote to the file.
fn recorded() -> Result<Vec<String>> {
    let mut texts: Vec<String> = answers().iter().map(Answer::text).collect();
    if let Some(file) = std::env::var_os("E2E_ANSWERS") {
        for line in std::fs::read_to_string(file)?.lines() {
            texts.push(serde_json::from_str::<Answer>(line)?.text());
        }
    }
    Ok(texts)
}

/// Every row of every table in these schemas of the control database.
async fn dump(cloud: &Cloud, schemas: &str) -> Result<Vec<String>> {
    let control = cloud.control().await?;
    let tables = format!("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE {schemas}");
    let mut rows = Vec::new();
    for table in control.query(&tables, &[]).await? {
        let table: String = table.get(0);
        let found = control.query(&format!("SELECT t::text FROM {table} AS t"), &[]).await?;
        rows.extend(found.iter().map(|row| format!("{table} {}", row.get::<_, String>(0))));
    }
    Ok(rows)
}

/// Every answer that is kept for a repeated request.
async fn records(cloud: &Cloud) -> Result<Vec<String>> {
    let mut body = json!({ "TableName": cloud.idempotency_table()? });
    let mut texts = Vec::new();
    loop {
        let mut page = cloud.aws.json("dynamodb", "DynamoDB_20120810.Scan", body.clone()).await?;
        texts.extend(page["Items"].as_array().context("no items")?.iter().map(ToString::to_string));
        match page["LastEvaluatedKey"].take() {
            Value::Null => return Ok(texts),
            last => body["ExclusiveStartKey"] = last,
        }
    }
}
