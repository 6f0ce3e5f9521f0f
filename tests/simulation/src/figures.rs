//! The figures, as `infra/SCALE.md` shows them.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::assumed;
use crate::calls::Calls;
use crate::machine::Machine;
use crate::rush::{Outcome, Setting, simulate};

/// Invocations at the same time in an account that has just been made.
pub const NEW_ACCOUNT: u32 = 10;
/// The same in an account that asked for more.
pub const ACCOUNT: u32 = 1_000;
/// Decides what is drawn by lot.
pub const SEED: u64 = 1;

/// What the document shows.
pub const SETTINGS: [Setting; 4] = [
    Setting { tenants: 100, concurrency: NEW_ACCOUNT, seed: SEED },
    Setting { tenants: 100, concurrency: ACCOUNT, seed: SEED },
    Setting { tenants: 1_000, concurrency: ACCOUNT, seed: SEED },
    Setting { tenants: 10_000, concurrency: ACCOUNT, seed: SEED },
];

/// The pipeline.
pub const MACHINE: &str = "statemachine/provision-tenant.asl.json";
/// The same in the release whose steps gave up after an hour.
const EARLIER: (&str, &str) = ("0.1.0", "tests/upgrades/releases/0.1.0/provision-tenant.asl.json");

/// What the document shows of the repository at `root`: each of the [`SETTINGS`], and the largest one as it was in
/// an earlier release.
pub fn shown(root: &Path) -> Result<String> {
    let calls = Calls::load()?;
    let today = table(&Machine::read(&root.join(MACHINE))?, &calls, &SETTINGS)?;
    let (release, path) = EARLIER;
    let earlier = table(&Machine::read(&root.join(path))?, &calls, &SETTINGS[SETTINGS.len() - 1..])?;
    Ok(format!("{}\n{today}\nThe same with the definition of {release}:\n\n{earlier}", assumptions()))
}

/// Simulates each setting, and makes a table of the outcomes in Markdown.
pub fn table(machine: &Machine, calls: &Calls, settings: &[Setting]) -> Result<String> {
    let mut text = String::from(
        "| tenants at once | Lambda's concurrency | active | failed | tenants an hour | time to active p50 / p99 / max, min | refused calls \
         | retries | transitions a tenant | what bound |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for setting in settings {
        row(&mut text, *setting, &simulate(machine, calls, *setting)?);
    }
    Ok(text)
}

fn assumptions() -> String {
    let seconds = |time: Duration| time.as_secs_f64();
    format!(
        "Assumed: a project comes up after {} to {} s, and its services {} s later; a call of Supabase's Management API or of Stripe takes \
         {} s, an invitation {} s, a new process {} s, a step's own work {} s, step 3's {} s.\n",
        seconds(assumed::PROJECT_AT_LEAST),
        seconds(assumed::PROJECT_AT_LEAST + assumed::PROJECT_VARIES),
        seconds(assumed::SERVICES),
        seconds(assumed::VENDOR_CALL),
        seconds(assumed::INVITATION),
        seconds(assumed::COLD_START),
        seconds(assumed::OWN_WORK),
        seconds(assumed::OWN_WORK + assumed::MIGRATIONS),
    )
}

fn row(text: &mut String, setting: Setting, outcome: &Outcome) {
    let minutes = |time: Duration| format!("{:.1}", time.as_secs_f64() / 60.0);
    let [p50, p99, longest] = [50, 99, 100].map(|percent| minutes(outcome.within(percent)));
    let active = u32::try_from(outcome.active.len()).unwrap_or(u32::MAX);
    let hours = outcome.within(100).as_secs_f64() / 3600.0;
    let an_hour = if active == 0 { 0.0 } else { f64::from(active) / hours };
    let refused: Vec<String> =
        outcome.refused.iter().map(|(limit, times)| format!("{limit} {}", grouped((*times).into()))).collect();
    let bound = outcome.bound().map_or_else(
        || "nothing".to_owned(),
        |(limit, waited)| format!("{limit} ({} min a tenant)", minutes(waited / setting.tenants.max(1))),
    );
    let _ = writeln!(
        text,
        "| {} | {} | {} | {} | {} | {p50} / {p99} / {longest} | {} | {} | {:.0} | {bound} |",
        grouped(setting.tenants.into()),
        grouped(setting.concurrency.into()),
        grouped(active.into()),
        grouped(outcome.failed.into()),
        grouped(an_hour),
        if refused.is_empty() { "none".to_owned() } else { refused.join(", ") },
        grouped(outcome.retries.into()),
        f64::from(outcome.transitions) / f64::from(setting.tenants.max(1)),
    );
}

/// With a comma after each three digits.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

const BEGIN: &str = "<!-- begin: written by `cargo xtask simulate` -->\n";
const END: &str = "<!-- end -->";

/// The document with other figures between its two marks.
pub fn replaced(document: &str, figures: &str) -> Result<String> {
    let (before, rest) = document.split_once(BEGIN).context("the document has no mark at which the figures begin")?;
    let (_, after) = rest.split_once(END).context("the document has no mark at which the figures end")?;
    Ok(format!("{before}{BEGIN}{figures}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The simulation gives the same figures wherever it runs.
    #[test]
    fn the_document_says_what_the_simulation_says() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let shown = shown(&root).expect("figures");
        let document = std::fs::read_to_string(root.join("infra/SCALE.md")).expect("the document");
        assert!(document == replaced(&document, &shown).expect("marks"), "run `cargo xtask simulate`:\n{shown}");
    }

    #[test]
    fn a_row_says_what_bound() {
        use crate::outside::Limit;
        let minute = Duration::from_mins(1);
        let outcome = Outcome {
            active: vec![minute, 2 * minute],
            failed: 1,
            refused: [(Limit::Organization, 1_234)].into(),
            waited: [(Limit::Organization, 9 * minute), (Limit::SecretWrites, minute)].into(),
            retries: 7,
            transitions: 90,
            invocations: 3,
        };
        let mut text = String::new();
        row(&mut text, Setting { tenants: 3, concurrency: 10, seed: 1 }, &outcome);
        let expected = "| 3 | 10 | 2 | 1 | 60 | 1.0 / 2.0 / 2.0 | Supabase: new projects 1,234 | 7 | 30 \
                        | Supabase: new projects (3.0 min a tenant) |\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_not_between_the_marks_stays() {
        let document = format!("a\n{BEGIN}old\n{END}\nb\n");
        assert_eq!(replaced(&document, "new\n").expect("marks"), format!("a\n{BEGIN}new\n{END}\nb\n"));
        assert!(replaced("a\nb\n", "new").is_err());
    }
}
