//! `faults [--step N] [--fault KIND] [--part I/N] [--seed S]`: plays the matrix against the cloud in the environment.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use faults::storm::{self, Storm};
use faults::{Kind, Part, Selection, Stage, Table, play, readme, select};

/// Lets every effect meet every fault, and prints the result. The whole matrix is written into tests/faults/README.md.
#[derive(Debug, Parser)]
#[command(name = "faults")]
struct Arguments {
    /// Only this step's effects.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=9))]
    step: Option<u8>,
    /// Only this kind of fault.
    #[arg(long, value_enum)]
    fault: Option<Kind>,
    /// Only effects whose row has this in its name, e.g. `reconciler`.
    #[arg(long)]
    row: Option<String>,
    /// Only this part of what is selected, e.g. 2/4. With one seed, the parts together are the whole, and no cell is in two.
    #[arg(long, value_name = "I/N")]
    part: Option<Part>,
    /// Only the cells that are red in the table. Their marks there are replaced.
    #[arg(long, conflicts_with_all = ["step", "fault", "row", "part", "storm"])]
    red: bool,
    /// Decides the order of the cells.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many cells are played at the same time.
    #[arg(long, default_value_t = 12)]
    at_once: usize,
    /// Instead of the matrix: make this many tenants at once while a process is killed every 100 ms.
    #[arg(long, value_name = "TENANTS")]
    storm: Option<usize>,
    /// During the storm, each dependency is taken away for 30 s, one after the other.
    #[arg(long, requires = "storm")]
    outages: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let stage = Stage::from_env()?;
    stage.proxy.reset().await?;
    if let Some(tenants) = arguments.storm {
        let storm = Storm { tenants, seed: arguments.seed, outages: arguments.outages };
        let outcome = storm::rage(&stage, storm).await?;
        println!("{outcome}");
        readme::write_storm(&outcome)?;
        return Ok(exit(outcome.is_calm()));
    }
    if arguments.red {
        let mut matrix = readme::matrix()?;
        let verdicts = play(&stage, matrix.red(), arguments.at_once).await;
        matrix.set(&verdicts);
        println!("{}", matrix.counts(&verdicts));
        readme::write_matrix(&matrix, &verdicts)?;
        return Ok(exit(matrix.red().is_empty()));
    }
    let selection = Selection {
        step: arguments.step.map(usize::from),
        kind: arguments.fault,
        row: arguments.row,
        part: arguments.part,
        sample: None,
    };
    let verdicts = play(&stage, select(&selection, arguments.seed), arguments.at_once).await;
    let table = Table::of(&verdicts);
    println!("{table}\n{}", table.counts(&verdicts));
    if selection.is_everything() {
        readme::write_matrix(&table, &verdicts)?;
    }
    Ok(exit(!verdicts.is_empty() && verdicts.iter().all(|verdict| verdict.red.is_none())))
}

fn exit(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
