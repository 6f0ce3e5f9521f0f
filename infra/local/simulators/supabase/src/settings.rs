//! The command line.

use clap::Parser;
use secrecy::SecretString;
use url::Url;

/// Port 0 means any free one; everything listens on 127.0.0.1.
#[derive(Debug, Clone, Parser)]
#[command(about = "Stand-in for the Supabase Management API and each project's Auth")]
pub struct Settings {
    /// Port of the vendor's APIs.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Port of the stand-in's control API, which is not part of the vendor's API.
    #[arg(long, default_value_t = 0)]
    pub admin_port: u16,
    /// The only access token of the Management API. From the environment, so that it does not show in the process list.
    #[arg(long, env = "SUPABASE_ACCESS_TOKEN", hide_env_values = true)]
    pub access_token: SecretString,
    /// URL of a Postgres superuser, who logs in without TLS. Every project becomes a database of that cluster. From the
    /// environment, as above.
    #[arg(long, env = "SIMULATOR_POSTGRES_URL", hide_env_values = true)]
    pub postgres_url: SecretString,
    /// Slug of the only organization that the token may use.
    #[arg(long, default_value = "local")]
    pub organization: String,
    /// The organization's plan, as the API names it.
    #[arg(long, default_value = "pro", value_parser = ["free", "pro", "team", "enterprise"])]
    pub plan: String,
    /// Start of the links in mails, if it is not the bound address.
    #[arg(long)]
    pub public_url: Option<Url>,
    /// How many requests for its status or health it takes until all services of a new project are healthy.
    #[arg(long, default_value_t = 3)]
    pub polls_until_healthy: u32,
    /// How long a second takes, in seconds.
    #[arg(long, default_value_t = 1.0)]
    pub clock_scale: f64,
    /// Milliseconds until listings show a new project.
    #[arg(long, default_value_t = 0)]
    pub visible_after_ms: u64,
    /// Host in the pooler's configuration; by default that of the Postgres URL.
    #[arg(long)]
    pub pooler_host: Option<String>,
    /// Port in the pooler's configuration; by default that of the Postgres URL.
    #[arg(long)]
    pub pooler_port: Option<u16>,
    /// Requests per minute, endpoint and project (or organization). 0 means no limit; Supabase has 120.
    #[arg(long, default_value_t = 0)]
    pub requests_per_minute: u32,
    /// An address of the organization's team: the built-in mail service writes to no other. Repeatable.
    #[arg(long = "team-email")]
    pub team_emails: Vec<String>,
}
