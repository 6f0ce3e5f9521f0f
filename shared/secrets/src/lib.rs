//! The shapes and names of every secret of an installation, below its prefix.
//!
//! A value is JSON. The type says which shape it has, [`Secret::name`] where it is. Who may read, create or write a secret
//! is declared by each function with the handles of `lambda-kit`.

#![warn(missing_docs)]

mod catalog;
mod control;
mod region;
mod tenant;

use serde::de::DeserializeOwned;

pub use catalog::CatalogSecret;
pub use control::{
    CallersSecret, ConsumerSecret, DatabaseOwnerSecret, DatabaseSecret, IometeSecret, JwtKeySecret, JwtSecret,
    SmtpSecret, StripeSecret, SupabaseSecret, ValkeySecret,
};
pub use region::{FalkorDbSecret, OpenSearchAuth, OpenSearchSecret, RegionSecret, SigningService};
pub use tenant::{PoolerAddress, TenantSecret};

/// A secret's shape and place.
pub trait Secret: DeserializeOwned + Send + 'static {
    /// Which one of its kind. `()` where the installation has only one.
    type Key: Send;

    /// All names of the kind, below the prefix: `control/stripe`, or `tenants/*`.
    const NAMES: &'static str;

    /// The name of one, below the prefix.
    fn name(key: &Self::Key) -> String;
}
