//! `/v1/subscriptions`.

use crate::error::ApiError;
use crate::invoices;
use crate::model::{Item, Metadata, MetadataPatch, Price, Subscription};
use crate::params::{Field, Params, missing};
use crate::shape;
use crate::store::{Effect, Page, Row, Store, month_after, new_id, now};

const COLLECTION_METHODS: &[&str] = &["charge_automatically", "send_invoice"];
const PRORATION_BEHAVIORS: &[&str] = &["always_invoice", "create_prorations", "none"];
const STATUSES: &[&str] = &[
    "active",
    "all",
    "canceled",
    "ended",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
];

/// One entry of `items`.
struct ItemChange {
    /// Name of the parameter for messages, e.g. `items[0]`.
    at: String,
    /// The item to change. Without an id the entry adds an item.
    id: Option<String>,
    price: Option<String>,
    quantity: Option<u64>,
    deleted: bool,
    metadata: MetadataPatch,
}

impl ItemChange {
    fn new(row: &mut Params) -> Result<Self, ApiError> {
        Ok(Self {
            at: row.at().to_owned(),
            id: None,
            price: Some(row.required("price")?),
            quantity: row.integer("quantity", 0..=999_999)?,
            deleted: false,
            metadata: row.metadata()?,
        })
    }

    fn of(row: &mut Params) -> Result<Self, ApiError> {
        let change = Self {
            at: row.at().to_owned(),
            id: row.text("id")?,
            price: row.text("price")?,
            quantity: row.integer("quantity", 0..=999_999)?,
            deleted: row.boolean("deleted")?.unwrap_or(false),
            metadata: row.metadata()?,
        };
        if change.id.is_none() && change.price.is_none() {
            return Err(missing(&row.name("price")));
        }
        Ok(change)
    }

    fn price(&self, store: &Store) -> Result<Option<Price>, ApiError> {
        let Some(id) = &self.price else { return Ok(None) };
        let param = format!("{}[price]", self.at);
        let found = store.prices.get(id).ok_or_else(|| ApiError::no_such("price", id, &param))?;
        if !found.recurring {
            let message = "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.";
            return Err(ApiError::invalid(message).param(param));
        }
        if !found.active {
            return Err(ApiError::invalid("The price specified is inactive. This field only accepts active prices.")
                .param(param));
        }
        Ok(Some(found.clone()))
    }
}

pub(crate) fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let customer = params.required("customer")?;
    let items = params.rows("items", ItemChange::new)?;
    if items.is_empty() {
        return Err(missing("items"));
    }
    let by_invoice = params.one_of("collection_method", COLLECTION_METHODS)? == Some("send_invoice");
    let days_until_due = params.integer("days_until_due", 0..=36_500)?;
    let cancel_at_period_end = params.boolean("cancel_at_period_end")?.unwrap_or(false);
    let description = params.field("description", 500)?;
    let metadata = params.metadata()?;
    params.one_of("proration_behavior", PRORATION_BEHAVIORS)?;
    if !by_invoice && days_until_due.is_some() {
        let message = "`days_until_due` can only be set when `collection_method` is `send_invoice`.";
        return Err(ApiError::invalid(message).param("days_until_due"));
    }
    Ok(Box::new(move |store| {
        let days_until_due = due(store, &customer, by_invoice, days_until_due)?;
        let created = now();
        let mut subscription = Subscription {
            id: new_id("sub", 24),
            created,
            customer,
            items: Vec::new(),
            days_until_due,
            description: None,
            metadata: Metadata::new(),
            cancel_at_period_end,
            canceled_at: cancel_at_period_end.then_some(created),
            ended_at: None,
            latest_invoice: new_id("in", 24),
            livemode: store.mode.is_live(),
        };
        description.apply(&mut subscription.description);
        metadata.apply(&mut subscription.metadata);
        change_items(store, &mut subscription, items)?;
        store.invoices.insert(invoices::first(&subscription));
        Ok(shape::subscription(store.subscriptions.insert(subscription)))
    }))
}

/// The days until an invoice is due, if this customer can be billed in this way.
fn due(store: &Store, id: &str, by_invoice: bool, days: Option<u64>) -> Result<u64, ApiError> {
    let customer = store.customers.get(id).filter(|customer| !customer.deleted);
    let customer = customer.ok_or_else(|| ApiError::no_such("customer", id, "customer"))?;
    if !by_invoice {
        let message = "This customer has no attached payment source or default payment method. Please consider \
                       adding a default payment method.";
        return Err(ApiError::invalid(message).code("resource_missing"));
    }
    if customer.email.is_none() {
        let message = "Missing email. In order to create invoices that are sent to the customer, the customer must \
                       have a valid email.";
        return Err(ApiError::invalid(message).param("customer"));
    }
    let message = "If `collection_method` is `send_invoice`, `days_until_due` must be set.";
    days.ok_or_else(|| ApiError::invalid(message).param("days_until_due"))
}

