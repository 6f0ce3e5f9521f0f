//! The body of `POST /v1/admin/lakehouse/sync-targets`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::catalog::{CatalogName, MAX_METADATA};
use crate::credentials;
use crate::field::{Defaulted, Flag, Nullable, Object, Optional, Required, Set, body};
use crate::fields::{FieldError, Fields};
use crate::names;
use crate::schema::{self, Chars, field_schema};
use crate::tenant::{Slug, TenantId};
use crate::text::{name, name_text};
use crate::visible::NEVER_SEEN;
use crate::words::{Invalid, words};

/// The most columns of an index in Postgres, and therefore of a primary key.
const MAX_KEY_COLUMNS: usize = 32;

/// A name in Postgres: 1–63 bytes, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Identifier(String);

field_schema!(Identifier, schema::name(Identifier::MAX));

/// A table's name in Iceberg: 1–255 characters, no control characters, no `.` and no `/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct TableName(String);

field_schema!(TableName, {
    let mut schema = schema::name(255);
    schema["pattern"] = json!(format!("^[^./{NEVER_SEEN}]*$"));
    schema
});

/// An IOMETE namespace: segments with dots between them, at most 255 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Namespace(String);

field_schema!(Namespace, {
    let Chars(segment) = Namespace::SEGMENT;
    json!({ "type": "string", "maxLength": Namespace::MAX, "pattern": format!(r"^[{segment}]+(\.[{segment}]+)*$") })
});

name_text! {
    /// A Fivetran connector's id.
    FivetranId, 255, |text| if credentials::in_text(text) { Err(credentials::FOUND) } else { Ok(()) }, schema::name(255)
}

impl Identifier {
    const MAX: usize = 63;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Identifier {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const BAD: Invalid = Invalid("must be 1 to 63 bytes long, without control characters");
        if text.len() > Self::MAX { Err(BAD) } else { name(text, Self::MAX, BAD).map(Self) }
    }
}

impl TableName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TableName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const BAD: Invalid = Invalid("must be 1 to 255 characters long, without control characters, dots and slashes");
        if text.contains(['.', '/']) { Err(BAD) } else { name(text, 255, BAD).map(Self) }
    }
}

impl Namespace {
    const MAX: usize = 255;
    const SEGMENT: Chars = Chars("A-Za-z0-9_-");

    /// The namespace as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it belongs to the tenant: it is the tenant's own namespace, with the slug's hyphens or with underscores
    /// instead, or lies below it. A slug has no underscore, so no namespace belongs to two tenants.
    #[must_use]
    pub fn belongs_to(&self, slug: &Slug) -> bool {
        let root = self.0.split('.').next().unwrap_or_default();
        names::namespaces(slug).iter().any(|own| root == own)
    }
}

impl FromStr for Namespace {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let segment = |segment: &str| !segment.is_empty() && segment.bytes().all(|byte| Self::SEGMENT.contains(byte));
        if text.len() <= Self::MAX && text.split('.').all(segment) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid("must be letters, digits, underscores and hyphens with dots in between, at most 255 in all"))
        }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

words! {
    /// How a table is replicated.
    SyncMode, "must be one of incremental, full_refresh" {
        /// What changed since the last time.
        Incremental = "incremental",
        /// All of it, every time.
        FullRefresh = "full_refresh",
    }
}

/// The mode of a target if the request names none.
impl Default for SyncMode {
    fn default() -> Self {
        Self::Incremental
    }
}

/// A valid request to register a sync target, or to replace the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncTargetRequest {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The tenant's catalog that it is synced into. Absent means the newest active one.
    pub catalog_name: Option<CatalogName>,
    /// The table's schema in Postgres.
    pub source_schema: Identifier,
    /// The table in Postgres.
    pub source_table: Identifier,
    /// The table's namespace in Iceberg. [`Namespace::belongs_to`] says whether it is the tenant's.
    pub iceberg_namespace: Namespace,
    /// The table in Iceberg.
    pub iceberg_table: TableName,
    /// How it is replicated.
    pub sync_mode: SyncMode,
    /// The columns that identify a row.
    pub primary_key_cols: Vec<Identifier>,
    /// The column that shows that a row changed.
    pub cursor_col: Option<Identifier>,
    /// The connector that feeds the source.
    pub fivetran_connector_id: Option<FivetranId>,
    /// Whether the caller knows that another source may feed the same Iceberg table.
    pub shared_table: bool,
    /// Arbitrary data of the caller.
    pub metadata: Map<String, Value>,
}

