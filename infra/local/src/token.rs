//! `cargo xtask token`.

use std::process::ExitCode;

use crate::cli::{CloudName, Whose};
use crate::deployed::Deployed;
use crate::layout::Workspace;

/// Prints only the token, so that it can be used in a command substitution.
pub fn run(cloud: &CloudName, whose: &Whose) -> anyhow::Result<ExitCode> {
    let deployed = Deployed::load(&Workspace::find()?.cloud(&cloud.name))?;
    println!("{}", deployed.jwt.mint(whose)?);
    Ok(ExitCode::SUCCESS)
}
