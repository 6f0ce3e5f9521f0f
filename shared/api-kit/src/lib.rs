//! What every route needs around its own work: the caller and their rights, the parts of the request, answers and
//! problems, idempotency keys.
//!
//! A route's function contains only its own work:
//! ```text
//! needs! {
//!     pub struct GetTenant { store: ControlReader }
//! }
//!
//! impl api_kit::Handler for GetTenant {
//!     const ROUTE: Route = routes::GET_TENANT;
//!     type Input = SlugInPath;
//!     async fn handle(&self, request: &Request, SlugInPath(slug): SlugInPath, _: Budget) -> Result<Answer, Problem> { … }
//! }
//! ```

#![warn(missing_docs)]

mod accept;
mod answer;
mod audit;
mod caller;
mod csv;
mod idempotency;
mod input;
mod json;
mod lease;
mod moment;
mod page;
mod precondition;
mod problem;
pub mod records;
mod request;
mod retrieval;
mod serve;

pub use accept::Form;
pub use answer::{Answer, Header};
pub use audit::AuditQuery;
pub use caller::Caller;
pub use domain::routes;
pub use input::{Input, Json, OptionalJson, Preconditions, Query, SlugInPath, Takes, TenantsOwn};
pub use lambda_kit::Budget;
pub use lease::{take_lease, work_under};
pub use moment::Moment;
pub use page::{Cursor, Page};
pub use precondition::Conditions;
pub use problem::Problem;
pub use request::Request;
pub use retrieval::PurgeRules;
pub use serve::{Handler, LEAST_TIME, declaration, serve};
