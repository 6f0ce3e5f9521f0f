//! `ivory`: the control plane from a terminal.

use std::process::ExitCode;

fn main() -> ExitCode {
    ivory::run()
}
