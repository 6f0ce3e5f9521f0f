//! The results: as JSON, and as the tables of `BENCHMARKS.md`.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::builds::Builds;
use crate::figures::Figures;
use crate::goals::{Goal, Times, goals};
use crate::hops::Hops;
use crate::instructions::Instructions;
use crate::machine::Machine;
use crate::numbers::{grouped, megabytes, number};
use crate::packages::{self, Packages};
use crate::pipeline::Pipeline;
use crate::share;
use crate::size::Size;
use crate::targets::Kind;

/// Everything that one run found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// When it was.
    pub day: String,
    /// What it was measured on.
    pub machine: Machine,
    /// Versions of what is not of this workspace.
    pub versions: Vec<String>,
    /// The memory of the functions.
    pub memory_mb: u32,
    /// The share of a core that it buys; or why no process could be held to it.
    pub share: Result<f64, String>,
    /// What the machine takes for the way of a call; a run before this was measured lacks it.
    #[serde(default)]
    pub hops: Option<Hops>,
    /// What counted instructions; or why nothing did.
    pub counter: Result<String, String>,
    /// One for each route.
    pub contests: Vec<Outcome>,
    /// Of all functions, from the last run that built them.
    pub packages: Option<Packages>,
    /// How the functions fare with more or less memory, from the last run that tried.
    pub memories: Option<Memories>,
    /// What provisioning a tenant costs, from the last run that measured it.
    #[serde(default)]
    pub pipeline: Option<Pipeline>,
    /// How long builds take, from the last run that measured it.
    #[serde(default)]
    pub builds: Option<Builds>,
}

/// How functions fare with more or less memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memories {
    /// When it was measured.
    pub day: String,
    /// Function by function.
    pub rows: Vec<WithMemory>,
}

/// How one function fares with so much memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WithMemory {
    /// The function.
    pub route: String,
    /// Its memory.
    pub memory_mb: u32,
    /// Its figures.
    pub figures: Figures,
}

impl WithMemory {
    /// What a million warm calls cost on arm64 in us-east-1, in US dollars: $0.20 for the requests and $0.0000133334 for a
    /// second of a GB, by milliseconds begun.
    fn cost(&self) -> f64 {
        let gigabytes = f64::from(self.memory_mb) / 1024.0;
        0.2 + gigabytes * (self.figures.warm_p50_us / 1e3).ceil() * 1e3 * 0.000_013_333_4
    }
}

/// Those of one route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The function's name.
    pub route: String,
    /// What was asked.
    pub request: String,
    /// How long the answer's body is.
    pub answer_bytes: usize,
    /// Ours first.
    pub measured: Vec<Measured>,
}

/// Those of one program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// As the tables name it.
    pub name: String,
    /// Whose work it is.
    pub kind: Kind,
    /// The most memory that it had at once, in bytes.
    pub peak_memory: u64,
    /// What it is deployed as.
    pub size: Size,
    /// With whole cores.
    pub whole: Figures,
    /// From each start of the program until its first answer, in the order of the starts.
    pub first_answers_us: Vec<u32>,
    /// With the share of a core that its memory buys.
    pub shared: Option<Figures>,
    /// Its user instructions; or why they were not counted.
    pub instructions: Result<Instructions, String>,
}

impl Outcome {
    fn of(&self, kind: Kind) -> Option<&Measured> {
        self.measured.iter().find(|measured| measured.kind == kind)
    }
}

impl Measured {
    /// How many times as long as the other's its first answer takes. The two took turns, so each start is compared with the
    /// other's of the same turn: what the machine did meanwhile concerns both.
    fn times(&self, other: &Self) -> Times {
        Times::of_turns(&self.first_answers_us, &other.first_answers_us)
    }
}

