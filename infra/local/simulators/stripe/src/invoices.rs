//! `/v1/invoices`: what subscriptions bill. None can be made otherwise.

use crate::error::ApiError;
use crate::model::{Invoice, InvoiceState, Subscription};
use crate::params::Params;
use crate::shape;
use crate::store::{Effect, Page, Store, now};

const STATUSES: &[&str] = &["draft", "open", "paid", "uncollectible", "void"];
const SECONDS_OF_DAY: i64 = 86_400;

/// The first invoice of a new subscription.
pub(crate) fn first(subscription: &Subscription) -> Invoice {
    let days = i64::try_from(subscription.days_until_due).unwrap_or_default();
    Invoice {
        id: subscription.latest_invoice.clone(),
        created: subscription.created,
        customer: subscription.customer.clone(),
        subscription: subscription.id.clone(),
        amount: subscription.items.iter().map(|item| item.price.unit_amount * item.quantity).sum(),
        due: subscription.created + days * SECONDS_OF_DAY,
        state: InvoiceState::Open,
        livemode: subscription.livemode,
    }
}

pub(crate) fn list(params: &mut Params) -> Result<Effect, ApiError> {
    let customer = params.text("customer")?;
    let status = params.one_of("status", STATUSES)?;
    let page = Page::of(params)?;
    Ok(Box::new(move |store| {
        if let Some(id) = customer.as_ref().filter(|id| store.customers.get(id).is_none()) {
            return Err(ApiError::no_such("customer", id, "customer"));
        }
        let keep = |invoice: &Invoice| {
            status.is_none_or(|status| invoice.state.name() == status)
                && customer.as_ref().is_none_or(|customer| *customer == invoice.customer)
        };
        store.invoices.page(&page, "/v1/invoices", keep, shape::invoice)
    }))
}

pub(crate) fn retrieve(id: &str) -> Effect {
    let id = id.to_owned();
    Box::new(move |store| {
        store.invoices.get(&id).map(shape::invoice).ok_or_else(|| ApiError::no_such("invoice", &id, "id"))
    })
}

/// No customer has a payment method, so it can only be paid elsewhere.
pub(crate) fn pay(id: &str, params: &mut Params) -> Result<Effect, ApiError> {
    let id = id.to_owned();
    let elsewhere = params.boolean("paid_out_of_band")?.unwrap_or(false);
    Ok(Box::new(move |store| {
        let invoice = open(store, &id)?;
        if !elsewhere {
            let message = "This customer has no attached payment source or default payment method.";
            return Err(ApiError::invalid(message).code("resource_missing"));
        }
        invoice.state = InvoiceState::Paid(now());
        Ok(shape::invoice(invoice))
    }))
}

pub(crate) fn void(id: &str) -> Effect {
    let id = id.to_owned();
    Box::new(move |store| {
        let invoice = open(store, &id)?;
        invoice.state = InvoiceState::Void(now());
        Ok(shape::invoice(invoice))
    })
}

fn open<'a>(store: &'a mut Store, id: &str) -> Result<&'a mut Invoice, ApiError> {
    let invoice = store.invoices.get_mut(id).ok_or_else(|| ApiError::no_such("invoice", id, "id"))?;
    match invoice.state {
        InvoiceState::Open => Ok(invoice),
        InvoiceState::Paid(_) => Err(ApiError::invalid("Invoice is already paid").code("invoice_already_paid")),
        InvoiceState::Void(_) => Err(ApiError::invalid("This invoice is void.")),
    }
}
