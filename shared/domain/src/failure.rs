//! A failed call, as every client reports it and every step returns it.

use crate::cause::{Cause, CauseCode, FailureKind};
use crate::fact::{Fact, word};

/// Why an operation failed: a code from the table of causes, and details that depend on the circumstances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    code: CauseCode,
    kind: FailureKind,
    detail: Option<String>,
    /// What its hint may name.
    facts: Vec<(Fact, String)>,
    provider_request_id: Option<String>,
    /// Boxed, because failures are many and this is rare.
    foreseen: Option<Box<Foreseen>>,
}

/// What a check of the region wrote down about a failure before anybody met it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Foreseen {
    hint: String,
    at: String,
}

/// The end of a foreseen failure's hint: whoever has mended its cause has to wait for the next check, or ask for it.
const CHECKED_AGAIN: &str = "A check of the region found this, and nothing was made. It is repeated every five minutes, or at once by invoking check-region.";

impl Failure {
    /// A failure that a check of the region foresaw at this time (RFC 3339). It is met by whoever would run into it, and no
    /// retry helps. `None`: this release does not know the cause.
    #[must_use]
    pub fn foreseen(cause: &Cause, at: String) -> Option<Self> {
        let code = CauseCode::named(&cause.code)?;
        let foreseen = Some(Box::new(Foreseen { hint: cause.hint.clone(), at }));
        Some(Self { kind: FailureKind::Rejected, foreseen, ..code.into() })
    }

    /// A failure whose hint has a placeholder. `detail` replaces it, and must be a text of ours or a
    /// cleaned name from a certificate, which a server shows before it is told anything.
    #[must_use]
    pub fn with_detail(code: CauseCode, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..code.into() }
    }

    /// The same failure, whose hint can name this. What was named before stays, since it was known more precisely there.
    #[must_use]
    pub fn naming(mut self, fact: Fact, name: impl Into<String>) -> Self {
        if self.facts.iter().all(|(known, _)| *known != fact) {
            self.facts.push((fact, name.into()));
        }
        self
    }

    /// The same failure with the provider's request id, if it is one: at most 128 of `[A-Za-z0-9._-]`.
    #[must_use]
    pub fn with_request_id(mut self, id: Option<&str>) -> Self {
        self.provider_request_id = id.and_then(word).map(str::to_owned);
        self
    }

    /// The same failure of another kind, if the circumstances require one.
    #[must_use]
    pub fn of_kind(self, kind: FailureKind) -> Self {
        Self { kind, ..self }
    }

    /// Why it failed.
    #[must_use]
    pub const fn code(&self) -> CauseCode {
        self.code
    }

    /// How the pipeline continues.
    #[must_use]
    pub const fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The provider's own id of the failed request.
    #[must_use]
    pub fn provider_request_id(&self) -> Option<&str> {
        self.provider_request_id.as_deref()
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        if let Some(foreseen) = &self.foreseen {
            return format!("{} {CHECKED_AGAIN}", foreseen.hint);
        }
        let mut hint = self.code.row().hint.replace("{}", self.detail.as_deref().unwrap_or_default());
        for fact in Fact::ALL {
            let named = self.facts.iter().find(|(known, _)| *known == fact);
            let name = named.map_or_else(|| fact.unnamed(), |(_, name)| name.clone());
            hint = hint.replace(fact.gap(), &name);
        }
        hint
    }

    /// The failure as text, for JSON, the database and execution history.
    #[must_use]
    pub fn cause(&self) -> Cause {
        let row = self.code.row();
        Cause {
            code: row.code.to_owned(),
            owner: row.owner,
            retryable: row.retryable || self.kind.is_retried(),
            hint: self.hint(),
            provider_request_id: self.provider_request_id.clone(),
            foreseen_at: self.foreseen.as_ref().map(|foreseen| foreseen.at.clone()),
        }
    }
}

impl From<CauseCode> for Failure {
    fn from(code: CauseCode) -> Self {
        Self { code, kind: code.row().kind, detail: None, facts: Vec::new(), provider_request_id: None, foreseen: None }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.hint())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detail_fills_the_gap_in_the_hint() {
        let failure = Failure::with_detail(CauseCode::SecretMissing, "ivory/control/stripe");
        assert!(failure.cause().hint.starts_with("The secret ivory/control/stripe does not exist"));
    }

    #[test]
    fn a_foreseen_failure_is_final_and_says_when_it_was_found_and_how_it_is_looked_for_again() {
        let found = Failure::with_detail(CauseCode::FalkorDbUntrusted, "its certificate has expired").cause();
        let at = "2026-11-28T10:00:00.000000Z".to_owned();
        let failure = Failure::foreseen(&found, at.clone()).expect("known");
        assert_eq!((failure.code(), failure.kind()), (CauseCode::FalkorDbUntrusted, FailureKind::Rejected));
        let cause = failure.cause();
        assert_eq!((cause.foreseen_at, cause.retryable), (Some(at.clone()), false));
        assert!(cause.hint.starts_with(&found.hint) && cause.hint.ends_with(CHECKED_AGAIN), "{}", cause.hint);
        assert_eq!(Failure::foreseen(&Cause { code: "of_a_later_release".to_owned(), ..found }, at), None);
    }

    #[test]
    fn another_kind_changes_whether_it_is_retryable() {
        let refused = Failure::from(CauseCode::SupabaseAuthUnauthorized);
        assert!(!refused.cause().retryable);
        assert!(refused.of_kind(FailureKind::Busy).cause().retryable);
    }

    #[test]
    fn only_what_looks_like_a_request_id_is_kept() {
        let id = |text| Failure::from(CauseCode::StripeError).with_request_id(Some(text)).cause().provider_request_id;
        assert_eq!(id("req_a.B-9"), Some("req_a.B-9".to_owned()));
        for bad in ["", "a b", "a\n", &"a".repeat(129)] {
            assert_eq!(id(bad), None, "{bad}");
        }
    }
}
