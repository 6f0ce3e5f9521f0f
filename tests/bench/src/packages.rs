//! What is uploaded for each function, and whether it is small enough.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::numbers::{megabytes, number};
use crate::size::Size;

/// The largest package of a function with AWS's SDK, in MB.
pub(crate) const WITH_SDK: f64 = 3.5;
/// The same without it.
const WITHOUT_SDK: f64 = 1.5;

/// What is uploaded for each function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Packages {
    /// When it was measured.
    pub day: String,
    /// By the function's name.
    pub sizes: BTreeMap<String, Size>,
}

impl Packages {
    /// Its section, in Markdown: the largest first.
    pub(crate) fn section(&self, text: &mut String) {
        let mut sizes: Vec<_> = self.sizes.iter().collect();
        sizes.sort_by_key(|(name, size)| (std::cmp::Reverse(size.package), *name));
        let missed = sizes.iter().filter(|(_, size)| !fits(size)).count();
        let _ = writeln!(
            text,
            "\n### Packages\n\nOf all {} functions, {}. The goal is {WITH_SDK} MB with AWS's SDK and {WITHOUT_SDK} MB without it; {missed} miss \
             it:\n\n| | SDK | program, MB | zip, MB | |\n|---|---|---|---|---|",
            sizes.len(),
            self.day
        );
        for (name, size) in sizes {
            let program = size.program.map(megabytes).map_or_else(|| "–".to_owned(), number);
            let _ = writeln!(
                text,
                "| {name} | {} | {program} | {} | {} |",
                if size.has_sdk { "yes" } else { "no" },
                number(megabytes(size.package)),
                if fits(size) { "reached" } else { "**missed**" }
            );
        }
    }
}

fn fits(size: &Size) -> bool {
    megabytes(size.package) <= if size.has_sdk { WITH_SDK } else { WITHOUT_SDK }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_held_against_the_goal_of_its_kind() {
        let size = |package, has_sdk| Size { program: Some(8_000_000), package, has_sdk };
        let sizes = [("a", size(3_500_000, true)), ("b", size(3_501_000, true)), ("c", size(1_501_000, false))];
        let sizes = sizes.map(|(name, size)| (name.to_owned(), size)).into();
        let mut text = String::new();
        Packages { day: "a day".to_owned(), sizes }.section(&mut text);
        assert!(text.contains("; 2 miss it:"), "{text}");
        assert!(text.ends_with(
            "| b | yes | 8.00 | 3.50 | **missed** |\n| a | yes | 8.00 | 3.50 | reached |\n| c | no | 8.00 | 1.50 | **missed** |\n"
        ));
    }
}
