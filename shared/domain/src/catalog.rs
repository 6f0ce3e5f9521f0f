//! The body of `POST /v1/admin/tenants/{tenant_id}/catalog`.

use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::field::{Defaulted, Flag, Nullable, Object, Patched, Required, body};
use crate::fields::{FieldError, Fields, Patch};
use crate::location::{self, Location};
use crate::schema::{self, Chars, component_schema, field_schema};
use crate::tenant::TenantId;
use crate::text::{SecretText, name_text};
use crate::uri::Uri;
use crate::visible::NEVER_SEEN;
use crate::words::{Invalid, words};

/// The largest metadata, in bytes of JSON.
pub(crate) const MAX_METADATA: usize = 64 * 1024;

/// Identifies a catalog. Derived from its key (UUID v5), so that the secret of a first upsert that crashed is found
/// again by the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(transparent)]
pub struct CatalogId(pub Uuid);

impl CatalogId {
    /// The id of a tenant's catalog of that name.
    #[must_use]
    pub fn of(tenant_id: TenantId, name: &CatalogName) -> Self {
        Self(Uuid::new_v5(&tenant_id.0, name.as_str().as_bytes()))
    }
}

impl fmt::Display for CatalogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A catalog's name, unique within its tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct CatalogName(String);

component_schema!(CatalogName, |text| text
    .description(Some("Unique within its tenant."))
    .pattern(Some(CatalogName::pattern())));
field_schema!(CatalogName, json!({ "type": "string", "pattern": CatalogName::pattern() }));

impl CatalogName {
    const MAX: usize = 128;
    const FIRST: Chars = Chars("A-Za-z0-9");
    const REST: Chars = Chars("A-Za-z0-9._-");

    fn pattern() -> String {
        let (Chars(first), Chars(rest)) = (Self::FIRST, Self::REST);
        format!("^[{first}][{rest}]{{0,{}}}$", Self::MAX - 1)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for CatalogName {
    fn default() -> Self {
        Self("ivory-lakehouse".to_owned())
    }
}

impl FromStr for CatalogName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let fits = text.len() <= Self::MAX
            && text.bytes().next().is_some_and(|first| Self::FIRST.contains(first))
            && text.bytes().all(|byte| Self::REST.contains(byte));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid("must be 1 to 128 letters, digits, dots, underscores and hyphens, first a letter or digit"))
        }
    }
}

words! {
    /// The protocol a catalog speaks.
    CatalogType, "must be one of rest, hive, glue" {
        /// Iceberg REST.
        Rest = "rest",
        /// Hive Metastore.
        Hive = "hive",
        /// AWS Glue.
        Glue = "glue",
    }
}

/// The type of a catalog if the request names none.
impl Default for CatalogType {
    fn default() -> Self {
        Self::Rest
    }
}

impl CatalogType {
    /// Whether a catalog of this type may have this URI. The error says what the URI must be.
    fn check(self, uri: &Uri) -> Result<(), &'static str> {
        let (fits, message) = match self {
            Self::Rest => (is_http(uri), "must be an http or https URI for catalog_type rest"),
            Self::Hive => (uri.is_at_a_host("thrift"), "must be a thrift:// URI for catalog_type hive"),
            Self::Glue => {
                (uri.is_at_a_host("https") || uri.is_arn(), "must be an https URI or an ARN for catalog_type glue")
            }
        };
        if fits { Ok(()) } else { Err(message) }
    }
}

fn is_http(uri: &Uri) -> bool {
    uri.is_at_a_host("https") || uri.is_at_a_host("http")
}

/// The URI of a warehouse.
struct Warehouse(Uri);

field_schema!(Warehouse, Uri::schema(Uri::SCHEME, r":/@\[\]", Uri::NOTHING));

impl FromStr for Warehouse {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let uri = text.parse()?;
        location::check_warehouse(text).map(|()| Self(uri))
    }
}

/// A URI of HTTP, at a host.
struct HttpUri(Uri);

field_schema!(HttpUri, Uri::schema("[Hh][Tt][Tt][Pp][Ss]?://", Uri::DELIMITERS, "^[^:]*://[/?#:]"));

impl FromStr for HttpUri {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let uri: Uri = text.parse()?;
        if is_http(&uri) { Ok(Self(uri)) } else { Err(Invalid("must be an http or https URI")) }
    }
}

name_text! {
    /// The tenant's part of the warehouse: a relative path that does not climb.
    StoragePrefix, 1024, location::check_prefix, json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 1024,
        "pattern": format!(r"^[^/\\?#{NEVER_SEEN}][^\\?#{NEVER_SEEN}]*$"),
        "not": schema::text(r"(^|/)\.\.(/|$)|^\s*(\.\s*)?(/\s*(\.\s*)?)*$|^[^/]*:"),
    })
}

