//! What every route needs: the caller and their right, JSON in, answers and problems out.
//!
//! A route's function holds its own work only:
//! ```text
//! impl api_kit::Handler for GetTenant {
//!     const ROUTE: Route = routes::GET_TENANT;
//!     async fn handle(&self, request: &Request) -> Result<Answer, Problem> { … }
//! }
//! ```

mod answer;
mod caller;
mod json;
mod moment;
mod page;
mod precondition;
mod problem;
pub mod records;
mod request;
mod serve;

pub use answer::{Answer, Header};
pub use caller::Caller;
pub use domain::routes;
pub use moment::Moment;
pub use page::{Cursor, Page};
pub use precondition::IfMatch;
pub use problem::Problem;
pub use request::{Query, Request};
pub use serve::{Handler, Platform, serve};
