//! Lines on standard error, where something may be drawn anew again and again.

use std::fmt::Display;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;

/// What is drawn at the moment.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Says what is drawn from now on.
pub fn draws(bar: Option<&ProgressBar>) {
    *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = bar.cloned();
}

/// Writes a line to standard error, above what is drawn there.
pub fn note(line: impl Display) {
    match &*DRAWN.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(bar) => bar.suspend(|| write(&line)),
        None => write(&line),
    }
}

/// Who has closed standard error does not want to know.
fn write(line: &impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