body! {
    SyncTargetRequest as "RegisterSyncTarget" {
        tenant_id: Required<TenantId>,
        catalog_name: Optional<CatalogName> = "The newest active catalog where none is named.",
        source_schema: Required<Identifier>,
        source_table: Required<Identifier>,
        iceberg_namespace: Required<Namespace> = "`ivory_tenant_{slug}`, its hyphens also as underscores, or a dotted child of it.",
        iceberg_table: Required<TableName>,
        sync_mode: Defaulted<SyncMode>,
        primary_key_cols: Set<Identifier, MAX_KEY_COLUMNS>,
        cursor_col: Nullable<Identifier>,
        fivetran_connector_id: Nullable<FivetranId>,
        shared_table: Flag<false> = "Confirms that the target may feed an Iceberg table which another target feeds.",
        metadata: Object<MAX_METADATA> = "Arbitrary metadata, at most 64 KiB as JSON, without credentials; `{}` if absent.",
    }
}

impl SyncTargetRequest {
    /// Reads the request.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(body, Self::FIELDS);
        let tenant_id = BODY.tenant_id.read(&mut fields);
        let catalog_name = BODY.catalog_name.read(&mut fields);
        let source_schema = BODY.source_schema.read(&mut fields);
        let source_table = BODY.source_table.read(&mut fields);
        let iceberg_namespace = BODY.iceberg_namespace.read(&mut fields);
        let iceberg_table = BODY.iceberg_table.read(&mut fields);
        let sync_mode = BODY.sync_mode.read(&mut fields);
        let primary_key_cols = BODY.primary_key_cols.read(&mut fields);
        let cursor_col = BODY.cursor_col.read(&mut fields);
        let fivetran_connector_id = BODY.fivetran_connector_id.read(&mut fields);
        let shared_table = BODY.shared_table.read(&mut fields);
        let metadata = BODY.metadata.read(&mut fields);
        fields.finish()?;
        match (tenant_id, source_schema, source_table, iceberg_namespace, iceberg_table, sync_mode) {
            (
                Some(tenant_id),
                Some(source_schema),
                Some(source_table),
                Some(iceberg_namespace),
                Some(iceberg_table),
                Some(sync_mode),
            ) => Ok(Self {
                tenant_id,
                catalog_name,
                source_schema,
                source_table,
                iceberg_namespace,
                iceberg_table,
                sync_mode,
                primary_key_cols,
                cursor_col,
                fivetran_connector_id,
                shared_table,
                metadata,
            }),
            _ => unreachable!("an error was noted for a field without a value"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<SyncTargetRequest, Vec<FieldError>> {
        SyncTargetRequest::parse(body.as_object().expect("an object"))
    }

    fn valid() -> Value {
        json!({"tenant_id": "019a0000-0000-7000-8000-000000000001", "source_schema": "public",
               "source_table": "companies", "iceberg_namespace": "ivory_tenant_acme",
               "iceberg_table": "companies_snapshot", "sync_mode": "incremental", "primary_key_cols": ["id"],
               "cursor_col": "updated_at"})
    }

    fn with(field: &str, value: Value) -> Value {
        let mut body = valid();
        body[field] = value;
        body
    }

    #[test]
    fn the_documented_example_is_valid() {
        let request = parse(&valid()).expect("valid");
        assert_eq!(request.iceberg_namespace.as_str(), "ivory_tenant_acme");
        assert_eq!(request.primary_key_cols, ["id".parse().expect("valid")]);
        assert_eq!(request.cursor_col.expect("given").as_str(), "updated_at");
        assert_eq!((request.catalog_name, request.fivetran_connector_id), (None, None));
    }

    #[test]
    fn absent_fields_get_their_defaults() {
        let request = parse(&json!({"tenant_id": "019a0000-0000-7000-8000-000000000001", "source_schema": "s",
            "source_table": "t", "iceberg_namespace": "n", "iceberg_table": "i", "cursor_col": null,
            "fivetran_connector_id": null}))
        .expect("valid");
        assert_eq!(request.sync_mode, SyncMode::Incremental);
        assert!(request.primary_key_cols.is_empty() && request.cursor_col.is_none() && request.metadata.is_empty());
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let errors = parse(&json!({"tenant_id": "acme", "catalog_name": null, "source_schema": "a".repeat(64),
            "source_table": "a\nb", "iceberg_namespace": "a..b", "iceberg_table": "a.b", "sync_mode": "full",
            "primary_key_cols": "id", "cursor_col": "", "fivetran_connector_id": 1, "metadata": null}))
        .expect_err("invalid");
        let named: Vec<_> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(
            named,
            [
                "tenant_id",
                "catalog_name",
                "source_schema",
                "source_table",
                "iceberg_namespace",
                "iceberg_table",
                "sync_mode",
                "primary_key_cols",
                "cursor_col",
                "fivetran_connector_id",
                "metadata"
            ]
        );
    }

    #[test]
    fn key_columns_must_be_different() {
        let message = |value: Value| parse(&with("primary_key_cols", value)).expect_err("invalid")[0].message.clone();
        assert_eq!(message(json!(["a", "b", "a"])), "has an item 3 that was named before");
        assert_eq!(message(json!(["a", 1])), "has an item 2 that must be a string");
        assert_eq!(message(json!([""])), "has an item 1 that must be 1 to 63 bytes long, without control characters");
        let columns = |count: usize| (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>();
        assert!(parse(&with("primary_key_cols", json!(columns(32)))).is_ok());
        assert_eq!(message(json!(columns(33))), "must have 32 items at most");
    }

    #[test]
    fn names_have_a_length() {
        assert!("ü".repeat(31).parse::<Identifier>().is_ok());
        assert!("ü".repeat(32).parse::<Identifier>().is_err(), "64 bytes");
        assert!("ü".repeat(255).parse::<TableName>().is_ok());
        for bad in ["", "a/b", "a.b", "a\u{7f}b", &"a".repeat(256)] {
            assert!(bad.parse::<TableName>().is_err(), "{bad}");
        }
        assert!("a".repeat(255).parse::<Namespace>().is_ok());
        for bad in ["", ".", "a.", ".a", "a..b", "a b", "a/b", "ä", &"a".repeat(256)] {
            assert!(bad.parse::<Namespace>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_namespace_belongs_to_one_tenant() {
        let belongs = |namespace: &str, slug: &str| {
            let namespace: Namespace = namespace.parse().expect("valid");
            namespace.belongs_to(&slug.parse().expect("valid"))
        };
        for (namespace, slug) in [
            ("ivory_tenant_acme", "acme"),
            ("ivory_tenant_acme.raw", "acme"),
            ("ivory_tenant_acme.raw.v1", "acme"),
            ("ivory_tenant_acme-bank-eu", "acme-bank-eu"),
            ("ivory_tenant_acme_bank_eu", "acme-bank-eu"),
            ("ivory_tenant_acme_bank_eu.raw-1", "acme-bank-eu"),
        ] {
            assert!(belongs(namespace, slug), "{namespace} {slug}");
        }
        for (namespace, slug) in [
            ("ivory_tenant_acme-x", "acme"),
            ("ivory_tenant_acme_x", "acme"),
            ("ivory_tenant_acme", "acme-x"),
            ("ivory_tenant_acme.x", "acme-x"),
            ("ivory_tenant_acme-bank_eu", "acme-bank-eu"),
            ("raw.ivory_tenant_acme", "acme"),
            ("IVORY_TENANT_ACME", "acme"),
            ("acme", "acme"),
        ] {
            assert!(!belongs(namespace, slug), "{namespace} {slug}");
        }
    }
}
