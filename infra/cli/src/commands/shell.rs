//! `ivory completions` and `ivory man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use crate::error::Error;
use crate::output::say;

/// Print the completions of a shell.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory completions bash > ~/.local/share/bash-completion/completions/ivory
  ivory completions zsh > ~/.zfunc/_ivory")]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

/// Print the manual, or write all its pages.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory man | man -l -
  ivory man --dir ~/.local/share/man/man1")]
pub struct Man {
    /// Write one page per command into this folder.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Completions {
    pub fn run(&self) -> Result<(), Error> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::command(), "ivory", &mut script);
        say(&String::from_utf8_lossy(&script))
    }
}

impl Man {
    pub fn run(&self) -> Result<(), Error> {
        let Some(dir) = &self.dir else {
            let mut page = Vec::new();
            clap_mangen::Man::new(crate::command()).render(&mut page).map_err(Error::system)?;
            return say(&String::from_utf8_lossy(&page));
        };
        std::fs::create_dir_all(dir).map_err(Error::system)?;
        clap_mangen::generate_to(crate::command(), dir).map_err(Error::system)
    }
}
