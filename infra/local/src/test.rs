//! TODO
use crate::{cli::Test, layout::Workspace, supervisor::Supervisor};
pub async fn run(_w: &Workspace, _o: &Test, _s: &Supervisor) -> anyhow::Result<std::process::ExitCode> {
    anyhow::bail!("todo")
}
