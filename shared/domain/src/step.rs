//! The steps of a state machine, and the nine of the pipeline.

use crate::words::words;

/// The tasks of a state machine, with their numbers from 1. The API writes `step_1`, and the function is `step-1-create-environment`.
macro_rules! steps {
    (
        $(#[doc = $doc:literal])* $name:ident of $prefix:literal, $description:literal {
            $($(#[doc = $step_doc:literal])* $step:ident = $number:literal $function:literal),+ $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[doc = $step_doc])* $step = $number),+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: [Self; [$($number),+].len()] = [$(Self::$step),+];

            /// From 1.
            #[must_use]
            pub const fn number(self) -> i16 {
                self as i16
            }

            /// The step with this number.
            #[must_use]
            pub fn from_number(number: i16) -> Option<Self> {
                Self::ALL.into_iter().find(|step| step.number() == number)
            }

            /// As the API writes it.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$step => concat!($prefix, "_", $number)),+ }
            }

            /// The function's name.
            #[must_use]
            pub const fn function(self) -> &'static str {
                match self { $(Self::$step => concat!($prefix, "-", $number, "-", $function)),+ }
            }

            /// The function's name without its number.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$step => $function),+ }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.id())
            }
        }

        $crate::schema::component_schema!($name, |text| text
            .description(Some($description))
            .enum_values(Some($name::ALL.map($name::id))));
    };
}

pub(crate) use steps;

steps! {
    /// One task of the pipeline.
    Step of "step", "One of the nine steps." {
        /// The tenant's database environment.
        CreateEnvironment = 1 "create-environment",
        /// Wait until it is healthy; fetch its keys.
        AwaitEnvironment = 2 "await-environment",
        /// IAM schema, SoD rules, workflow templates.
        MigrateTenant = 3 "migrate-tenant",
        /// Counts of roles, rules and templates.
        VerifySeed = 4 "verify-seed",
        /// The invitation to the tenant's admin.
        InviteAdmin = 5 "invite-admin",
        /// The private graph.
        CreateGraph = 6 "create-graph",
        /// The knn index and its alias.
        CreateSearchIndex = 7 "create-search-index",
        /// The middleware's cache.
        InvalidateCache = 8 "invalidate-cache",
        /// Billing, activation, event.
        ActivateTenant = 9 "activate-tenant",
    }
}

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
    use crate::purge::PurgeStep;

    #[test]
    fn numbers_ids_and_functions_agree() {
        for (index, step) in (1..).zip(Step::ALL) {
            assert_eq!((step.number(), Step::from_number(index)), (index, Some(step)));
            assert_eq!(step.id(), format!("step_{index}"));
            assert_eq!(step.function(), format!("step-{index}-{}", step.name()));
        }
        for (index, step) in (1..).zip(PurgeStep::ALL) {
            assert_eq!((step.number(), PurgeStep::from_number(index)), (index, Some(step)));
            assert_eq!(step.id(), format!("purge_{index}"));
            assert_eq!(step.function(), format!("purge-{index}-{}", step.name()));
        }
        assert_eq!([0, 10].map(Step::from_number), [None; 2]);
        assert_eq!([0, 9].map(PurgeStep::from_number), [None; 2]);
    }
}
