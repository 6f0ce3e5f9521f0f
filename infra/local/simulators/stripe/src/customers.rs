//! `/v1/customers`.

use std::time::Instant;

use crate::error::ApiError;
use crate::model::{Customer, Metadata, MetadataPatch};
use crate::params::{Field, Params};
use crate::shape;
use crate::store::{Effect, Page, Store, new_id, now};

/// Attributes that can be given at creation and changed later.
struct Attributes {
    email: Field,
    name: Field,
    description: Field,
    phone: Field,
    metadata: MetadataPatch,
}

impl Attributes {
    fn of(params: &mut Params) -> Result<Self, ApiError> {
        let email = params.field("email", 512)?;
        if let Field::Value(address) = &email
            && !is_address(address)
        {
            return Err(ApiError::invalid(format!("Invalid email address: {address}"))
                .code("email_invalid")
                .param("email"));
        }
        Ok(Self {
            email,
            name: params.field("name", 256)?,
            description: params.field("description", 350)?,
            phone: params.field("phone", 20)?,
            metadata: params.metadata()?,
        })
    }

    fn apply(self, customer: &mut Customer) {
        self.email.apply(&mut customer.email);
        self.name.apply(&mut customer.name);
        self.description.apply(&mut customer.description);
        self.phone.apply(&mut customer.phone);
        self.metadata.apply(&mut customer.metadata);
    }
}

/// One `@` with something on both sides, and no spaces.
fn is_address(text: &str) -> bool {
    !text.contains(char::is_whitespace)
        && text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'))
}

pub(crate) fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let attributes = Attributes::of(params)?;
    Ok(Box::new(move |store| {
        let mut customer = Customer {
            id: new_id("cus", 14),
            created: now(),
            email: None,
            name: None,
            description: None,
            phone: None,
            metadata: Metadata::new(),
            deleted: false,
            livemode: store.mode.is_live(),
            searchable: Instant::now() + store.search_lag,
        };
        attributes.apply(&mut customer);
        Ok(shape::customer(store.customers.insert(customer)))
    }))
}

pub(crate) fn list(params: &mut Params) -> Result<Effect, ApiError> {
    let email = params.text("email")?;
    let page = Page::of(params)?;
    Ok(Box::new(move |store| {
        // Unlike search, this is case-sensitive and finds new customers at once.
        let keep = |customer: &Customer| !customer.deleted && (email.is_none() || customer.email == email);
        store.customers.page(&page, "/v1/customers", keep, shape::customer)
    }))
}

pub(crate) fn retrieve(id: &str) -> Effect {
    let id = id.to_owned();
    Box::new(move |store| {
        store.customers.get(&id).map(shape::customer).ok_or_else(|| ApiError::no_such("customer", &id, "id"))
    })
}

pub(crate) fn update(id: &str, params: &mut Params) -> Result<Effect, ApiError> {
    let id = id.to_owned();
    let attributes = Attributes::of(params)?;
    Ok(Box::new(move |store| {
        let customer = living(store, &id)?;
        attributes.apply(customer);
        Ok(shape::customer(customer))
    }))
}

/// Deleting a customer ends its subscriptions at once.
pub(crate) fn delete(id: &str) -> Effect {
    let id = id.to_owned();
    Box::new(move |store| {
        let customer = living(store, &id)?;
        customer.deleted = true;
        let shown = shape::customer(customer);
        for subscription in store.subscriptions.rows_mut() {
            if subscription.customer == id && subscription.ended_at.is_none() {
                subscription.ended_at = Some(now());
                subscription.canceled_at.get_or_insert_with(now);
            }
        }
        Ok(shown)
    })
}

fn living<'a>(store: &'a mut Store, id: &str) -> Result<&'a mut Customer, ApiError> {
    let found = store.customers.get_mut(id).filter(|customer| !customer.deleted);
    found.ok_or_else(|| ApiError::no_such("customer", id, "id"))
}
