//! What step 9, PATCH and the reconciler do with the subscription.

use crate::call::Call;
use crate::invocation::{At, Job};
use crate::protocol::Broken;
use crate::ticks::{DAY, WINDOW};
use crate::work::{Acting, End};
use crate::world::{Promise, State};

impl Acting<'_> {
    pub(crate) fn promise(self) {
        let Job::Change { intent, .. } = self.invocation.job else { return };
        if self.is_fenced() && self.world.row.state == State::Active {
            let due = if self.broken == Broken::ChangeDueAtOnce { 0 } else { self.world.row.lease };
            if self.broken != Broken::NoBillingIntent {
                self.world.promises[usize::from(intent)] = Promise::Open(due);
            }
            self.goes_on(At::Look);
        } else {
            self.fails(End::Busy);
        }
    }

    pub(crate) fn look_for_subscription(mut self) {
        let stripe = self.world.stripe;
        if stripe.live == 0 && self.world.subscription.is_some_and(|row| row.confirmed) {
            self.world.stripe.lost &= !self.holds();
            if self.broken == Broken::GoneIsRefused {
                return self.refused();
            }
            // The row's tier may be one that is paid for, and Stripe does not bill it.
            if self.world.row.tier.is_some() && self.broken != Broken::GoneIsUntouched {
                self.invocation.touch();
            }
        }
        let next = match (self.world.subscription, self.invocation.wanted()) {
            (None, Some(_)) => At::Intend,
            (Some(row), Some(plan)) if row.confirmed => {
                let change = (stripe.plan != plan).then_some(plan);
                match change {
                    _ if stripe.live == 0 => At::Forget,
                    None if !stripe.cancelling => At::Finish,
                    change => At::Update { plan: change, cancelling: stripe.cancelling.then_some(false) },
                }
            }
            (Some(row), Some(_)) if row.age == DAY => At::Find,
            (Some(_), Some(_)) => At::Resend,
            (Some(row), None) if row.confirmed => {
                if stripe.live > 0 && !stripe.cancelling {
                    At::Update { plan: None, cancelling: Some(true) }
                } else {
                    At::Finish
                }
            }
            (Some(_), None) if stripe.live > 0 => At::Confirm { id: 0, fresh: false },
            (Some(row), None) if row.age < WINDOW => return self.fails(End::Busy),
            // The subscription was never requested, or the request had no effect.
            (None | Some(_), None) => At::Finish,
        };
        self.goes_on(next);
    }

    pub(crate) fn resend(mut self) {
        let Some(row) = self.world.subscription.filter(|_| self.is_fenced()) else { return self.fails(End::Busy) };
        let key = if self.broken == Broken::NewKeyEveryTime { self.world.new_key() } else { row.key };
        self.invocation.sends(Call::Subscribe { key, plan: row.plan }, false);
        self.stays();
    }

    pub(crate) fn forget(self) {
        if self.holds() {
            self.world.subscription = None;
            self.goes_on(At::Intend);
        } else {
            self.fails(End::Busy);
        }
    }

    /// Stripe refused the request.
    pub(crate) fn refused(self) {
        match self.invocation.job {
            Job::Change { touched: false, .. } => self.goes_on(At::Withdraw),
            _ => self.fails(End::Trouble),
        }
    }

    /// Closes its own intent.
    pub(crate) fn close(&mut self) {
        if let Job::Change { intent, .. } | Job::Settle { intent, .. } = self.invocation.job {
            self.world.promises[usize::from(intent)] = Promise::Closed;
        }
    }
}
