//! The body of `POST /v1/admin/lakehouse/sync-targets`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::catalog::MAX_METADATA;
use crate::text::plain;
use crate::words::{Invalid, words};
use crate::{CatalogName, FieldError, Fields, Slug, TenantId, names};

/// Most columns an index can have in Postgres, hence a primary key.
const MAX_KEY_COLUMNS: usize = 32;

/// A name in Postgres: 1–63 bytes, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Identifier(String);

/// A table's name in Iceberg: 1–255 characters, no control characters, neither `.` nor `/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct TableName(String);

/// An IOMETE namespace: segments of `[A-Za-z0-9_-]` with dots between them, 255 characters at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Namespace(String);

/// A Fivetran connector's id: 1–255 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FivetranId(String);

impl Identifier {
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
        if text.len() > 63 { Err(BAD) } else { plain(text, 63, BAD).map(Self) }
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
        if text.contains(['.', '/']) { Err(BAD) } else { plain(text, 255, BAD).map(Self) }
    }
}

impl Namespace {
    /// The namespace as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the tenant's: its own namespace, with the slug's hyphens also as underscores, or one below it.
    /// A slug has no underscore, so no namespace is two tenants'.
    #[must_use]
    pub fn belongs_to(&self, slug: &Slug) -> bool {
        let own = names::namespace(slug);
        let root = self.0.split('.').next().unwrap_or_default();
        root == own || root == own.replace('-', "_")
    }
}

impl FromStr for Namespace {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let segment = |segment: &str| {
            !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        };
        if text.len() <= 255 && text.split('.').all(segment) {
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

impl FivetranId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FivetranId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        plain(text, 255, Invalid("must be 1 to 255 characters long, without control characters")).map(Self)
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

impl SyncMode {
    /// The mode of a target whose request names none.
    pub const DEFAULT: Self = Self::Incremental;
}

/// A valid request to register a sync target, or to replace the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncTargetRequest {
    /// Whose.
    pub tenant_id: TenantId,
    /// Into which of the tenant's catalogs; absent: the newest active one.
    pub catalog_name: Option<CatalogName>,
    /// The table's schema in Postgres.
    pub source_schema: Identifier,
    /// The table in Postgres.
    pub source_table: Identifier,
    /// The table's namespace in Iceberg; whether it is the tenant's is up to [`Namespace::belongs_to`].
    pub iceberg_namespace: Namespace,
    /// The table in Iceberg.
    pub iceberg_table: TableName,
    /// How.
    pub sync_mode: SyncMode,
    /// What identifies a row.
    pub primary_key_cols: Vec<Identifier>,
    /// What tells a changed row.
    pub cursor_col: Option<Identifier>,
    /// The connector that feeds the source.
    pub fivetran_connector_id: Option<FivetranId>,
    /// Whatever the caller wants to keep with it.
    pub metadata: Map<String, Value>,
}

impl SyncTargetRequest {
    /// The names of its fields; there are no others.
    pub const FIELDS: [&'static str; 11] = [
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
        "metadata",
    ];

    /// Reads the request.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(body, &Self::FIELDS);
        let tenant_id = fields.required("tenant_id");
        let catalog_name = fields.optional("catalog_name");
        let source_schema = fields.required("source_schema");
        let source_table = fields.required("source_table");
        let iceberg_namespace = fields.required("iceberg_namespace");
        let iceberg_table = fields.required("iceberg_table");
        let sync_mode = fields.optional("sync_mode").unwrap_or(SyncMode::DEFAULT);
        let primary_key_cols = fields.optional_set("primary_key_cols", MAX_KEY_COLUMNS).unwrap_or_default();
        let cursor_col = fields.nullable("cursor_col");
        let fivetran_connector_id = fields.nullable("fivetran_connector_id");
        let metadata = fields.optional_object("metadata", MAX_METADATA).unwrap_or_default();
        fields.finish()?;
        match (tenant_id, source_schema, source_table, iceberg_namespace, iceberg_table) {
            (
                Some(tenant_id),
                Some(source_schema),
                Some(source_table),
                Some(iceberg_namespace),
                Some(iceberg_table),
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
                metadata,
            }),
            _ => unreachable!("a missing field was noted as an error"),
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
    fn what_is_left_out_takes_the_defaults() {
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
    fn key_columns_are_different_names() {
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
    fn a_namespace_is_one_tenants() {
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
