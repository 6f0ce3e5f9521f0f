//! A terminal, as a person has it before them.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

use crate::program::Ivory;

/// How often the screen is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// A program in a terminal.
pub struct Terminal {
    seen: Arc<Mutex<Seen>>,
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
}

struct Seen {
    parser: vt100::Parser,
    /// Everything that the program wrote.
    raw: Vec<u8>,
    /// Every screen that differs from the one before.
    screens: Vec<String>,
}

impl Terminal {
    /// Runs a command in a terminal of this size.
    pub fn open(ivory: &Ivory, (rows, cols): (u16, u16), line: &str) -> Result<Self> {
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 })?;
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_ivory"));
        command.args(shell_words::split(line)?);
        command.env_clear();
        for (name, value) in ivory.variables().iter().filter(|(name, _)| *name != "COLUMNS") {
            command.env(name, value);
        }
        command.env("TERM", "xterm-256color");
        command.cwd(ivory.home(""));
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let size = |number| NonZeroU16::new(number).context("a terminal without room");
        let parser = vt100::Parser::new(size(rows)?, size(cols)?, 0);
        let seen = Arc::new(Mutex::new(Seen { parser, raw: Vec::new(), screens: Vec::new() }));
        let (mut reader, screen) = (pair.master.try_clone_reader()?, Arc::clone(&seen));
        let keyboard = pair.master.take_writer()?;
        std::thread::spawn(move || {
            let _master = pair.master;
            let mut buffer = [0; 4096];
            // A terminal whose program has ended says so as an error.
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                lock(&screen).show(&buffer[..length]);
            }
        });
        Ok(Self { seen, child, keyboard })
    }

    pub fn types(&mut self, text: &str) -> Result<()> {
        self.keyboard.write_all(text.as_bytes())?;
        Ok(self.keyboard.flush()?)
    }

    /// What is on the screen: its rows.
    pub fn screen(&self) -> String {
        lock(&self.seen).screen()
    }

    /// Everything that was on the screen, in order.
    pub fn screens(&self) -> Vec<String> {
        lock(&self.seen).screens.clone()
    }

    /// Everything that the program wrote.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&lock(&self.seen).raw).into_owned()
    }

    /// Waits until the screen has this text.
    pub async fn shows(&self, text: &str, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        while !self.screen().contains(text) {
            if Instant::now() > end {
                bail!("no {text:?} on the screen:\n{}", self.screen());
            }
            tokio::time::sleep(GLANCE).await;
        }
        Ok(())
    }

    /// Waits until the program ends. Returns its exit code.
    pub async fn ends(&mut self, limit: Duration) -> Result<u32> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                // What it wrote last is read by then.
                tokio::time::sleep(GLANCE * 5).await;
                return Ok(status.exit_code());
            }
            if Instant::now() > end {
                self.child.kill()?;
                bail!("it does not end:\n{}", self.screen());
            }
            tokio::time::sleep(GLANCE).await;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
    }
}

impl Seen {
    fn screen(&self) -> String {
        let screen = self.parser.screen();
        let rows: Vec<_> = screen.rows(0, screen.size().1.get()).map(|row| row.trim_end().to_owned()).collect();
        rows.join("\n").trim_end().to_owned()
    }

    fn show(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.parser.process(bytes);
        let screen = self.screen();
        if self.screens.last() != Some(&screen) {
            self.screens.push(screen);
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
