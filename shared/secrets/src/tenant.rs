//! `tenants/{tenant_id}`: the one secret of a tenant.

use domain::{TenantId, names};
use secrecy::{ExposeSecret, SecretString};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use crate::Secret;

/// The address of a tenant's session pooler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolerAddress {
    /// Host name.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Role, e.g. `postgres.{ref}`.
    pub user: String,
    /// Database name.
    pub dbname: String,
}

/// The credentials of a tenant's systems. Step 1 writes the passwords and step 2 the rest. Step 5 writes the rest again
/// if it was lost or replaced.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct TenantSecret {
    /// Password of the tenant's database.
    #[schema(value_type = String)]
    pub db_pass: SecretString,
    /// Password of the tenant's FalkorDB user.
    #[schema(value_type = String)]
    pub graph_pass: SecretString,
    /// Key for browsers.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub publishable_key: Option<SecretString>,
    /// Key for servers: full access.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub secret_key: Option<SecretString>,
    /// The address of the database.
    #[serde(default)]
    pub pooler: Option<PoolerAddress>,
}

impl Secret for TenantSecret {
    type Key = TenantId;
    const NAMES: &'static str = "tenants/*";

    fn name(tenant_id: &TenantId) -> String {
        names::secret(*tenant_id)
    }
}

impl PartialEq for TenantSecret {
    fn eq(&self, other: &Self) -> bool {
        self.db_pass.expose_secret() == other.db_pass.expose_secret()
            && self.graph_pass.expose_secret() == other.graph_pass.expose_secret()
            && exposed(self.publishable_key.as_ref()) == exposed(other.publishable_key.as_ref())
            && exposed(self.secret_key.as_ref()) == exposed(other.secret_key.as_ref())
            && self.pooler == other.pooler
    }
}

/// A value to compare with. It is not copied.
pub(crate) fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}

/// Only for Secrets Manager: this serializes the values in clear.
impl Serialize for TenantSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("TenantSecret", 5)?;
        object.serialize_field("db_pass", self.db_pass.expose_secret())?;
        object.serialize_field("graph_pass", self.graph_pass.expose_secret())?;
        object.serialize_field("publishable_key", &exposed(self.publishable_key.as_ref()))?;
        object.serialize_field("secret_key", &exposed(self.secret_key.as_ref()))?;
        object.serialize_field("pooler", &self.pooler)?;
        object.end()
    }
}
