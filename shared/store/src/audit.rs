//! `control.audit_log`: who changed what, to be read, and its seals. The statements that make a change write its row.

use audit_chain::{Digest, seal};
use domain::{AuditWord, TenantId};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::pages::Cut;
use crate::{Reader, Store, StoreError};

/// Which rows are listed. `None`: any value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The tenant they are about.
    pub tenant: Option<TenantId>,
    /// Who did it. A consumer without a key's digest means each of its keys.
    pub actor: Option<AuditWord>,
    /// What was done.
    pub action: Option<AuditWord>,
    /// The request that did it.
    pub request_id: Option<AuditWord>,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Before this.
    pub until: Option<Timestamp>,
}

/// A row of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Its number, which was taken before it was committed.
    pub id: i64,
    /// When it was written.
    pub at: Timestamp,
    /// Who did it: a [`domain::Actor`].
    pub actor: String,
    /// What was done.
    pub action: String,
    /// The tenant it is about, if any.
    pub tenant_id: Option<TenantId>,
    /// The request that did it.
    pub request_id: String,
    /// From where the request came.
    pub source_address: Option<String>,
    /// What was changed, before.
    pub before: Option<Value>,
    /// The same afterwards.
    pub after: Option<Value>,
    /// The digests of the addresses in it, and their salts.
    pub addresses: Value,
    /// The digest of its content, in hexadecimal.
    pub digest: String,
    /// Its place in the chain, once it is sealed.
    pub seal: Option<Seal>,
}

/// A row's place in the chain. The digests are in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// From 1, in the order of sealing.
    pub seq: i64,
    /// The seal of the row before.
    pub previous: String,
    /// The seal of this row.
    pub seal: String,
    /// When it was sealed.
    pub at: Timestamp,
}

impl TryFrom<&Row> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let seal = match row.try_get("seq")? {
            Some(seq) => Some(Seal {
                seq,
                previous: row.try_get("previous_seal")?,
                seal: row.try_get("seal")?,
                at: row.try_get("sealed_at")?,
            }),
            None => None,
        };
        Ok(Self {
            id: row.try_get("id")?,
            at: row.try_get("at")?,
            actor: row.try_get("actor")?,
            action: row.try_get("action")?,
            tenant_id: row.try_get::<_, Option<_>>("tenant_id")?.map(TenantId),
            request_id: row.try_get("request_id")?,
            source_address: row.try_get("source_address")?,
            before: row.try_get("before")?,
            after: row.try_get("after")?,
            addresses: row.try_get("addresses")?,
            digest: row.try_get("digest_hex")?,
            seal,
        })
    }
}

/// The seal that vouches for all rows that are sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastSeal {
    /// Its row's number.
    pub seq: i64,
    /// The seal.
    pub seal: Digest,
    /// When the row was sealed.
    pub sealed_at: Timestamp,
    /// When the row was written.
    pub row_at: Timestamp,
}

impl TryFrom<&Row> for LastSeal {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.try_get("seq")?,
            seal: digest(row, "seal")?,
            sealed_at: row.try_get("sealed_at")?,
            row_at: row.try_get("at")?,
        })
    }
}

impl Reader {
    /// The last seal. `None`: there are no sealed rows.
    pub async fn last_seal(&self) -> Result<Option<LastSeal>, StoreError> {
        let rows = self.read(include_str!("../sql/read/audit_last_seal.sql"), &[]).await?;
        rows.first().map(LastSeal::try_from).transpose()
    }

    /// At most `limit` rows before the one with this time and number, newest first.
    pub async fn audit_page(
        &self,
        filter: &AuditFilter,
        after: Option<(Timestamp, i64)>,
        limit: u32,
    ) -> Result<Cut<AuditEntry>, StoreError> {
        let (at, id) = after.unzip();
        let rows = self
            .read(
                include_str!("../sql/read/audit_page.sql"),
                &[
                    (&filter.tenant.map(|tenant| tenant.0), Type::UUID),
                    (&filter.actor.as_ref().map(AuditWord::as_str), Type::TEXT),
                    (&filter.action.as_ref().map(AuditWord::as_str), Type::TEXT),
                    (&filter.request_id.as_ref().map(AuditWord::as_str), Type::TEXT),
                    (&filter.since, Type::TIMESTAMPTZ),
                    (&filter.until, Type::TIMESTAMPTZ),
                    (&at, Type::TIMESTAMPTZ),
                    (&id, Type::INT8),
                    (&i64::from(limit), Type::INT8),
                ],
            )
            .await?;
        Cut::of(&rows)
    }
}

impl Store {
    /// Seals at most `limit` rows, in the order of their times; returns how many. The caller is alone by the lease of this name. Rows
    /// that are committed later than younger ones are sealed after those.
    pub async fn seal_audit(&self, name: &str, token: &str, limit: u32) -> Result<usize, StoreError> {
        let (mut seq, mut previous, at) = match self.last_seal().await? {
            Some(last) => (last.seq, last.seal, Some(last.row_at)),
            None => (0, Digest::NOTHING, None),
        };
        let unsealed: &[(&(dyn ToSql + Sync), Type)] = &[(&at, Type::TIMESTAMPTZ), (&i64::from(limit), Type::INT8)];
        let rows = self.read(include_str!("../sql/audit_unsealed.sql"), unsealed).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let (mut seqs, mut ids) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        let (mut befores, mut seals) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for row in &rows {
            seq += 1;
            let sealed = seal(&previous, seq.unsigned_abs(), &digest(row, "digest")?);
            seqs.push(seq);
            ids.push(row.try_get::<_, i64>("id")?);
            befores.push(previous.as_bytes().to_vec());
            seals.push(sealed.as_bytes().to_vec());
            previous = sealed;
        }
        let written = self
            .query(
                include_str!("../sql/audit_seal.sql"),
                &[
                    (&name, Type::TEXT),
                    (&token, Type::TEXT),
                    (&seqs, Type::INT8_ARRAY),
                    (&ids, Type::INT8_ARRAY),
                    (&befores, Type::BYTEA_ARRAY),
                    (&seals, Type::BYTEA_ARRAY),
                ],
            )
            .await?;
        Ok(written.len())
    }
}

fn digest(row: &Row, column: &str) -> Result<Digest, StoreError> {
    row.try_get::<_, &[u8]>(column)?.try_into().map_err(|_| StoreError::Broken(column.to_owned()))
}
