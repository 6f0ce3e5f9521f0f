//! The cells of the matrix. Many are played at once, each with its own tenant.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, anyhow};
use futures_util::StreamExt as _;
use futures_util::stream;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use tokio::time::timeout;

use crate::actors::{self, ACTS, Act};
use crate::bar::Bar;
use crate::effects::{EFFECTS, Effect};
use crate::fault::{COLUMNS, Fault, Kind};
use crate::stage::{Missed, Stage};
use crate::step_cell::{self, Played};

/// A cell fails if it takes longer.
const LONGEST: Duration = Duration::from_mins(10);

/// How often a cell is tried if another process does the work first.
const TRIES: usize = 8;

/// A row of the matrix: an effect.
#[derive(Clone, Copy, Debug)]
pub enum Row {
    /// An effect of a step.
    Step(&'static Effect),
    /// An effect of another actor.
    Act(&'static Act),
}

impl Row {
    /// The actor of the effect, and the effect's name.
    #[must_use]
    pub fn name(self) -> (String, &'static str) {
        match self {
            Self::Step(effect) => (format!("step {}", effect.step), effect.name),
            Self::Act(act) => (act.actor.to_string(), act.name),
        }
    }

    /// Every row, in the table's order.
    pub fn all() -> impl Iterator<Item = Self> {
        EFFECTS.iter().map(Self::Step).chain(ACTS.iter().map(Self::Act))
    }

    /// Whether the fault is possible for this effect.
    #[must_use]
    pub fn can_meet(self, fault: Fault) -> bool {
        match self {
            Self::Step(effect) => effect.can_meet(fault),
            Self::Act(act) => act.can_meet(fault),
        }
    }
}

/// One effect met by one fault.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// The effect.
    pub row: Row,
    /// The fault.
    pub fault: Fault,
}

/// The result of a cell.
#[derive(Debug)]
pub struct Verdict {
    /// The cell.
    pub cell: Cell,
    /// How many more `POST`s it took.
    pub posts: u32,
    /// Whether there was a second mail in a cell in which that cannot be avoided.
    pub second_mail: bool,
    /// How many kinds of things exist too often.
    pub doubled: usize,
    /// How many kinds of things are missing.
    pub lost: usize,
    /// Why it is red; `None` if it is green.
    pub red: Option<String>,
}

/// Which cells to play.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only this step's effects.
    pub step: Option<usize>,
    /// Only this kind of fault.
    pub kind: Option<Kind>,
    /// Only rows whose name contains this.
    pub row: Option<String>,
    /// Only this part of them.
    pub part: Option<Part>,
    /// Only this many, drawn by lot.
    pub sample: Option<usize>,
}

/// One of several equal parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which one, from 0.
    index: usize,
    /// How many there are.
    of: usize,
}

impl FromStr for Part {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let numbers = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((index, of)) if (1..=of).contains(&index) => Ok(Self { index: index - 1, of }),
            _ => Err("must be like 2/4: which part, and of how many"),
        }
    }
}

/// The selected cells, in an order that the seed decides.
#[must_use]
pub fn select(selection: &Selection, seed: u64) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    for row in Row::all() {
        let of_step = selection.step.is_none_or(|step| matches!(row, Row::Step(effect) if effect.step == step));
        let (actor, name) = row.name();
        let named = selection.row.as_ref().is_none_or(|part| format!("{actor} {name}").contains(part.as_str()));
        let faults = COLUMNS.iter().map(|column| column.fault);
        let faults =
            faults.filter(|fault| row.can_meet(*fault) && selection.kind.is_none_or(|kind| kind == fault.kind));
        cells.extend(faults.filter(|_| of_step && named).map(|fault| Cell { row, fault }));
    }
    cells.shuffle(&mut StdRng::seed_from_u64(seed));
    if let Some(Part { index, of }) = selection.part {
        cells = cells.into_iter().skip(index).step_by(of).collect();
    }
    cells.truncate(selection.sample.unwrap_or(usize::MAX));
    cells
}

