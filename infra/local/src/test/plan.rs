//! What is run, and in which order.

use std::collections::{BTreeSet, VecDeque};
use std::process::Command;
use std::rc::Rc;

use anyhow::Context as _;

use crate::cli::Test;
use crate::compile::TestProgram;

/// Its tests go through the gateway and wait most of the time. So its programs are run module by module, on several
/// clouds.
pub const END_TO_END: &str = "e2e";

/// These programs take longest. They run first, so that no cloud still has a long one when the others are done.
const LONGEST: [(&str, &str); 8] = [
    // One of its tests deploys again and again: a quarter of an hour.
    (END_TO_END, "installation"),
    ("faults", "part"),
    (END_TO_END, "failures"),
    (END_TO_END, "outages"),
    (END_TO_END, "idempotency"),
    ("browser", "console"),
    ("clients", "first_day"),
    ("store", "deployment"),
];

/// This program checks what all others left in its cloud.
const LAST: (&str, &str) = (END_TO_END, "zz_canary");

/// A program that runs on a cloud while nothing else runs there.
#[derive(Clone)]
pub enum Unit {
    /// A test program, or only the tests whose names begin like this.
    Program(Rc<TestProgram>, String),
    /// Schemathesis.
    Fuzz,
}

impl Unit {
    pub fn name(&self) -> String {
        match self {
            Self::Program(program, module) => {
                let name = format!("{}::{}::{module}", program.package, program.target);
                name.trim_end_matches("::").to_owned()
            }
            Self::Fuzz => "Schemathesis (cases)".to_owned(),
        }
    }
}

pub struct Plan {
    left: VecDeque<Unit>,
    last: Vec<Unit>,
}

impl Plan {
    pub fn new(options: &Test, mut programs: Vec<TestProgram>) -> anyhow::Result<Self> {
        programs.retain(|program| options.package.is_empty() || options.package.contains(&program.package));
        programs.sort_by_cached_key(|program| {
            let place = LONGEST.iter().position(|longest| *longest == program.name()).unwrap_or(LONGEST.len());
            (place, program.package != END_TO_END, program.package.clone(), program.target.clone())
        });
        let (last, first): (Vec<_>, Vec<_>) = programs.into_iter().partition(|program| program.name() == LAST);
        let mut left = VecDeque::new();
        for program in first.into_iter().map(Rc::new) {
            let modules = if options.filter.is_none() { modules(&program)? } else { whole() };
            let units = modules.into_iter().map(|module| Unit::Program(Rc::clone(&program), module));
            left.extend(units);
        }
        if options.package.is_empty() && options.filter.is_none() {
            // It takes minutes as well.
            left.insert(1.min(left.len()), Unit::Fuzz);
        }
        let last = last.into_iter().map(|program| Unit::Program(Rc::new(program), String::new())).collect();
        Ok(Self { left, last })
    }

    /// How many are left.
    pub fn len(&self) -> usize {
        self.left.len()
    }

    /// The next program to run, on any cloud.
    pub fn next(&mut self) -> Option<Unit> {
        self.left.pop_front()
    }

    /// What runs last on every cloud.
    pub fn last(&self) -> Vec<Unit> {
        self.last.clone()
    }
}

/// The first modules of a program's test names. For most programs all tests are run at once.
fn modules(program: &TestProgram) -> anyhow::Result<BTreeSet<String>> {
    if program.package != END_TO_END {
        return Ok(whole());
    }
    let listed = Command::new(&program.program).args(["--list", "--format", "terse"]).output();
    let listed = listed.with_context(|| format!("listing the tests of {}", program.target))?.stdout;
    let listed = String::from_utf8_lossy(&listed);
    // A filter for modules would miss a test outside all modules. In that case the program is run as a whole.
    let modules: Option<BTreeSet<String>> =
        listed.lines().map(|line| line.split_once("::").map(|(module, _)| format!("{module}::"))).collect();
    Ok(modules.filter(|modules| !modules.is_empty()).unwrap_or_else(whole))
}

fn whole() -> BTreeSet<String> {
    BTreeSet::from([String::new()])
}
