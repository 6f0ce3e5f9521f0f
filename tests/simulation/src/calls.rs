//! The calls of each step to the systems that have a limit, from `calls.json`.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, Result, bail};
use domain::Step;
use serde::Deserialize;

/// The systems with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum System {
    /// AWS Secrets Manager.
    SecretsManager,
    /// Supabase's Management API.
    Supabase,
    /// A project's own Auth.
    Auth,
    /// A region's search.
    OpenSearch,
    /// Billing.
    Stripe,
}

impl System {
    const ALL: [Self; 5] = [Self::SecretsManager, Self::Supabase, Self::Auth, Self::OpenSearch, Self::Stripe];

    const fn as_str(self) -> &'static str {
        match self {
            Self::SecretsManager => "secretsmanager",
            Self::Supabase => "supabase",
            Self::Auth => "auth",
            Self::OpenSearch => "opensearch",
            Self::Stripe => "stripe",
        }
    }
}

/// One call, e.g. `supabase GET /v1/projects/{ref}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Call {
    /// Whom it asks.
    pub system: System,
    /// What for: a method and a path whose variable parts have names, or an operation of AWS.
    pub operation: String,
}

impl TryFrom<String> for Call {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let (system, operation) = text.split_once(' ').with_context(|| format!("no call: {text}"))?;
        let system = System::ALL.into_iter().find(|known| known.as_str() == system);
        Ok(Self { system: system.with_context(|| format!("no system: {text}"))?, operation: operation.to_owned() })
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.system.as_str(), self.operation)
    }
}

/// What a step may have to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// The project as a whole is healthy.
    Project,
    /// So is each of its services.
    Services,
    /// Auth applies its configuration.
    AuthConfiguration,
}

/// A part of a step.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Part {
    /// Each invocation makes this call.
    Call(Call),
    /// No invocation makes these calls again once one has made all of them.
    Once {
        /// The calls.
        once: Vec<Call>,
    },
    /// The invocation ends here, to be repeated, if this is not there yet.
    Wait {
        /// What is waited for.
        waits_for: Awaited,
    },
}

/// The parts of all steps.
#[derive(Clone, Debug)]
pub struct Calls(BTreeMap<i16, Vec<Part>>);

/// Which parts of a tenant's steps are not made again.
pub type Made = Vec<(Step, usize)>;

impl Calls {
    /// Those of `calls.json`.
    pub fn load() -> Result<Self> {
        let mut by_id: BTreeMap<String, Vec<Part>> = serde_json::from_str(include_str!("../calls.json"))?;
        let mut calls = BTreeMap::new();
        for step in Step::ALL {
            calls.insert(step.number(), by_id.remove(step.id()).with_context(|| format!("no calls of {step:?}"))?);
        }
        if let Some(unknown) = by_id.keys().next() {
            bail!("there is no {unknown}");
        }
        Ok(Self(calls))
    }

    /// The beginning of an invocation of a step.
    #[must_use]
    pub fn walk(&self, step: Step) -> Walk<'_> {
        Walk { step, parts: self.0.get(&step.number()).map_or(&[], Vec::as_slice), part: 0, call: 0 }
    }
}

/// One invocation of a step, on its way through the calls.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    step: Step,
    parts: &'a [Part],
    part: usize,
    /// Within calls that are made once.
    call: usize,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// This call. After its success, [`Walk::goes_on`].
    Call(&'a Call),
    /// The end, unless this is there. If it is, [`Walk::goes_on`].
    Wait(Awaited),
    /// The end: the step is done.
    Done,
}

impl<'a> Walk<'a> {
    /// What comes next for a tenant of which this is made.
    pub fn next(&mut self, made: &Made) -> Next<'a> {
        while let Some(part) = self.parts.get(self.part) {
            match part {
                Part::Call(call) => return Next::Call(call),
                Part::Wait { waits_for } => return Next::Wait(*waits_for),
                Part::Once { once } => match once.get(self.call) {
                    Some(call) if !made.contains(&(self.step, self.part)) => return Next::Call(call),
                    Some(_) | None => (self.part, self.call) = (self.part + 1, 0),
                },
            }
        }
        Next::Done
    }

    /// What came next is there.
    pub fn goes_on(&mut self, made: &mut Made) {
        match self.parts.get(self.part) {
            Some(Part::Once { once }) if self.call + 1 < once.len() => self.call += 1,
            Some(Part::Once { .. }) => {
                made.push((self.step, self.part));
                (self.part, self.call) = (self.part + 1, 0);
            }
            Some(Part::Call(_) | Part::Wait { .. }) | None => self.part += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The calls of an invocation that ends before the call `refused`, or at what it waits for.
    fn invocation(calls: &Calls, step: Step, made: &mut Made, refused: Option<&str>, ready: bool) -> Vec<String> {
        let mut walk = calls.walk(step);
        let mut seen = Vec::new();
        loop {
            match walk.next(made) {
                Next::Call(call) if refused == Some(call.operation.as_str()) => return seen,
                Next::Call(call) => seen.push(call.operation.clone()),
                Next::Wait(_) if !ready => return seen,
                Next::Wait(_) => {}
                Next::Done => return seen,
            }
            walk.goes_on(made);
        }
    }

    #[test]
    fn what_is_made_once_is_repeated_only_while_it_is_not_whole() {
        let (calls, mut made) = (Calls::load().expect("calls"), Made::new());
        let patch = "PATCH /v1/projects/{ref}/config/auth";
        let limited = invocation(&calls, Step::InviteAdmin, &mut made, Some(patch), false);
        assert_eq!(limited.last().map(String::as_str), Some("GET /v1/projects/{ref}/config/auth"));
        let waiting = invocation(&calls, Step::InviteAdmin, &mut made, None, false);
        assert_eq!(waiting[..limited.len()], limited);
        assert_eq!(waiting[limited.len()..], [patch, "GET /auth/v1/settings"]);
        let last = invocation(&calls, Step::InviteAdmin, &mut made, None, true);
        assert!(!last.contains(&patch.to_owned()) && last.last().is_some_and(|call| call == "POST /auth/v1/invite"));
    }

    #[test]
    fn a_step_that_waits_ends_where_it_waits() {
        let (calls, mut made) = (Calls::load().expect("calls"), Made::new());
        let waiting = invocation(&calls, Step::AwaitEnvironment, &mut made, None, false);
        assert_eq!(waiting, ["GetSecretValue", "GET /v1/projects/{ref}"]);
        assert!(invocation(&calls, Step::AwaitEnvironment, &mut made, None, true).len() > waiting.len());
    }

    #[test]
    fn what_is_no_call_is_refused() {
        for bad in ["GET", "post office GET /", ""] {
            assert!(Call::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Part>(r#"{ "twice": [] }"#).is_err());
    }
}
