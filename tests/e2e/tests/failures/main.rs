//! A failure at each step: where the run ends, what the API says about it, and that resuming repeats no effect.

mod configuration;
mod corrections;
mod environment;
mod foreseen;
mod gone;
mod lookalikes;
mod lost;
mod scenario;
mod steps;
mod trust;
mod young;
