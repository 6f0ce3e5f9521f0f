//! A part of the matrix, drawn at random, and a small storm. `cargo xtask faults` plays the whole matrix.

use anyhow::{Result, ensure};
use e2e::alone;
use faults::storm::{self, Storm};
use faults::{Selection, Stage, Table, play, select};

/// The seed that chooses the part.
const SEED: u64 = 20_261_127;
/// How many cells it has.
const CELLS: usize = 40;
/// How many tenants the small storm has.
const TENANTS: usize = 12;

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_part_of_the_matrix_is_green() -> Result<()> {
    let stage = Stage::from_env()?;
    let _alone = alone().await;
    stage.proxy.reset().await?;
    let selection = Selection { sample: Some(CELLS), ..Selection::default() };
    let verdicts = play(&stage, select(&selection, SEED), 12).await;
    let table = Table::of(&verdicts);
    println!("{table}\n{}", table.counts(&verdicts));
    let red = verdicts.iter().filter_map(|verdict| Some(format!("{}: {}", verdict.cell.name(), verdict.red.as_ref()?)));
    let red: Vec<String> = red.collect();
    ensure!(red.is_empty(), "{red:#?}");
    ensure!(verdicts.len() == CELLS, "{} cells were played", verdicts.len());
    stage.proxy.reset().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn tenants_go_live_while_processes_are_killed() -> Result<()> {
    let stage = Stage::from_env()?;
    let _alone = alone().await;
    let outcome = storm::rage(&stage, Storm { tenants: TENANTS, seed: SEED, outages: false }).await?;
    println!("{outcome}");
    ensure!(outcome.is_calm(), "{outcome}");
    ensure!(outcome.killed > 0, "no process was killed");
    Ok(())
}
