//! The running cloud, as the environment describes it.

use std::time::Duration;

use anyhow::Result;

use crate::aws::Aws;
use crate::variables::variable;

/// The residency regions of the local cloud.
pub const REGIONS: [&str; 3] = ["us-east-1", "eu-central-1", "ap-southeast-1"];

/// The time-out of every call that a test makes.
const CALL_LIMIT: Duration = Duration::from_secs(40);

/// A running cloud. No `Debug`, because it holds all credentials of the cloud.
#[derive(Clone)]
pub struct Cloud {
    /// Base URL of the routes, e.g. `http://127.0.0.1:4566`.
    pub api_url: String,
    /// Key of the consumer in group `admin`.
    pub admin_key: String,
    /// Key of another consumer in group `admin`.
    pub deputy_key: String,
    /// Key of the consumer in group `auditor`.
    pub auditor_key: String,
    /// Key of a consumer in no group.
    pub stranger_key: String,
    /// The local AWS, with the administrator's credentials.
    pub aws: Aws,
    /// The client for plain HTTP.
    pub http: reqwest::Client,
}

impl Cloud {
    /// The cloud in the environment.
    pub fn from_env() -> Result<Self> {
        let api_url = variable("API_URL")?;
        tls::install_provider();
        let http = reqwest::Client::builder().no_proxy().timeout(CALL_LIMIT).build()?;
        Ok(Self {
            api_url: api_url.trim_end_matches('/').to_owned(),
            admin_key: variable("ADMIN_API_KEY")?,
            deputy_key: variable("DEPUTY_API_KEY")?,
            auditor_key: variable("AUDITOR_API_KEY")?,
            stranger_key: variable("NON_ADMIN_API_KEY")?,
            aws: Aws::from_env(http.clone())?,
            http,
        })
    }

    /// First part of every secret's name.
    pub fn secret_prefix(&self) -> Result<String> {
        variable("SECRET_PREFIX")
    }

    /// ARN of the key that encrypts the secrets.
    pub fn secrets_key_arn(&self) -> Result<String> {
        variable("SECRETS_KEY_ARN")
    }

    /// ARN of the secret of the control database's master.
    pub fn master_secret_arn(&self) -> Result<String> {
        variable("MASTER_SECRET_ARN")
    }

    /// Name of the table of the answers that are kept for repeated requests.
    pub fn idempotency_table(&self) -> Result<String> {
        variable("IDEMPOTENCY_TABLE")
    }
}
