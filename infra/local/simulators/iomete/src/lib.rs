//! A stand-in for one Iceberg REST catalog behind IOMETE's gateway: its configuration, its namespaces and
//! the names of their tables.
//!
//! The catalog is at `/catalogs/{catalog}`; its routes, answers and errors are those of the specification. It is strict
//! where the specification leaves a choice: anything it does not know is an error, clients have to use the `prefix` of
//! its configuration, and the parent of a namespace has to exist. It has neither data nor views, no
//! paging and no idempotency keys. State lives in memory.
//!
//! Facts: apache/iceberg (`rest-catalog-open-api.yaml`); iomete/iom-docs (user-guide/spark-catalogs/internal.md) for
//! the path and the two headers a token may be in.

mod catalog;
mod namespaces;
mod problem;
mod routes;
mod settings;

use std::io;
use std::sync::Arc;

use axum::Router;
use simulator::{Port, StandIn};

use catalog::Catalog;
pub use settings::Settings;

/// Starts the stand-in with a catalog without namespaces.
pub async fn start(settings: Settings) -> io::Result<StandIn> {
    let port = Port::bind(settings.port).await?;
    // One handler for every path: the gateway checks the token before it looks at the path.
    let routes = Router::new().fallback(routes::handle).with_state(Arc::new(Catalog::new(settings)));
    Ok(StandIn::default().http("api", port, routes))
}
