//! How a request is authenticated.

use aws_credential_types::provider::SharedCredentialsProvider;
use secrecy::SecretString;

/// A managed domain's service in a signature's scope (opensearch-project/documentation-website `_clients/rust.md`).
pub(crate) const SERVICE: &str = "es";

/// How a request is authenticated.
pub enum Auth {
    /// A user of the cluster.
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        password: SecretString,
    },
    /// AWS Signature Version 4.
    SigV4 {
        /// The region of the endpoint.
        region: String,
        /// The source of the credentials for each request.
        credentials: SharedCredentialsProvider,
    },
}
