//! `mailbox`: see the library.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    simulator::run(mailbox::start)
}
