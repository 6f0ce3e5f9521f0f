//! What is read of Stripe's objects.

use std::collections::HashMap;

use serde::Deserialize;

/// A customer.
#[derive(Clone, Debug, Deserialize)]
pub struct Customer {
    /// `cus_…`.
    pub id: String,
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
    /// It ends with the period that is paid for; until then it is as live as any.
    pub cancel_at_period_end: bool,
    items: Items,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

/// What a subscription is billed for.
#[derive(Clone, Debug, Deserialize)]
pub struct Item {
    /// `si_…`.
    pub id: String,
    /// Its price.
    pub price: Price,
}

/// The items that come with a subscription: a page of its own.
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
    /// The name it is looked up by, which no other price of the account has; archived prices keep theirs.
    #[serde(default)]
    pub lookup_key: Option<String>,
}

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<T> {
    pub data: Vec<T>,
    pub has_more: bool,
}

/// What a list is paged by.
pub(crate) trait Identified {
    fn id(&self) -> &str;
}

impl Identified for Customer {
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
    /// Whether our metadata says that it is this tenant's.
    #[must_use]
    pub fn is_tenants(&self, tenant_id: &str) -> bool {
        self.metadata.get("tenant_id").is_some_and(|id| id == tenant_id)
    }
}

impl Subscription {
    /// Whether our metadata says that it is this tenant's.
    #[must_use]
    pub fn is_tenants(&self, tenant_id: &str) -> bool {
        self.metadata.get("tenant_id").is_some_and(|id| id == tenant_id)
    }

    /// Whether it is in force, or may come into force: everything but the two final states.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !matches!(self.status.as_str(), "canceled" | "incomplete_expired")
    }

    /// The item, where there is exactly one.
    #[must_use]
    pub fn only_item(&self) -> Option<&Item> {
        match self.items.data.as_slice() {
            [item] if !self.items.has_more => Some(item),
            _ => None,
        }
    }
}
