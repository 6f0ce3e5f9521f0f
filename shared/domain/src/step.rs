//! The nine steps of the pipeline.

use serde::{Serialize, Serializer};

use crate::schema::component_schema;
use crate::words::words;

/// One task of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Step {
    /// The tenant's database environment.
    CreateEnvironment = 1,
    /// Wait until it is healthy; fetch its keys.
    AwaitEnvironment = 2,
    /// IAM schema, SoD rules, workflow templates.
    MigrateTenant = 3,
    /// Counts of roles, rules and templates.
    VerifySeed = 4,
    /// The invitation to the tenant's admin.
    InviteAdmin = 5,
    /// The private graph.
    CreateGraph = 6,
    /// The knn index and its alias.
    CreateSearchIndex = 7,
    /// The middleware's cache.
    InvalidateCache = 8,
    /// Billing, activation, event.
    ActivateTenant = 9,
}

impl Step {
    /// All nine, in order.
    pub const ALL: [Self; 9] = [
        Self::CreateEnvironment,
        Self::AwaitEnvironment,
        Self::MigrateTenant,
        Self::VerifySeed,
        Self::InviteAdmin,
        Self::CreateGraph,
        Self::CreateSearchIndex,
        Self::InvalidateCache,
        Self::ActivateTenant,
    ];

    /// 1 to 9.
    #[must_use]
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// The step with this number.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.number() == number)
    }

    /// `step_1` … `step_9`, as the API writes it.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::CreateEnvironment => "step_1",
            Self::AwaitEnvironment => "step_2",
            Self::MigrateTenant => "step_3",
            Self::VerifySeed => "step_4",
            Self::InviteAdmin => "step_5",
            Self::CreateGraph => "step_6",
            Self::CreateSearchIndex => "step_7",
            Self::InvalidateCache => "step_8",
            Self::ActivateTenant => "step_9",
        }
    }

    /// The function's name, e.g. `step-6-create-graph`.
    #[must_use]
    pub fn function(self) -> String {
        format!("step-{}-{}", self.number(), self.name())
    }

    /// The function's name without its number, e.g. `create-graph`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateEnvironment => "create-environment",
            Self::AwaitEnvironment => "await-environment",
            Self::MigrateTenant => "migrate-tenant",
            Self::VerifySeed => "verify-seed",
            Self::InviteAdmin => "invite-admin",
            Self::CreateGraph => "create-graph",
            Self::CreateSearchIndex => "create-search-index",
            Self::InvalidateCache => "invalidate-cache",
            Self::ActivateTenant => "activate-tenant",
        }
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

component_schema!(Step, |text| text
    .description(Some("One of the nine steps."))
    .enum_values(Some(Step::ALL.map(Step::id))));

words! {
    /// How far a step is.
    StepState, "must be one of pending, running, waiting, completed, failed" {
        /// Not begun in this attempt.
        Pending = "pending",
        /// An invocation is at work, or the state machine is about to invoke it again.
        Running = "running",
        /// It waits for something and looks again.
        Waiting = "waiting",
        /// Its effect is there.
        Completed = "completed",
        /// The run failed here.
        Failed = "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ids_agree() {
        for (index, step) in (1..).zip(Step::ALL) {
            assert_eq!(step.number(), index);
            assert_eq!(step.id(), format!("step_{index}"));
            assert_eq!(Step::from_number(index), Some(step));
        }
        assert_eq!(Step::from_number(0), None);
        assert_eq!(Step::from_number(10), None);
    }
}
