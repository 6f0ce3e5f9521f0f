//! The provisioning protocol of one tenant as a model, and the checker that visits every world it can come to.
//!
//! `tests/holds.rs` checks the protocol as the code has it, `tests/broken.rs` leaves something out and expects the checker
//! to find the way on which that goes wrong. Nothing of the product is linked: where the code changes, so must the model.
//!
//! # What happens where
//!
//! | act | source |
//! |---|---|
//! | [`At::Begin`] | `step_begin.sql`, `Store::begin_step`; for PATCH and the reconciler `tenant_lease_take.sql` |
//! | [`At::Look`] of a project | `step-1-create-environment`: `resource_live.sql`, then `find` |
//! | [`At::Look`] at a project, [`At::Bury`], [`At::Unmake`] | `step-2-await-environment`: `bury`, `environment_dead.sql` |
//! | [`At::Look`] of a subscription | `billing/src/settle.rs`: `subscribe`, `align`, `cancel`, `adopt`; `once.rs`: `ensure` |
//! | [`At::Intend`], [`At::Renew`] | `resource_intend.sql`, `resource_renew.sql`, and the call they are for |
//! | [`At::Resend`], [`At::Update`] | `lease_check.sql` (`Held::fence`), and the call |
//! | [`At::Find`] | `once.rs`: `find_or_renew` |
//! | [`At::Confirm`], [`At::Discard`], [`At::Forget`] | `resource_confirm.sql`, `resource_dead.sql` |
//! | [`At::Finish`] | `step_complete.sql`, `step_activate.sql`, `tenant_retier.sql`, `billing_settled.sql` |
//! | [`At::Promise`], [`At::Withdraw`] | `billing/src/change.rs`: `billing_intend.sql`, a refusal's `billing_settled.sql` |
//! | an invocation that meets trouble | `step_troubled.sql`, `tenant_lease_release.sql`, `outbox_postponed.sql` |
//! | [`At::Publish`], [`At::Tell`], [`Act::Publish`], [`Act::Tell`] | `outbox::deliver`, `Valkey::publish_once`, `outbox_delivered.sql` |
//! | [`Act::Invoke`], [`Act::GiveUp`], [`Act::TimeOut`], [`Act::Abort`] | `provision-tenant.asl.json` |
//! | [`Act::Record`] | `record-failure`, `run_failed.sql` |
//! | [`Act::LookAfter`], [`Act::Settle`] | `reconcile-tenants`: `pipeline::look_after`, `billing/src/open.rs` |
//! | [`Act::Post`], [`Act::Patch`], [`Act::Delete`] | `tenant_resume.sql`; `update-tenant/src/tier.rs`; `tenant_deactivate.sql` |
//!
//! # What is left out, and why what holds here holds there
//!
//! - **One tenant.** Tenants share no row, no lease, no name outside and no idempotency key. What the reconciler does for
//!   one does not depend on another, except for when.
//! - **Three steps for nine.** Step 1 stands for the steps that make something: it is the one whose call cannot be
//!   repeated and whose other side knows no key. Steps 3, 6, 7 and 8 repeat what may be repeated, 4 reads, 5 looks for its
//!   address as step 1 does for its name. Step 2 is there where projects may come up dead ([`Bounds::deaths`]): it buries
//!   them, and step 1 begins anew. Step 9 is there in full, except that the customer, made by the same code as the
//!   subscription before it, is taken as made. A project that dies after step 2 needs a person and is left out.
//! - **Ticks.** Only the order of deadlines matters. A lease lasts 2 ticks, a call has its effect within 1, a project is
//!   in the list within 1 more, and the two minutes are 3: the least numbers in the order of the real ones (a call is shorter
//!   than a lease; call and listing together are over before the two minutes are). An invocation may stall at any act
//!   for any number of ticks, which is more than Lambda lets it. Nobody waits: whatever may be tried again is tried
//!   again at any moment, so each wait of the real thing (5 s, 30 s, 60 s idle, jitter) is one of the ways taken here.
//! - **A fence and its call are one act.** Relied on: what is sent after a fence has its effect before the time-out the
//!   fence was for is over, or never. The function's own time-out ends before its lease does and kills whatever stalls
//!   in between; step 1 and billing rely on it by their two minutes only.
//! - **A look and the statement that follows from it are two acts**, and the world may change in between. A look at the
//!   ledger and the one outside after it are one: what they find is acted upon under the lease, or not at all.
//! - **Retries are not counted.** An execution may give up after the first error or try for ever, five times included.
//! - **Everything that goes wrong draws on one bound** ([`Bounds::faults`]): kills, cut connections whose call still has
//!   its effect later or never, refusals, stored errors, time-outs with the invocation going on (hence two at once), runs
//!   stopped, starts and records lost. Two invocations are at work at once at most, besides the reconciler's deliveries,
//!   `record-failure` and the routes, which are one statement each.
//! - **A name is no obstacle to a second project.** If Supabase refuses one, so much the better.
//! - **Symmetry.** Invocations have no order, attempts that are over no number, and a lapsed lease no holder: no
//!   statement tells them apart.
//!
//! # How the end is proven
//!
//! [`stateright`]'s `eventually` does not see cycles, and trying again is one. [`Graph`] instead explores the model once
//! more, keeps the edges that may be counted on ([`Act::may_be_counted_on`]: no fault, no change of mind, no luck) and
//! goes them backwards from every good end. A world that is not reached is one from which no good end can be reached.
//! In a finite graph that is all there is to "always ends": who keeps taking such edges, none of them never, arrives.

