//! `bench`: measures, and writes `BENCHMARKS.md` with its picture and its figures. `cargo xtask bench` starts it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use bench::builds::Builds;
use bench::hops::Hops;
use bench::instructions::Counter;
use bench::machine::Machine;
use bench::packages::Packages;
use bench::pipeline::{Functions, Pipeline};
use bench::process::{self, BECOME};
use bench::report::{Measured, Memories, Outcome, Results, WithMemory, replaced};
use bench::series::{self, Cutter, Plan};
use bench::share::{self, Quota};
use bench::targets::{Contest, Kind, Programs};
use bench::{plot, size, tenants};
use clap::{Parser, Subcommand};
use jiff::Zoned;
use test_database::TestDatabase;
use tokio_postgres::Client;

/// Measures `get-tenant` and `list-tenants` beside the same work in other languages.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// The functions' memory, in MB, which buys them a share of a core.
    #[arg(long, default_value_t = 256)]
    memory: u32,
    /// Few starts, nobody else's instructions, and no document is written.
    #[arg(long)]
    quick: bool,
    /// Measures the packages of these functions too.
    #[arg(long, value_name = "FUNCTION", value_delimiter = ',')]
    packages: Vec<String>,
    /// Measures our functions with other sizes of memory too.
    #[arg(long)]
    memories: bool,
    #[command(subcommand)]
    other: Option<Other>,
}

/// What is done instead.
#[derive(Debug, Subcommand)]
enum Other {
    /// Writes what `bench-pipeline` found of both languages into the document.
    Pipeline {
        /// Its file about our functions.
        ours: PathBuf,
        /// The same about those in Python.
        python: PathBuf,
    },
    /// Measures how long builds take, and writes that into the document.
    Builds,
}

/// The file of the results.
const RESULTS: &str = "results.json";

/// From one call to the next where a process has a share of a core.
const EVERY: Duration = Duration::from_millis(20);

/// The sizes of memory that are tried, up to a whole core, in MB.
const MEMORIES: [u32; 6] = [128, 192, 256, 512, 1024, 1769];

fn main() -> Result<()> {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == BECOME) {
        let group = words.next().context("no group")?;
        let program: Vec<OsString> = words.collect();
        return Err(process::become_program(Path::new(&group), &program)
            .err()
            .unwrap_or_else(|| anyhow!("it returned")));
    }
    let arguments = Arguments::parse();
    match &arguments.other {
        None => measure(&arguments),
        Some(Other::Pipeline { ours, python }) => {
            let (ours, python) = (Functions::read(ours)?, Functions::read(python)?);
            rewrite(|results| results.pipeline = Some(Pipeline { day: today(), ours, python }))
        }
        Some(Other::Builds) => {
            let builds = Builds::measure(&root()?, today())?;
            rewrite(|results| results.builds = Some(builds))
        }
    }
}

/// Changes a part of the last results, and writes them.
fn rewrite(change: impl FnOnce(&mut Results)) -> Result<()> {
    let (root, folder) = (root()?, folder()?);
    let mut results = Results::read(&folder.join(RESULTS))?;
    change(&mut results);
    print!("\n{}", results.tables());
    write(&root, &folder, &results)
}

fn root() -> Result<PathBuf> {
    std::env::var_os("BENCH_ROOT").map(PathBuf::from).context("run `cargo xtask bench`")
}

/// Where the results are.
fn folder() -> Result<PathBuf> {
    Ok(root()?.join("tests/bench/results"))
}

fn today() -> String {
    Zoned::now().strftime("%Y-%m-%d").to_string()
}

#[tokio::main(flavor = "current_thread")]
async fn measure(arguments: &Arguments) -> Result<()> {
    let machine = Machine::this()?;
    let root = root()?;
    let made = tempfile::tempdir()?;
    let programs = Programs::of_environment(made.path().to_owned())?;
    let database = TestDatabase::control().await;
    let superuser = database.connect().await;
    tell("the way of a call, without the call");
    let hops = Hops::measure(EVERY, 500)?;
    tell("putting tenants into the database");
    tenants::put(&superuser).await?;
    let bench = Bench {
        arguments,
        programs: &programs,
        cutter: Cutter { superuser: &superuser, user: &database.users().reader.username },
        quota: Quota::of(share::of_memory(arguments.memory)).map_err(|error| format!("{error:#}")),
        counter: Counter::find().map_err(|error| format!("{error:#}")),
    };
    let contests = [
        (
            programs.get_tenant(&database).await?,
            Amount { starts: 60, warm: 20, shared: 8, calls: 200, every: 60, counted: 200 },
        ),
        (
            programs.list_tenants(&database)?,
            Amount { starts: 8, warm: 8, shared: 4, calls: 25, every: 25, counted: 20 },
        ),
    ];
    let mut outcomes = Vec::new();
    for (contest, amount) in &contests {
        outcomes.push(bench.outcome(contest, *amount).await?);
    }
    let folder = folder()?;
    let before = Results::read(&folder.join(RESULTS)).ok();
    let day = today();
    let packages = if arguments.packages.is_empty() {
        before.as_ref().and_then(|before| before.packages.clone())
    } else {
        tell("packages of all functions");
        Some(Packages { day: day.clone(), sizes: size::of_functions(&arguments.packages, &programs).await? })
    };
    let memories = match (&bench.quota, arguments.memories) {
        (Ok(_), true) => Some(Memories { day: day.clone(), rows: bench.with_memories(&contests).await? }),
        (Ok(_) | Err(_), _) => before.as_ref().and_then(|before| before.memories.clone()),
    };
    let results = Results {
        day,
        machine,
        versions: versions(&contests, &superuser).await?,
        memory_mb: arguments.memory,
        share: bench.quota.as_ref().map(|_| share::of_memory(arguments.memory)).map_err(Clone::clone),
        hops: Some(hops),
        counter: bench.counter.as_ref().map(Counter::to_string).map_err(Clone::clone),
        contests: outcomes,
        packages,
        memories,
        pipeline: before.as_ref().and_then(|before| before.pipeline.clone()),
        builds: before.as_ref().and_then(|before| before.builds.clone()),
    };
    print!("\n{}", results.tables());
    if let Some(before) = before {
        let changes = results.changes(&before);
        println!("\nChanged since {}: {}", before.day, if changes.is_empty() { "nothing" } else { "" });
        for change in changes {
            println!("  {change}");
        }
    }
    if arguments.quick { Ok(()) } else { write(&root, &folder, &results) }
}

