//! Prints the content of `infra/CONFIGURATION.md`.

fn main() -> anyhow::Result<()> {
    print!("{}", contracts::configuration::render()?);
    Ok(())
}
