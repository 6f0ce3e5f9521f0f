//! One call of cargo.

use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use crate::progress::Progress;

/// How often a build tells how far it is.
const TICK: Duration = Duration::from_millis(200);

/// What a build tells whoever called it.
#[derive(Debug)]
pub enum Event<'a> {
    /// How far it is; comes several times a second.
    Tick(&'a Progress),
    /// A line for the user to read, such as a compiler error.
    Line(&'a str),
    /// A message of `--message-format=json`.
    Message(&'a str),
}

/// What the two outputs of cargo bring.
enum Output {
    /// A line, or a bar, on the error output.
    Told(String),
    Message(String),
}

/// Runs `cargo build` with the profile `local` and returns whether it succeeded. With `verbose` cargo writes its own lines
/// to the terminal.
pub fn build(root: &Path, arguments: &[&str], verbose: bool, mut on: impl FnMut(Event<'_>)) -> io::Result<bool> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg("build").args(arguments).args(["--profile", "local", "--message-format=json-render-diagnostics"]);
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

/// Sends what ends with a new line, or with the return by which a bar is drawn over.
fn send_pieces(errors: impl Read, sender: &Sender<Output>) {
    let mut piece = Vec::new();
    for byte in BufReader::new(errors).bytes().map_while(Result::ok) {
        match byte {
            b'\n' | b'\r' => {
                let line = String::from_utf8_lossy(&piece).into_owned();
                // A bar is followed by a return; the line that replaces it begins without the bar's rest.
                if byte == b'\n' || !line.trim().is_empty() {
                    let _ = sender.send(Output::Told(line));
                }
                piece.clear();
            }
            _ => piece.push(byte),
        }
    }
}

/// The variables in which cargo tells a program that it runs about that program. Some build scripts (ring's) ask for them:
/// passed on, they would make those scripts, and with them nearly everything, be built again.
fn is_about_this_program(variable: &str) -> bool {
    let prefixes: [&str; 6] =
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];
    prefixes.iter().any(|prefix| variable.starts_with(prefix))
}
