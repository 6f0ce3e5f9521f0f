//! Why a token is refused. For the log only: the caller is not told why.

use std::fmt;

use serde_json::Value;

use crate::token::Token;

/// The rule that a token breaks, in the order in which they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No issuer is configured.
    NoIssuer,
    /// Not one `Bearer` token in the compact form (RFC 7515, section 7.1), or its JSON is not of the right shape.
    Malformed,
    /// Longer than `max_token_bytes`.
    TooLong,
    /// Its header has `crit`, which names extensions. None is supported here.
    Critical,
    /// It is signed with another algorithm than ours, or not signed.
    Algorithm,
    /// `iss` is missing, or no configured issuer.
    Issuer,
    /// `exp` is missing, or in the past.
    Expired,
    /// It is valid for longer than a token may be.
    Lifetime,
    /// `nbf` or `iat` is in the future.
    NotYetValid,
    /// The audience is missing, or names others only.
    Audience,
    /// A claim lacks the value that `require` names.
    Required,
    /// There is no subject, or it cannot be one.
    Subject,
    /// No key has its `kid` and its algorithm.
    NoKey,
    /// No key with its `kid` and algorithm made its signature.
    Signature,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::NoIssuer,
        Self::Malformed,
        Self::TooLong,
        Self::Critical,
        Self::Algorithm,
        Self::Issuer,
        Self::Expired,
        Self::Lifetime,
        Self::NotYetValid,
        Self::Audience,
        Self::Required,
        Self::Subject,
        Self::NoKey,
        Self::Signature,
    ];

    /// As logs name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoIssuer => "no_issuer_configured",
            Self::Malformed => "malformed_token",
            Self::TooLong => "token_too_long",
            Self::Critical => "critical_extension",
            Self::Algorithm => "wrong_algorithm",
            Self::Issuer => "unknown_issuer",
            Self::Expired => "expired",
            Self::Lifetime => "lifetime_too_long",
            Self::NotYetValid => "not_yet_valid",
            Self::Audience => "wrong_audience",
            Self::Required => "required_claim",
            Self::Subject => "no_subject",
            Self::NoKey => "unknown_token_key",
            Self::Signature => "wrong_signature",
        }
    }
}

/// A refused token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The first rule that it breaks.
    pub rule: Rule,
    /// What the configuration wants, cut if it is long. Nothing of it comes from the token.
    pub expected: String,
    /// What the token says. Only if its signature holds: before that, anybody could write anything into the log.
    pub seen: Option<Box<Seen>>,
}

impl Refusal {
    pub(crate) fn new(rule: Rule, expected: &str) -> Self {
        Self { rule, expected: shown(expected), seen: None }
    }
}

impl From<Rule> for Refusal {
    fn from(rule: Rule) -> Self {
        Self::new(rule, "")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.rule.as_str())?;
        if !self.expected.is_empty() {
            write!(formatter, "; expected {}", self.expected)?;
        }
        if let Some(seen) = &self.seen {
            write!(formatter, "; {seen}")?;
        }
        Ok(())
    }
}

/// What a token says of itself, each part cut if it is long; `-` where it says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are named as the standards name them")]
pub struct Seen {
    pub iss: String,
    pub aud: String,
    pub alg: &'static str,
    pub kid: String,
}

impl Seen {
    /// What this token says. Whether it is true is another matter.
    #[must_use]
    pub fn of(token: &Token<'_>) -> Self {
        let claim = |name| match token.claims.get(name) {
            None => "-".to_owned(),
            Some(Value::String(text)) => shown(text),
            Some(other) => shown(&other.to_string()),
        };
        let kid = token.kid.as_deref().map_or_else(|| "-".to_owned(), shown);
        Self { iss: claim("iss"), aud: claim("aud"), alg: token.alg.name(), kid }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the token has iss {}, aud {}, alg {}, kid {}", self.iss, self.aud, self.alg, self.kid)
    }
}

/// Characters that are shown of a text.
const SHOWN: usize = 120;

/// The beginning of a text, without what could move a reader's cursor.
fn shown(text: &str) -> String {
    let mut visible = text.chars().map(|it| if it == ' ' || it.is_ascii_graphic() { it } else { '?' });
    let start: String = visible.by_ref().take(SHOWN).collect();
    if visible.next().is_some() { format!("{start}...") } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_a_strange_one_cleaned() {
        assert_eq!(shown(&"a".repeat(120)), "a".repeat(120));
        assert_eq!(shown(&"a".repeat(121)), format!("{}...", "a".repeat(120)));
        assert_eq!(shown("a\nb\u{202e}ü\u{1b}[0m c"), "a?b???[0m c");
    }

    #[test]
    fn every_rule_has_its_own_name() {
        let names: std::collections::BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
        assert_eq!(names.len(), Rule::ALL.len());
    }
}
