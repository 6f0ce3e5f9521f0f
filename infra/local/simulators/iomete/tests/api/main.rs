//! The stand-in over HTTP, as a client meets it.

mod client;
mod gate;
mod namespaces;
mod specification;
mod stand;