pub(crate) fn update(id: &str, params: &mut Params) -> Result<Effect, ApiError> {
    let id = id.to_owned();
    let items = params.rows("items", ItemChange::of)?;
    let cancel_at_period_end = params.boolean("cancel_at_period_end")?;
    let days_until_due = params.integer("days_until_due", 0..=36_500)?;
    let description = params.field("description", 500)?;
    let metadata = params.metadata()?;
    params.one_of("proration_behavior", PRORATION_BEHAVIORS)?;
    Ok(Box::new(move |store| {
        let found = store.subscriptions.get(&id).ok_or_else(|| ApiError::no_such("subscription", &id, "id"))?;
        // Changes a copy, because a refused request must not change anything.
        let mut changed = found.clone();
        let beyond_metadata = !items.is_empty()
            || cancel_at_period_end.is_some()
            || days_until_due.is_some()
            || description != Field::Absent;
        if changed.ended_at.is_some() && beyond_metadata {
            let message = "A canceled subscription can only update its cancellation_details and metadata.";
            return Err(ApiError::invalid(message));
        }
        change_items(store, &mut changed, items)?;
        if let Some(cancel) = cancel_at_period_end {
            changed.canceled_at = cancel.then(|| changed.canceled_at.unwrap_or_else(now));
            changed.cancel_at_period_end = cancel;
        }
        changed.days_until_due = days_until_due.unwrap_or(changed.days_until_due);
        description.apply(&mut changed.description);
        metadata.apply(&mut changed.metadata);
        let shown = shape::subscription(&changed);
        if let Some(row) = store.subscriptions.get_mut(&id) {
            *row = changed;
        }
        Ok(shown)
    }))
}

fn change_items(store: &Store, subscription: &mut Subscription, changes: Vec<ItemChange>) -> Result<(), ApiError> {
    for change in changes {
        let price = change.price(store)?;
        if let Some(price) = &price {
            let taken = |item: &&Item| item.price.id == price.id && change.id.as_ref() != Some(&item.id);
            if subscription.items.iter().find(taken).is_some() {
                let message = format!("Cannot add multiple subscription items with the same plan: {}", price.id);
                return Err(ApiError::invalid(message).param(change.at));
            }
        }
        match (&change.id, price) {
            (Some(id), price) => change_item(subscription, id, price, &change)?,
            (None, Some(price)) => subscription.items.push(new_item(price, change)),
            (None, None) => return Err(missing(&format!("{}[price]", change.at))),
        }
    }
    if subscription.items.is_empty() {
        return Err(ApiError::invalid(
            "A subscription must have at least one active plan. In order to cancel a subscription, please use the \
             cancel API endpoint.",
        ));
    }
    Ok(())
}

fn change_item(
    subscription: &mut Subscription,
    id: &str,
    price: Option<Price>,
    change: &ItemChange,
) -> Result<(), ApiError> {
    let position = subscription.items.iter().position(|item| item.id == id);
    let position = position.ok_or_else(|| ApiError::no_such("subscription item", id, &format!("{}[id]", change.at)))?;
    if change.deleted {
        subscription.items.remove(position);
        return Ok(());
    }
    let item = &mut subscription.items[position];
    if let Some(price) = price {
        item.price = price;
        // At Stripe a new price starts with one unit unless the request says otherwise.
        item.quantity = 1;
    }
    item.quantity = change.quantity.unwrap_or(item.quantity);
    change.metadata.clone().apply(&mut item.metadata);
    Ok(())
}

fn new_item(price: Price, change: ItemChange) -> Item {
    let start = now();
    let mut metadata = Metadata::new();
    change.metadata.apply(&mut metadata);
    Item {
        id: new_id("si", 14),
        created: start,
        price,
        quantity: change.quantity.unwrap_or(1),
        metadata,
        period_start: start,
        period_end: month_after(start),
    }
}

pub(crate) fn list(params: &mut Params) -> Result<Effect, ApiError> {
    let customer = params.text("customer")?;
    let price = params.text("price")?;
    let status = params.one_of("status", STATUSES)?;
    let page = Page::of(params)?;
    Ok(Box::new(move |store| {
        if let Some(id) = customer.as_ref().filter(|id| store.customers.get(id).is_none()) {
            return Err(ApiError::no_such("customer", id, "customer"));
        }
        let keep = |subscription: &Subscription| {
            let status = match status {
                // By default a list has everything that is not canceled.
                None => subscription.ended_at.is_none(),
                Some("all") => true,
                Some("ended") => subscription.ended_at.is_some(),
                Some(status) => subscription.status() == status,
            };
            status
                && customer.as_ref().is_none_or(|customer| *customer == subscription.customer)
                && price.as_ref().is_none_or(|price| subscription.items.iter().any(|item| item.price.id() == price))
        };
        store.subscriptions.page(&page, "/v1/subscriptions", keep, shape::subscription)
    }))
}

pub(crate) fn retrieve(id: &str) -> Effect {
    let id = id.to_owned();
    Box::new(move |store| {
        let found = store.subscriptions.get(&id).map(shape::subscription);
        found.ok_or_else(|| ApiError::no_such("subscription", &id, "id"))
    })
}

/// Ends it at once. One that has ended already is not found.
pub(crate) fn cancel(id: &str, params: &mut Params) -> Result<Effect, ApiError> {
    let id = id.to_owned();
    params.boolean("invoice_now")?;
    params.boolean("prorate")?;
    Ok(Box::new(move |store| {
        let found = store.subscriptions.get_mut(&id).filter(|subscription| subscription.ended_at.is_none());
        let subscription = found.ok_or_else(|| ApiError::no_such("subscription", &id, "id"))?;
        let ended = now();
        subscription.ended_at = Some(ended);
        subscription.canceled_at = Some(ended);
        subscription.cancel_at_period_end = false;
        Ok(shape::subscription(subscription))
    }))
}