impl Results {
    /// All tables, in Markdown.
    #[must_use]
    pub fn tables(&self) -> String {
        let mut text = String::new();
        self.preamble(&mut text);
        for outcome in &self.contests {
            let _ = writeln!(text, "\n### `{}`\n", outcome.request);
            let _ =
                writeln!(text, "Body: {} bytes. Whole cores, one call after the other:\n", bytes(outcome.answer_bytes));
            whole(&mut text, outcome);
            if let Ok(share) = &self.share {
                let _ = writeln!(
                    text,
                    "\n{share:.3} of a core, which is what {} MB buy, from the start on; a call every 20 ms:\n",
                    self.memory_mb
                );
                shared(&mut text, outcome);
            }
        }
        let own = self.goals();
        if !own.is_empty() {
            goals(&mut text, "`get-tenant`", own);
        }
        if let Some(packages) = &self.packages {
            packages.section(&mut text);
        }
        if let Some(Memories { day, rows }) = &self.memories {
            let _ = writeln!(
                text,
                "\n### Memory\n\nA call every 20 ms, {day}; cost of a million warm calls on arm64 in us-east-1:\n"
            );
            text.push_str(
                "| | memory, MB | share of a core | exec → first answer, ms | warm p50 / p99, ms | after a cut connection, ms | cost, $ \
                 | cost × p99 |\n|---|---|---|---|---|---|---|---|\n",
            );
            for row in rows {
                let (figures, p99) = (&row.figures, row.figures.warm_p99_us / 1e3);
                let _ = writeln!(
                    text,
                    "| {} | {} | {:.3} | {} | {} / {} | {} | {} | {} |",
                    row.route,
                    row.memory_mb,
                    share::of_memory(row.memory_mb),
                    number(figures.first_answer_ms),
                    number(figures.warm_p50_us / 1e3),
                    number(p99),
                    number(figures.reconnect_ms),
                    number(row.cost()),
                    number(row.cost() * p99)
                );
            }
        }
        if let Some(pipeline) = &self.pipeline {
            pipeline.section(&mut text);
        }
        if let Some(builds) = &self.builds {
            builds.section(&mut text);
        }
        text
    }

    fn preamble(&self, text: &mut String) {
        let Machine { processor, cores, has_sha, load_before } = &self.machine;
        let sha = if *has_sha { "with" } else { "without" };
        let _ = writeln!(
            text,
            "{}, {processor}, {cores} cores, {sha} instructions for SHA-256, load before the run {load_before}; {}.",
            self.day,
            self.versions.join(", ")
        );
        match &self.counter {
            Ok(counter) => drop(writeln!(text, "User instructions counted by {counter}.")),
            Err(why) => drop(writeln!(text, "Instructions are not measured: {why}.")),
        }
        if let Some(Hops { busy_p50_us, busy_p99_us, rested_p50_us, rested_p99_us }) = &self.hops {
            let _ = writeln!(
                text,
                "A byte over TCP to a second thread, from there to a third and back, p50 / p99: {} / {} µs one after the other, {} / {} \
                 µs every 20 ms.",
                number(*busy_p50_us),
                number(*busy_p99_us),
                number(*rested_p50_us),
                number(*rested_p99_us)
            );
        }
        if let Err(why) = &self.share {
            let _ = writeln!(text, "No cgroup can be made here, so nothing is measured at a share of a core: {why}.");
        }
    }