/// A valid request to create a catalog, or to replace the one of that name.
#[derive(Clone, Debug)]
pub struct CatalogRequest {
    /// The catalog's name.
    pub catalog_name: CatalogName,
    /// The protocol it speaks.
    pub catalog_type: CatalogType,
    /// The URI under which it answers.
    pub catalog_uri: Uri,
    /// Where its data is stored.
    pub warehouse: Uri,
    /// The tenant's part of the warehouse.
    pub storage_prefix: StoragePrefix,
    /// The object store's endpoint, if it is not the scheme's own.
    pub s3_endpoint: Option<Uri>,
    /// Half of the object store's credentials.
    pub s3_access_key_id: Patch<SecretString>,
    /// The other half.
    pub s3_secret_key: Patch<SecretString>,
    /// Arbitrary data of the caller.
    pub metadata: Map<String, Value>,
    /// Whether it is in use.
    pub is_active: bool,
}

body! {
    CatalogRequest as "UpsertCatalog" {
        catalog_name: Defaulted<CatalogName>,
        catalog_type: Defaulted<CatalogType>,
        catalog_uri: Required<Uri> = "`rest`: http or https; `hive`: thrift; `glue`: https or an ARN. Without credentials.",
        warehouse: Required<Warehouse> = "A URI of any scheme, without credentials, query, fragment and `..`.",
        storage_prefix: Required<StoragePrefix> = "A relative path, without `..`, back slashes and encoded slashes. No other tenant's data lies there, above it or below it.",
        s3_endpoint: Nullable<HttpUri> = "http or https, without credentials.",
        s3_access_key_id: Patched<SecretText> = "One half of the object store's credentials.",
        s3_secret_key_enc: Patched<SecretText> = "The other half. Sent in clear over TLS, stored encrypted in Secrets Manager only.",
        metadata: Object<MAX_METADATA> = "Arbitrary metadata, at most 64 KiB as JSON, without credentials; `{}` if absent.",
        is_active: Flag<true>,
    }
}

impl CatalogRequest {
    /// Where its data lies.
    #[must_use]
    pub fn location(&self) -> Location {
        Location::of(self.warehouse.as_str(), self.storage_prefix.as_str())
    }

    /// Reads the request.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::new(body, Self::FIELDS);
        let catalog_name = BODY.catalog_name.read(&mut fields);
        let catalog_type = BODY.catalog_type.read(&mut fields);
        let catalog_uri = BODY.catalog_uri.read(&mut fields);
        if let (Some(catalog_type), Some(uri)) = (catalog_type, &catalog_uri)
            && let Err(message) = catalog_type.check(uri)
        {
            fields.fail(BODY.catalog_uri.name, message);
        }
        let warehouse = BODY.warehouse.read(&mut fields).map(|Warehouse(uri)| uri);
        let storage_prefix = BODY.storage_prefix.read(&mut fields);
        let s3_endpoint = BODY.s3_endpoint.read(&mut fields).map(|HttpUri(uri)| uri);
        let s3_access_key_id = secret(BODY.s3_access_key_id.read(&mut fields));
        let s3_secret_key = secret(BODY.s3_secret_key_enc.read(&mut fields));
        let metadata = BODY.metadata.read(&mut fields);
        let is_active = BODY.is_active.read(&mut fields);
        fields.finish()?;
        match (catalog_name, catalog_type, catalog_uri, warehouse, storage_prefix) {
            (Some(catalog_name), Some(catalog_type), Some(catalog_uri), Some(warehouse), Some(storage_prefix)) => {
                Ok(Self {
                    catalog_name,
                    catalog_type,
                    catalog_uri,
                    warehouse,
                    storage_prefix,
                    s3_endpoint,
                    s3_access_key_id,
                    s3_secret_key,
                    metadata,
                    is_active,
                })
            }
            _ => unreachable!("an error was noted for a field without a value"),
        }
    }
}

