//! Prints the OpenAPI document, the content of `functions/api/openapi.json`.

fn main() -> anyhow::Result<()> {
    print!("{}", contracts::openapi::render()?);
    Ok(())
}
