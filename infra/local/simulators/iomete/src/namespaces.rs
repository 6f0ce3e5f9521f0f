//! Namespaces: levels of names, each namespace with properties and the names of its tables.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::problem::{Problem, Result};

/// Separates the levels of a namespace in its form as one string: in a path (as `%1F`) and in `parent`.
const SEPARATOR: char = '\u{1F}';

type Properties = BTreeMap<String, String>;

/// The levels of one namespace, from the top.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Levels(Vec<String>);

impl Levels {
    fn new(levels: Vec<String>) -> Result<Self> {
        if levels.is_empty() || levels.iter().any(|level| level.is_empty() || level.contains(SEPARATOR)) {
            return Err(Problem::bad_request("a namespace has at least one level, and none is empty"));
        }
        Ok(Self(levels))
    }

    pub(crate) fn parse(joined: &str) -> Result<Self> {
        Self::new(joined.split(SEPARATOR).map(str::to_owned).collect())
    }

    /// The levels above, unless this is at the top.
    fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        (!above.is_empty()).then(|| Self(above.to_vec()))
    }
}

/// `CreateNamespaceRequest`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Creation {
    namespace: Vec<String>,
    #[serde(default)]
    properties: Properties,
}

/// `UpdateNamespacePropertiesRequest`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Update {
    #[serde(default)]
    removals: Vec<String>,
    #[serde(default)]
    updates: Properties,
}

/// `CreateTableRequest`. Of a table, its name is kept.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableCreation {
    name: String,
    #[serde(rename = "schema")]
    _schema: Map<String, Value>,
    location: Option<String>,
    #[serde(default, rename = "properties")]
    _properties: Properties,
}

#[derive(Debug, Default)]
struct Namespace {
    properties: Properties,
    tables: BTreeSet<String>,
}

/// All namespaces of a catalog.
#[derive(Debug, Default)]
pub(crate) struct Namespaces(BTreeMap<Levels, Namespace>);

impl Namespaces {
    /// A missing parent is an error, although the specification does not require that: some catalogs refuse it, others
    /// create it. A client that creates the parent first works with all of them.
    pub(crate) fn create(&mut self, creation: Creation) -> Result<Value> {
        let levels = Levels::new(creation.namespace)?;
        if let Some(parent) = levels.parent() {
            self.get(&parent)?;
        }
        if self.0.contains_key(&levels) {
            return Err(Problem::namespace_exists());
        }
        let answer = json!({ "namespace": levels.0, "properties": creation.properties });
        self.0.insert(levels, Namespace { properties: creation.properties, tables: BTreeSet::new() });
        Ok(answer)
    }

    /// Lists the namespaces directly below `parent`, or at the top.
    pub(crate) fn list(&self, parent: Option<&Levels>) -> Result<Value> {
        if let Some(parent) = parent {
            self.get(parent)?;
        }
        let found: Vec<_> = self.children(parent).map(|levels| &levels.0).collect();
        Ok(json!({ "namespaces": found }))
    }

    pub(crate) fn load(&self, levels: &Levels) -> Result<Value> {
        Ok(json!({ "namespace": levels.0, "properties": self.get(levels)?.properties }))
    }

    pub(crate) fn remove(&mut self, levels: &Levels) -> Result<()> {
        let has_tables = !self.get(levels)?.tables.is_empty();
        if has_tables || self.children(Some(levels)).next().is_some() {
            return Err(Problem::namespace_not_empty());
        }
        self.0.remove(levels);
        Ok(())
    }

    pub(crate) fn update(&mut self, levels: &Levels, update: Update) -> Result<Value> {
        let properties = &mut self.get_mut(levels)?.properties;
        let distinct: BTreeSet<_> = update.removals.iter().collect();
        if distinct.len() < update.removals.len() {
            return Err(Problem::bad_request("a removal is there twice"));
        }
        if update.removals.iter().any(|name| update.updates.contains_key(name)) {
            return Err(Problem::contradictory());
        }
        let (removed, missing): (Vec<_>, Vec<_>) =
            update.removals.into_iter().partition(|name| properties.remove(name).is_some());
        let updated: Vec<_> = update.updates.keys().cloned().collect();
        properties.extend(update.updates);
        Ok(json!({ "updated": updated, "removed": removed, "missing": missing }))
    }

    pub(crate) fn tables(&self, levels: &Levels) -> Result<Value> {
        let identifier = |name: &String| json!({ "namespace": levels.0, "name": name });
        let identifiers: Vec<_> = self.get(levels)?.tables.iter().map(identifier).collect();
        Ok(json!({ "identifiers": identifiers }))
    }

    pub(crate) fn create_table(&mut self, levels: &Levels, creation: TableCreation, warehouse: &str) -> Result<Value> {
        let TableCreation { name, location, .. } = creation;
        if name.is_empty() {
            return Err(Problem::bad_request("a table has a name"));
        }
        let location = location.unwrap_or_else(|| format!("{warehouse}/{}/{name}", levels.0.join("/")));
        if !self.get_mut(levels)?.tables.insert(name) {
            return Err(Problem::table_exists());
        }
        Ok(json!({
            "metadata-location": format!("{location}/metadata/v1.metadata.json"),
            "metadata": { "format-version": 2, "table-uuid": Uuid::new_v4(), "location": location },
        }))
    }

    pub(crate) fn drop_table(&mut self, levels: &Levels, table: &str) -> Result<()> {
        let dropped = self.0.get_mut(levels).is_some_and(|namespace| namespace.tables.remove(table));
        if dropped { Ok(()) } else { Err(Problem::no_such_table()) }
    }

    fn get(&self, levels: &Levels) -> Result<&Namespace> {
        self.0.get(levels).ok_or_else(Problem::no_such_namespace)
    }

    fn get_mut(&mut self, levels: &Levels) -> Result<&mut Namespace> {
        self.0.get_mut(levels).ok_or_else(Problem::no_such_namespace)
    }

    fn children<'a>(&'a self, parent: Option<&'a Levels>) -> impl Iterator<Item = &'a Levels> {
        self.0.keys().filter(move |levels| levels.parent().as_ref() == parent)
    }
}
