//! The routes as callers see them: states, answers and refusals.

mod credentials;
mod links;
mod requests;
mod routes;
mod shapes;
mod states;
mod validation;
