//! `stripe-simulator`: see the library.

fn main() -> std::process::ExitCode {
    simulator::run(stripe_simulator::start)
}
