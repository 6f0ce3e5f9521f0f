//! The state, and lists of it.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::ApiError;
use crate::model::{Customer, Invoice, Mode, Price, Subscription};
use crate::params::Params;
use crate::settings::{SeedPrice, Settings};

/// Monthly amount of a seeded price, in US cents. Nothing depends on it.
const UNIT_AMOUNT: u64 = 100_000;

/// The execution of a checked request. An idempotency key remembers the result of this part only.
pub(crate) type Effect = Box<dyn FnOnce(&mut Store) -> Result<Value, ApiError> + Send>;

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) mode: Mode,
    pub(crate) customers: Table<Customer>,
    pub(crate) invoices: Table<Invoice>,
    pub(crate) prices: Table<Price>,
    pub(crate) subscriptions: Table<Subscription>,
    pub(crate) search_lag: Duration,
}

impl Store {
    pub(crate) fn new(settings: &Settings, mode: Mode) -> Self {
        let mut prices = Table::default();
        for SeedPrice { lookup_key, id } in settings.prices.iter().cloned() {
            prices.insert(Price {
                id: if mode.is_live() { format!("{id}_live") } else { id },
                created: now(),
                product: format!("prod_{lookup_key}"),
                lookup_key: Some(lookup_key),
                unit_amount: UNIT_AMOUNT,
                livemode: mode.is_live(),
                active: true,
                recurring: true,
            });
        }
        let (customers, invoices, subscriptions) = (Table::default(), Table::default(), Table::default());
        Self { mode, customers, invoices, prices, subscriptions, search_lag: settings.search_lag }
    }

    /// Whether there is or was an object with this id.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.customers.get(id).is_some()
            || self.invoices.get(id).is_some()
            || self.prices.get(id).is_some()
            || self.subscriptions.get(id).is_some()
    }
}

pub(crate) trait Row {
    /// Its name in messages.
    const KIND: &'static str;
    fn id(&self) -> &str;
}

impl Row for Customer {
    const KIND: &'static str = "customer";
    fn id(&self) -> &str {
        &self.id
    }
}

impl Row for Invoice {
    const KIND: &'static str = "invoice";
    fn id(&self) -> &str {
        &self.id
    }
}

impl Row for Price {
    const KIND: &'static str = "price";
    fn id(&self) -> &str {
        &self.id
    }
}

impl Row for Subscription {
    const KIND: &'static str = "subscription";
    fn id(&self) -> &str {
        &self.id
    }
}

/// Rows in the order of their creation.
#[derive(Debug)]
pub(crate) struct Table<T> {
    rows: Vec<T>,
    by_id: HashMap<String, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), by_id: HashMap::new() }
    }
}

impl<T: Row> Table<T> {
    pub(crate) fn insert(&mut self, row: T) -> &T {
        let at = self.rows.len();
        self.by_id.insert(row.id().to_owned(), at);
        self.rows.push(row);
        &self.rows[at]
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.by_id.get(id).map(|at| &self.rows[*at])
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.by_id.get(id).map(|at| &mut self.rows[*at])
    }

    pub(crate) fn rows(&self) -> &[T] {
        &self.rows
    }

    pub(crate) fn rows_mut(&mut self) -> &mut [T] {
        &mut self.rows
    }

    /// One page of the rows that `keep` accepts, newest first.
    pub(crate) fn page(
        &self,
        page: &Page,
        url: &str,
        keep: impl Fn(&T) -> bool,
        shape: impl Fn(&T) -> Value,
    ) -> Result<Value, ApiError> {
        let end = match &page.starting_after {
            None => self.rows.len(),
            Some(id) => *self.by_id.get(id).ok_or_else(|| ApiError::no_such(T::KIND, id, "starting_after"))?,
        };
        let mut wanted = self.rows[..end].iter().rev().filter(|row| keep(row));
        let data: Vec<Value> = wanted.by_ref().take(page.limit).map(shape).collect();
        let has_more = wanted.next().is_some();
        Ok(json!({ "object": "list", "url": url, "has_more": has_more, "data": data }))
    }
}

/// The part of a list that a request asks for.
#[derive(Debug)]
pub(crate) struct Page {
    limit: usize,
    starting_after: Option<String>,
}

impl Page {
    pub(crate) fn of(params: &mut Params) -> Result<Self, ApiError> {
        Ok(Self { limit: limit(params)?, starting_after: params.text("starting_after")? })
    }
}

/// `limit`: 1 to 100, 10 by default.
pub(crate) fn limit(params: &mut Params) -> Result<usize, ApiError> {
    Ok(params.integer("limit", 1..=100)?.and_then(|limit| limit.try_into().ok()).unwrap_or(10))
}

/// `cus_…` and the like: the prefix and `length` random letters, at most 32.
pub(crate) fn new_id(prefix: &str, length: usize) -> String {
    let random = Uuid::new_v4().simple().to_string();
    format!("{prefix}_{}", &random[..length])
}

/// Unix seconds.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_second()
}

/// The same moment a calendar month later.
pub(crate) fn month_after(start: i64) -> i64 {
    let end = Timestamp::from_second(start)
        .map(|start| start.to_zoned(TimeZone::UTC))
        .and_then(|start| start.checked_add(1.month()));
    end.map_or(start, |end| end.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::month_after;

    #[test]
    fn a_month_ends_with_the_month() {
        // 2026-01-31T00:00:00Z and 2026-02-28T00:00:00Z.
        assert_eq!(month_after(1_769_817_600), 1_772_236_800);
    }
}
