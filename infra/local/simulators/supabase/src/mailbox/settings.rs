//! The command line.

use clap::Parser;
use secrecy::SecretString;

/// Port 0 means any free one; everything listens on 127.0.0.1.
#[derive(Debug, Clone, Parser)]
#[command(about = "SMTP server that keeps every mail in memory and shows it over HTTP")]
pub struct Settings {
    /// Port of the HTTP listing.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Port of the SMTP server.
    #[arg(long, default_value_t = 0)]
    pub smtp_port: u16,
    /// The only user who may send.
    #[arg(long, default_value = "mailbox")]
    pub user: String,
    /// That user's password. From the environment, so that it does not show in the process list.
    #[arg(long, env = "MAILBOX_PASSWORD", hide_env_values = true)]
    pub password: SecretString,
}
