//! The tenant's index: how it is created, and which differences of an existing one matter.

use std::str::FromStr;

use serde_json::{Value, json};

/// The library that searches vectors. It is always named in the mapping: the default has changed between versions of
/// the server, and the engine of an index cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Native code; offered by managed domains.
    Faiss,
    /// Runs inside the JVM, so it needs no native library.
    Lucene,
}

impl Engine {
    /// Its name in a mapping.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Faiss => "faiss",
            Self::Lucene => "lucene",
        }
    }
}

/// A setting with an invalid value. The message says which values are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSetting(&'static str);

impl FromStr for Engine {
    type Err = InvalidSetting;

    fn from_str(name: &str) -> Result<Self, InvalidSetting> {
        match name {
            "faiss" => Ok(Self::Faiss),
            "lucene" => Ok(Self::Lucene),
            _ => Err(InvalidSetting("must be faiss or lucene")),
        }
    }
}

/// How many numbers a vector has: 1 to 16,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimension(u16);

impl Dimension {
    /// A dimension, if OpenSearch accepts it.
    #[must_use]
    pub const fn new(dimension: u16) -> Option<Self> {
        if matches!(dimension, 1..=16_000) { Some(Self(dimension)) } else { None }
    }
}

impl FromStr for Dimension {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        text.parse().ok().and_then(Self::new).ok_or(InvalidSetting("must be a number from 1 to 16000"))
    }
}

/// A tenant's index and the alias that applications use.
#[derive(Clone, Copy, Debug)]
pub struct IndexSpec<'a> {
    /// The index's name.
    pub index: &'a str,
    /// The alias's name.
    pub alias: &'a str,
    /// The library that searches vectors.
    pub engine: Engine,
    /// How many numbers a vector has.
    pub dimension: Dimension,
    /// Copies of each shard besides the first. In a cluster of n zones, 1 + replicas must be a multiple of n.
    pub replicas: u8,
}

impl IndexSpec<'_> {
    /// The body of `PUT /{index}`, including the alias.
    pub(crate) fn body(&self) -> Value {
        json!({
            "settings": { "index": { "knn": true, "number_of_shards": 1, "number_of_replicas": self.replicas } },
            // With this, a misspelt field is an error and not a new field, because a field cannot be removed from a
            // mapping.
            "mappings": { "dynamic": "strict", "properties": self.properties() },
            "aliases": { self.alias: { "is_write_index": true } },
        })
    }

    /// The fields.
    ///
    /// `cosinesimil` is the usual similarity of text embeddings. Unlike `innerproduct` and `l2`, it does not depend on
    /// the length of vectors; a zero vector is an error. Lucene has always had it, faiss since 2.19. An older faiss
    /// refuses the creation of the index, not a later search (documentation-website,
    /// `_mappings/supported-field-types/{knn-spaces,knn-methods-engines}.md`).
    fn properties(&self) -> Value {
        json!({
            "document_id": { "type": "keyword" },
            "title": { "type": "text" },
            "content": { "type": "text" },
            "source": { "type": "keyword" },
            // Any JSON object, stored but not searched. Otherwise its keys would become fields of the mapping.
            "metadata": { "type": "object", "enabled": false },
            "created_at": { "type": "date" },
            "embedding": {
                "type": "knn_vector",
                "dimension": self.dimension.0,
                "method": {
                    "name": "hnsw",
                    "engine": self.engine.name(),
                    "space_type": "cosinesimil",
                    // m is the default; ef_construction is a little above its default of 100, for recall. Neither can
                    // be changed later.
                    "parameters": { "m": 16, "ef_construction": 128 },
                },
            },
        })
    }

    /// How an existing index, as `GET /{index}` describes it, differs from the one we would create, if the difference
    /// changes writes or searches. Additional fields are not a difference. Neither are replicas, because operators
    /// change them.
    pub(crate) fn difference(&self, found: &Value) -> Option<&'static str> {
        // Settings come back as strings.
        if !matches!(&found["settings"]["index"]["knn"], Value::String(knn) if knn == "true") {
            return Some("index.knn setting");
        }
        if found["mappings"]["dynamic"] != "strict" {
            return Some("dynamic mapping");
        }
        let (wanted, found) = (self.properties(), &found["mappings"]["properties"]);
        for (pointer, what) in [
            ("/embedding/type", "mapping of embedding"),
            ("/embedding/dimension", "dimension of embedding"),
            ("/embedding/method/name", "method of embedding"),
            ("/embedding/method/engine", "engine of embedding"),
            ("/embedding/method/space_type", "space type of embedding"),
            ("/document_id/type", "mapping of document_id"),
            ("/title/type", "mapping of title"),
            ("/content/type", "mapping of content"),
            ("/source/type", "mapping of source"),
            ("/metadata/type", "mapping of metadata"),
            ("/metadata/enabled", "mapping of metadata"),
            ("/created_at/type", "mapping of created_at"),
        ] {
            if found.pointer(pointer) != wanted.pointer(pointer) {
                return Some(what);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: IndexSpec<'_> = IndexSpec {
        index: "client_acme_v1",
        alias: "client_acme",
        engine: Engine::Faiss,
        dimension: Dimension::new(1536).expect("valid"),
        replicas: 1,
    };

    /// The index that we create, with its settings as strings, as a server describes it.
    fn described() -> Value {
        let mut body = SPEC.body();
        body["settings"]["index"] = json!({ "knn": "true", "number_of_shards": "1", "number_of_replicas": "2" });
        body
    }

    #[test]
    fn the_index_that_we_create_has_no_difference() {
        assert_eq!(SPEC.difference(&described()), None);
        let mut grown = described();
        grown["mappings"]["properties"]["language"] = json!({ "type": "keyword" });
        assert_eq!(SPEC.difference(&grown), None);
    }

    #[test]
    fn every_relevant_difference_is_found() {
        for (pointer, value, what) in [
            ("/settings/index", json!({}), "index.knn setting"),
            ("/settings/index/knn", json!("false"), "index.knn setting"),
            ("/mappings/dynamic", json!("true"), "dynamic mapping"),
            ("/mappings/properties", json!({}), "mapping of embedding"),
            ("/mappings/properties/embedding/dimension", json!(768), "dimension of embedding"),
            ("/mappings/properties/embedding/method/engine", json!("lucene"), "engine of embedding"),
            ("/mappings/properties/embedding/method/space_type", json!("l2"), "space type of embedding"),
            ("/mappings/properties/embedding/method/name", json!("ivf"), "method of embedding"),
            ("/mappings/properties/source/type", json!("text"), "mapping of source"),
            ("/mappings/properties/metadata/enabled", json!(true), "mapping of metadata"),
        ] {
            let mut found = described();
            *found.pointer_mut(pointer).expect(pointer) = value;
            assert_eq!(SPEC.difference(&found), Some(what), "{pointer}");
        }
    }

    #[test]
    fn settings_are_parsed() {
        for engine in [Engine::Faiss, Engine::Lucene] {
            assert_eq!(engine.name().parse(), Ok(engine));
        }
        assert!("nmslib".parse::<Engine>().is_err());
        for (text, valid) in [("1", true), ("16000", true), ("0", false), ("16001", false), ("x", false)] {
            assert_eq!(text.parse::<Dimension>().is_ok(), valid, "{text}");
        }
    }
}
