//! Conditional requests (RFC 9110, section 13): `If-Match` and `If-None-Match`.

use crate::{Problem, Request};

/// What a caller requires of the version that the resource has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

/// The value of one of the two headers.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tags {
    /// `*`: whatever there is.
    Any,
    Listed(Vec<Tag>),
}

/// An entity tag. What is between the quotes is opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tag {
    weak: bool,
    opaque: String,
}

/// The `ETag` of a version, a strong one.
pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

impl Conditions {
    pub(crate) fn read(request: &Request) -> Result<Self, Problem> {
        let read = |name, shown: &str| {
            let tags = request.list_header(name)?.map(|text| Tags::parse(&text));
            tags.map(|tags| tags.ok_or_else(|| malformed(shown))).transpose()
        };
        Ok(Self { if_match: read("if-match", "If-Match")?, if_none_match: read("if-none-match", "If-None-Match")? })
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// Whether a change may be made to a resource of this version, or to one that does not exist.
    #[must_use]
    pub fn allow(&self, current: Option<i64>) -> bool {
        self.if_match.as_ref().is_none_or(|tags| tags.name(current, Comparison::Strong)) && !self.is_known(current)
    }

    /// Whether the caller has this version already.
    pub(crate) fn is_known(&self, current: Option<i64>) -> bool {
        self.if_none_match.as_ref().is_some_and(|tags| tags.name(current, Comparison::Weak))
    }

    /// Whether `If-Match` excludes this version.
    pub(crate) fn exclude(&self, current: i64) -> bool {
        self.if_match.as_ref().is_some_and(|tags| !tags.name(Some(current), Comparison::Strong))
    }
}

fn malformed(header: &str) -> Problem {
    Problem::malformed_request(&format!("{header} must be *, or a list of quoted entity tags."))
}

/// How tags are compared (RFC 9110, 8.8.3.2). A weak tag is never the same as another in a strong comparison.
#[derive(Clone, Copy)]
enum Comparison {
    Strong,
    Weak,
}

impl Tags {
    /// Reads a header's value. Empty elements of the list are allowed (RFC 9110, 5.6.1.2); a list without any is not.
    fn parse(text: &str) -> Option<Self> {
        const SPACE: [char; 2] = [' ', '\t'];
        if text.trim_matches(SPACE) == "*" {
            return Some(Self::Any);
        }
        let (mut tags, mut rest) = (Vec::new(), text);
        loop {
            rest = rest.trim_start_matches(SPACE);
            if !rest.is_empty() && !rest.starts_with(',') {
                let (tag, after) = Tag::parse(rest)?;
                tags.push(tag);
                rest = after.trim_start_matches(SPACE);
            }
            match rest.strip_prefix(',') {
                Some(after) => rest = after,
                None if rest.is_empty() => break,
                None => return None,
            }
        }
        (!tags.is_empty()).then_some(Self::Listed(tags))
    }

    /// Whether they name the version that there is.
    fn name(&self, current: Option<i64>, comparison: Comparison) -> bool {
        let Some(version) = current else { return false };
        match (self, comparison) {
            (Self::Any, _) => true,
            (Self::Listed(tags), Comparison::Strong) => tags.iter().any(|tag| !tag.weak && tag.is(version)),
            (Self::Listed(tags), Comparison::Weak) => tags.iter().any(|tag| tag.is(version)),
        }
    }
}

impl Tag {
    /// Reads the tag at the beginning, and returns what is after it.
    fn parse(text: &str) -> Option<(Self, &str)> {
        let strong = text.strip_prefix("W/");
        let (opaque, rest) = strong.unwrap_or(text).strip_prefix('"')?.split_once('"')?;
        // `etagc`: visible ASCII without the quote, and what HTTP once allowed beyond ASCII.
        let allowed = |c: char| matches!(c, '\u{21}' | '\u{23}'..='\u{7e}') || c > '\u{7f}';
        opaque.chars().all(allowed).then(|| (Self { weak: strong.is_some(), opaque: opaque.to_owned() }, rest))
    }

    fn is(&self, version: i64) -> bool {
        self.opaque == version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn if_match(text: &str) -> Conditions {
        Conditions { if_match: Some(Tags::parse(text).expect("tags")), if_none_match: None }
    }

    fn if_none_match(text: &str) -> Conditions {
        Conditions { if_match: None, if_none_match: Some(Tags::parse(text).expect("tags")) }
    }

    #[test]
    fn a_list_is_read_as_the_rfc_writes_it() {
        for of_three in ["\"3\"", " \"3\"\t", "\"x\",\"3\"", "\"x\" , \"3\"", ",\"3\",", ", ,\"3\"", "\"a,b\", \"3\""] {
            assert!(if_match(of_three).allow(Some(3)), "{of_three}");
        }
        let malformed = [
            "",
            " ",
            ",",
            "3",
            "\"3",
            "3\"",
            "\"3\" \"4\"",
            "\"3\"\"4\"",
            "*, \"3\"",
            "\"3\", *",
            "**",
            "w/\"3\"",
            "W/ \"3\"",
            "W/3",
            "\"3 \"",
            "\"a\tb\"",
            "\"a b\"",
            "'3'",
        ];
        for malformed in malformed {
            assert_eq!(Tags::parse(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn tags_are_opaque() {
        for other in ["\"03\"", "\"+3\"", "\"3n\"", "\"3.0\"", "\"\"", "\"٣\"", "\"3,\"", "\"-3\""] {
            assert!(!if_match(other).allow(Some(3)), "{other}");
            assert!(if_none_match(other).allow(Some(3)), "{other}");
        }
    }

    #[test]
    fn if_match_compares_strongly_and_needs_something() {
        assert!(!if_match("W/\"3\"").allow(Some(3)));
        assert!(if_match("W/\"3\", \"3\"").allow(Some(3)));
        assert!(if_match("*").allow(Some(3)));
        assert!(!if_match("*").allow(None));
        assert!(!if_match("\"3\"").allow(None));
    }

    #[test]
    fn if_none_match_compares_weakly_and_star_means_nothing_there() {
        assert!(!if_none_match("W/\"3\"").allow(Some(3)));
        assert!(if_none_match("\"2\"").allow(Some(3)));
        assert!(!if_none_match("*").allow(Some(3)));
        assert!(if_none_match("*").allow(None));
        assert!(Conditions::default().allow(None));
    }

    #[test]
    fn both_have_to_hold() {
        let both = Conditions { if_match: Tags::parse("\"3\""), if_none_match: Tags::parse("\"3\"") };
        assert!(!both.allow(Some(3)));
        let apart = Conditions { if_match: Tags::parse("\"3\""), if_none_match: Tags::parse("\"2\"") };
        assert!(apart.allow(Some(3)));
    }
}
