//! What an operator does with an installation: `cargo xtask deploy`, `doctor` and `keys`.

mod doctor;
mod lifecycle;
mod site;
