//! OpenSearch: one knn index with its alias per tenant.
//!
//! Facts about the API are from opensearch-project/documentation-website (`_api-reference/index-apis/create-index.md`,
//! `_api-reference/alias/{aliases-api,get-alias}.md`); answers are as recorded from OpenSearch 2.19.1.

#![warn(missing_docs)]

mod auth;
mod client;
mod difference;
mod error;
mod index;

pub use auth::Auth;
pub use client::{Ensured, OpenSearch, Seen, SeenAlias};
pub use difference::Difference;
pub use error::Error;
pub use index::{Dimension, Engine, IndexSpec, InvalidSetting, MappingVersion};