/// Plays the cells, `at_once` at the same time.
pub async fn play(stage: &Stage, cells: Vec<Cell>, at_once: usize) -> Vec<Verdict> {
    let bar = Bar::new(cells.len(), "cells");
    let mut verdicts = Vec::new();
    let mut playing = stream::iter(cells).map(|cell| cell.verdict(stage)).buffer_unordered(at_once);
    while let Some(verdict) = playing.next().await {
        if let Some(reason) = &verdict.red {
            bar.say(&format!("red: {}: {reason}", verdict.cell.name()));
        }
        verdicts.push(verdict);
        let red = verdicts.iter().filter(|verdict| verdict.red.is_some()).count();
        bar.advance(&format!(", {red} red"));
    }
    verdicts
}

impl Selection {
    /// Whether the whole matrix is selected.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.step.is_none() && self.kind.is_none() && self.row.is_none() && self.part.is_none() && self.sample.is_none()
    }
}

impl Cell {
    /// The cell's name for people.
    #[must_use]
    pub fn name(self) -> String {
        let (actor, effect) = self.row.name();
        let heading = COLUMNS.iter().find(|column| column.fault == self.fault).map_or("?", |column| column.heading);
        format!("{actor}, {effect}, {heading}")
    }

    /// A second mail cannot be avoided if the mail server took the first one without Auth hearing of it: Auth deletes
    /// the invitee, because it believes that the mail was not sent.
    fn may_mail_twice(self) -> bool {
        let mails = match self.row {
            Row::Step(effect) => effect.name == "mail",
            Row::Act(act) => act.is_mail(),
        };
        mails && matches!(self.fault.kind, Kind::Lost | Kind::Hang)
    }

    async fn verdict(self, stage: &Stage) -> Verdict {
        let mut played = self.play(stage).await;
        for _ in 1..TRIES {
            if !played.as_ref().is_err_and(anyhow::Error::is::<Missed>) {
                break;
            }
            played = self.play(stage).await;
        }
        self.judge(played)
    }

    async fn play(self, stage: &Stage) -> Result<Played> {
        let played = timeout(LONGEST, async {
            match self.row {
                Row::Step(effect) => step_cell::play(stage, effect, self.fault).await,
                Row::Act(act) => actors::play(stage, act, self.fault).await,
            }
        });
        played.await.unwrap_or_else(|_| Err(anyhow!("not over within {LONGEST:?}")))
    }

    fn judge(self, played: Result<Played>) -> Verdict {
        let mut verdict = Verdict { cell: self, posts: 0, second_mail: false, doubled: 0, lost: 0, red: None };
        let Played { testimony, posts } = match played {
            Ok(played) => played,
            Err(error) => {
                verdict.red = Some(format!("{error:#}"));
                return verdict;
            }
        };
        let (doubled, lost) = (testimony.doubled(), testimony.lost());
        let mails = testimony.mails;
        verdict.posts = posts;
        verdict.second_mail = mails == Some(2) && self.may_mail_twice();
        verdict.doubled = doubled.len() + usize::from(mails.is_some_and(|mails| mails > 1) && !verdict.second_mail);
        verdict.lost = lost.len() + usize::from(mails == Some(0));
        if verdict.doubled + verdict.lost > 0 {
            verdict.red = Some(format!("too many: {doubled:?}, too few: {lost:?}, mails: {mails:?}"));
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(part: Option<&str>) -> Vec<String> {
        let part = part.map(|part| part.parse().expect("a part"));
        select(&Selection { part, ..Selection::default() }, 1).into_iter().map(Cell::name).collect()
    }

    #[test]
    fn parts_are_the_whole_and_no_cell_is_in_two() {
        let parts = ["1/3", "2/3", "3/3"].map(|part| names(Some(part)));
        let sizes = parts.each_ref().map(Vec::len);
        assert!(sizes.iter().max().expect("a part") - sizes.iter().min().expect("a part") <= 1, "{sizes:?}");
        let together: Vec<String> = parts.into_iter().flatten().collect();
        assert_eq!(together.len(), names(None).len());
        assert_eq!(together.iter().collect::<BTreeSet<_>>(), names(None).iter().collect());
    }

    #[test]
    fn a_part_is_one_of_so_many() {
        for bad in ["", "1", "0/2", "3/2", "1/0", "-1/2", "a/b", "1/2/3", "1/ 2"] {
            assert!(bad.parse::<Part>().is_err(), "{bad}");
        }
    }
}
