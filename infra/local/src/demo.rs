//! TODO
use crate::{cli::Demo, layout::Workspace, supervisor::Supervisor};
pub async fn run(_w: &Workspace, _o: &Demo, _s: &Supervisor) -> anyhow::Result<std::process::ExitCode> {
    anyhow::bail!("todo")
}
