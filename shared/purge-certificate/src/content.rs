//! What a certificate says.

use serde::Serialize;

/// The form of a certificate's content. Another one has another number.
pub const FORMAT: &str = "ivory-purge-certificate/1";

/// What is signed. Times are text (RFC 3339, UTC).
#[derive(Clone, Debug, Serialize)]
pub struct Content {
    /// [`FORMAT`].
    pub format: &'static str,
    /// Whom the record and the audit log name.
    pub tenant_id: String,
    /// What the tenant was called. Another tenant may be called so by now.
    pub slug: String,
    /// When everything had been asked for.
    pub issued_at: String,
    /// Who wanted it.
    pub requested: Decision,
    /// Who agreed, where somebody had to.
    pub approved: Option<Decision>,
    /// Why it could not wait, where that had to be said.
    pub reason: Option<String>,
    /// The days for which the tenant's data could be retrieved after it was switched off.
    pub retrieval_days: u32,
    /// What was to become of the customer: `keep` or `delete`.
    pub customer: String,
    /// What was to become of the data in the lakehouse: `drop` or `keep`.
    pub data: String,
    /// When the first step began that cannot be undone.
    pub point_of_no_return: Option<String>,
    /// Each resource that the tenant had.
    pub items: Vec<Item>,
    /// Whether the slug may be used again.
    pub slug_released: bool,
    /// The kinds of what keeps the slug, if it may not.
    pub slug_kept_by: Vec<String>,
}

/// Who decided something, and when.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    /// As the audit log names them.
    pub by: String,
    /// When.
    pub at: String,
}

/// One resource.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// What it is.
    pub kind: String,
    /// Its name in its system.
    pub name: String,
    /// Its id in its system, if it has one besides the name.
    pub external_id: Option<String>,
    /// When its system was asked what became of it.
    pub asked_at: String,
    /// What the system answered then.
    pub answered: String,
    /// What became of it: `gone`, `scheduled` or `kept`.
    pub outcome: String,
    /// Why it was kept.
    pub why: Option<String>,
    /// When its system deletes it.
    pub until: Option<String>,
}
