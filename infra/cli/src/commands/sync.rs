//! `ivory sync`.

use clap::{Args, Subcommand};
use domain::routes::{GET_CATALOG, LIST_SYNC_TARGETS, REGISTER_SYNC_TARGET};
use domain::{SyncMode, SyncTargetRequest, TenantId};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Page, fields, metadata, options};
use crate::api::Request;
use crate::cli::{Change, TenantRef, one_of};
use crate::context::Context;
use crate::error::Error;
use crate::output::{Output, Table, text};

/// What is synced from tenants' Postgres into Iceberg.
#[derive(Subcommand)]
pub enum Sync {
    /// Register what is synced: a table of the tenant's, and the Iceberg table it goes into. The same one again is changed.
    Add(Box<Add>),
    /// List what is synced, of all tenants or of one.
    List(List),
}

/// Register what is synced: a table of the tenant's, and the Iceberg table it goes into. The same one again is changed.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory sync add acme-bank --schema public --table companies --namespace ivory_tenant_acme-bank --iceberg-table companies --primary-key id --cursor updated_at
  ivory sync add acme-bank --schema public --table rates --namespace ivory_tenant_acme-bank --iceberg-table rates --mode full_refresh --dry-run")]
pub struct Add {
    /// The tenant's id, or its slug: then its catalog is asked for the id.
    #[arg(value_name = "TENANT")]
    tenant: TenantRef,
    /// The schema of the source table.
    #[arg(long)]
    schema: String,
    /// The source table.
    #[arg(long)]
    table: String,
    /// The Iceberg namespace, which belongs to the tenant.
    #[arg(long)]
    namespace: String,
    /// The Iceberg table.
    #[arg(long)]
    iceberg_table: String,
    /// The catalog it is synced into, instead of the newest active one.
    #[arg(long, value_name = "NAME")]
    catalog: Option<String>,
    /// How it is synced; `incremental` if nothing is said.
    #[arg(long, value_parser = one_of(SyncMode::ALL, SyncMode::as_str))]
    mode: Option<SyncMode>,
    /// The columns that identify a row.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    primary_key: Vec<String>,
    /// The column that tells a changed row.
    #[arg(long, value_name = "COLUMN")]
    cursor: Option<String>,
    /// The connector at Fivetran.
    #[arg(long, value_name = "ID")]
    connector: Option<String>,
    /// Another source may feed the same Iceberg table.
    #[arg(long)]
    shared_table: bool,
    /// Arbitrary data, a JSON object.
    #[arg(long, value_name = "JSON", value_parser = metadata)]
    metadata: Option<Value>,
    #[command(flatten)]
    change: Change,
}

/// List what is synced, of all tenants or of one.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory sync list
  ivory sync list --tenant acme-bank -o json")]
pub struct List {
    /// Only of this tenant: its id, or its slug: then its catalog is asked for the id.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<TenantRef>,
    #[command(flatten)]
    page: Page,
}

impl Sync {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        match self {
            Self::Add(add) => add.run(context).await,
            Self::List(list) => list.run(context).await,
        }
    }
}

impl Add {
    async fn run(&self, context: &Context) -> Result<(), Error> {
        // What is wrong is said before anybody is asked.
        SyncTargetRequest::parse(&self.body(TenantId(Uuid::nil()))).map_err(options)?;
        let body = self.body(id(&self.tenant, context).await?);
        let request = Request::new(&REGISTER_SYNC_TARGET).with(body);
        let Some(answer) = context.change(&request, &self.change).await? else { return Ok(()) };
        let record = answer.json()?;
        context.output.value(&record, "id", |output| {
            let field = |name| text(&record, name).to_owned();
            Table::record([
                ("target", field("id")),
                ("tenant", field("tenant_slug")),
                ("from", from(&record)),
                ("into", into(&record)),
                ("catalog", field("catalog_name")),
                ("mode", field("sync_mode")),
                ("cursor", field("cursor_col")),
                ("changed", output.when(&record["updated_at"])),
            ])
        })
    }

    fn body(&self, tenant: TenantId) -> Map<String, Value> {
        let some = |text: &Option<String>| text.as_deref().map(Value::from);
        fields([
            ("tenant_id", Some(tenant.to_string().into())),
            ("source_schema", Some(self.schema.as_str().into())),
            ("source_table", Some(self.table.as_str().into())),
            ("iceberg_namespace", Some(self.namespace.as_str().into())),
            ("iceberg_table", Some(self.iceberg_table.as_str().into())),
            ("catalog_name", some(&self.catalog)),
            ("sync_mode", self.mode.map(|mode| mode.as_str().into())),
            ("primary_key_cols", (!self.primary_key.is_empty()).then(|| self.primary_key.clone().into())),
            ("cursor_col", some(&self.cursor)),
            ("fivetran_connector_id", some(&self.connector)),
            ("shared_table", self.shared_table.then(|| true.into())),
            ("metadata", self.metadata.clone()),
        ])
    }
}

impl List {
    async fn run(&self, context: &Context) -> Result<(), Error> {
        let tenant = match &self.tenant {
            Some(tenant) => Some(id(tenant, context).await?),
            None => None,
        };
        let targets = self.page.all(Request::new(&LIST_SYNC_TARGETS).asking("tenant_id", tenant), context).await?;
        context.output.value(&targets, "id", |output| list(&targets, output))
    }
}

/// A tenant's id. A slug is looked up with the same token that the rest needs.
async fn id(tenant: &TenantRef, context: &Context) -> Result<TenantId, Error> {
    if let Ok(id) = tenant.to_string().parse() {
        return Ok(id);
    }
    let catalog = context.read(&Request::about(&GET_CATALOG, tenant)).await?;
    text(&catalog, "tenant_id").parse().map_err(Error::system)
}

fn list(targets: &Value, output: &Output) -> String {
    let mut table = Table::new(["tenant", "from", "into", "mode", "catalog", "changed"]);
    for target in targets.as_array().into_iter().flatten() {
        table.row([
            text(target, "tenant_slug"),
            &from(target),
            &into(target),
            text(target, "sync_mode"),
            text(target, "catalog_name"),
            &output.when(&target["updated_at"]),
        ]);
    }
    table.render()
}

fn from(target: &Value) -> String {
    format!("{}.{}", text(target, "source_schema"), text(target, "source_table"))
}

fn into(target: &Value) -> String {
    format!("{}.{}", text(target, "iceberg_namespace"), text(target, "iceberg_table"))
}
