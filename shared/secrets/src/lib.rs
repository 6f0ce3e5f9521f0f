//! The shapes and names of every secret of an installation, below its prefix.
//!
//! A value is JSON. The type defines its shape, and [`Secret::name`] its name. Each function declares with the handles
//! of `lambda-kit` which secrets it reads, creates or writes.

#![warn(missing_docs)]

mod catalog;
mod control;
mod password;
mod region;
mod tenant;

use serde::de::DeserializeOwned;

pub use catalog::CatalogSecret;
pub use control::{
    CallersSecret, ConsumerSecret, DatabaseOwnerSecret, DatabaseReadSecret, DatabaseSecret, IometeSecret, MasterSecret,
    SmtpSecret, StripeSecret, SupabaseSecret, Unknown, ValkeySecret,
};
pub use password::new_password;
pub use region::{FalkorDbSecret, OpenSearchAuth, OpenSearchSecret, RegionSecret};
pub use tenant::{PoolerAddress, TenantSecret};

/// The shape and the name of a secret.
pub trait Secret: DeserializeOwned + Send + 'static {
    /// Identifies one secret of its kind. `()` if the installation has only one.
    type Key: Send;

    /// All names of the kind, below the prefix: `control/stripe`, or `tenants/*`.
    const NAMES: &'static str;

    /// The name of one secret, below the prefix.
    fn name(key: &Self::Key) -> String;
}
