//! Prints the OpenAPI document: what `functions/api/openapi.json` is to hold.

fn main() -> anyhow::Result<()> {
    print!("{}", contracts::openapi::render()?);
    Ok(())
}
