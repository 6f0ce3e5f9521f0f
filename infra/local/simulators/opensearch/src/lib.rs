//! A stand-in for the part of `OpenSearch` 2.19 with the k-NN plugin that tenants' indexes need, for machines without a JDK.
//!
//! Indexes, mappings, aliases, documents and searches (`match_all`, `term`, `knn`) with the server's own rules, statuses
//! and bodies; `tests/recorded` holds answers of a real 2.19.1 that it is compared with. Nearest neighbours are found by
//! looking at every vector, so recall is perfect. Every index has one shard's worth of behaviour, whatever its setting.
//! What `OpenSearch` can do and this cannot is answered with 501 `not_simulated`, never with a guess.

mod aliases;
mod call;
mod cluster;
mod content;
mod document;
mod documents;
mod error;
mod health;
mod index;
mod indices;
mod mapping;
mod names;
mod routes;
mod search;
mod server;
mod settings;

use std::io;

use secrecy::SecretString;
use tokio::net::TcpListener;

/// How the stand-in presents itself.
#[derive(Debug)]
pub struct Config {
    /// The name of the cluster and of its one node.
    pub cluster_name: String,
    /// Whom it lets in by basic authentication; everybody where nothing is given.
    pub credentials: Option<Credentials>,
}

impl Default for Config {
    fn default() -> Self {
        Self { cluster_name: "opensearch-simulator".to_owned(), credentials: None }
    }
}

/// A user of the security plugin.
#[derive(Debug)]
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// Answers on this listener, with an empty cluster, until the task is dropped.
pub async fn serve(listener: TcpListener, config: Config) -> io::Result<()> {
    axum::serve(listener, server::router(config)).await
}
