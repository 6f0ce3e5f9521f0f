//! What is run, and in which order.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::cli::Test;
use crate::compile::TestProgram;

/// These take longest. They come first, so that no cloud has a long one left when the others are done.
const LONGEST: [(&str, &str); 4] =
    [("faults", "part"), ("e2e", "failures"), ("e2e", "outages"), ("e2e", "idempotency")];

/// Looks at what all others left in its cloud.
const LAST: (&str, &str) = ("e2e", "zz_canary");

/// What runs on a cloud while nothing else does.
#[derive(Clone)]
pub enum Unit {
    Program(Rc<TestProgram>),
    /// Schemathesis.
    Fuzz,
}

impl Unit {
    pub fn name(&self) -> String {
        match self {
            Self::Program(program) => format!("{}::{}", program.package, program.target),
            Self::Fuzz => "Schemathesis (cases)".to_owned(),
        }
    }
}

pub struct Plan {
    left: VecDeque<Unit>,
    last: Vec<Unit>,
}

impl Plan {
    pub fn new(options: &Test, mut programs: Vec<TestProgram>) -> Self {
        programs.retain(|program| options.package.is_empty() || options.package.contains(&program.package));
        programs.sort_by_cached_key(|program| {
            let key = (program.package.as_str(), program.target.as_str());
            let place = LONGEST.iter().position(|longest| *longest == key).unwrap_or(LONGEST.len());
            (place, program.package != "e2e", program.package.clone(), program.target.clone())
        });
        let is_last = |program: &TestProgram| (program.package.as_str(), program.target.as_str()) == LAST;
        let (last, first): (Vec<_>, Vec<_>) = programs.into_iter().partition(is_last);
        let units = |programs: Vec<TestProgram>| programs.into_iter().map(|program| Unit::Program(Rc::new(program)));
        let mut left: VecDeque<Unit> = units(first).collect();
        if options.package.is_empty() && options.filter.is_none() {
            left.insert(LONGEST.len().min(left.len()), Unit::Fuzz);
        }
        Self { left, last: units(last).collect() }
    }

    /// How much is left.
    pub fn len(&self) -> usize {
        self.left.len()
    }

    /// The next one to run, on any cloud.
    pub fn next(&mut self) -> Option<Unit> {
        self.left.pop_front()
    }

    /// What runs last on every cloud.
    pub fn last(&self) -> Vec<Unit> {
        self.last.clone()
    }
}
