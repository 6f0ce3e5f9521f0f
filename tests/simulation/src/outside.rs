//! The outside systems: nothing but their limits. Where each is from is said in `infra/SCALE.md`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use domain::FailureKind;

use crate::assumed;
use crate::calls::{Call, System};
use crate::limits::{Bucket, Line, Window};

/// A limit that a run may meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Executions that begin.
    Starts,
    /// States that are entered.
    Transitions,
    /// Invocations at the same time.
    Concurrency,
    /// Reads of secrets.
    SecretReads,
    /// Writes of secrets.
    SecretWrites,
    /// Calls of one endpoint of the Management API that count against the organisation.
    Organization,
    /// The same, against one project.
    Project,
    /// Calls of one endpoint, or all.
    Stripe,
    /// Changes of the cluster's state.
    SearchChanges,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starts => "Step Functions: starts",
            Self::Transitions => "Step Functions: transitions",
            Self::Concurrency => "Lambda: concurrency",
            Self::SecretReads => "Secrets Manager: reads",
            Self::SecretWrites => "Secrets Manager: writes",
            Self::Organization => "Supabase: new projects",
            Self::Project => "Supabase: calls of a project",
            Self::Stripe => "Stripe",
            Self::SearchChanges => "OpenSearch: changes",
        })
    }
}

/// Requests to one endpoint of the Management API, for each organisation or project.
const SUPABASE: u32 = 120;
/// In this time.
const SUPABASE_WINDOW: Duration = Duration::from_mins(1);
/// What a path has that is about one project.
const OF_A_PROJECT: &str = "{ref}";

/// Secrets read in a second.
const SECRET_READS: u32 = 10_000;
/// Secrets written in a second.
const SECRET_WRITES: u32 = 50;
/// How often the SDK calls, as `lambda-kit` configures it.
const SDK_TRIES: u32 = 2;
/// The SDK's longest pause before the second try. It draws a part of it.
const SDK_PAUSE: Duration = Duration::from_secs(1);

/// Requests to one endpoint of Stripe in a second.
const STRIPE_ENDPOINT: u32 = 25;
/// All requests to Stripe in a second, in live mode.
const STRIPE: u32 = 100;

/// One change of a cluster's state.
const SEARCH_CHANGE: Duration = Duration::from_millis(50);
/// What takes longer is given up by our client.
const SEARCH_PATIENCE: Duration = Duration::from_secs(10);

/// All systems.
#[derive(Debug)]
pub struct Outside<'a> {
    /// Executions that begin: 1,300 at once, 300 a second.
    pub starts: Bucket,
    /// States that are entered: 5,000 at once, 1,500 a second.
    pub transitions: Bucket,
    secret_reads: Bucket,
    secret_writes: Bucket,
    organization: BTreeMap<&'a str, Window>,
    projects: BTreeMap<(usize, &'a str), Window>,
    stripe: Bucket,
    stripe_endpoints: BTreeMap<&'a str, Bucket>,
    search: Line,
}

/// The answer to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has its effect after this time.
    Done(Duration),
    /// It is refused by a limit. The client calls again, after at most this time.
    CalledAgain(Limit, Duration),
    /// It fails after this time, because of a limit, and the invocation with it.
    Failed(Limit, FailureKind, Duration),
}

impl Default for Outside<'_> {
    /// Those of the regions us-east-1, us-west-2 and eu-west-1, and Stripe in live mode.
    fn default() -> Self {
        Self {
            starts: Bucket::of(1_300, 300),
            transitions: Bucket::of(5_000, 1_500),
            secret_reads: Bucket::per_second(SECRET_READS),
            secret_writes: Bucket::per_second(SECRET_WRITES),
            organization: BTreeMap::new(),
            projects: BTreeMap::new(),
            stripe: Bucket::per_second(STRIPE),
            stripe_endpoints: BTreeMap::new(),
            search: Line::of(SEARCH_CHANGE),
        }
    }
}

