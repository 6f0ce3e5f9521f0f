//! Shows what exists of a tenant, according to the outside systems and not to our own tables.

use anyhow::{Context as _, bail, ensure};
use reqwest::StatusCode;
use serde_json::Value;

use super::{ADMIN_EMAIL, SLUG};
use crate::api::{Api, answer};
use crate::cloud::Running;
use crate::credentials::REGIONS;
use crate::env_file::FALKORDB_NAMES;

/// The stream the activation is announced on.
const STREAM: &str = "iam:tenants:provisioned";

/// The version of Stripe's API whose answers are read here.
const STRIPE_VERSION: &str = "2026-07-29.dahlia";

/// Prints every piece of evidence; false when one is missing.
pub async fn show(api: &Api, running: &Running) -> anyhow::Result<bool> {
    let tenant = api.get(&format!("/v1/admin/tenants/{SLUG}")).await?;
    println!("\nTenant record\n{}", serde_json::to_string_pretty(&tenant)?);
    let found = Lookup { api, running, tenant };
    let evidence = [
        ("Invitation", found.mail().await),
        ("Graph", found.graph().await),
        ("Vector index", found.index().await),
        ("Subscription", found.subscription().await),
        ("Event", found.event().await),
    ];
    let mut complete = true;
    for (title, result) in evidence {
        match result {
            Ok(text) => println!("\n{title}\n  {text}"),
            Err(error) => {
                complete = false;
                println!("\n{title}: NOT THERE: {error:#}");
            }
        }
    }
    Ok(complete)
}

struct Lookup<'a> {
    api: &'a Api,
    running: &'a Running,
    tenant: Value,
}

impl Lookup<'_> {
    fn variable(&self, name: &str) -> &str {
        &self.running.variables[name]
    }

    fn text(&self, field: &str) -> anyhow::Result<&str> {
        self.tenant[field].as_str().with_context(|| format!("the tenant has no {field}"))
    }

    async fn mail(&self) -> anyhow::Result<String> {
        let all = format!("{}/?limit=1000", self.variable("MAILBOX_URL"));
        let mails = answer(self.api.http.get(all), StatusCode::OK).await?;
        let ours: Vec<&Value> =
            mails.as_array().into_iter().flatten().filter(|mail| mail["To"] == ADMIN_EMAIL).collect();
        let [mail] = ours[..] else { bail!("{} mails to {ADMIN_EMAIL}", ours.len()) };
        Ok(format!("\"{}\" to {ADMIN_EMAIL} from {}", plain(&mail["Subject"]), plain(&mail["From"])))
    }

    /// The graph is in the tenant's region, and in no other.
    async fn graph(&self) -> anyhow::Result<String> {
        let (graph, home) = (self.text("falkordb_graph_name")?, self.text("region")?);
        let mut lines = Vec::new();
        for (region, name) in REGIONS.iter().zip(FALKORDB_NAMES) {
            let mut connection = connect(self.variable(name)).await?;
            let exists: bool = redis::cmd("EXISTS").arg(graph).query_async(&mut connection).await?;
            ensure!(
                exists == (*region == home),
                "{graph}: exists in {region}: {exists}, and the tenant's region is {home}"
            );
            if exists {
                let mut count = redis::cmd("GRAPH.RO_QUERY");
                count.arg(graph).arg("MATCH (n) RETURN labels(n)[0], count(n)");
                let answer: redis::Value = count.query_async(&mut connection).await?;
                lines.push(format!("{region}: {graph}, nodes {}", rows(&answer)));
            } else {
                lines.push(format!("{region}: none"));
            }
        }
        Ok(lines.join("\n  "))
    }

    async fn index(&self) -> anyhow::Result<String> {
        let (url, alias) = (self.variable("OPENSEARCH_URL"), format!("client_{SLUG}"));
        let get = |path: String| {
            let password = Some(self.variable("OPENSEARCH_PASSWORD"));
            self.api.http.get(format!("{url}{path}")).basic_auth(self.variable("OPENSEARCH_USERNAME"), password)
        };
        let aliases = answer(get(format!("/_alias/{alias}")), StatusCode::OK).await?;
        let index = aliases.as_object().and_then(|indices| indices.keys().next()).context("the alias leads nowhere")?;
        let mapping = answer(get(format!("/{index}/_mapping")), StatusCode::OK).await?;
        let properties = mapping[index]["mappings"]["properties"].as_object().context("no mapping")?;
        let vector = properties.iter().find(|(_, field)| field["type"] == "knn_vector");
        let (field, vector) = vector.context("no knn_vector in the mapping")?;
        Ok(format!("{alias} → {index}, {field}: knn_vector of {} dimensions", vector["dimension"]))
    }

    async fn subscription(&self) -> anyhow::Result<String> {
        let (url, customer) = (self.variable("STRIPE_API_URL"), self.text("stripe_customer_id")?);
        let request = self.api.http.get(format!("{url}/v1/subscriptions?customer={customer}"));
        let request = request.bearer_auth(self.variable("STRIPE_SECRET_KEY")).header("stripe-version", STRIPE_VERSION);
        let listed = answer(request, StatusCode::OK).await?;
        let [subscription] = listed["data"].as_array().map_or(&[][..], Vec::as_slice) else {
            bail!("{customer} does not have exactly one subscription");
        };
        let price = &subscription["items"]["data"][0]["price"];
        let [id, status, price] = [&subscription["id"], &subscription["status"], &price["lookup_key"]].map(plain);
        Ok(format!("{id} of {customer}: {status}, price {price}"))
    }

    async fn event(&self) -> anyhow::Result<String> {
        let mut connection = connect(self.variable("VALKEY_URL")).await?;
        let mut command = redis::cmd("XRANGE");
        command.arg(STREAM).arg("-").arg("+");
        let entries: Vec<(String, Vec<(String, String)>)> = command.query_async(&mut connection).await?;
        let tenant_id = self.text("tenant_id")?;
        let about =
            |fields: &[(String, String)]| fields.iter().any(|(name, value)| name == "tenant_id" && value == tenant_id);
        let ours: Vec<_> = entries.iter().filter(|(_, fields)| about(fields)).collect();
        let [(id, fields)] = ours[..] else { bail!("{} events about the tenant", ours.len()) };
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Ok(format!("{STREAM} {id}\n  {}", fields.join("\n  ")))
    }
}

async fn connect(url: &str) -> anyhow::Result<redis::aio::MultiplexedConnection> {
    Ok(redis::Client::open(url)?.get_multiplexed_async_connection().await?)
}

/// A JSON string without its quotes.
fn plain(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

/// The rows of a graph query: the second of the answer's three parts.
fn rows(answer: &redis::Value) -> String {
    let redis::Value::Array(parts) = answer else { return String::new() };
    let Some(redis::Value::Array(rows)) = parts.get(1) else { return String::new() };
    rows.iter().map(row_text).collect::<Vec<_>>().join(", ")
}

fn row_text(row: &redis::Value) -> String {
    let redis::Value::Array(cells) = row else { return String::new() };
    let cell = |value: &redis::Value| redis::from_redis_value_ref::<String>(value).unwrap_or_default();
    cells.iter().map(cell).collect::<Vec<_>>().join(" ")
}
