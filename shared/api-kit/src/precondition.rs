//! `If-Match` (RFC 9110, 13.1.1): the version that a caller's change is for.

use crate::Problem;

/// The versions that a change is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: any version, but the resource must exist.
    Any,
    /// One of these versions. A tag that cannot be one of our `ETag`s matches nothing and is left out.
    Versions(Vec<i64>),
}

impl IfMatch {
    /// Reads the header's value.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let malformed = || Problem::malformed_request("If-Match must be *, or a list of quoted entity tags.");
        let text = text.trim();
        if text == "*" {
            return Ok(Self::Any);
        }
        let mut versions = Vec::new();
        for tag in text.split(',').map(str::trim) {
            let strong = tag.strip_prefix("W/").unwrap_or(tag);
            let inner = strong.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(malformed)?;
            if inner.contains('"') {
                return Err(malformed());
            }
            // A weak tag does not match in a strong comparison.
            if let (true, Ok(version)) = (strong.len() == tag.len(), inner.parse()) {
                versions.push(version);
            }
        }
        Ok(Self::Versions(versions))
    }

    /// Whether the change is for this version.
    #[must_use]
    pub fn allows(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read() {
        assert_eq!(IfMatch::parse("*"), Ok(IfMatch::Any));
        assert_eq!(IfMatch::parse("\"3\", \"x\" ,W/\"4\""), Ok(IfMatch::Versions(vec![3])));
        for bad in ["", "3", "\"3", "\"3\" \"4\"", "*, \"3\"", "\"3\","] {
            assert!(IfMatch::parse(bad).is_err(), "{bad}");
        }
    }
}
