//! `mailbox`: see the library.

fn main() -> std::process::ExitCode {
    simulator::run(mailbox::start)
}
