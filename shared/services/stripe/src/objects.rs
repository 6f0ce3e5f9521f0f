//! The parts of Stripe's objects that are read.

use std::collections::HashMap;

use serde::Deserialize;

/// A customer.
#[derive(Clone, Debug, Deserialize)]
pub struct Customer {
    /// `cus_…`.
    pub id: String,
    /// Where invoices are sent.
    #[serde(default)]
    pub email: Option<String>,
    /// Of a deleted customer, Stripe shows nothing but its id and this.
    #[serde(default)]
    pub(crate) deleted: bool,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

/// A subscription.
#[derive(Clone, Debug, Deserialize)]
pub struct Subscription {
    /// `sub_…`.
    pub id: String,
    /// `active`, `past_due`, `canceled`, ….
    pub status: String,
    /// It ends with the period that is paid for. Until then it is live.
    pub cancel_at_period_end: bool,
    items: Items,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

/// An invoice. Nothing but its id is read.
#[derive(Debug, Deserialize)]
pub(crate) struct Invoice {
    pub(crate) id: String,
}

/// One thing that a subscription bills.
#[derive(Clone, Debug, Deserialize)]
pub struct Item {
    /// `si_…`.
    pub id: String,
    /// Its price.
    pub price: Price,
}

/// The first page of a subscription's items.
#[derive(Clone, Debug, Deserialize)]
struct Items {
    data: Vec<Item>,
    has_more: bool,
}

/// A price.
#[derive(Clone, Debug, Deserialize)]
pub struct Price {
    /// `price_…`.
    pub id: String,
    /// The name by which it is looked up. No other price of the account has it. An archived price keeps it, but a price
    /// rise may give it to another one (`transfer_lookup_key`).
    #[serde(default)]
    pub lookup_key: Option<String>,
    /// How often it is paid; `None`: once.
    #[serde(default)]
    recurring: Option<Recurring>,
}

/// How often a price is paid. Nothing of it is read.
#[derive(Clone, Debug, Deserialize)]
struct Recurring {}

impl Price {
    /// Whether a subscription can have it.
    #[must_use]
    pub const fn is_recurring(&self) -> bool {
        self.recurring.is_some()
    }
}

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<T> {
    pub data: Vec<T>,
    pub has_more: bool,
}

/// The id that names the object in the parameters of a page.
pub(crate) trait Identified {
    fn id(&self) -> &str;
}

impl Identified for Customer {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for Invoice {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for Subscription {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Customer {
    /// Whether it belongs to this tenant, according to our metadata.
    #[must_use]
    pub fn is_tenants(&self, tenant_id: &str) -> bool {
        self.metadata.get("tenant_id").is_some_and(|id| id == tenant_id)
    }
}

impl Subscription {
    /// Whether it belongs to this tenant, according to our metadata.
    #[must_use]
    pub fn is_tenants(&self, tenant_id: &str) -> bool {
        self.metadata.get("tenant_id").is_some_and(|id| id == tenant_id)
    }

    /// The lookup key with which its price was chosen, according to our metadata. The price may have lost it since.
    #[must_use]
    pub fn chosen_lookup_key(&self) -> Option<&str> {
        self.metadata.get("lookup_key").map(String::as_str)
    }

    /// Whether it is in force or may come into force: in every state but the two final ones.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !matches!(self.status.as_str(), "canceled" | "incomplete_expired")
    }

    /// The item, if there is exactly one.
    #[must_use]
    pub fn only_item(&self) -> Option<&Item> {
        match self.items.data.as_slice() {
            [item] if !self.items.has_more => Some(item),
            _ => None,
        }
    }
}
