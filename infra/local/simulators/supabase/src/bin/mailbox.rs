//! `mailbox`: see the library.

fn main() -> std::process::ExitCode {
    simulator::run(supabase_simulator::mailbox::start)
}
