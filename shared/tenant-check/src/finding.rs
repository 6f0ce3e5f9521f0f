//! What a check found.

use std::sync::Mutex;

use domain::{Failure, Owner, PartState, TenantPart};
use serde::Serialize;
use utoipa::ToSchema;

use crate::subject::Subject;

/// What was found of one part of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub(crate) part: TenantPart,
    /// Which one it is, where a tenant has several, and where its name is known.
    name: Option<String>,
    pub(crate) state: PartState,
    expected: Option<String>,
    found: Option<String>,
    /// What is wrong, or why it was not asked for.
    pub(crate) failure: Option<Failure>,
}

impl Finding {
    /// A part of which nothing is known yet.
    pub(crate) const fn of(part: TenantPart) -> Self {
        Self { part, name: None, state: PartState::NotAsked, expected: None, found: None, failure: None }
    }

    pub(crate) fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    pub(crate) fn expecting(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    pub(crate) fn finding(self, found: impl Into<String>) -> Self {
        Self { found: Some(found.into()), ..self }
    }

    /// It is as it should be.
    pub(crate) fn ok(self) -> Self {
        Self { state: PartState::Ok, ..self }
    }

    /// It is not.
    pub(crate) fn broken(self, why: impl Into<Failure>) -> Self {
        Self { state: PartState::Broken, failure: Some(why.into()), ..self }
    }

    /// The tenant needs none.
    pub(crate) fn not_needed(self, why: impl Into<String>) -> Self {
        Self { state: PartState::NotNeeded, ..self.finding(why) }
    }

    /// It could not be asked for.
    pub(crate) fn not_asked(self, why: Failure) -> Self {
        Self { state: PartState::NotAsked, failure: Some(why), ..self }
    }

    /// Whether nothing has to be done about it.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        matches!(self.state, PartState::Ok | PartState::NotNeeded)
    }
}

/// What was found until now, by systems that are asked at the same time.
pub(crate) struct Findings<'a> {
    subject: &'a Subject,
    parts: &'a [TenantPart],
    found: Mutex<Vec<Finding>>,
}

impl<'a> Findings<'a> {
    pub fn of(subject: &'a Subject, parts: &'a [TenantPart]) -> Self {
        Self { subject, parts, found: Mutex::default() }
    }

    /// Whether one of these parts is asked for.
    pub fn wants(&self, parts: &[TenantPart]) -> bool {
        parts.iter().any(|part| self.parts.contains(part))
    }

    /// Notes what was found, unless nobody asked for it.
    pub fn add(&self, finding: Finding) {
        if !self.wants(&[finding.part]) {
            return;
        }
        let failure = finding.failure.map(|failure| self.subject.tenant.named_in(failure));
        if let Ok(mut found) = self.found.lock() {
            found.push(Finding { failure, ..finding });
        }
    }

    /// The tenant needs none of these parts.
    pub fn not_needed(&self, parts: &[TenantPart], why: &str) {
        for part in parts {
            self.add(Finding::of(*part).not_needed(why));
        }
    }

    /// Those of these parts of which nothing was found were not asked for.
    pub fn not_asked(&self, parts: &[TenantPart], why: &Failure) {
        for part in parts {
            let names = self.subject.names(*part);
            if names.is_empty() && !self.knows(*part, None) {
                self.add(Finding::of(*part).not_asked(why.clone()));
            }
            for name in names.into_iter().filter(|name| !self.knows(*part, Some(name))) {
                self.add(Finding::of(*part).named(name).not_asked(why.clone()));
            }
        }
    }

    /// Whether something was found of a part, or of the one of this name.
    fn knows(&self, part: TenantPart, name: Option<&str>) -> bool {
        let is_it = |finding: &Finding| finding.part == part && (name.is_none() || finding.name.as_deref() == name);
        self.found.lock().is_ok_and(|found| found.iter().any(is_it))
    }

    /// All that was found, in the order of the parts.
    pub fn in_order(self) -> Vec<Finding> {
        let mut found = self.found.into_inner().unwrap_or_default();
        let place = |finding: &Finding| TenantPart::ALL.iter().position(|part| *part == finding.part);
        found.sort_by(|one, other| place(one).cmp(&place(other)).then_with(|| one.name.cmp(&other.name)));
        found
    }
}

/// What a check found of one part of a tenant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CheckedPart {
    resource: TenantPart,
    /// Which one it is, where a tenant may have several. Null: there is one only.
    name: Option<String>,
    state: PartState,
    /// How it should be. Null: it was not asked for, or none is needed.
    expected: Option<String>,
    /// How it is. Null: it was not asked for.
    found: Option<String>,
    /// Whether `repair` can bring it back if it is broken.
    repairable: bool,
    /// What is wrong, or why it was not asked for: a cause of ERRORS.md. Null: nothing.
    code: Option<&'static str>,
    /// Who can mend that.
    owner: Option<Owner>,
    /// What to do about it.
    hint: Option<String>,
}

impl From<&Finding> for CheckedPart {
    fn from(finding: &Finding) -> Self {
        let failure = finding.failure.as_ref();
        Self {
            resource: finding.part,
            name: finding.name.clone(),
            state: finding.state,
            expected: finding.expected.clone(),
            found: finding.found.clone(),
            repairable: finding.part.is_repairable(),
            code: failure.map(|failure| failure.code().as_str()),
            owner: failure.map(|failure| failure.code().owner()),
            hint: failure.map(Failure::hint),
        }
    }
}
