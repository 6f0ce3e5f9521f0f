//! A row of the audit log.

use domain::TenantId;
use serde::Serialize;
use serde_json::Value;
use store::AuditEntry;
use utoipa::ToSchema;

use crate::Moment;

/// Who changed what. What is needed to verify it without us is in it: SECURITY.md says how.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditRecord<'a> {
    /// Unique. It says nothing about the order.
    id: i64,
    at: Moment,
    /// `api_key:{consumer}#{beginning of the key's digest}`, `bearer:{issuer}|{subject}`, or `system:{function}` for what no caller
    /// asked for; `erased` if an address in it was.
    actor: &'a str,
    action: &'a str,
    /// Whom it is about.
    tenant_id: Option<TenantId>,
    request_id: &'a str,
    /// From where the request came, as the gateway saw it. Null: nobody called, or it was erased.
    source_address: Option<&'a str>,
    /// What was changed, before. Null: it is new.
    #[schema(value_type = Option<Object>)]
    before: Option<&'a Value>,
    /// The same afterwards.
    #[schema(value_type = Option<Object>)]
    after: Option<&'a Value>,
    /// The addresses in this row, by JSON pointers into it: `digest` is the SHA-256 of `salt` and address. Without `salt` the address was
    /// erased.
    #[schema(value_type = BTreeMap<String, AuditAddress>)]
    addresses: &'a Value,
    /// SHA-256 of the content.
    digest: &'a str,
    /// Its number in the order of sealing, from 1 and without gaps. Null: it is not sealed yet.
    seq: Option<i64>,
    /// The seal of the row before.
    previous_seal: Option<&'a str>,
    /// SHA-256 of the seal before, the number and the digest.
    seal: Option<&'a str>,
    sealed_at: Option<Moment>,
}

/// An address in a row.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditAddress {
    digest: String,
    /// Sixteen bytes in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    salt: Option<String>,
}

impl<'a> From<&'a AuditEntry> for AuditRecord<'a> {
    fn from(entry: &'a AuditEntry) -> Self {
        let seal = entry.seal.as_ref();
        Self {
            id: entry.id,
            at: Moment(entry.at),
            actor: &entry.actor,
            action: &entry.action,
            tenant_id: entry.tenant_id,
            request_id: &entry.request_id,
            source_address: entry.source_address.as_deref(),
            before: entry.before.as_ref(),
            after: entry.after.as_ref(),
            addresses: &entry.addresses,
            digest: &entry.digest,
            seq: seal.map(|seal| seal.seq),
            previous_seal: seal.map(|seal| seal.previous.as_str()),
            seal: seal.map(|seal| seal.seal.as_str()),
            sealed_at: seal.map(|seal| Moment(seal.at)),
        }
    }
}

impl AuditRecord<'_> {
    /// The names of its fields, which are the columns of a CSV.
    pub const COLUMNS: [&'static str; 15] = [
        "id",
        "at",
        "actor",
        "action",
        "tenant_id",
        "request_id",
        "source_address",
        "before",
        "after",
        "addresses",
        "digest",
        "seq",
        "previous_seal",
        "seal",
        "sealed_at",
    ];

    /// Its fields as texts: null is empty, objects are JSON.
    pub(crate) fn columns(&self) -> [String; 15] {
        let fields = serde_json::to_value(self).unwrap_or_default();
        Self::COLUMNS.map(|name| match &fields[name] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        })
    }
}
