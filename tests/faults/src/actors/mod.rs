//! Actors that are not steps: requests, `record-failure`, the reconciler and the check of the regions.

mod acts;
mod catalog;
mod check_region;
mod delete;
mod hold;
mod invite;
mod patch;
mod post;
mod reconciler;
mod record_failure;
mod repair;
mod requests;
mod restore;

use anyhow::Result;

pub use acts::{ACTS, Act, Actor};

use crate::effects::{EFFECTS, Effect};
use crate::fault::Fault;
use crate::stage::Stage;
use crate::step_cell::Played;

/// Plays a cell.
pub async fn play(stage: &Stage, act: &'static Act, fault: Fault) -> Result<Played> {
    match act.actor {
        Actor::Post => post::play(stage, act, fault).await,
        Actor::RecordFailure => record_failure::play(stage, act, fault).await,
        Actor::Reconciler => reconciler::play(stage, act, fault).await,
        Actor::CheckRegion => check_region::play(stage, act, fault).await,
        Actor::Patch => patch::play(stage, act, fault).await,
        Actor::Delete => delete::play(stage, act, fault).await,
        Actor::DeleteDuring(step) => delete::play_during(stage, effect(step, act.name)?, fault).await,
        Actor::Restore => restore::play(stage, act, fault).await,
        Actor::Hold | Actor::Release => hold::play(stage, act, fault).await,
        Actor::Invite => invite::play(stage, act, fault).await,
        Actor::Recover => invite::play_recovery(stage, act, fault).await,
        Actor::Catalog => catalog::play(stage, act, fault).await,
        Actor::Repair => repair::play(stage, act, fault).await,
    }
}

fn effect(step: usize, name: &str) -> Result<&'static Effect> {
    let effect = EFFECTS.iter().find(|effect| effect.step == step && effect.name == name);
    effect.ok_or_else(|| anyhow::anyhow!("step {step} has no {name}"))
}
