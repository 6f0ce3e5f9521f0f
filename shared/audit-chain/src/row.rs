//! One row, as the API answers it.

use serde_json::{Map, Value, json};

use crate::canonical::canonical;
use crate::verify::Fault;
use crate::{Digest, seal};

/// What a row's digest is of, beside the digests of the addresses in it. The API may add other fields.
const CONTENT: [&str; 9] =
    ["id", "at", "actor", "action", "tenant_id", "request_id", "source_address", "before", "after"];

/// A row's place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) seq: u64,
    pub(crate) previous: Digest,
    pub(crate) seal: Digest,
}

/// A row that has the fields of one.
pub(crate) struct Row<'a> {
    pub(crate) fields: &'a Value,
    pub(crate) sealed: Option<Sealed>,
    pub(crate) digest: Digest,
}

impl<'a> Row<'a> {
    pub(crate) fn read(fields: &'a Value) -> Result<Self, Fault> {
        let digest = |name: &'static str| -> Result<Option<Digest>, Fault> {
            match &fields[name] {
                Value::Null => Ok(None),
                value => value.as_str().and_then(|text| text.parse().ok()).map(Some).ok_or(Fault::Field(name)),
            }
        };
        let seq = match &fields["seq"] {
            Value::Null => None,
            seq => Some(seq.as_u64().filter(|seq| *seq > 0).ok_or(Fault::Field("seq"))?),
        };
        let sealed = match (seq, digest("previous_seal")?, digest("seal")?) {
            (Some(seq), Some(previous), Some(seal)) => Some(Sealed { seq, previous, seal }),
            (None, None, None) => None,
            _ => return Err(Fault::Field("seal")),
        };
        Ok(Self { fields, sealed, digest: digest("digest")?.ok_or(Fault::Field("digest"))? })
    }

    /// How many of its addresses were erased, if its content is what its digest says, and its seal is of that digest.
    pub(crate) fn fits(&self) -> Result<usize, Fault> {
        let mut content: Value = CONTENT.iter().map(|name| ((*name).to_owned(), self.fields[name].clone())).collect();
        let (mut digests, mut erased) = (Map::new(), 0);
        for (pointer, address) in self.fields["addresses"].as_object().ok_or(Fault::Field("addresses"))? {
            let fault = || Fault::Address(pointer.clone());
            let digest: Digest = address["digest"].as_str().and_then(|text| text.parse().ok()).ok_or_else(fault)?;
            let place = content.pointer_mut(pointer).ok_or_else(fault)?;
            match address["salt"].as_str().map(hex::decode) {
                None if place.is_null() || place == "erased" => erased += 1,
                Some(Ok(salt)) => {
                    let text = place.as_str().ok_or_else(fault)?;
                    if Digest::of(&[&salt, text.as_bytes()]) != digest {
                        return Err(fault());
                    }
                }
                None | Some(Err(_)) => return Err(fault()),
            }
            *place = Value::Null;
            digests.insert(pointer.clone(), json!(digest.to_string()));
        }
        content["addresses"] = Value::Object(digests);
        if Digest::of(&[canonical(&content).as_bytes()]) != self.digest {
            return Err(Fault::Content);
        }
        match self.sealed {
            Some(sealed) if seal(&sealed.previous, sealed.seq, &self.digest) != sealed.seal => Err(Fault::Seal),
            _ => Ok(erased),
        }
    }
}