fn secret(patch: Patch<SecretText>) -> Patch<SecretString> {
    match patch {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(SecretText(secret)) => Patch::Set(secret),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<CatalogRequest, Vec<FieldError>> {
        CatalogRequest::parse(body.as_object().expect("an object"))
    }

    fn valid() -> Value {
        json!({"catalog_uri": "https://iomete.internal/api/v1/catalog", "warehouse": "s3://ivory-iceberg/",
               "storage_prefix": "tenants/acme/", "s3_endpoint": "https://s3.us-east-1.amazonaws.com"})
    }

    fn with(field: &str, value: Value) -> Value {
        let mut body = valid();
        body[field] = value;
        body
    }

    #[test]
    fn the_documented_example_is_valid_and_takes_the_defaults() {
        let request = parse(&valid()).expect("valid");
        assert_eq!(request.catalog_name.as_str(), "ivory-lakehouse");
        assert_eq!(request.catalog_type, CatalogType::Rest);
        assert_eq!(request.s3_endpoint.expect("given").as_str(), "https://s3.us-east-1.amazonaws.com");
        assert!(matches!(request.s3_access_key_id, Patch::Keep));
        assert!(matches!(request.s3_secret_key, Patch::Keep));
        assert!(request.metadata.is_empty() && request.is_active);
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let errors =
            parse(&json!({"catalog_nmae": "a", "catalog_name": "-", "catalog_type": "jdbc", "catalog_uri": "x",
            "warehouse": null, "s3_endpoint": "s3://a", "s3_access_key_id": "", "s3_secret_key_enc": 1,
            "metadata": [], "is_active": "yes"}))
            .expect_err("invalid");
        let named: Vec<_> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(
            named,
            [
                "catalog_nmae",
                "catalog_name",
                "catalog_type",
                "catalog_uri",
                "warehouse",
                "storage_prefix",
                "s3_endpoint",
                "s3_access_key_id",
                "s3_secret_key_enc",
                "metadata",
                "is_active"
            ]
        );
        assert_eq!(errors[0].message, "is not a known field; did you mean catalog_name?");
    }

    #[test]
    fn the_uri_fits_the_type() {
        let fits = |catalog_type: &str, uri: &str| {
            let mut body = with("catalog_type", catalog_type.into());
            body["catalog_uri"] = uri.into();
            parse(&body).is_ok()
        };
        for (catalog_type, uri) in [
            ("rest", "http://iomete:8080"),
            ("hive", "thrift://metastore:9083"),
            ("glue", "https://glue.us-east-1.amazonaws.com/iceberg"),
            ("glue", "arn:aws:glue:us-east-1:123456789012:catalog"),
        ] {
            assert!(fits(catalog_type, uri), "{catalog_type} {uri}");
        }
        for (catalog_type, uri) in [
            ("rest", "thrift://metastore:9083"),
            ("rest", "arn:aws:glue:us-east-1:123456789012:catalog"),
            ("hive", "https://metastore"),
            ("glue", "http://glue"),
            ("glue", "arn:aws"),
        ] {
            assert!(!fits(catalog_type, uri), "{catalog_type} {uri}");
        }
    }

    #[test]
    fn null_is_the_default_only_where_the_default_is_null() {
        assert!(parse(&with("s3_endpoint", Value::Null)).expect("valid").s3_endpoint.is_none());
        for field in ["catalog_name", "catalog_type", "metadata", "is_active", "catalog_uri"] {
            let errors = parse(&with(field, Value::Null)).expect_err(field);
            assert_eq!((errors.len(), errors[0].field.as_str()), (1, field));
        }
    }

    #[test]
    fn a_credential_can_be_kept_removed_or_set() {
        let key = |body: &Value| parse(body).expect("valid").s3_secret_key;
        assert!(matches!(key(&with("s3_secret_key_enc", Value::Null)), Patch::Clear));
        let Patch::Set(set) = key(&with("s3_secret_key_enc", "hush".into())) else { panic!("set") };
        assert_eq!(set.expose_secret(), "hush");
        let shown = format!("{:?}", parse(&with("s3_secret_key_enc", "hush".into())).expect("valid"));
        assert!(!shown.contains("hush"), "{shown}");
    }

    #[test]
    fn sizes_are_limited() {
        let metadata = |bytes: usize| json!({"a": "x".repeat(bytes - r#"{"a":""}"#.len())});
        assert!(parse(&with("metadata", metadata(MAX_METADATA))).is_ok());
        assert!(parse(&with("metadata", metadata(MAX_METADATA + 1))).is_err());
        assert!(parse(&with("storage_prefix", "ü".repeat(1024).into())).is_ok());
        assert!(parse(&with("storage_prefix", "ü".repeat(1025).into())).is_err());
        assert!(parse(&with("catalog_name", "a".repeat(128).into())).is_ok());
        assert!(parse(&with("catalog_name", "a".repeat(129).into())).is_err());
    }

    #[test]
    fn the_id_of_a_catalog_never_changes() {
        let tenant: TenantId = "019a0000-0000-7000-8000-000000000001".parse().expect("valid");
        let id = CatalogId::of(tenant, &CatalogName::default());
        assert_eq!(id.to_string(), "ddecdc64-a615-54c7-a147-3e9205baf98f");
        assert_ne!(id, CatalogId::of(tenant, &"other".parse().expect("valid")));
    }
}
