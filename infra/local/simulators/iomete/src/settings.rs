//! The command line.

use clap::Parser;
use secrecy::SecretString;

/// Everything listens on 127.0.0.1.
#[derive(Debug, Parser)]
#[command(about = "Stand-in for one Iceberg REST catalog behind IOMETE's gateway")]
pub struct Settings {
    /// Port of the gateway; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Name of the only catalog.
    #[arg(long, default_value = "ivory")]
    pub catalog: String,
    /// Where the catalog keeps its tables, a URI.
    #[arg(long, default_value = "s3://ivory-lakehouse/warehouse")]
    pub warehouse: String,
    /// The only token it accepts. From the environment, so that it does not show in the process list.
    #[arg(long, env = "IOMETE_TOKEN", hide_env_values = true)]
    pub token: SecretString,
}
