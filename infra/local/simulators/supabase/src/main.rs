//! `supabase-simulator`: see the library.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    simulator::run(supabase_simulator::start)
}
