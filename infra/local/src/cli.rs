//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

use crate::logs;

/// The local cloud, its demo and the whole test suite.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
#[command(after_help = "For an installation on AWS: `cargo xtask deploy`, `doctor` and `keys`, each with --help.")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Show the lines of cargo instead of a bar.
    #[arg(long, global = true)]
    pub verbose: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the local cloud, deploy template.yaml into it, print its URL and credentials; Ctrl-C ends it.
    Up(Up),
    /// End a cloud and wait until all of it is gone.
    Down(CloudName),
    /// Print a bearer token (JWT) for the running cloud, good for 12 hours, or say what is wrong with one.
    Token {
        #[command(flatten)]
        cloud: CloudName,
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Build one function again and put its code into the running cloud.
    Reload {
        #[command(flatten)]
        cloud: CloudName,
        /// Name of the function, which is also its folder's and its package's.
        function: String,
    },
    /// Print what the deployed functions logged.
    Logs {
        #[command(flatten)]
        cloud: CloudName,
        /// Go on printing until Ctrl-C.
        #[arg(long, short)]
        follow: bool,
        #[command(flatten)]
        wanted: Wanted,
        /// Only this function.
        function: Option<String>,
    },
    /// Start a cloud, provision the tenant acme-bank in it, show what now exists, end the cloud.
    Demo(Demo),
    /// Run all tests (unit, contract, client and end-to-end tests), on separate clouds.
    Test(Test),
    /// Use the console in a browser, and write the README's pictures and figures of it.
    Pictures(Pictures),
    /// Write functions/api/openapi.json, made from the code.
    Openapi,
    /// Write functions/api/ERRORS.md, made from the code.
    Errors,
    /// Write infra/CONFIGURATION.md, made from the templates and the code.
    Configuration,
    /// Start a cloud and let Schemathesis call it with requests that the OpenAPI document allows, and with others.
    Fuzz(Fuzz),
    /// Start a cloud and run the kill matrix: every fault on every effect of every actor.
    Faults(Faults),
    /// Measure functions beside the same work in Python, in Node and in hand-written Rust, and write BENCHMARKS.md.
    Bench(Bench),
    /// Simulate thousands of provisionings at once against the vendors' limits, and write infra/SCALE.md.
    Simulate(Simulate),
    #[command(hide = true)]
    Guard {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    #[command(hide = true)]
    Worker {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// Which lines of the log are wanted: those that meet all conditions.
#[derive(Debug, Clone, Default, Args)]
pub struct Wanted {
    /// Only what is about this tenant. Its id will do too.
    #[arg(long, value_name = "SLUG")]
    pub tenant: Option<String>,
    /// Only what was logged since then: how long ago (30s, 10m, 2h, 1d), or a time (RFC 3339).
    #[arg(long, value_name = "AGO|TIME", value_parser = logs::since)]
    pub since: Option<Timestamp>,
    /// Only this level and worse. Functions log no `debug`, unless the template's parameter `LogLevel` says so.
    #[arg(long)]
    pub level: Option<logs::Level>,
    /// Only the request, run or invocation with this id: an answer's X-Request-Id, a caller's X-Correlation-Id (every line of
    /// the run that was asked for), or Lambda's own.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

/// Several clouds can run side by side under different names.
#[derive(Debug, Clone, Args)]
pub struct CloudName {
    /// Which cloud, if more than one runs.
    #[arg(long, default_value = "default", value_parser = cloud_name)]
    pub name: String,
}

#[derive(Debug, Clone, Args)]
pub struct Up {
    #[command(flatten)]
    pub cloud: CloudName,
    /// Return as soon as it is ready; `cargo xtask down` ends it.
    #[arg(long)]
    pub detach: bool,
    #[command(flatten)]
    pub parts: Parts,
}

/// What a cloud is made of.
#[derive(Debug, Clone, Default, Args)]
pub struct Parts {
    /// Where each invocation of a function is written down.
    #[arg(skip)]
    pub journal: Option<PathBuf>,
    /// Put a proxy before every outside system. Tests can make its calls fail.
    #[arg(long)]
    pub fault_proxy: bool,
    /// Use the binaries of the last build without building again.
    #[arg(long)]
    pub no_build: bool,
    /// How long a second of AWS and of the stand-ins takes, in seconds: 1 in the demo, else 0.25.
    #[arg(long, value_parser = clock_scale)]
    pub clock_scale: Option<f64>,
    /// Room for thousands of tenants at the same time.
    #[arg(skip)]
    pub large: bool,
}

impl Parts {
    /// The clock scale if none is given. A tenant takes seconds then. With a smaller one, the retries of a busy step
    /// would be over before the longest lease ends.
    const CLOCK_SCALE: f64 = 0.25;

    pub fn clock_scale(&self) -> f64 {
        self.clock_scale.unwrap_or(Self::CLOCK_SCALE)
    }
}

fn clock_scale(text: &str) -> Result<f64, String> {
    let fits = |scale: &f64| (0.01..=1.0).contains(scale);
    text.parse().ok().filter(fits).ok_or_else(|| "a number from 0.01 to 1".to_owned())
}

#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Name of the demo's cloud.
    #[arg(long, default_value = "demo", value_parser = cloud_name)]
    pub name: String,
    #[command(flatten)]
    pub parts: Parts,
}

#[derive(Debug, Clone, Args)]
pub struct Test {
    /// Name of the tests' cloud.
    #[arg(long, default_value = "test", value_parser = cloud_name)]
    pub name: String,
    /// Only these packages; repeatable.
    #[arg(long, short)]
    pub package: Vec<String>,
    /// Fail if any test is ignored, as CI does.
    #[arg(long)]
    pub strict: bool,
    /// How many clouds to start at most; each runs one test program at a time.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub clouds: u8,
    /// Only tests whose name contains this.
    pub filter: Option<String>,
    /// Whether the tests of the console write what the README shows of it.
    #[arg(skip)]
    pub pictures: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Pictures {
    /// Name of the run's cloud.
    #[arg(long, default_value = "pictures", value_parser = cloud_name)]
    pub name: String,
}

impl Pictures {
    /// The tests that take them. None of them may be ignored.
    pub fn tests(&self) -> Test {
        Test {
            name: self.name.clone(),
            package: vec!["browser".to_owned()],
            strict: true,
            clouds: 1,
            filter: None,
            pictures: true,
        }
    }
}

#[derive(Debug, Clone, Args)]
pub struct Fuzz {
    /// Name of the run's cloud.
    #[arg(long, default_value = "fuzz", value_parser = cloud_name)]
    pub name: String,
    /// Random cases to generate per operation, at most.
    #[arg(long, default_value_t = 400)]
    pub max_examples: u32,
    /// Makes a run repeatable.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    pub parts: Parts,
}

#[derive(Debug, Clone, Args)]
pub struct Faults {
    /// Name of the run's cloud.
    #[arg(long, default_value = "faults", value_parser = cloud_name)]
    pub name: String,
    /// Only this step's effects, 1 to 9.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=9))]
    pub step: Option<u8>,
    /// Only this kind of fault: kill, cut, lost, 429, 500, hang, twice, stall or stale.
    #[arg(long)]
    pub fault: Option<String>,
    /// Only effects whose row has this in its name, e.g. `reconciler`.
    #[arg(long)]
    pub row: Option<String>,
    /// Only this part of the cells, e.g. 2/4. With one seed, the parts together are the whole.
    #[arg(long, value_name = "I/N")]
    pub part: Option<String>,
    /// Only the cells that are red in the table of tests/faults/README.md. Their marks there are replaced.
    #[arg(long, conflicts_with_all = ["step", "fault", "row", "part", "storm"])]
    pub red: bool,
    /// Seed for the random order of the cells.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many cells run at the same time.
    #[arg(long, default_value_t = 40)]
    pub at_once: usize,
    /// Instead of the matrix: provision this many tenants at once while a process is killed every 100 ms.
    /// From 1,000 tenants on, each dependency is taken away for 30 s besides.
    #[arg(long, value_name = "TENANTS")]
    pub storm: Option<usize>,
    /// Take each dependency away in a smaller storm, too.
    #[arg(long, requires = "storm")]
    pub outages: bool,
    #[command(flatten)]
    pub parts: Parts,
}

#[derive(Debug, Clone, Args)]
pub struct Bench {
    /// What to measure instead; the other figures stay as they are.
    #[arg(long, value_enum, conflicts_with_all = ["also", "memory"])]
    pub instead: Option<Instead>,
    /// Measure the programs of the last release build without building again.
    #[arg(long)]
    pub no_build: bool,
    /// The functions' memory, in MB, which buys them a share of a core.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(128..=10_240))]
    pub memory: u32,
    /// A minute instead of five: few starts, no instructions of the peers, and no document is written.
    #[arg(long)]
    pub quick: bool,
    /// What to measure besides.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub also: Vec<Also>,
}

#[derive(Debug, Clone, Args)]
pub struct Simulate {
    /// How many tenants are made at once, instead of what the document shows. Then nothing is written.
    #[arg(long)]
    pub tenants: Option<u32>,
    /// With --tenants: how many invocations of Lambda the account may have at the same time.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub concurrency: u32,
    /// With --tenants: makes a run repeatable.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Another definition of the state machine, e.g. an earlier one. Then nothing is written.
    #[arg(long, value_name = "FILE")]
    pub machine: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Also {
    /// Our functions with 128 to 1769 MB: two minutes more.
    Memories,
    /// The packages of all functions, whose build takes a minute of a core for each.
    Packages,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Instead {
    /// Provisioning of tenants in a local cloud, beside the nine steps in Python: ten minutes, after the build of the steps.
    Pipeline,
    /// The builds that somebody waits for, from a clean clone on: half an hour.
    Builds,
}

#[derive(Debug, Clone, Subcommand)]
pub enum TokenCommand {
    #[command(flatten)]
    Mint(Whose),
    /// Say which rule a token breaks first, as the authorizer would find it. Nothing is sent.
    Check(Check),
}

#[derive(Debug, Clone, Args)]
pub struct Check {
    /// The token; `-` reads it from standard input.
    pub token: String,
    /// File with the value of the secret control/callers, or with its `jwt`; without it, that of the running cloud.
    #[arg(long, value_name = "FILE")]
    pub callers: Option<PathBuf>,
    /// File with the issuer's key set, if it publishes one.
    #[arg(long, value_name = "FILE")]
    pub jwks: Option<PathBuf>,
}

#[derive(Debug, Clone, Subcommand)]
pub enum Whose {
    /// The role `admin`.
    Admin,
    /// One tenant, which may use its own resources only.
    Tenant {
        /// The tenant's slug, or its id.
        slug: String,
    },
}

impl Bench {
    /// Its cloud is a Postgres.
    pub const CLOUD: &str = "bench";
}

impl Command {
    /// The name of the cloud this command starts. Its lock keeps other commands from starting it too.
    pub fn starts(&self) -> Option<&str> {
        match self {
            Self::Up(up) => Some(&up.cloud.name),
            Self::Demo(demo) => Some(&demo.name),
            Self::Test(test) => Some(&test.name),
            Self::Pictures(pictures) => Some(&pictures.name),
            Self::Fuzz(fuzz) => Some(&fuzz.name),
            Self::Faults(faults) => Some(&faults.name),
            Self::Bench(_) => Some(Bench::CLOUD),
            Self::Down(_)
            | Self::Token { .. }
            | Self::Reload { .. }
            | Self::Logs { .. }
            | Self::Openapi
            | Self::Errors
            | Self::Configuration
            | Self::Simulate(_)
            | Self::Guard { .. }
            | Self::Worker { .. } => None,
        }
    }

    /// Whether the command returns while its cloud keeps running.
    pub fn detaches(&self) -> bool {
        matches!(self, Self::Up(up) if up.detach)
    }
}

/// A name becomes a folder, so it must not lead out of its parent.
fn cloud_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || text.len() > 20 || !text.chars().all(plain) {
        return Err("1 to 20 of a-z, 0-9 and -".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_cloud_name_stays_in_its_folder() {
        assert!(cloud_name("test-2").is_ok());
        for bad in ["", "..", "a/b", "Ä", "a_b", &"x".repeat(21)] {
            assert!(cloud_name(bad).is_err(), "{bad}");
        }
    }
}
