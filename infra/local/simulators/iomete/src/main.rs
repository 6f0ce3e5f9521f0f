//! `iomete-simulator`: see the library.

fn main() -> std::process::ExitCode {
    simulator::run(iomete_simulator::start)
}
