//! A model of the provisioning protocol of one tenant. The checker visits every world that the model can reach.
//!
//! `tests/holds.rs` checks the protocol as the code implements it. `tests/broken.rs` leaves something out, and expects
//! the checker to find the resulting error. The model links no code of the product: a change of the protocol has to be
//! made in both.
//!
//! Two words: an *invocation* is one call of a Lambda function, and an *attempt* is one numbered execution of the state
//! machine for the tenant.
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
//! | [`At::Resend`], [`At::Update`] | `lease_check.sql` (`Lease::fence`), and the call |
//! | [`At::Find`] | `once.rs`: `find_or_renew` |
//! | [`At::Confirm`], [`At::Discard`], [`At::Forget`] | `resource_confirm.sql`, `resource_dead.sql` |
//! | [`At::Finish`] | `step_complete.sql`, `step_activate.sql`, `tenant_retier.sql`, `billing_settled.sql` |
//! | [`At::Promise`], [`At::Withdraw`] | `billing/src/change.rs`: `billing_intend.sql`, a refusal's `billing_settled.sql` |
//! | an invocation that fails | `step_troubled.sql`, `tenant_lease_release.sql`, `outbox_postponed.sql` |
//! | [`At::Publish`], [`At::Tell`], [`Act::Publish`], [`Act::Tell`] | `outbox::deliver`, `Valkey::publish_once`, `outbox_delivered.sql` |
//! | [`Act::Invoke`], [`Act::GiveUp`], [`Act::TimeOut`], [`Act::Abort`] | `provision-tenant.asl.json` |
//! | [`Act::Record`] | `record-failure`, `run_failed.sql` |
//! | [`Act::LookAfter`], [`Act::Settle`] | `reconcile-tenants`: `runs::look_after`, `billing/src/open.rs` |
//! | [`Act::Post`], [`Act::Patch`], [`Act::Delete`] | `tenant_resume.sql`; `update-tenant/src/tier.rs`; `tenant_deactivate.sql` |
//!
//! # What is left out, and why the result is still valid
//!
//! - **There is one tenant.** Tenants share no row, no lease, no name outside and no idempotency key. What the
//!   reconciler does for one tenant depends on another only in time.
//! - **There are three steps, not nine.** Step 1 stands for all steps that create something: its call cannot be
//!   repeated, and the other side knows no idempotency key. Steps 3, 6, 7 and 8 only do what may be repeated, step 4
//!   reads, and step 5 looks for an address as step 1 looks for a name. Step 2 is modelled if projects may come up dead
//!   ([`Bounds::deaths`]): it deletes dead ones, and step 1 begins again. Step 9 is modelled completely, except for the
//!   customer. The same code creates the customer and the subscription, so the customer is assumed to exist. A project
//!   that dies after step 2 needs a person and is left out.
//! - **The customer does not vanish alone.** Its deletion ends the subscription, which a person may do at any moment
//!   ([`Bounds::losses`]). That the customer is then made anew as well is the same code once more.
//! - **Time is counted in ticks.** Only the order of deadlines matters. A lease lasts 2 ticks, a call has its effect
//!   within 1, a project is in the list within 1 more, and the two minutes are 3. These are the smallest numbers in the
//!   order of the real ones: a call is shorter than a lease, and call and listing together are over before the two
//!   minutes are. An invocation may stall at any act for any number of ticks, which is more than Lambda allows. A retry
//!   may happen at any moment. So each real wait (5 s, 30 s, 60 s idle, jitter) is one of the paths.
//! - **A fence and its call are one act.** This relies on one fact: a call that is sent after a fence has its effect
//!   before the fence's time-out is over, or never. The function's own time-out ends before its lease does, and kills
//!   an invocation that stalls in between. Step 1 and billing need only their two minutes for that.
//! - **A look and the statement that follows from it are two acts**, and the world may change between them. A look at
//!   the ledger and the look outside that follows it are one act, because their result is used under the lease or not
//!   at all.
//! - **A repair is no act of its own.** Its calls are those that may be repeated, each behind a fence, as in steps 3, 6, 7 and 8.
//!   Its billing is that of a PATCH to the tier that the row has: intent, settlement, and one statement that closes the intent
//!   (`tenant_repaired.sql`).
//! - **Retries are not counted.** An execution may give up after the first error or never, which includes five retries.
//! - **One bound limits everything that goes wrong** ([`Bounds::faults`]): kills, cut connections whose call has its
//!   effect later or never, refusals, stored errors, time-outs while the invocation goes on (so that two are at work at
//!   once), stopped executions, lost starts and lost records. At most two invocations are at work at once. The
//!   reconciler's deliveries, `record-failure` and the routes come on top; each of them is one statement.
//! - **A name does not prevent a second project.** Supabase may refuse it, but the protocol does not need that.
//! - **Symmetric worlds are one.** Invocations have no order, finished attempts have no number, and a lease that has
//!   ended has no holder: no statement distinguishes them.
//! - **Further invitations are a model of their own** ([`Invitations`]), since they share nothing with the pipeline but the
//!   lease.
//! - **Bringing a tenant back is a model of its own** ([`Restoring`]): here a deactivation is final. What a restore has to agree with
//!   is what the `DELETE` left to be done, and that is left out here.
//! - **A purge and its approval are a model of their own** ([`Purging`]): the pipeline and a purge never run for one tenant at once, and what
//!   keeps them apart is in it.
//!
//! # How the end is proven
//!
//! The `eventually` properties of [`stateright`] do not see cycles, and trying again is a cycle. [`Graph`] therefore
//! explores the model once more and keeps the edges that may be counted on ([`Act::may_be_counted_on`]: no fault, no
//! change of mind, no luck). It follows them backwards from every good end. From a world that it does not reach, no
//! good end can be reached. In a finite graph this proves "always ends": a path that takes such edges again and again,
//! and ignores none of them for ever, arrives.

