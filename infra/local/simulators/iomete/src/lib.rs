//! A stand-in for one Iceberg REST catalog behind IOMETE's gateway: its configuration and its namespaces.
//!
//! The catalog is at `/catalogs/{catalog}`; its routes, answers and errors are those of the specification. It is strict
//! where the specification leaves a choice: what it does not know is an error, the `prefix` in its configuration's overrides
//! has to be used, and a namespace's parent has to be there. It has no tables, as its list of endpoints says, no paging and
//! no idempotency keys. State lives in memory.
//!
//! Facts: apache/iceberg (`rest-catalog-open-api.yaml`); iomete/iom-docs (user-guide/spark-catalogs/internal.md) for the
//! path and the two headers a token may be in.

mod call;
mod catalog;
mod error;
mod gate;
mod namespaces;
mod routes;
mod server;

use std::io;

use secrecy::SecretString;
use tokio::net::TcpListener;

/// What there is to stand in for.
#[derive(Debug)]
pub struct Config {
    /// The one token it accepts.
    pub token: SecretString,
    /// Name of the one catalog.
    pub catalog: String,
    /// Where the catalog keeps its tables, a URI.
    pub warehouse: String,
}

/// Answers on this listener, with a catalog without namespaces, until the task is dropped.
pub async fn serve(listener: TcpListener, config: Config) -> io::Result<()> {
    axum::serve(listener, server::router(config)).await
}
