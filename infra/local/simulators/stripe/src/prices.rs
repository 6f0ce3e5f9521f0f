//! `/v1/prices`, read only.

use crate::error::ApiError;
use crate::model::Price;
use crate::params::Params;
use crate::shape;
use crate::store::{Effect, Page};

pub(crate) fn list(params: &mut Params) -> Result<Effect, ApiError> {
    let lookup_keys = params.texts("lookup_keys", 10)?;
    let product = params.text("product")?;
    // Every price here is active.
    let active = params.boolean("active")?.unwrap_or(true);
    let page = Page::of(params)?;
    Ok(Box::new(move |store| {
        let keep = |price: &Price| {
            active
                && (lookup_keys.is_empty() || lookup_keys.contains(&price.lookup_key))
                && product.as_ref().is_none_or(|product| *product == price.product)
        };
        store.prices.page(&page, "/v1/prices", keep, shape::price)
    }))
}

pub(crate) fn retrieve(id: &str) -> Effect {
    let id = id.to_owned();
    Box::new(move |store| store.prices.get(&id).map(shape::price).ok_or_else(|| ApiError::no_such("price", &id, "id")))
}
