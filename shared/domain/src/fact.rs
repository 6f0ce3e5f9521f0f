//! What a hint can name.

/// A gap in hints. This list is all that hints name: what we gave a name, and the references of providers. None of it is
/// secret, and none of it is a provider's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The tenant's region.
    Region,
    /// The tenant's graph.
    Graph,
    /// The tenant's index in OpenSearch.
    Index,
    /// The alias of that index.
    Alias,
    /// The reference of the tenant's Supabase project.
    Project,
}

impl Fact {
    /// Every fact.
    pub const ALL: [Self; 5] = [Self::Region, Self::Graph, Self::Index, Self::Alias, Self::Project];

    /// How a hint writes the gap.
    #[must_use]
    pub const fn gap(self) -> &'static str {
        match self {
            Self::Region => "{region}",
            Self::Graph => "{graph}",
            Self::Index => "{index}",
            Self::Alias => "{alias}",
            Self::Project => "{project}",
        }
    }

    /// What stands there where nobody knows the name: `<region>`.
    #[must_use]
    pub fn unnamed(self) -> String {
        self.gap().replace('{', "<").replace('}', ">")
    }
}

/// A short text that may be shown: a word of letters, digits, `.`, `_` and `-`.
#[must_use]
pub fn word(text: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=128).contains(&text.len()).then_some(text).filter(|text| text.bytes().all(plain))
}
