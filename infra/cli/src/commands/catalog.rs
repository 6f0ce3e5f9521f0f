//! `ivory catalog`.

use std::io::{BufRead as _, IsTerminal as _};

use clap::{Args, Subcommand};
use domain::routes::{GET_CATALOG, LIST_CATALOGS, UPSERT_CATALOG};
use domain::{CatalogRequest, CatalogType};
use serde_json::Value;

use super::tenant::NamedById;
use super::{Page, fields, metadata, options};
use crate::api::Request;
use crate::cli::{Change, TenantRef, one_of};
use crate::context::Context;
use crate::error::Error;
use crate::output::{Output, Table, text};
use crate::prompt;

/// A tenant's lakehouse catalog.
#[derive(Subcommand)]
pub enum Catalog {
    /// Create a tenant's catalog, or replace the one of that name.
    Set(Box<Set>),
    /// Show a tenant's newest active catalog.
    #[command(after_help = "\
Examples:
  ivory catalog get acme-bank
  ivory catalog get acme-bank -o json | jq -r .catalog_uri")]
    Get(NamedById),
    /// List the catalogs of all tenants, the newest first.
    #[command(after_help = "\
Examples:
  ivory catalog list
  ivory catalog list --limit 20 -o yaml")]
    List(Page),
}

/// Create a tenant's catalog, or replace the one of that name. What is not named takes its default; credentials of the object
/// store stay unless new ones are given.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory catalog set acme-bank --uri https://iomete.internal/api/v1/catalog --warehouse s3://ivory-iceberg/ --prefix tenants/acme-bank/
  ivory catalog set acme-bank --uri https://iomete.internal/api/v1/catalog --warehouse s3://ivory-iceberg/ --prefix tenants/acme-bank/ --s3-credentials < credentials.txt")]
pub struct Set {
    /// The tenant's id, or its slug.
    #[arg(value_name = "TENANT")]
    tenant: TenantRef,
    /// Where the catalog answers.
    #[arg(long, value_name = "URI")]
    uri: String,
    /// Where the data is stored.
    #[arg(long, value_name = "URI")]
    warehouse: String,
    /// The tenant's part of the warehouse.
    #[arg(long, value_name = "PATH")]
    prefix: String,
    /// The catalog's name, if the tenant has several.
    #[arg(long)]
    name: Option<String>,
    /// The protocol it speaks; `rest` if nothing is said.
    #[arg(long = "type", value_parser = one_of(CatalogType::ALL, CatalogType::as_str))]
    kind: Option<CatalogType>,
    /// It is not in use.
    #[arg(long)]
    inactive: bool,
    /// The object store's endpoint, if it is not the scheme's own.
    #[arg(long, value_name = "URL")]
    s3_endpoint: Option<String>,
    /// Give the object store's credentials: asked for, or two lines of standard input, the access key's id and the secret key.
    #[arg(long)]
    s3_credentials: bool,
    /// Arbitrary data, a JSON object.
    #[arg(long, value_name = "JSON", value_parser = metadata)]
    metadata: Option<Value>,
    #[command(flatten)]
    change: Change,
}

/// The fields of a catalog that are never shown.
const SECRETS: &[&str] = &["s3_access_key_id", "s3_secret_key_enc"];

impl Catalog {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        match self {
            Self::Set(set) => set.run(context).await,
            Self::Get(named) => {
                let record = context.read(&Request::about(&GET_CATALOG, &named.tenant)).await?;
                context.output.value(&record, "catalog_name", |output| table(&record, output))
            }
            Self::List(page) => {
                let catalogs = page.all(Request::new(&LIST_CATALOGS), context).await?;
                context.output.value(&catalogs, "tenant_slug", |output| list(&catalogs, output))
            }
        }
    }
}

impl Set {
    async fn run(&self, context: &Context) -> Result<(), Error> {
        let (id, secret) = if self.s3_credentials { credentials()? } else { (None, None) };
        let body = fields([
            ("catalog_uri", Some(self.uri.as_str().into())),
            ("warehouse", Some(self.warehouse.as_str().into())),
            ("storage_prefix", Some(self.prefix.as_str().into())),
            ("catalog_name", self.name.as_deref().map(Value::from)),
            ("catalog_type", self.kind.map(|kind| kind.as_str().into())),
            ("is_active", self.inactive.then(|| false.into())),
            ("s3_endpoint", self.s3_endpoint.as_deref().map(Value::from)),
            ("s3_access_key_id", id),
            ("s3_secret_key_enc", secret),
            ("metadata", self.metadata.clone()),
        ]);
        CatalogRequest::parse(&body).map_err(options)?;
        let request = Request::about(&UPSERT_CATALOG, &self.tenant).with_secrets(body, SECRETS);
        let Some(answer) = context.change(&request, &self.change).await? else { return Ok(()) };
        let record = answer.json()?;
        context.output.value(&record, "catalog_name", |output| table(&record, output))
    }
}

/// Both halves of the object store's credentials.
fn credentials() -> Result<(Option<Value>, Option<Value>), Error> {
    let lines = if std::io::stdin().is_terminal() {
        vec![prompt::secret("Access key id: ")?, prompt::secret("Secret key: ")?]
    } else {
        let lines: Result<Vec<_>, _> = std::io::stdin().lock().lines().collect();
        lines.map_err(Error::system)?
    };
    let mut lines: Vec<_> = lines.into_iter().map(|line| line.trim().to_owned()).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    match &lines[..] {
        [id, secret] if !id.is_empty() => Ok((Some(id.as_str().into()), Some(secret.as_str().into()))),
        _ => Err(Error::Usage("standard input must have two lines: the access key's id and the secret key".to_owned())),
    }
}

fn table(record: &Value, output: &Output) -> String {
    let field = |name| text(record, name).to_owned();
    Table::record([
        ("catalog", field("catalog_name")),
        ("tenant", field("tenant_slug")),
        ("type", field("catalog_type")),
        ("uri", field("catalog_uri")),
        ("warehouse", field("warehouse")),
        ("prefix", field("storage_prefix")),
        ("S3 endpoint", field("s3_endpoint")),
        ("active", if record["is_active"] == true { "yes" } else { "no" }.to_owned()),
        ("created", output.when(&record["provisioned_at"])),
        ("changed", output.when(&record["updated_at"])),
    ])
}

fn list(catalogs: &Value, output: &Output) -> String {
    let mut table = Table::new(["tenant", "catalog", "type", "active", "prefix", "changed"]).with_states(3);
    for catalog in catalogs.as_array().into_iter().flatten() {
        table.row([
            text(catalog, "tenant_slug"),
            text(catalog, "catalog_name"),
            text(catalog, "catalog_type"),
            if catalog["is_active"] == true { "yes" } else { "no" },
            text(catalog, "storage_prefix"),
            &output.when(&catalog["updated_at"]),
        ]);
    }
    table.render()
}
