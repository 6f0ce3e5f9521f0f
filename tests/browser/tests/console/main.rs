//! What people do with the console, done in a browser against a cloud.

mod actions;
mod ends;
mod failing;
mod hostile;
mod looks;
mod pictures;
mod policy;
mod session;
