//! What steps 1 and 2 do with the project.

use crate::call::Call;
use crate::invocation::At;
use crate::protocol::Broken;
use crate::ticks::WINDOW;
use crate::work::{Acting, End};
use crate::world::{Project, ProjectRow, World};

impl Acting<'_> {
    pub(crate) fn look_for_project(mut self) {
        let of = |what: fn(Project) -> bool| {
            move |world: &World| {
                (0..4).filter(|id| world.projects[usize::from(*id)].is_some_and(what)).collect::<Vec<u8>>()
            }
        };
        match self.world.project {
            None if self.broken == Broken::IntentAfterCall => {
                self.invocation.sends(Call::CreateProject, true);
                self.stays();
            }
            None => self.goes_on(At::Intend),
            Some(ProjectRow { id: Some(_), .. }) => self.goes_on(At::Finish),
            Some(_) if self.broken == Broken::NoLookUp => self.goes_on(At::Renew),
            Some(open) => {
                let dead = of(|project| project == Project::Dead)(self.world);
                let alive = of(Project::is_alive)(self.world);
                match (dead.as_slice(), alive.as_slice()) {
                    ([id, ..], _) => self.goes_on(At::Bury { id: *id }),
                    ([], [id]) => self.goes_on(At::Confirm { id: *id, fresh: false }),
                    ([], []) if open.age < WINDOW && self.broken != Broken::NotListedIsNotThere => {
                        self.fails(End::Busy);
                    }
                    ([], []) => self.goes_on(At::Renew),
                    ([], _) => self.ends(End::Final),
                }
            }
        }
    }

    pub(crate) fn look_at_project(self) {
        // This is the row's own reference, which only step 1's completion sets. An earlier invocation may have deleted
        // the project without recording that.
        let reference = self.world.project.filter(|_| self.world.row.made).and_then(|row| row.id);
        let Some(id) = reference else { return self.ends(End::Final) };
        match self.world.projects[usize::from(id)] {
            Some(Project::Healthy) => self.goes_on(At::Finish),
            // Waiting between two polls is modelled like an error that is retried.
            Some(Project::Hidden(_) | Project::ComingUp) => self.ends(End::Busy),
            Some(Project::Dead | Project::Gone) | None => self.goes_on(At::Bury { id }),
        }
    }

    pub(crate) fn unmake(self) {
        if self.holds() || self.broken == Broken::BurialIgnoresLease {
            self.world.project = None;
            self.world.row.made = false;
            self.ends(End::Final);
        } else {
            self.ends(End::Busy);
        }
    }
}