fn write(root: &Path, folder: &Path, results: &Results) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    results.write(&folder.join(RESULTS))?;
    std::fs::write(folder.join("plot.svg"), plot::of(results)?)?;
    let document = root.join("BENCHMARKS.md");
    let text = replaced(&std::fs::read_to_string(&document)?, &results.tables())?;
    std::fs::write(&document, text)?;
    println!("\nBENCHMARKS.md is up to date");
    Ok(())
}

/// How much of a contest is measured.
#[derive(Clone, Copy, Debug)]
struct Amount {
    /// Starts of each program with whole cores.
    starts: usize,
    /// Of these, so many are followed by warm calls.
    warm: usize,
    /// Starts with a share of a core.
    shared: usize,
    /// Warm calls of each start with whole cores.
    calls: usize,
    /// The same with a share.
    every: usize,
    /// Warm calls whose instructions are counted.
    counted: u32,
}

struct Bench<'a> {
    arguments: &'a Arguments,
    programs: &'a Programs,
    cutter: Cutter<'a>,
    quota: Result<Quota, String>,
    counter: Result<Counter, String>,
}

impl Bench<'_> {
    async fn with_memories(&self, contests: &[(Contest, Amount)]) -> Result<Vec<WithMemory>> {
        let mut rows = Vec::new();
        for (contest, amount) in contests {
            let alone = Contest { targets: contest.targets[..1].to_vec(), ..contest.clone() };
            for memory_mb in MEMORIES {
                tell(&format!("{}: the share of a core that {memory_mb} MB buy", contest.route));
                let quota = Quota::of(share::of_memory(memory_mb))?;
                let plan = Plan::of(amount.shared, amount.every, EVERY);
                let observed = series::play(&alone, plan, Some(&quota), &self.cutter).await?;
                let figures = observed[0].figures();
                rows.push(WithMemory { route: contest.route.to_owned(), memory_mb, figures });
            }
        }
        Ok(rows)
    }

    async fn outcome(&self, contest: &Contest, amount: Amount) -> Result<Outcome> {
        // What a first run has to read and to compile is not measured.
        let once = Plan { starts: 1, warm: 0, calls: 0, every: None };
        series::play(contest, once, None, &self.cutter).await?;
        let fewer = |count: usize| if self.arguments.quick { count.div_ceil(4) } else { count };
        tell(&format!("{}: whole cores", contest.route));
        let (starts, warm) = (fewer(amount.starts), fewer(amount.warm));
        let plan = Plan { starts, warm, calls: amount.calls, every: None };
        let whole = series::play(contest, plan, None, &self.cutter).await?;
        let shared = match &self.quota {
            Ok(quota) => {
                tell(&format!("{}: the share of a core that {} MB buy", contest.route, self.arguments.memory));
                let plan = Plan::of(fewer(amount.shared), amount.every, EVERY);
                Some(series::play(contest, plan, Some(quota), &self.cutter).await?)
            }
            Err(_) => None,
        };
        tell(&format!("{}: instructions", contest.route));
        let mut measured = Vec::new();
        for (number, target) in contest.targets.iter().enumerate() {
            let peers = matches!(target.kind, Kind::Node | Kind::Python);
            let instructions = match &self.counter {
                Ok(_) if peers && self.arguments.quick => Err("a quick run".to_owned()),
                Ok(counter) => {
                    counter.count(contest, target, amount.counted).await.map_err(|error| format!("{error:#}"))
                }
                Err(why) => Err(why.clone()),
            };
            measured.push(Measured {
                name: target.name.clone(),
                kind: target.kind,
                peak_memory: whole[number].peak_memory,
                size: size::of(target, self.programs).await?,
                whole: whole[number].figures(),
                first_answers_us: whole[number].first_answers_us(),
                shared: shared.as_ref().map(|shared| shared[number].figures()),
                instructions,
            });
        }
        Ok(Outcome {
            route: contest.route.to_owned(),
            request: contest.request.clone(),
            answer_bytes: series::body_bytes(&whole[0].answer)?,
            measured,
        })
    }
}

/// Says what comes now, for whoever waits.
fn tell(what: &str) {
    eprintln!("  · {what}");
}

async fn versions(contests: &[(Contest, Amount)], superuser: &Client) -> Result<Vec<String>> {
    let mut versions = Vec::new();
    for target in contests[0].0.targets.iter().filter(|target| matches!(target.kind, Kind::Node | Kind::Python)) {
        let said = Command::new(&target.program[0]).arg("--version").output()?;
        let version = String::from_utf8_lossy(&said.stdout).trim().trim_start_matches(&target.name).trim().to_owned();
        versions.push(format!("{} {}", target.name, version.trim_start_matches('v')));
    }
    let postgres: String = superuser.query_one("SHOW server_version", &[]).await?.get(0);
    versions.push(format!("Postgres {postgres}"));
    Ok(versions)
}
