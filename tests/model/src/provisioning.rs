//! What is checked: the protocol, or a broken variant of it.

use crate::protocol::Broken;
use crate::tier::TIERS;
use crate::world::{Bounds, World};

/// The model: where it begins, and what is left out of the protocol.
#[derive(Clone, Debug)]
pub struct Provisioning {
    /// The worlds it begins in.
    pub beginnings: Vec<World>,
    /// What is left out of the protocol.
    pub broken: Broken,
}

impl Provisioning {
    /// Begins with the commit of a POST.
    #[must_use]
    pub fn from_post(bounds: Bounds) -> Self {
        Self { beginnings: vec![World::posted(bounds)], broken: Broken::Nothing }
    }

    /// Begins with an active tenant of any tier.
    #[must_use]
    pub fn from_active(bounds: Bounds) -> Self {
        let beginnings = TIERS.map(|tier| World::active(bounds, tier)).to_vec();
        Self { beginnings, broken: Broken::Nothing }
    }

    /// The same model with something left out.
    #[must_use]
    pub fn without(self, broken: Broken) -> Self {
        Self { broken, ..self }
    }
}
