//! The customer, the subscription and its price.

use std::time::Duration;

use billing::{Billed, Plan, Priced, Subscribed};
use domain::{CauseCode, Failure, TenantPart};
use store::ResourceKind;

use crate::TenantCheck;
use crate::finding::{Finding, Findings};
use crate::subject::Subject;

const PARTS: [TenantPart; 3] = [TenantPart::Customer, TenantPart::Subscription, TenantPart::Price];

impl TenantCheck {
    pub(crate) async fn money(&self, subject: &Subject, found: &Findings<'_>, call: Duration) -> Result<(), Failure> {
        let wanted = if subject.is_live() { Plan::of(subject.tenant.tier) } else { None };
        let known = [ResourceKind::StripeCustomer, ResourceKind::StripeSubscription].map(|kind| subject.has(kind));
        if !subject.is_live() && !subject.is_off() {
            found.not_needed(&PARTS, "billed once the tenant is active");
            return Ok(());
        }
        if wanted.is_none() && known == [false, false] {
            found.not_needed(&PARTS, "nothing is billed");
            return Ok(());
        }
        let billed = self.billing.within(call).look(subject.tenant.tenant_id, &subject.ledger).await?;
        found.add(customer(&billed, wanted));
        found.add(subscription(&billed, wanted));
        found.add(price(&billed, wanted));
        Ok(())
    }
}

fn customer(billed: &Billed, wanted: Option<Plan>) -> Finding {
    let part = Finding::of(TenantPart::Customer).expecting("there");
    match billed.customer {
        Some(true) => part.finding("there").ok(),
        Some(false) => part.finding("not there").broken(CauseCode::CustomerGone),
        None if wanted.is_some() => part.finding("none was made").broken(CauseCode::CustomerGone),
        None => Finding::of(TenantPart::Customer).not_needed("nothing is billed"),
    }
}

fn subscription(billed: &Billed, wanted: Option<Plan>) -> Finding {
    let part = Finding::of(TenantPart::Subscription);
    let (seen, goes_on) = match &billed.subscription {
        None => ("is not there", false),
        Some(Subscribed { live: false, .. }) => ("has ended", false),
        Some(Subscribed { ends: true, .. }) => ("ends with the period", false),
        Some(_) => ("goes on", true),
    };
    match (wanted, goes_on) {
        (Some(_), true) => part.expecting("goes on").finding(seen).ok(),
        (Some(_), false) => {
            let over = Failure::with_detail(CauseCode::SubscriptionOver, seen);
            part.expecting("goes on").finding(seen).broken(over)
        }
        (None, false) => part.expecting("none that goes on").finding(seen).ok(),
        (None, true) => part.expecting("none that goes on").finding(seen).broken(CauseCode::SubscriptionGoesOn),
    }
}

fn price(billed: &Billed, wanted: Option<Plan>) -> Finding {
    let part = Finding::of(TenantPart::Price);
    let Some(wanted) = wanted else { return part.not_needed("no price") };
    let part = part.expecting(named(wanted));
    let Some(subscribed) = billed.subscription.as_ref().filter(|subscribed| subscribed.live) else {
        return part.not_asked(Failure::with_detail(CauseCode::SubscriptionOver, "is over"));
    };
    let differs = |what: &str| Failure::with_detail(CauseCode::PriceDiffers, what);
    match subscribed.price {
        Priced::For(plan) if plan == wanted => part.finding(named(plan)).ok(),
        Priced::For(plan) => part.finding(named(plan)).broken(differs(named(plan))),
        Priced::Foreign => part.finding("a price of no tier").broken(differs("a price of no tier")),
        Priced::Several => part.finding("not exactly one price").broken(differs("not exactly one price")),
    }
}

const fn named(plan: Plan) -> &'static str {
    match plan {
        Plan::Enterprise => "the price of enterprise",
        Plan::EnterprisePlus => "the price of enterprise_plus",
    }
}

#[cfg(test)]
mod tests {
    use domain::PartState;

    use super::*;

    fn billed(live: bool, ends: bool, price: Priced) -> Billed {
        Billed { customer: Some(true), subscription: Some(Subscribed { live, ends, price }) }
    }

    #[test]
    fn a_paid_tier_needs_a_subscription_that_goes_on_and_no_other_may_have_one() {
        let plan = Plan::Enterprise;
        for (live, ends, goes_on) in [(true, false, true), (true, true, false), (false, false, false)] {
            let billed = billed(live, ends, Priced::For(plan));
            let (paid, free) = (subscription(&billed, Some(plan)), subscription(&billed, None));
            assert_eq!(paid.state, if goes_on { PartState::Ok } else { PartState::Broken }, "{live} {ends}");
            assert_eq!(free.state, if goes_on { PartState::Broken } else { PartState::Ok }, "{live} {ends}");
        }
        let nothing = Billed { customer: Some(false), subscription: None };
        for finding in [customer(&nothing, Some(plan)), subscription(&nothing, Some(plan))] {
            assert_eq!(finding.state, PartState::Broken, "{finding:?}");
        }
        let never = Billed { customer: None, subscription: None };
        assert_eq!(customer(&never, Some(plan)).state, PartState::Broken);
        assert_eq!(customer(&never, None).state, PartState::NotNeeded);
    }

    #[test]
    fn a_price_is_the_tiers() {
        let is = |price: Priced| price_of(&billed(true, false, price));
        assert_eq!(is(Priced::For(Plan::EnterprisePlus)), PartState::Ok);
        for other in [Priced::For(Plan::Enterprise), Priced::Foreign, Priced::Several] {
            assert_eq!(is(other.clone()), PartState::Broken, "{other:?}");
        }
        assert_eq!(price_of(&billed(false, false, Priced::For(Plan::EnterprisePlus))), PartState::NotAsked);
    }

    fn price_of(billed: &Billed) -> PartState {
        price(billed, Some(Plan::EnterprisePlus)).state
    }
}
