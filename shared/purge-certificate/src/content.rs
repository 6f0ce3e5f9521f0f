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
    /// When the tenant was switched off.
    pub deprovisioned_at: String,
    /// The days that had to be between the two.
    pub retrieval_days: i32,
    /// Who wanted it.
    pub requested: Person,
    /// Who agreed, where somebody had to.
    pub approved: Option<Person>,
    /// Each resource that the tenant ever had.
    pub items: Vec<Item>,
    /// Whether the slug may be used again.
    pub slug_end: SlugEnd,
}

/// Who decided something, and when.
#[derive(Clone, Debug, Serialize)]
pub struct Person {
    /// As the audit log names them.
    pub by: String,
    /// When.
    pub at: String,
}

/// One resource.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// What it was.
    pub kind: String,
    /// The name with which it was made.
    pub name: String,
    /// Its id in the outside system, if it had one.
    pub external_id: Option<String>,
    /// When the system was asked afterwards.
    pub asked_at: String,
    /// What it answered then.
    pub answered: String,
    /// Why it is still there; `None`: it is gone.
    pub kept: Option<Kept>,
}

/// What is still there.
#[derive(Clone, Debug, Serialize)]
pub struct Kept {
    /// Why.
    pub why: String,
    /// When it goes without anybody's doing, if it does.
    pub until: Option<String>,
}

/// The end of the slug.
#[derive(Clone, Debug, Serialize)]
pub struct SlugEnd {
    /// Whether another tenant may have it.
    pub released: bool,
    /// What named by it is not proved gone; empty if it is released.
    pub held_by: Vec<String>,
}
