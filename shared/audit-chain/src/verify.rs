//! Whether rows fit their digests, their seals, each other and the anchors.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::row::Row;
use crate::{Anchor, Digest};

/// What the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All rows from the first one on: none may be missing.
    Whole,
    /// Some of them, such as a tenant's, or those of a time: each one is looked at, and neighbours fit each other.
    Part,
}

/// What was found where everything fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many rows there are.
    pub rows: usize,
    /// The number of the first and of the last sealed row.
    pub sealed: Option<(u64, u64)>,
    /// Rows that have no seal yet, and when the oldest of them was written: nothing vouches for them.
    pub unsealed: (usize, Option<String>),
    /// Between how many neighbours others are missing. Always 0 for [`Scope::Whole`].
    pub gaps: usize,
    /// Addresses that were erased.
    pub erased: usize,
    /// The last row that an anchor vouches for.
    pub anchored: Option<u64>,
}

/// Why a row does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It lacks a field of a row.
    #[error("its field {0} cannot be read")]
    Field(&'static str),
    /// An address in it is another one, or is gone although its salt is not.
    #[error("the address at {0} is not the one that was written")]
    Address(String),
    /// Its content was changed.
    #[error("its content is not what its digest says")]
    Content,
    /// Its digest was changed.
    #[error("its seal is not of its digest, its number and the seal before")]
    Seal,
    /// Its number is another row's too.
    #[error("its number is there twice")]
    Twice,
    /// It was sealed after another row than the one before it.
    #[error("the row before it was changed, or is another one")]
    Previous,
    /// Rows before it are missing.
    #[error("rows {0} to {1}, before it, are missing")]
    Missing(u64, u64),
    /// An anchor has another seal for it.
    #[error("its anchor has another seal: this row, or one between it and the anchor before, was changed")]
    Anchor,
    /// An anchor vouches for rows that are not there.
    #[error("the anchor of row {0} vouches for rows after it, which are missing")]
    CutOff(u64),
}

/// The first row that does not fit, in the order of sealing; rows without a seal come last.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Misfit {
    /// Its number, if it has one.
    pub seq: Option<u64>,
    /// Its id, if it has one.
    pub id: Option<i64>,
    /// Why.
    pub fault: Fault,
}

impl fmt::Display for Misfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: Option<String>| number.unwrap_or_else(|| "none".to_owned());
        let (seq, id) = (self.seq.map(|seq| seq.to_string()), self.id.map(|id| id.to_string()));
        write!(formatter, "row seq {} (id {}) does not fit: {}", number(seq), number(id), self.fault)
    }
}

impl Misfit {
    fn of(fields: &Value, fault: Fault) -> Self {
        Self { seq: fields["seq"].as_u64(), id: fields["id"].as_i64(), fault }
    }
}

/// Looks at each row, in the order of sealing, whatever order they are given in. Without anchors, who owns the database could
/// have made all of it anew.
pub fn verify(rows: &[Value], anchors: &[Anchor], scope: Scope) -> Result<Verified, Misfit> {
    let read = |fields| Row::read(fields).map_err(|fault| Misfit::of(fields, fault));
    let mut read: Vec<Row<'_>> = rows.iter().map(read).collect::<Result<_, _>>()?;
    // The first in this order is the one to name.
    read.sort_by_key(|row| row.sealed.map_or(u64::MAX, |sealed| sealed.seq));
    let anchors: BTreeMap<u64, Vec<Digest>> = anchors.iter().fold(BTreeMap::new(), |mut by_seq, anchor| {
        by_seq.entry(anchor.seq).or_default().push(anchor.seal);
        by_seq
    });
    let mut verified = Verified { rows: rows.len(), ..Verified::default() };
    let mut before: Option<(u64, Digest)> = None;
    for row in &read {
        let misfit = |fault| Misfit::of(row.fields, fault);
        if let Some(sealed) = row.sealed {
            let (last, previous) = before.unwrap_or((0, Digest::NOTHING));
            if sealed.seq == last {
                return Err(misfit(Fault::Twice));
            } else if sealed.seq > last.saturating_add(1) {
                match scope {
                    Scope::Whole => return Err(misfit(Fault::Missing(last + 1, sealed.seq - 1))),
                    Scope::Part => verified.gaps += usize::from(before.is_some()),
                }
            } else if sealed.previous != previous {
                return Err(misfit(Fault::Previous));
            }
        }
        verified.erased += row.fits().map_err(misfit)?;
        let Some(sealed) = row.sealed else {
            let at = row.fields["at"].as_str().map(str::to_owned);
            let (count, oldest) = &mut verified.unsealed;
            *count += 1;
            *oldest = oldest.take().into_iter().chain(at).min();
            continue;
        };
        if let Some(seals) = anchors.get(&sealed.seq) {
            if seals.iter().any(|seal| *seal != sealed.seal) {
                return Err(misfit(Fault::Anchor));
            }
            verified.anchored = Some(sealed.seq);
        }
        before = Some((sealed.seq, sealed.seal));
        verified.sealed = Some((verified.sealed.map_or(sealed.seq, |(first, _)| first), sealed.seq));
    }
    let last = before.map_or(0, |(seq, _)| seq);
    match anchors.last_key_value() {
        Some((&seq, _)) if scope == Scope::Whole && seq > last => {
            let row = read.iter().rfind(|row| row.sealed.is_some());
            let misfit = |row: &Row<'_>| Misfit::of(row.fields, Fault::CutOff(seq));
            Err(row.map_or(Misfit { seq: None, id: None, fault: Fault::CutOff(seq) }, misfit))
        }
        _ => Ok(verified),
    }
}