mod act;
mod billing;
mod call;
mod effect;
mod environment;
mod graph;
mod happen;
mod invitation;
mod invocation;
mod pipeline;
mod properties;
mod protocol;
mod provisioning;
mod purging;
mod restoring;
mod sealing;
mod ticks;
mod tier;
mod work;
mod world;

use stateright::{Model, Property};

pub use act::Act;
pub use call::{Call, Flight};
pub use graph::Graph;
pub use invitation::{Invitations, Move, Next, Row as MailRow, Scene, Slip};
pub use invocation::{At, Invocation, Job};
pub use properties::{
    ACTIVE_IS_MADE, ACTIVE_SINCE_STEP_9, BILLING_AGREES, DELIVERED_IS_PUBLISHED, FAILED_IS_OVER, NOTHING_INVENTED,
    NOTHING_LOST, ONE_CALLER, ONE_EVENT, ONE_PROJECT, ONE_SUBSCRIPTION, STALE_CHANGES_NOTHING,
};
pub use protocol::Broken;
pub use provisioning::Provisioning;
pub use purging::{Course, Index, PurgeAct, PurgeScene, PurgeSlip, Purging, Reading, Wish, Worker, Wrong};
pub use restoring::{Deed, Gap, Life, Restoring};
pub use sealing::{End, Entry, Event, Link, Log, Omission, Sealer, Sealing};
pub use ticks::{CALL, DAY, LEASE, POSTPONED, VISIBLE, WINDOW};
pub use tier::{Plan, TIERS, Tier};
pub use work::Fate;
pub use world::*;

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
            properties.extend(properties::occurrences_of_an_attempt());
        }
        if self.beginnings.iter().any(|world| world.left.deaths > 0) {
            properties.extend(properties::occurrences_of_a_death());
        }
        if self.beginnings.iter().any(|world| world.left.losses > 0) {
            properties.extend(properties::occurrences_of_a_loss());
        }
        properties
    }
}
