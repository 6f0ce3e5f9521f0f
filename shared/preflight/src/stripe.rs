//! Stripe: the key, and the price of one plan.

use std::time::Duration;

use billing::{Billing, Plan};
use domain::Warning;

use crate::Found;

/// One call.
const CALL: Duration = Duration::from_secs(10);

pub(crate) async fn check(billing: &Billing, plan: Plan) -> Found {
    let is_live = billing.within(CALL).check(plan).await?;
    Ok(if is_live { Vec::new() } else { vec![Warning::StripeTestMode] })
}
