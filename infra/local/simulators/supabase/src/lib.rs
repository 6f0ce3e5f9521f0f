//! A stand-in for Supabase in the local cloud: the Management API under `/v1`, and for every project its Auth under
//! `/projects/{ref}/auth/v1`, on one port.
//!
//! It is strict and stateful. Each project is a real Postgres database with a real login role and a real `auth.users`;
//! each invitation is a real mail, sent with the SMTP settings the client configured. A request that Supabase would
//! refuse, or that its specification does not describe, is refused. Facts come from Supabase's published specification
//! of the Management API (2026-05-22) and from answers recorded from Auth v2.196.
//!
//! Known differences: the log-in role is neither `CREATEROLE` nor shared by name between projects, because all projects
//! live in one cluster; the pooler's rows point straight at Postgres; mail goes out without TLS; a project becomes
//! healthy by being looked at, not by the clock.
//!
//! A second port, the control plane of the stand-in itself, lets tests see what was called and ruin a project for good.

mod auth;
mod calls;
mod cloud;
mod control;
mod database;
mod keys;
mod mail;
mod management;
mod project;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use clap::Parser;
use secrecy::SecretString;
use tokio::net::TcpListener;
use url::Url;

use cloud::Cloud;
pub use database::DatabaseError;

/// Command line of the simulator. Port 0 means any free one; everything listens on 127.0.0.1.
#[derive(Debug, Clone, Parser)]
#[command(about = "Stand-in for the Supabase Management API and each project's Auth")]
pub struct Settings {
    /// Port of the vendor's APIs.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Port of the stand-in's own control plane, which is no part of the vendor's API.
    #[arg(long, default_value_t = 0)]
    pub admin_port: u16,
    /// The one access token of the Management API. From the environment, so that it does not show in the process list.
    #[arg(long, env = "SUPABASE_ACCESS_TOKEN", hide_env_values = true)]
    pub access_token: SecretString,
    /// URL of a Postgres superuser; every project becomes a database of that cluster. From the environment, as above.
    #[arg(long, env = "SIMULATOR_POSTGRES_URL", hide_env_values = true)]
    pub postgres_url: SecretString,
    /// Slug of the one organization the token may use.
    #[arg(long, default_value = "local")]
    pub organization: String,
    /// What links in mails start with, when the outside does not use the bound address.
    #[arg(long)]
    pub public_url: Option<Url>,
    /// How many looks at its status or health a new project takes until the last service is healthy.
    #[arg(long, default_value_t = 3)]
    pub polls_until_healthy: u32,
    /// Milliseconds until a created project shows up in listings.
    #[arg(long, default_value_t = 0)]
    pub visible_after_ms: u64,
    /// Host in the pooler's configuration; that of the Postgres URL unless given.
    #[arg(long)]
    pub pooler_host: Option<String>,
    /// Port in the pooler's configuration; that of the Postgres URL unless given.
    #[arg(long)]
    pub pooler_port: Option<u16>,
    /// Requests per minute, endpoint and project (or organization); 0 is no limit, Supabase has 120.
    #[arg(long, default_value_t = 0)]
    pub requests_per_minute: u32,
    /// An address of the organization's own team: the only ones the built-in mail service writes to. Repeatable.
    #[arg(long = "team-email")]
    pub team_emails: Vec<String>,
}

/// Why the simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port could not be bound.
    #[error("cannot bind a port")]
    Bind(#[from] std::io::Error),
    /// Postgres is out of reach, or the URL is none.
    #[error("cannot use Postgres")]
    Database(#[from] DatabaseError),
    /// `--public-url` cannot be the start of a link.
    #[error("the public URL must be an http or https URL")]
    PublicUrl,
}

/// A simulator whose two ports are bound and whose Postgres answered.
pub struct Simulator {
    api: TcpListener,
    control: TcpListener,
    cloud: Arc<Cloud>,
}

impl Simulator {
    /// Binds both ports on 127.0.0.1 and prepares the cluster.
    pub async fn bind(settings: Settings) -> Result<Self, StartError> {
        let api = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).await?;
        let control = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.admin_port)).await?;
        let base = match &settings.public_url {
            Some(url) if url.has_host() && url.scheme().starts_with("http") => url.to_string(),
            Some(_) => return Err(StartError::PublicUrl),
            None => format!("http://{}", api.local_addr()?),
        };
        let cloud = Cloud::new(settings, base.trim_end_matches('/').to_owned()).await?;
        Ok(Self { api, control, cloud: Arc::new(cloud) })
    }

    /// Where the vendor's APIs are.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.api.local_addr()
    }

    /// Where the stand-in's own control plane is.
    pub fn admin_address(&self) -> std::io::Result<SocketAddr> {
        self.control.local_addr()
    }

    /// Serves both ports until one of the listeners breaks.
    pub async fn serve(self) -> std::io::Result<()> {
        let api = Router::new()
            .merge(management::router(&self.cloud))
            .merge(auth::router(&self.cloud))
            .fallback(management::no_such_route);
        let control = control::router(self.cloud);
        tokio::select! {
            ended = axum::serve(self.api, api).into_future() => ended,
            ended = axum::serve(self.control, control).into_future() => ended,
        }
    }
}

/// Locks, whatever happened to an earlier holder: no critical section here can leave half a change behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
