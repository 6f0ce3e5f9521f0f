//! `/v1/prices`: prices in US dollars, monthly or paid once.

use crate::error::ApiError;
use crate::model::Price;
use crate::params::{Params, missing};
use crate::shape;
use crate::store::{Effect, Page, Store, new_id, now};

/// `transfer_lookup_key` takes the key from the price that has it. Subscriptions keep that price, now without a key.
pub(crate) fn create(params: &mut Params) -> Result<Effect, ApiError> {
    params.one_of("currency", &["usd"])?.ok_or_else(|| missing("currency"))?;
    let recurring = params.recurring()?;
    let product = params.required("product")?;
    let unit_amount = params.integer("unit_amount", 0..=99_999_999)?.ok_or_else(|| missing("unit_amount"))?;
    let lookup_key = params.text("lookup_key")?;
    let transfer = params.boolean("transfer_lookup_key")?.unwrap_or(false);
    Ok(Box::new(move |store| {
        if let Some(key) = &lookup_key {
            release(store, key, transfer)?;
        }
        let livemode = store.mode.is_live();
        let (id, created, active) = (new_id("price", 24), now(), true);
        let price = Price { id, created, lookup_key, product, unit_amount, livemode, active, recurring };
        Ok(shape::price(store.prices.insert(price)))
    }))
}

/// Makes sure that no price has the key.
fn release(store: &mut Store, key: &str, transfer: bool) -> Result<(), ApiError> {
    let has_key = |price: &&mut Price| price.lookup_key.as_deref() == Some(key);
    let Some(taken) = store.prices.rows_mut().iter_mut().find(has_key) else { return Ok(()) };
    if !transfer {
        let message = format!("A price (`{}`) already uses that lookup key.", taken.id);
        return Err(ApiError::invalid(message).param("lookup_key"));
    }
    taken.lookup_key = None;
    let items = store.subscriptions.rows_mut().iter_mut().flat_map(|subscription| &mut subscription.items);
    for item in items.filter(|item| item.price.id == taken.id) {
        item.price.lookup_key = None;
    }
    Ok(())
}

pub(crate) fn list(params: &mut Params) -> Result<Effect, ApiError> {
    let lookup_keys = params.texts("lookup_keys", 10)?;
    let product = params.text("product")?;
    let active = params.boolean("active")?;
    let page = Page::of(params)?;
    Ok(Box::new(move |store| {
        let keep = |price: &Price| {
            active.is_none_or(|active| active == price.active)
                && (lookup_keys.is_empty() || price.lookup_key.as_ref().is_some_and(|key| lookup_keys.contains(key)))
                && product.as_ref().is_none_or(|product| *product == price.product)
        };
        store.prices.page(&page, "/v1/prices", keep, shape::price)
    }))
}

/// A price is archived, or brought back. It keeps its lookup key.
pub(crate) fn update(id: &str, params: &mut Params) -> Result<Effect, ApiError> {
    let (id, active) = (id.to_owned(), params.boolean("active")?);
    Ok(Box::new(move |store| {
        let price = store.prices.get_mut(&id).ok_or_else(|| ApiError::no_such("price", &id, "id"))?;
        price.active = active.unwrap_or(price.active);
        Ok(shape::price(price))
    }))
}

pub(crate) fn retrieve(id: &str) -> Effect {
    let id = id.to_owned();
    Box::new(move |store| store.prices.get(&id).map(shape::price).ok_or_else(|| ApiError::no_such("price", &id, "id")))
}
