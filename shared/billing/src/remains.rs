//! What a tenant still has at Stripe, and its end.

use std::collections::BTreeSet;

use domain::{CauseCode, Failure, word};
use store::{Lease, ResourceKind};
use stripe::Stripe;

use crate::account::Biller;
use crate::settle::find_customer;

/// A tenant's objects at Stripe.
pub struct Remains<'a> {
    stripe: Stripe,
    lease: &'a Lease<'a>,
    tenant_id: String,
    /// Its customers, known and found.
    pub customers: BTreeSet<String>,
    /// Their subscriptions with the tenant's mark, and those that the ledger knows.
    pub subscriptions: BTreeSet<String>,
}

impl Biller<'_> {
    /// Everything that the ledger ever knew, and what is found by our metadata besides: a request that was not answered may have
    /// made it. `None`: the tenant was never billed. Then Stripe is not called.
    pub async fn remains<'a>(self, lease: &'a Lease<'a>) -> Result<Option<Remains<'a>>, Failure> {
        let (mut customers, mut subscriptions, mut open) = (BTreeSet::new(), BTreeSet::new(), false);
        for (kind, found) in
            [(ResourceKind::StripeCustomer, &mut customers), (ResourceKind::StripeSubscription, &mut subscriptions)]
        {
            found.extend(lease.earlier_ids(kind).await?);
            if let Some(row) = lease.resource(kind).await? {
                open |= row.external_id.is_none();
                found.extend(row.external_id);
            }
        }
        if customers.is_empty() && subscriptions.is_empty() && !open {
            return Ok(None);
        }
        let stripe = self.stripe_of(lease).await?;
        let tenant_id = lease.tenant().tenant_id.to_string();
        customers.extend(find_customer(lease, &stripe).await?);
        for customer in &customers {
            let of_it = stripe.subscriptions_of(customer).await?;
            subscriptions.extend(of_it.into_iter().filter(|it| it.is_tenants(&tenant_id)).map(|it| it.id));
        }
        Ok(Some(Remains { stripe, lease, tenant_id, customers, subscriptions }))
    }
}

impl Remains<'_> {
    /// Ends a subscription now, and asks what became of it. One that lacks the tenant's mark is refused.
    pub async fn end_subscription(&self, id: &str) -> Result<&'static str, Failure> {
        match self.stripe.subscription(id).await? {
            None => return Ok("no such subscription"),
            Some(found) if !found.is_tenants(&self.tenant_id) => return Err(foreign("subscription", id)),
            Some(found) if !found.is_live() => return Ok("it has ended"),
            Some(_) => {}
        }
        self.lease.fence(self.stripe.call_timeout()).await?;
        self.stripe.end_subscription(id).await.map_err(stripe::Error::of_a_write)?;
        match self.stripe.subscription(id).await? {
            None => Ok("no such subscription"),
            Some(found) if !found.is_live() => Ok("it has ended"),
            Some(_) => Err(still_there("subscription", id)),
        }
    }

    /// Whether a customer is there.
    pub async fn has_customer(&self, id: &str) -> Result<bool, Failure> {
        Ok(self.stripe.customer(id).await?.is_some())
    }

    /// Deletes a customer for good, unless it has to pay something. One that lacks the tenant's mark is refused.
    pub async fn delete_customer(&self, id: &str) -> Result<(), Failure> {
        match self.stripe.customer(id).await? {
            None => return Ok(()),
            Some(found) if !found.is_tenants(&self.tenant_id) => return Err(foreign("customer", id)),
            Some(_) => {}
        }
        if !self.stripe.unpaid_invoices_of(id).await?.is_empty() {
            return Err(Failure::with_detail(CauseCode::PurgeCustomerUnpaid, word(id).unwrap_or_default()));
        }
        self.lease.fence(self.stripe.call_timeout()).await?;
        self.stripe.delete_customer(id).await.map_err(stripe::Error::of_a_write)?;
        if self.has_customer(id).await? { Err(still_there("customer", id)) } else { Ok(()) }
    }
}

fn foreign(what: &str, id: &str) -> Failure {
    Failure::with_detail(CauseCode::PurgeForeign, format!("The {what} {} at Stripe", word(id).unwrap_or_default()))
}

fn still_there(what: &str, id: &str) -> Failure {
    Failure::with_detail(CauseCode::PurgeStillThere, format!("The {what} {} at Stripe", word(id).unwrap_or_default()))
}
