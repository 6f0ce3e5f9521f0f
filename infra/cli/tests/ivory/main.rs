//! The program, as a person and as a script use it. What needs a cloud goes through a recorder, which holds every request
//! against `functions/api/openapi.json`.

mod allowed;
mod answers;
mod cloud;
mod codes;
mod formats;
mod help;
mod profiles;
mod program;
mod readme;
mod recorder;
mod retries;
mod secrets;
mod server;
mod shown;
mod terminal;
mod typed;
