//! `regions/{region}`: the systems of a residency region.

use domain::Region;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Secret;

/// A residency region's systems.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct RegionSecret {
    /// Its FalkorDB.
    pub falkordb: FalkorDbSecret,
    /// Its OpenSearch.
    pub opensearch: OpenSearchSecret,
}

impl Secret for RegionSecret {
    type Key = Region;
    const NAMES: &'static str = "regions/*";

    fn name(region: &Region) -> String {
        format!("regions/{region}")
    }
}

/// A region's FalkorDB.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct FalkorDbSecret {
    /// `rediss://user:password@host:port`.
    #[schema(value_type = String)]
    pub url: SecretString,
    /// Authorities to trust besides the public ones, as PEM.
    #[serde(default)]
    pub ca_pem: Option<String>,
}

/// A region's OpenSearch.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenSearchSecret {
    /// `http[s]://host[:port][/path]`.
    pub endpoint: String,
    /// How to authenticate there.
    pub auth: OpenSearchAuth,
    /// Authorities to trust besides the public ones, as PEM.
    #[serde(default)]
    pub ca_pem: Option<String>,
}

/// How requests to a region's OpenSearch are authenticated.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum OpenSearchAuth {
    /// As a user of the cluster.
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        #[schema(value_type = String)]
        password: SecretString,
    },
    /// As the function's AWS role, at a managed domain.
    // A variant without braces would not deny unknown fields.
    SigV4 {},
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opensearch_secret_is_read_strictly_and_never_shows_its_password() {
        let basic = r#"{"endpoint":"https://x","auth":{"type":"basic","username":"u","password":"hunter2"}}"#;
        let secret: OpenSearchSecret = serde_json::from_str(basic).expect("valid");
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert!(matches!(secret.auth, OpenSearchAuth::Basic { username, .. } if username == "u"));
        let signed = r#"{"endpoint":"https://x","auth":{"type":"sigv4"}}"#;
        let secret: OpenSearchSecret = serde_json::from_str(signed).expect("valid");
        assert!(matches!(secret.auth, OpenSearchAuth::SigV4 {}));
        for wrong in [
            r#"{"endpoint":"https://x"}"#,
            r#"{"endpoint":"https://x","auth":{"type":"none"}}"#,
            r#"{"endpoint":"https://x","auth":{"type":"sigv4","region":"us-east-1"}}"#,
            r#"{"endpoint":"https://x","auth":{"type":"basic","username":"u"}}"#,
        ] {
            assert!(serde_json::from_str::<OpenSearchSecret>(wrong).is_err(), "{wrong}");
        }
    }
}
