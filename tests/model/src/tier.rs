//! What a tenant may be billed as.

/// What a tenant pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plan {
    /// The cheaper one.
    Enterprise,
    /// The other one.
    EnterprisePlus,
}

/// A tier: a plan, or nothing to pay (`pilot`).
pub type Tier = Option<Plan>;

/// Every tier.
pub const TIERS: [Tier; 3] = [None, Some(Plan::Enterprise), Some(Plan::EnterprisePlus)];
