//! All worlds that can be reached, and those from which a good end is certain to be reachable.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use stateright::Model;

use crate::act::Act;
use crate::provisioning::Provisioning;
use crate::world::World;

/// All worlds of a model, and the edges that may be counted on.
pub struct Graph {
    /// The worlds in the order of their discovery, each with the act that first led to it.
    parents: Vec<(u32, Option<Act>)>,
    /// The edges that may be counted on, backwards: `sources[starts[to]..starts[to + 1]]` lead to `to`.
    starts: Vec<u32>,
    sources: Vec<(u32, bool)>,
    goals: Vec<Goals>,
}

/// Which goals a world has reached.
#[derive(Clone, Copy)]
struct Goals {
    well: bool,
    by_itself: bool,
}

impl Graph {
    /// Explores the model completely.
    #[must_use]
    pub fn of(model: &Provisioning) -> Self {
        let mut known: HashMap<u64, u32> = HashMap::new();
        let (mut parents, mut goals, mut edges) = (Vec::new(), Vec::new(), Vec::new());
        let mut open: std::collections::VecDeque<(u32, World)> = std::collections::VecDeque::new();
        let (mut acts, mut bytes) = (Vec::new(), Bytes::default());
        for world in model.init_states() {
            known.insert(print(&world, &mut bytes), index(parents.len()));
            open.push_back((index(parents.len()), world));
            parents.push((index(parents.len()), None));
            goals.push(Goals::of(&world));
        }
        while let Some((from, world)) = open.pop_front() {
            acts.clear();
            model.actions(&world, &mut acts);
            for act in &acts {
                let Some(next) = model.next_state(&world, *act) else { continue };
                let to = *known.entry(print(&next, &mut bytes)).or_insert_with(|| {
                    let to = index(parents.len());
                    open.push_back((to, next));
                    parents.push((from, Some(*act)));
                    goals.push(Goals::of(&next));
                    to
                });
                if act.may_be_counted_on() {
                    edges.push((to, from, matches!(act, Act::Post(_))));
                }
            }
        }
        drop(known);
        let mut starts = vec![0; parents.len() + 1];
        for (to, ..) in &edges {
            starts[*to as usize + 1] += 1;
        }
        for place in 1..starts.len() {
            starts[place] += starts[place - 1];
        }
        let mut next = starts.clone();
        let mut sources = vec![(0, false); edges.len()];
        for (to, from, caller) in edges {
            let place = &mut next[to as usize];
            sources[*place as usize] = (from, caller);
            *place += 1;
        }
        Self { parents, starts, sources, goals }
    }

    /// How many worlds there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    /// The path to the first world from which no good end can be reached by acts that may be counted on.
    #[must_use]
    pub fn never_ends_well(&self) -> Option<Vec<Act>> {
        self.unreached(|goals| goals.well, true)
    }

    /// The path to the first world from which work never ends unless a caller acts.
    #[must_use]
    pub fn never_ends_by_itself(&self) -> Option<Vec<Act>> {
        self.unreached(|goals| goals.by_itself, false)
    }

    fn unreached(&self, goal: impl Fn(Goals) -> bool, callers: bool) -> Option<Vec<Act>> {
        let mut reached: Vec<bool> = self.goals.iter().map(|goals| goal(*goals)).collect();
        let mut open: Vec<usize> = (0..reached.len()).filter(|world| reached[*world]).collect();
        while let Some(to) = open.pop() {
            for (from, caller) in &self.sources[self.starts[to] as usize..self.starts[to + 1] as usize] {
                let from = *from as usize;
                if !reached[from] && (callers || !caller) {
                    reached[from] = true;
                    open.push(from);
                }
            }
        }
        let mut world = reached.iter().position(|reached| !reached)?;
        let mut way = Vec::new();
        while let (parent, Some(act)) = self.parents[world] {
            way.push(act);
            world = parent as usize;
        }
        way.reverse();
        Some(way)
    }
}

impl Goals {
    fn of(world: &World) -> Self {
        let by_itself = world.is_at_rest();
        Self { well: by_itself && world.ended_well(), by_itself }
    }
}

fn print(world: &World, bytes: &mut Bytes) -> u64 {
    bytes.0.clear();
    world.hash(bytes);
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes.0);
    hasher.finish()
}

/// The parts of a world as bytes. Hashing them all at once is faster than one by one.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The number of a variant. No enum has 256 of them.
    fn write_isize(&mut self, variant: isize) {
        self.0.push(variant.to_le_bytes()[0]);
    }

    fn finish(&self) -> u64 {
        0
    }
}

fn index(place: usize) -> u32 {
    u32::try_from(place).expect("the bounds leave fewer than 2^32 worlds")
}
