//! `stripe-simulator`: see the library.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    simulator::run(stripe_simulator::start)
}