    fn goals(&self) -> Vec<Goal> {
        let Some(outcome) = self.contests.iter().find(|outcome| outcome.route == "get-tenant") else {
            return Vec::new();
        };
        let (Some(ours), Some(floor), Some(without), Some(node), Some(python)) = (
            outcome.of(Kind::Ours),
            outcome.of(Kind::Floor),
            outcome.of(Kind::FloorWithoutTls),
            outcome.of(Kind::Node),
            outcome.of(Kind::Python),
        ) else {
            return Vec::new();
        };
        let mut goals = vec![
            ours.times(floor).at_most("first answer ≤ 1.15 × the floor's", 1.15),
            python.times(ours).at_least("first answer ≥ 35 × faster than Python", 35.0),
            node.times(ours).at_least("first answer ≥ 15 × faster than Node", 15.0),
        ];
        if let (Ok(ours), Ok(floor)) = (&ours.instructions, &floor.instructions) {
            goals.push(Goal::at_most("warm ≤ 1.2 × the floor's instructions", ours.warm_k / floor.warm_k, 1.2, " ×"));
        }
        goals.push(Goal::at_most("peak memory ≤ 10 MB", megabytes(ours.peak_memory), 10.0, " MB"));
        goals.push(Goal::at_most("zip ≤ 3.5 MB", megabytes(ours.size.package), packages::WITH_SDK, " MB"));
        if let Some(shared) = &ours.shared {
            let warm = shared.warm_p99_us / 1e3;
            goals.push(Goal::at_most("share of a core: warm p99 ≤ 1 ms", warm, 1.0, " ms"));
            let again = shared.reconnect_ms;
            goals.push(Goal::at_most("share of a core: after a cut connection ≤ 60 ms", again, 60.0, " ms"));
        }
        goals.push(python.times(without).at_least("floor without TLS ≥ 44 × faster than Python", 44.0));
        goals.push(node.times(without).at_least("floor without TLS ≥ 21 × faster than Node", 21.0));
        if let Ok(instructions) = &without.instructions {
            goals.push(Goal::at_most("floor without TLS: warm ≤ 192 kI", instructions.warm_k, 192.0, " kI"));
        }
        goals
    }

    /// What changed since an earlier run. Times are not compared: they may be of another machine, or another day's.
    #[must_use]
    pub fn changes(&self, before: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        for (now, then) in self.contests.iter().flat_map(|outcome| {
            let before = before.contests.iter().filter(|before| before.route == outcome.route);
            before.flat_map(|before| {
                outcome.measured.iter().filter_map(|now| before.of(now.kind).map(|then| (now, then)))
            })
        }) {
            let mut compare = |what: &str, now_is: f64, then_was: f64| {
                if (now_is / then_was - 1.0).abs() > 0.01 {
                    changes.push(format!("{}: {what} {} → {}", now.name, number(then_was), number(now_is)));
                }
            };
            if let (true, Ok(now), Ok(then)) = (self.counter == before.counter, &now.instructions, &then.instructions) {
                compare("kI until the first answer", now.first_answer_k, then.first_answer_k);
                compare("kI of a warm call", now.warm_k, then.warm_k);
            }
            compare("MB of memory", megabytes(now.peak_memory), megabytes(then.peak_memory));
            compare("MB of zip", megabytes(now.size.package), megabytes(then.size.package));
        }
        changes
    }

    /// The results of a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| path.display().to_string())
    }

    /// Writes them to a file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    }
}

fn bytes(count: usize) -> String {
    u32::try_from(count).map_or_else(|_| count.to_string(), |count| grouped(f64::from(count)))
}

fn whole(text: &mut String, outcome: &Outcome) {
    text.push_str(
        "| | exec → first `/next`, ms | exec → first answer, ms | processor until then, ms | kI until then | warm p50 / p99, µs \
         | processor, µs | kI a call | after a cut connection, ms | peak memory, MB | program / zip, MB |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for measured in &outcome.measured {
        let Measured { name, whole, instructions, peak_memory, size, .. } = measured;
        let (cold, warm) = instructions.as_ref().map_or_else(
            |why| (format!("not measured: {why}"), "–".to_owned()),
            |counted| (grouped(counted.first_answer_k), grouped(counted.warm_k)),
        );
        let program = size.program.map(megabytes).map_or_else(|| "–".to_owned(), number);
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {cold} | {} / {} | {} | {warm} | {} | {} | {program} / {} |",
            number(whole.first_next_ms),
            number(whole.first_answer_ms),
            number(whole.first_answer_cpu_ms),
            grouped(whole.warm_p50_us),
            grouped(whole.warm_p99_us),
            grouped(whole.warm_cpu_us),
            number(whole.reconnect_ms),
            number(megabytes(*peak_memory)),
            number(megabytes(size.package))
        );
    }
}

