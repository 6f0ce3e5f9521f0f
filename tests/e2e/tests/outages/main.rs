//! Each dependency is down, in every way in which it can be. Each route gives the contract's answer in time, promises
//! are kept, and afterwards the same processes work again.

mod database;
mod executions;
mod records;
mod rotation;
mod secrets;
mod valkey;
mod world;
