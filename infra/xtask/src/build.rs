//! One call of cargo.

use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use crate::progress::Progress;

/// How often a build reports its progress.
const TICK: Duration = Duration::from_millis(200);

/// What a build reports to its caller.
#[derive(Debug)]
pub enum Event<'a> {
    /// The progress. It comes several times a second.
    Tick(&'a Progress),
    /// A line for the user to read, such as a compiler error.
    Line(&'a str),
    /// A message of `--message-format=json`.
    Message(&'a str),
}

/// A part of cargo's output.
enum Output {
    /// A line, or a bar, on standard error.
    Told(String),
    Message(String),
}

/// The profile of everything that runs on this machine only.
pub const LOCAL: &str = "local";

/// Runs `cargo build` with this profile and returns whether it succeeded. With `verbose` cargo writes its own lines to
/// the terminal.
pub fn build(
    root: &Path,
    profile: &str,
    arguments: &[&str],
    verbose: bool,
    mut on: impl FnMut(Event<'_>),
) -> io::Result<bool> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg("build").args(arguments).args(["--profile", profile, "--message-format=json-render-diagnostics"]);
    cargo.current_dir(root).stdin(Stdio::null()).stdout(Stdio::piped());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_about_this_program)) {
        cargo.env_remove(name);
    }
    if !verbose {
        // Cargo draws its bar, which holds the counts, into the pipe too.
        cargo.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "80").stderr(Stdio::piped());
        cargo.env("CARGO_TERM_COLOR", if io::stderr().is_terminal() { "always" } else { "never" });
    }
    let mut child = cargo.spawn()?;
    let (sender, receiver) = mpsc::channel();
    if let Some(errors) = child.stderr.take() {
        let sender = sender.clone();
        thread::spawn(move || send_pieces(errors, &sender));
    }
    if let Some(messages) = child.stdout.take() {
        thread::spawn(move || {
            for line in BufReader::new(messages).lines().map_while(Result::ok) {
                let _ = sender.send(Output::Message(line));
            }
        });
    }
    let mut progress = Progress::default();
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(Output::Message(message)) => on(Event::Message(&message)),
            Ok(Output::Told(line)) if progress.read(&line) => on(Event::Tick(&progress)),
            Ok(Output::Told(line)) => on(Event::Line(&line)),
            Err(RecvTimeoutError::Timeout) => on(Event::Tick(&progress)),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(child.wait()?.success())
}

/// Sends each piece that ends with a new line, or with the carriage return after which the bar is drawn again.
fn send_pieces(errors: impl Read, sender: &Sender<Output>) {
    let mut piece = Vec::new();
    for byte in BufReader::new(errors).bytes().map_while(Result::ok) {
        match byte {
            b'\n' | b'\r' => {
                let line = String::from_utf8_lossy(&piece).into_owned();
                // The bar is followed by a carriage return. The line that replaces it starts without the rest of the
                // bar.
                if byte == b'\n' || !line.trim().is_empty() {
                    let _ = sender.send(Output::Told(line));
                }
                piece.clear();
            }
            _ => piece.push(byte),
        }
    }
}

/// The variables with which cargo describes a program to the program it runs. Some build scripts (ring's) depend on
/// them. If they were passed on, those scripts would run again, and nearly everything would be compiled again.
fn is_about_this_program(variable: &str) -> bool {
    let prefixes: [&str; 6] =
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];
    prefixes.iter().any(|prefix| variable.starts_with(prefix))
}
