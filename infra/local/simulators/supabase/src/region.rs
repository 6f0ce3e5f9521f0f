//! Where a project can be.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A region code of Supabase. The codes are not a stable part of its API; these are the specification's of 2026-05-22.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region(&'static str);

/// Region codes and their names as the dashboard shows them.
pub(crate) const REGIONS: [(&str, &str); 18] = [
    ("us-east-1", "East US (North Virginia)"),
    ("us-east-2", "East US (Ohio)"),
    ("us-west-1", "West US (North California)"),
    ("us-west-2", "West US (Oregon)"),
    ("ap-east-1", "East Asia (Hong Kong)"),
    ("ap-southeast-1", "Southeast Asia (Singapore)"),
    ("ap-northeast-1", "Northeast Asia (Tokyo)"),
    ("ap-northeast-2", "Northeast Asia (Seoul)"),
    ("ap-southeast-2", "Oceania (Sydney)"),
    ("eu-west-1", "West EU (Ireland)"),
    ("eu-west-2", "West Europe (London)"),
    ("eu-west-3", "West EU (Paris)"),
    ("eu-north-1", "North EU (Stockholm)"),
    ("eu-central-1", "Central EU (Frankfurt)"),
    ("eu-central-2", "Central Europe (Zurich)"),
    ("ca-central-1", "Canada (Central)"),
    ("ap-south-1", "South Asia (Mumbai)"),
    ("sa-east-1", "South America (São Paulo)"),
];

impl Region {
    pub(crate) const AMERICAS: Self = Self("us-east-1");
    pub(crate) const EMEA: Self = Self("eu-central-1");
    pub(crate) const APAC: Self = Self("ap-southeast-1");

    pub(crate) fn code(&self) -> &'static str {
        self.0
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        let known = REGIONS.iter().find(|(known, _)| *known == code);
        known.map(|(known, _)| Self(known)).ok_or_else(|| D::Error::custom(format!("unknown region code '{code}'")))
    }
}
