//! What people do with the console, done in a browser against a cloud.

mod actions;
mod ends;
mod failing;
mod figures;
mod hostile;
mod looks;
mod pictures;
mod policy;
mod session;
mod world;
