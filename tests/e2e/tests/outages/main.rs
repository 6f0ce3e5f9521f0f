//! A dependency is down, in every way in which one can be: each route gives the contract's answer in time, what was
//! promised is kept, and afterwards the very same processes work again.

mod database;
mod executions;
mod records;
mod rotation;
mod secrets;
mod valkey;
mod world;
