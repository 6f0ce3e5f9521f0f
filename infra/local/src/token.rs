//! `cargo xtask token`.

use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::{CloudName, Whose};
use crate::deployed::Deployed;
use crate::layout::Workspace;

/// Prints only the token, so that it can be used in a command substitution.
pub async fn run(cloud: &CloudName, whose: &Whose) -> anyhow::Result<ExitCode> {
    let deployed = Deployed::load(&Workspace::find()?.cloud(&cloud.name))?;
    let token = match whose {
        Whose::Admin => deployed.jwt.admin()?,
        Whose::Tenant { slug } => {
            let id = deployed.id_of_tenant(slug).await?;
            deployed.jwt.tenant(&id.with_context(|| format!("there is no tenant {slug}"))?)?
        }
    };
    println!("{token}");
    Ok(ExitCode::SUCCESS)
}