fn shared(text: &mut String, outcome: &Outcome) {
    text.push_str(
        "| | exec → first `/next`, ms | exec → first answer, ms | warm p50 / p99, ms | processor, µs \
         | after a cut connection, ms |\n|---|---|---|---|---|---|\n",
    );
    for measured in &outcome.measured {
        let Some(shared) = &measured.shared else { continue };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} / {} | {} | {} |",
            measured.name,
            number(shared.first_next_ms),
            number(shared.first_answer_ms),
            number(shared.warm_p50_us / 1e3),
            number(shared.warm_p99_us / 1e3),
            grouped(shared.warm_cpu_us),
            number(shared.reconnect_ms)
        );
    }
}

const BEGIN: &str = "<!-- begin: written by `cargo xtask bench` -->\n";
const END: &str = "<!-- end -->";

/// The document with other tables between its two marks.
pub fn replaced(document: &str, tables: &str) -> Result<String> {
    let (before, rest) = document.split_once(BEGIN).context("the document has no mark at which the tables begin")?;
    let (_, after) = rest.split_once(END).context("the document has no mark at which the tables end")?;
    Ok(format!("{before}{BEGIN}{tables}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn results() -> Results {
        Results::read(&root().join("tests/bench/results/results.json")).expect("the results of the last run")
    }

    #[test]
    fn the_document_says_what_the_last_run_measured() {
        let document = std::fs::read_to_string(root().join("BENCHMARKS.md")).expect("the document");
        assert!(document == replaced(&document, &results().tables()).expect("marks"), "run `cargo xtask bench`");
        let plot = std::fs::read_to_string(root().join("tests/bench/results/plot.svg")).expect("the plot");
        assert!(plot == crate::plot::of(&results()).expect("a plot"), "run `cargo xtask bench`");
    }

    #[test]
    fn what_is_not_between_the_marks_stays() {
        let document = format!("a\n{BEGIN}old\n{END}\nb\n");
        assert_eq!(replaced(&document, "new\n").expect("marks"), format!("a\n{BEGIN}new\n{END}\nb\n"));
        assert!(replaced("a\nb\n", "new").is_err());
        assert!(replaced(&format!("{END}{BEGIN}"), "new").is_err());
    }

    #[test]
    fn what_is_missed_is_said() {
        let mut results = results();
        let goals = |results: &Results| {
            results.goals().iter().map(|goal| (goal.words(), goal.is_reached())).collect::<Vec<_>>()
        };
        results.contests[0].measured[0].peak_memory = 10_000_000;
        assert!(goals(&results).contains(&("peak memory ≤ 10 MB", true)));
        results.contests[0].measured[0].peak_memory = 10_100_000;
        assert!(goals(&results).contains(&("peak memory ≤ 10 MB", false)));
        assert!(results.tables().contains("| peak memory ≤ 10 MB | 10.1 MB | **missed** |"));
    }

    #[test]
    fn a_change_of_more_than_a_hundredth_is_told() {
        let before = results();
        let mut now = before.clone();
        assert_eq!(now.changes(&before), Vec::<String>::new());
        now.contests[0].measured[0].instructions = Ok(Instructions { first_answer_k: 1e6, warm_k: 202.1 });
        let mut then = before.clone();
        then.contests[0].measured[0].instructions = Ok(Instructions { first_answer_k: 1.005e6, warm_k: 200.0 });
        assert_eq!(now.changes(&then), ["get-tenant: kI of a warm call 200 → 202"]);
        then.counter = Ok("another".to_owned());
        assert_eq!(now.changes(&then), Vec::<String>::new(), "what another counter counted");
    }

    #[test]
    fn every_millisecond_that_began_costs() {
        let cost = |memory_mb, warm_p50_us| {
            let figures = Figures { warm_p50_us, ..results().contests[0].measured[0].whole.clone() };
            number(WithMemory { route: String::new(), memory_mb, figures }.cost())
        };
        assert_eq!([cost(1024, 1000.0), cost(1024, 1001.0), cost(512, 9500.0)], ["0.21", "0.23", "0.27"]);
    }
}
