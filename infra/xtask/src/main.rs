//! `cargo xtask`: builds the program that does the work and becomes it.
//!
//! Cargo can only run a program that it built with the features of that program's own package. The rest of the
//! workspace needs more features of the same dependencies. So `cargo run` would compile most dependencies a second
//! time, without any display. This program has no dependencies. It builds the real one with the features of the whole
//! workspace and shows the progress.

use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread::available_parallelism;

use xtask::{Event, LOCAL, Pace, Progress, build};

/// The program that does the work of a command. Cargo puts it into the same folder as this one.
fn program_of(command: Option<&str>) -> &'static str {
    match command {
        Some("deploy" | "doctor" | "keys" | "sbom") => "operate",
        _ => "local-cloud",
    }
}

/// What a first run costs: about so many CPU seconds for the build, so many seconds for downloads and the start, and so
/// many GB.
struct FirstRun {
    /// A program that every complete build has. If it exists, this is not the first run.
    sign: &'static str,
    cpu_seconds: u64,
    other_seconds: u64,
    gigabytes: u64,
}

/// For the commands that start a cloud.
const CLOUD: FirstRun = FirstRun { sign: "provision-tenant", cpu_seconds: 600, other_seconds: 120, gigabytes: 3 };
/// The cost for commands that also build every test.
const TESTS: FirstRun = FirstRun { sign: "faults", cpu_seconds: 1050, other_seconds: 120, gigabytes: 4 };

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<ExitCode> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let verbose = arguments.iter().any(|argument| argument == "--verbose");
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = Path::new(&package).join("../..");
    let command = arguments.first().and_then(|command| command.to_str());
    let name = program_of(command);
    let program = std::env::current_exe()?.with_file_name(name);
    if let Some(first) = command.and_then(first_run)
        && !program.with_file_name(first.sign).exists()
    {
        first.announce();
    }
    if !build_program(&root, name, verbose)? {
        return Ok(ExitCode::FAILURE);
    }
    Err(Command::new(program).args(arguments).exec())
}

fn first_run(command: &str) -> Option<FirstRun> {
    match command {
        "demo" | "up" | "fuzz" | "faults" => Some(CLOUD),
        "test" | "pictures" => Some(TESTS),
        _ => None,
    }
}

impl FirstRun {
    fn announce(&self) {
        let cores = available_parallelism().map_or(1, |cores| cores.get() as u64);
        // More cores do not help where crates wait for each other.
        let minutes = (self.cpu_seconds / cores.min(8) + self.other_seconds).div_ceil(60);
        let (plural, gigabytes) = (if cores == 1 { "" } else { "s" }, self.gigabytes);
        eprintln!(
            "First run: builds and installs what it needs. About {minutes} min on {cores} core{plural}, {gigabytes} GB in target/."
        );
        eprintln!("Later runs start in seconds. (--verbose shows every crate.)\n");
    }
}

fn build_program(root: &Path, name: &str, verbose: bool) -> io::Result<bool> {
    let terminal = io::stderr().is_terminal();
    let mut pace = Pace::default();
    let built = build(root, LOCAL, &["--workspace", "--bin", name], verbose, |event| match event {
        Event::Tick(progress) if terminal && progress.is_worth_showing() => draw(progress),
        Event::Tick(progress) if pace.is_due(progress) => eprintln!("  · cargo xtask itself: {progress}"),
        Event::Line(line) if terminal => eprintln!("{CLEAR}{line}"),
        Event::Line(line) => eprintln!("{line}"),
        Event::Tick(_) | Event::Message(_) => {}
    });
    if terminal {
        eprint!("{CLEAR}");
    }
    built
}

/// Moves to the start of the line and clears it.
const CLEAR: &str = "\r\u{1b}[2K";

/// The width of the bar, in characters.
const WIDTH: usize = 30;

fn draw(progress: &Progress) {
    let (done, total) = progress.counts();
    let filled = (done * WIDTH).checked_div(total).unwrap_or(0);
    let bar: String = (0..WIDTH).map(|cell| if cell < filled { '█' } else { '░' }).collect();
    let seconds = progress.elapsed().as_secs();
    eprint!("{CLEAR}  {bar} cargo xtask itself: {progress} ({}:{:02})", seconds / 60, seconds % 60);
    let _ = io::stderr().flush();
}
