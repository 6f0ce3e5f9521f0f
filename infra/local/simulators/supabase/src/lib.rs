//! A stand-in for Supabase in the local cloud: the Management API under `/v1`, and for every project its Auth under
//! `/projects/{ref}/auth/v1`, on one port.
//!
//! It is strict and stateful. Each project is a real Postgres database with a real login role and a real `auth.users`;
//! each invitation is a real mail, sent with the SMTP settings that the client configured. It refuses every request
//! that Supabase would refuse or that its specification does not describe. Facts come from Supabase's published
//! specification of the Management API (2026-05-22) and from answers recorded from Auth v2.196.
//!
//! Known differences: the login role is neither `CREATEROLE` nor shared by name between projects, because all projects
//! live in one cluster; the pooler's rows point straight at Postgres; mails are sent without TLS; a project becomes
//! healthy by requests for its status, not by the clock.
//!
//! [`mailbox`] is a separate program: the server that its mails are sent to.
//!
//! A second port has the stand-in's control API. There tests see the calls so far, and force a status on a project.

mod auth;
mod auth_config;
mod calls;
mod cloud;
mod control;
mod database;
mod keys;
mod mail;
pub mod mailbox;
mod management;
mod project;
mod region;
mod routes;
mod service;
mod settings;

use std::sync::Arc;

use axum::Router;
use simulator::{Port, StandIn};

use cloud::Cloud;
use database::DatabaseError;
pub use settings::Settings;

/// Why the stand-in did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port could not be bound.
    #[error("cannot bind a port")]
    Bind(#[from] std::io::Error),
    /// Postgres is out of reach, or its URL is not valid.
    #[error("cannot use Postgres")]
    Database(#[from] DatabaseError),
    /// `--public-url` cannot be the start of a link.
    #[error("the public URL must be an http or https URL")]
    PublicUrl,
}

/// Binds both ports, prepares the cluster and starts the stand-in without projects.
pub async fn start(settings: Settings) -> Result<StandIn, StartError> {
    let (api, admin) = (Port::bind(settings.port).await?, Port::bind(settings.admin_port).await?);
    let base = match &settings.public_url {
        Some(url) if url.has_host() && url.scheme().starts_with("http") => url.to_string(),
        Some(_) => return Err(StartError::PublicUrl),
        None => format!("http://{}", api.address),
    };
    let cloud = Arc::new(Cloud::new(settings, base.trim_end_matches('/').to_owned()).await?);
    let routes =
        Router::new().merge(management::router(&cloud)).merge(auth::router(&cloud)).fallback(management::no_such_route);
    Ok(StandIn::default().http("api", api, routes).http("admin", admin, control::router(cloud)))
}
