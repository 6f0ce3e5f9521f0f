//! Prints the content of `functions/api/ERRORS.md`.

fn main() -> anyhow::Result<()> {
    print!("{}", contracts::errors::render()?);
    Ok(())
}
