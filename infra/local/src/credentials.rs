//! The credentials of one run of a cloud: random, and new at every start.

use purge_certificate::SigningKey;
use rand::RngExt as _;
use rand::distr::Alphanumeric;

/// All credentials of a cloud. No `Debug` and no `Display`, so that they are not printed by accident.
pub struct Credentials {
    /// Postgres' superuser `postgres`, for the Supabase stand-in and for tests that read the databases directly.
    pub postgres: String,
    /// Master of the control database's server, as RDS gives it.
    pub control_master: String,
    /// Owner of the control database's schema: migrations.
    pub control_owner: String,
    /// The functions' user of the control database.
    pub control_app: String,
    pub control_reader: String,
    pub valkey: String,
    /// One per residency region, in the order of [`REGIONS`].
    pub falkordb: [String; REGIONS.len()],
    pub opensearch: String,
    pub supabase_access_token: String,
    pub stripe_secret_key: String,
    /// For tests that switch from test mode to live mode.
    pub stripe_live_secret_key: String,
    pub iomete_token: String,
    /// The private half of the key that signs certificates.
    pub purge_key: String,
    pub smtp: String,
    pub admin_api_key: String,
    pub deputy_api_key: String,
    pub auditor_api_key: String,
    pub non_admin_api_key: String,
    pub jwt_secret: String,
    /// Root of the local AWS. Used once, to create the administrator that deploys.
    pub aws_root: AwsKey,
}

/// An AWS access key.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct AwsKey {
    pub access_key_id: String,
    pub secret_access_key: String,
}

/// The residency regions a tenant can be in.
pub const REGIONS: [&str; 3] = ["us-east-1", "eu-central-1", "ap-southeast-1"];

/// The region the control plane itself is deployed in.
pub const CONTROL_REGION: &str = "us-east-1";

impl Credentials {
    pub fn generate() -> Self {
        Self {
            postgres: word(32),
            control_master: word(32),
            control_owner: word(32),
            control_app: word(32),
            control_reader: word(32),
            valkey: word(32),
            falkordb: std::array::from_fn(|_| word(32)),
            opensearch: word(32),
            supabase_access_token: format!("sbp_{}", hexadecimal(20)),
            stripe_secret_key: format!("sk_test_{}", word(48)),
            stripe_live_secret_key: format!("sk_live_{}", word(48)),
            iomete_token: word(48),
            purge_key: hexadecimal(32),
            smtp: word(32),
            admin_api_key: format!("ivory_{}", word(40)),
            deputy_api_key: format!("ivory_{}", word(40)),
            auditor_api_key: format!("ivory_{}", word(40)),
            non_admin_api_key: format!("ivory_{}", word(40)),
            jwt_secret: word(64),
            aws_root: AwsKey {
                access_key_id: format!("AKIA{}", hexadecimal(8).to_uppercase()),
                secret_access_key: word(40),
            },
        }
    }

    /// The public half of the key that signs certificates.
    pub fn purge_public_key(&self) -> anyhow::Result<String> {
        Ok(SigningKey::of_seed(&self.purge_key)?.public().to_string())
    }
}

/// Letters and digits only: safe in a URL, a shell, a configuration file and SQL. 5.95 bits each.
fn word(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

fn hexadecimal(bytes: usize) -> String {
    hex::encode(rand::rng().random_iter::<u8>().take(bytes).collect::<Vec<_>>())
}
