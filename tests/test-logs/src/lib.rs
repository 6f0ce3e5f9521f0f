//! Lines that are logged meanwhile, and their metrics as CloudWatch reads them.

#![expect(clippy::missing_panics_doc, reason = "a test that panics fails, which is what it is for")]

mod format;

use std::io;
use std::sync::{Arc, Mutex};

use lambda_kit::telemetry;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use format::{Datum, metrics};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that this thread logs meanwhile, from `info` on.
#[must_use]
pub fn logged(work: impl FnOnce()) -> Vec<String> {
    let written = Written::default();
    let writer = written.clone();
    let guard = telemetry::lines(LevelFilter::INFO, move || writer.clone()).set_default();
    work();
    drop(guard);
    let bytes = written.0.lock().expect("not poisoned").clone();
    String::from_utf8(bytes).expect("text").lines().map(str::to_owned).collect()
}
