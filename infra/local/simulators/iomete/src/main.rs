//! `iomete-simulator`: see the library.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    simulator::run(iomete_simulator::start)
}