mod act;
mod billing;
mod call;
mod copy;
mod environment;
mod graph;
mod happen;
mod pipeline;
mod properties;
mod protocol;
mod work;
mod world;

use stateright::{Model, Property};

pub use act::Act;
pub use call::{Call, Flight};
pub use copy::{At, Copy, Job};
pub use graph::Graph;
pub use properties::{
    ACTIVE_IS_MADE, ACTIVE_SINCE_STEP_9, BILLING_AGREES, DELIVERED_IS_PUBLISHED, FAILED_IS_OVER, NOTHING_INVENTED,
    NOTHING_LOST, ONE_CALLER, ONE_EVENT, ONE_PROJECT, ONE_SUBSCRIPTION, STALE_CHANGES_NOTHING,
};
pub use protocol::Broken;
pub use work::Fate;
pub use world::*;

/// The model: where it begins, and what is broken about it.
#[derive(Clone, Debug)]
pub struct Provisioning {
    /// The worlds it begins in.
    pub beginnings: Vec<World>,
    /// What is left out of the protocol.
    pub broken: Broken,
}

impl Provisioning {
    /// Beginning with the commit of a POST.
    #[must_use]
    pub fn from_post(bounds: Bounds) -> Self {
        Self { beginnings: vec![World::posted(bounds)], broken: Broken::Nothing }
    }

    /// Beginning with a tenant that is active, of any tier.
    #[must_use]
    pub fn from_active(bounds: Bounds) -> Self {
        let beginnings = TIERS.map(|tier| World::active(bounds, tier)).to_vec();
        Self { beginnings, broken: Broken::Nothing }
    }

    /// The same, with something left out.
    #[must_use]
    pub fn without(self, broken: Broken) -> Self {
        Self { broken, ..self }
    }
}

impl Model for Provisioning {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        self.beginnings
            .iter()
            .map(|world| {
                let mut world = *world;
                world.normalize();
                world
            })
            .collect()
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        act::possible(world, acts);
    }

    fn next_state(&self, world: &World, act: Act) -> Option<World> {
        happen::after(world, act, self.broken)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = properties::safety();
        properties.extend(properties::occurrences());
        if self.beginnings.iter().any(|world| world.row.state == State::Provisioning) {
            properties.extend(properties::occurrences_of_a_run());
        }
        if self.beginnings.iter().any(|world| world.left.deaths > 0) {
            properties.extend(properties::occurrences_of_a_death());
        }
        properties
    }
}
