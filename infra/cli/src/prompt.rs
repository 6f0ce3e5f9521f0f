//! Secrets that are typed. The terminal does not show them, and Ctrl-C leaves it as it was.

use std::io;

use crate::error::Error;

/// Asks for a secret on the terminal.
pub fn secret(prompt: &str) -> Result<String, Error> {
    // Once somebody listens, the signal interrupts the prompt and not the program.
    #[cfg(unix)]
    let _listening = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt());
    // `rpassword` asks first and hides then: whoever is quick would be seen.
    #[cfg(unix)]
    let _hidden = unix::Hidden::now();
    rpassword::prompt_password(prompt).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => Error::Interrupted(None, None),
        _ => Error::system(error),
    })
}

#[cfg(unix)]
mod unix {
    use std::fs::File;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    /// The terminal shows nothing of what is typed, until this is dropped.
    pub struct Hidden {
        terminal: File,
        before: Termios,
    }

    impl Hidden {
        /// Without a terminal there is nothing to hide.
        pub fn now() -> Option<Self> {
            let terminal = File::options().read(true).write(true).open("/dev/tty").ok()?;
            let before = tcgetattr(&terminal).ok()?;
            let mut hidden = before.clone();
            hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
            tcsetattr(&terminal, OptionalActions::Now, &hidden).ok()?;
            Some(Self { terminal, before })
        }
    }

    impl Drop for Hidden {
        fn drop(&mut self) {
            // A terminal that is gone shows nothing.
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        }
    }
}
