//! All indexes, and which of them a name stands for.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Detail, Problem, Result};
use crate::index::Index;
use crate::mapping::Mapping;
use crate::names;
use crate::search::Filter;
use crate::settings::Settings;

#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    /// The id of the one node.
    pub(crate) node: String,
    pub(crate) indices: BTreeMap<String, Index>,
}

impl Cluster {
    pub(crate) fn new(name: String) -> Self {
        let node = uuid::Uuid::new_v4().simple().to_string();
        Self { name, node, indices: BTreeMap::new() }
    }

    pub(crate) fn is_alias(&self, name: &str) -> bool {
        self.indices.values().any(|index| index.aliases.contains_key(name))
    }

    fn behind(&self, alias: &str) -> impl Iterator<Item = &Index> {
        self.indices.values().filter(move |index| index.aliases.contains_key(alias))
    }

    /// The names of the indexes an expression stands for: names, aliases, wildcards, separated by commas.
    pub(crate) fn resolve(&self, expression: &str) -> Result<Vec<String>> {
        let mut found = BTreeSet::new();
        for part in expression.split(',') {
            if part == "_all" || part.contains('*') {
                let fits = |name: &str| part == "_all" || matches(part, name);
                let wanted = |index: &&Index| fits(&index.name) || index.aliases.keys().any(|alias| fits(alias));
                found.extend(self.indices.values().filter(wanted).map(|index| index.name.clone()));
            } else if self.indices.contains_key(part) {
                found.insert(part.to_owned());
            } else if self.is_alias(part) {
                found.extend(self.behind(part).map(|index| index.name.clone()));
            } else {
                names::check_expression(part)?;
                return Err(Problem::no_such_index(part));
            }
        }
        Ok(found.into_iter().collect())
    }

    /// What a search with this expression is narrowed to in this index: nothing, or what fits one of these filters.
    pub(crate) fn filters(&self, expression: &str, index: &str) -> Vec<Filter> {
        let mut filters = Vec::new();
        let aliases = self.indices.get(index).map(|index| &index.aliases);
        for part in expression.split(',') {
            if part == "_all" || matches(part, index) {
                return Vec::new();
            }
            for (_, alias) in aliases.into_iter().flatten().filter(|(name, _)| matches(part, name)) {
                match &alias.filter {
                    None => return Vec::new(),
                    Some(filter) => filters.push(filter.clone()),
                }
            }
        }
        filters
    }

    /// The indexes an expression stands for in a deletion, where an alias does not count.
    pub(crate) fn resolve_for_deletion(&self, expression: &str) -> Result<Vec<String>> {
        let mut found = BTreeSet::new();
        for part in expression.split(',') {
            if part == "_all" || part.contains('*') {
                let wanted = |name: &&String| part == "_all" || matches(part, name);
                found.extend(self.indices.keys().filter(wanted).cloned());
            } else if self.is_alias(part) {
                return Err(Problem::illegal_argument(format!(
                    "The provided expression [{part}] matches an alias, specify the corresponding concrete indices \
                     instead."
                )));
            } else {
                found.extend(self.resolve(part)?);
            }
        }
        Ok(found.into_iter().collect())
    }

    /// The index a document written to this name goes to; it is made where there is none.
    pub(crate) fn write_target(&mut self, name: &str) -> Result<&mut Index> {
        let target = if self.is_alias(name) {
            let behind: Vec<&Index> = self.behind(name).collect();
            let writable = |index: &&&Index| index.aliases[name].is_write_index == Some(true);
            let only = |index: &&&Index| behind.len() == 1 && index.aliases[name].is_write_index != Some(false);
            let target = behind.iter().find(writable).or_else(|| behind.first().filter(only));
            target.map(|index| index.name.clone()).ok_or_else(|| no_write_index(name))?
        } else {
            if !self.indices.contains_key(name) {
                names::check_index(name)?;
                let index = Index::new(name, Settings::default(), Mapping::default(), BTreeMap::new());
                self.indices.insert(name.to_owned(), index);
            }
            name.to_owned()
        };
        self.indices.get_mut(&target).ok_or_else(|| Problem::no_such_index(name))
    }

    /// Whether an alias of this name may point to this index.
    pub(crate) fn check_alias(&self, alias: &str) -> Result<()> {
        names::check_alias(alias)?;
        match self.indices.get(alias) {
            None => Ok(()),
            Some(index) => {
                let reason = format!("Invalid alias name [{alias}], an index exists with the same name as the alias");
                let detail = Detail::new("invalid_alias_name_exception", reason);
                Err(Problem::new(400, detail.with("index", alias).with("index_uuid", index.uuid.as_str())))
            }
        }
    }

    /// Refuses aliases with more than one index to write to.
    pub(crate) fn check_write_indices(&self) -> Result<()> {
        let mut writable: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for index in self.indices.values() {
            for (name, alias) in &index.aliases {
                if alias.is_write_index == Some(true) {
                    writable.entry(name).or_default().push(&index.name);
                }
            }
        }
        match writable.iter().find(|(_, indices)| indices.len() > 1) {
            None => Ok(()),
            Some((alias, indices)) => {
                let reason = format!("alias [{alias}] has more than one write index [{}]", indices.join(","));
                Err(Problem::new(500, Detail::new("illegal_state_exception", reason)))
            }
        }
    }
}

fn no_write_index(alias: &str) -> Problem {
    Problem::illegal_argument(format!(
        "no write index is defined for alias [{alias}]. The write index may be explicitly disabled using \
         is_write_index=false or the alias points to multiple indices without one being designated as a write index"
    ))
}

/// Whether a name fits a pattern in which `*` stands for anything.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name.strip_prefix(head).is_some_and(|rest| {
            let mut starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            starts.any(|at| matches(tail, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards() {
        for (pattern, name, fits) in [
            ("a", "a", true),
            ("a*", "a", true),
            ("a*c", "abbc", true),
            ("*b*", "abc", true),
            ("a*c", "ab", false),
            ("a", "ab", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }
}
