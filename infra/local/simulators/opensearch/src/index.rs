//! One index with its documents.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::document;
use crate::error::{Detail, Problem, Result};
use crate::mapping::Mapping;
use crate::search::Filter;
use crate::settings::Settings;

/// What an index says about one of its aliases.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alias {
    pub(crate) is_write_index: Option<bool>,
    /// What a search by the alias is narrowed to.
    pub(crate) filter: Option<Filter>,
}

impl Alias {
    fn shown(&self) -> Value {
        let mut shown = Map::new();
        shown.extend(self.filter.as_ref().map(|filter| ("filter".to_owned(), filter.shown())));
        shown.extend(self.is_write_index.map(|write| ("is_write_index".to_owned(), write.into())));
        shown.into()
    }
}

#[derive(Debug)]
pub(crate) struct Doc {
    pub(crate) id: String,
    pub(crate) version: u64,
    pub(crate) seq_no: u64,
    pub(crate) source: Map<String, Value>,
}

/// Cloning is cheap: documents are shared.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) uuid: String,
    pub(crate) settings: Settings,
    pub(crate) mapping: Mapping,
    pub(crate) aliases: BTreeMap<String, Alias>,
    created_ms: i64,
    docs: BTreeMap<String, Arc<Doc>>,
    next_seq_no: u64,
    /// What searches see, in the order of writing.
    visible: Vec<Arc<Doc>>,
    /// The first write that searches do not see yet.
    dirty_since: Option<Instant>,
}

impl Index {
    pub(crate) fn new(name: &str, settings: Settings, mapping: Mapping, aliases: BTreeMap<String, Alias>) -> Self {
        Self {
            name: name.to_owned(),
            uuid: URL_SAFE_NO_PAD.encode(uuid::Uuid::new_v4().as_bytes()),
            settings,
            mapping,
            aliases,
            created_ms: jiff::Timestamp::now().as_millisecond(),
            docs: BTreeMap::new(),
            next_seq_no: 0,
            visible: Vec::new(),
            dirty_since: None,
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Doc> {
        self.docs.get(id).map(Arc::as_ref)
    }

    pub(crate) fn count(&self) -> usize {
        self.visible.len()
    }

    /// Bytes of all documents as JSON: what this index has for a size.
    pub(crate) fn bytes(&self) -> usize {
        self.docs.values().map(|doc| Value::Object(doc.source.clone()).to_string().len()).sum()
    }

    /// Writes a document; `create` refuses to overwrite one.
    pub(crate) fn put(&mut self, id: &str, source: Map<String, Value>, create: bool) -> Result<&Doc> {
        let current = self.docs.get(id).map_or(0, |doc| doc.version);
        if create && current > 0 {
            let reason = format!("[{id}]: version conflict, document already exists (current version [{current}])");
            let detail = Detail::new("version_conflict_engine_exception", reason)
                .with("index", self.name.as_str())
                .with("shard", "0")
                .with("index_uuid", self.uuid.as_str());
            return Err(Problem::new(409, detail));
        }
        self.mapping = document::admit(id, &source, &self.mapping)?;
        let doc = Doc { id: id.to_owned(), version: current + 1, seq_no: self.next_seq_no, source };
        self.next_seq_no += 1;
        self.dirty_since.get_or_insert_with(Instant::now);
        self.docs.insert(id.to_owned(), Arc::new(doc));
        Ok(&self.docs[id])
    }

    /// Lets searches see everything.
    pub(crate) fn refresh(&mut self) {
        self.visible = self.docs.values().cloned().collect();
        self.visible.sort_by_key(|doc| doc.seq_no);
        self.dirty_since = None;
    }

    /// What a search sees now: writes become visible by a refresh, which also happens by itself every so often.
    pub(crate) fn searchable(&mut self) -> Vec<Arc<Doc>> {
        let due = |since: Instant| self.settings.refresh_interval().is_some_and(|interval| since.elapsed() >= interval);
        if self.dirty_since.is_some_and(due) {
            self.refresh();
        }
        self.visible.clone()
    }

    /// Of a write: the primary, and replicas that nobody holds.
    pub(crate) fn write_shards(&self) -> Value {
        json!({ "total": 1 + self.settings.replicas(), "successful": 1, "failed": 0 })
    }

    pub(crate) fn shown(&self) -> Value {
        json!({
            "aliases": self.aliases_shown(|_| true),
            "mappings": self.mapping.shown(),
            "settings": self.settings.shown(&self.name, &self.uuid, self.created_ms),
        })
    }

    pub(crate) fn aliases_shown(&self, wanted: impl Fn(&str) -> bool) -> Value {
        let wanted = self.aliases.iter().filter(|(name, _)| wanted(name));
        wanted.map(|(name, alias)| (name.clone(), alias.shown())).collect::<Map<_, _>>().into()
    }
}