impl<'a> Outside<'a> {
    /// A call for a tenant, whose project is its own. `tries`: how often the client has sent it before.
    pub fn call(&mut self, call: &'a Call, tenant: usize, tries: u32, now: Duration) -> Answer {
        let operation = call.operation.as_str();
        let limited = |limit, admitted, takes| {
            if admitted {
                Answer::Done(takes)
            } else {
                Answer::Failed(limit, FailureKind::RateLimited, assumed::REFUSAL)
            }
        };
        match call.system {
            System::SecretsManager => {
                let (limit, bucket) = if operation == "GetSecretValue" {
                    (Limit::SecretReads, &mut self.secret_reads)
                } else {
                    (Limit::SecretWrites, &mut self.secret_writes)
                };
                let admitted = bucket.admits(now);
                if !admitted && tries + 1 < SDK_TRIES {
                    Answer::CalledAgain(limit, SDK_PAUSE)
                } else {
                    limited(limit, admitted, assumed::SECRET_CALL)
                }
            }
            System::Supabase => {
                let window = || Window::of(SUPABASE, SUPABASE_WINDOW);
                let (limit, window) = if operation.contains(OF_A_PROJECT) {
                    (Limit::Project, self.projects.entry((tenant, operation)).or_insert_with(window))
                } else {
                    (Limit::Organization, self.organization.entry(operation).or_insert_with(window))
                };
                limited(limit, window.admits(now), assumed::VENDOR_CALL)
            }
            System::Auth if operation.ends_with("/invite") => Answer::Done(assumed::INVITATION),
            System::Auth => Answer::Done(assumed::AUTH_CALL),
            System::OpenSearch if operation.starts_with("GET ") => Answer::Done(assumed::SEARCH_READ),
            System::OpenSearch => match self.search.takes(now) {
                takes if takes > SEARCH_PATIENCE => {
                    Answer::Failed(Limit::SearchChanges, FailureKind::Transient, SEARCH_PATIENCE)
                }
                takes => Answer::Done(takes),
            },
            System::Stripe => {
                let endpoint = self.stripe_endpoints.entry(operation);
                let endpoint = endpoint.or_insert_with(|| Bucket::per_second(STRIPE_ENDPOINT));
                limited(Limit::Stripe, self.stripe.admits(now) && endpoint.admits(now), assumed::VENDOR_CALL)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(text: &str) -> Call {
        Call::try_from(text.to_owned()).expect("a call")
    }

    /// How many of so many calls for so many tenants are done, all at once.
    fn done(call: &Call, tenants: usize) -> usize {
        let mut outside = Outside::default();
        (0..tenants).filter(|tenant| matches!(outside.call(call, *tenant, 1, Duration::ZERO), Answer::Done(_))).count()
    }

    #[test]
    fn each_system_has_its_limit() {
        for (text, limit) in [
            ("supabase POST /v1/projects", 120),
            ("secretsmanager CreateSecret", 50),
            ("stripe POST /v1/customers", 25),
            // Each takes 50 ms, and the client waits for 10 s.
            ("opensearch PUT /{index}", 200),
        ] {
            assert_eq!(done(&call(text), 1_000), limit, "{text}");
        }
    }

    #[test]
    fn a_projects_calls_are_limited_for_each_project() {
        let get = call("supabase GET /v1/projects/{ref}");
        assert_eq!(done(&get, 1_000), 1_000);
        let mut outside = Outside::default();
        let answers = (0..121).map(|_| outside.call(&get, 1, 0, Duration::ZERO));
        let refused = Answer::Failed(Limit::Project, FailureKind::RateLimited, assumed::REFUSAL);
        assert_eq!(answers.filter(|answer| *answer == refused).count(), 1);
    }

    #[test]
    fn stripe_limits_all_its_endpoints_together() {
        let calls: Vec<Call> = (0..5).map(|endpoint| call(&format!("stripe GET /v1/{endpoint}"))).collect();
        let mut outside = Outside::default();
        let all = calls.iter().flat_map(|call| std::iter::repeat_n(call, 25));
        let answers: Vec<Answer> = all.map(|call| outside.call(call, 0, 0, Duration::ZERO)).collect();
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Answer::Done(_))).count(), 100);
    }

    #[test]
    fn the_sdk_calls_twice() {
        let (write, mut outside) = (call("secretsmanager CreateSecret"), Outside::default());
        for _ in 0..SECRET_WRITES {
            outside.call(&write, 0, 0, Duration::ZERO);
        }
        let again = Answer::CalledAgain(Limit::SecretWrites, SDK_PAUSE);
        assert_eq!(outside.call(&write, 0, 0, Duration::ZERO), again);
        assert!(matches!(outside.call(&write, 0, 1, Duration::ZERO), Answer::Failed(Limit::SecretWrites, ..)));
    }
}
