//! A model of how the audit log is sealed (`reconcile-tenants`: `singleton_take.sql`, `audit_last_seal.sql`,
//! `audit_unsealed.sql`, `audit_seal.sql`). Writers commit in any order and may roll back; two reconcilers may both believe
//! that they are alone.
//!
//! A statement is one act. That its caller dies, or that its answer is lost, is that the caller does nothing more. Time is left
//! out: a lease that is held may have ended at any moment.

use stateright::{Model, Property};

/// How many rows are written.
const ROWS: usize = 3;
/// How many rows one statement seals at most.
const BATCH: usize = 2;

/// What is left out of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Omission {
    /// Neither does the statement check the lease, nor is a number taken only once.
    LeaseAndNumber,
    /// Rows are sealed by their own numbers: those behind the last sealed one.
    LateRows,
    /// A row is sealed before it is committed.
    Commit,
}

/// The model and its bounds.
#[derive(Clone, Copy, Debug)]
pub struct Sealing {
    /// How often a reconciler dies.
    pub deaths: u8,
    /// What is left out.
    pub omission: Option<Omission>,
}

/// How far a row of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// It is written in an open transaction.
    Open,
    /// It is committed.
    Committed,
    /// Its transaction was rolled back.
    Gone,
}

/// A seal: of which row, and after the seal of which row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// The place in the chain that it claims, from 0.
    number: usize,
    row: usize,
    after: Option<usize>,
}

/// Where the chain ends, as a reconciler read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct End {
    length: usize,
    /// The row that was sealed last.
    row: Option<usize>,
}

/// What a reconciler knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sealer {
    /// It is not at work.
    Idle,
    /// It took the lease.
    Leased,
    /// It read where the chain ends.
    Read(End),
    /// It read the rows to seal as well.
    Ready(End, [Option<usize>; BATCH]),
}

/// One world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Log {
    rows: [Entry; ROWS],
    seals: Vec<Link>,
    sealers: [Sealer; 2],
    /// Who holds the lease, as the database sees it.
    lease: Option<usize>,
    deaths: u8,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A row's transaction commits.
    Commit(usize),
    /// It rolls back.
    RollBack(usize),
    /// A reconciler's next act.
    Go(usize),
    /// It dies.
    Die(usize),
    /// The lease ends.
    Expire,
}

impl Log {
    fn is_sealed(&self, row: usize) -> bool {
        self.seals.iter().any(|seal| seal.row == row)
    }

    /// The oldest rows without a seal.
    fn unsealed(&self, last: Option<usize>, omission: Option<Omission>) -> [Option<usize>; BATCH] {
        let committed = |row: usize| match self.rows[row] {
            Entry::Committed => true,
            Entry::Open => omission == Some(Omission::Commit),
            Entry::Gone => false,
        };
        let behind = |row: usize| omission != Some(Omission::LateRows) || last.is_none_or(|last| row > last);
        let mut found = (0..ROWS).filter(|row| committed(*row) && behind(*row) && !self.is_sealed(*row));
        std::array::from_fn(|_| found.next())
    }

    /// The statement that seals: all or nothing.
    fn seal(&mut self, who: usize, end: End, rows: [Option<usize>; BATCH], guarded: bool) {
        let first_is_free = self.seals.iter().all(|seal| seal.number < end.length);
        if guarded && (self.lease != Some(who) || !first_is_free) {
            return;
        }
        let mut after = end.row;
        for (place, row) in rows.into_iter().flatten().enumerate() {
            self.seals.push(Link { number: end.length + place, row, after });
            after = Some(row);
        }
    }

    fn goes(&mut self, who: usize, omission: Option<Omission>) {
        self.sealers[who] = match self.sealers[who] {
            Sealer::Idle => {
                if self.lease.is_some() {
                    return;
                }
                self.lease = Some(who);
                Sealer::Leased
            }
            Sealer::Leased => {
                let last = self.seals.last();
                Sealer::Read(End { length: last.map_or(0, |seal| seal.number + 1), row: last.map(|seal| seal.row) })
            }
            Sealer::Read(end) => Sealer::Ready(end, self.unsealed(end.row, omission)),
            Sealer::Ready(end, rows) => {
                self.seal(who, end, rows, omission != Some(Omission::LeaseAndNumber));
                if self.lease == Some(who) {
                    self.lease = None;
                }
                Sealer::Idle
            }
        };
    }

    /// Whether a reconciler that nobody disturbs seals everything that is committed.
    fn is_sealed_in_the_end(&self, omission: Option<Omission>) -> bool {
        let mut log = Self { lease: None, sealers: [Sealer::Idle; 2], ..self.clone() };
        for _ in 0..ROWS * 4 {
            log.goes(0, omission);
        }
        (0..ROWS).all(|row| log.rows[row] != Entry::Committed || log.is_sealed(row))
    }

    /// Whether each seal is made of the one before, and no row or number is there twice.
    fn is_one_chain(&self) -> bool {
        self.seals.iter().enumerate().all(|(place, seal)| {
            let before = place.checked_sub(1).map(|before| self.seals[before].row);
            let once = self.seals.iter().filter(|other| other.row == seal.row).count() == 1;
            seal.number == place && seal.after == before && once
        })
    }
}

impl Model for Sealing {
    type State = Log;
    type Action = Event;

    fn init_states(&self) -> Vec<Log> {
        vec![Log {
            rows: [Entry::Open; ROWS],
            seals: Vec::new(),
            sealers: [Sealer::Idle; 2],
            lease: None,
            deaths: self.deaths,
        }]
    }

    fn actions(&self, log: &Log, events: &mut Vec<Event>) {
        for row in (0..ROWS).filter(|row| log.rows[*row] == Entry::Open) {
            events.extend([Event::Commit(row), Event::RollBack(row)]);
        }
        for who in 0..2 {
            events.push(Event::Go(who));
            if log.sealers[who] != Sealer::Idle && log.deaths > 0 {
                events.push(Event::Die(who));
            }
        }
        if log.lease.is_some() {
            events.push(Event::Expire);
        }
    }

    fn next_state(&self, log: &Log, event: Event) -> Option<Log> {
        let mut next = log.clone();
        match event {
            Event::Commit(row) => next.rows[row] = Entry::Committed,
            Event::RollBack(row) => next.rows[row] = Entry::Gone,
            Event::Go(who) => next.goes(who, self.omission),
            Event::Die(who) => {
                next.deaths -= 1;
                next.sealers[who] = Sealer::Idle;
            }
            Event::Expire => next.lease = None,
        }
        // A chain that is too long is wrong already.
        (next.seals.len() <= ROWS + 1).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the seals are one chain", |_, log: &Log| log.is_one_chain()),
            Property::always("what is sealed is committed", |_, log: &Log| {
                log.seals.iter().all(|seal| log.rows[seal.row] == Entry::Committed)
            }),
            Property::always("what is committed is sealed in the end", |model: &Self, log: &Log| {
                log.is_sealed_in_the_end(model.omission)
            }),
            Property::sometimes("a row is sealed after a younger one", |_, log: &Log| {
                log.seals.windows(2).any(|pair| pair[0].row > pair[1].row)
            }),
            Property::sometimes("two believe that they are alone", |_, log: &Log| {
                log.sealers.iter().all(|sealer| matches!(sealer, Sealer::Ready(..)))
            }),
        ]
    }
}
