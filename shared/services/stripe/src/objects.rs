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
    #[serde(default)]
    metadata: HashMap<String, String>,
}

/// A price.
#[derive(Clone, Debug, Deserialize)]
pub struct Price {
    /// `price_…`.
    pub id: String,
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
}
