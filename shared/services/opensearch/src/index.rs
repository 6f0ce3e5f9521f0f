//! The tenant's index: what is created, and in what an existing one may not differ.

use std::str::FromStr;

use serde_json::{Value, json};

/// The library that searches vectors. It is always named: the servers' default has changed between versions, and it
/// cannot be changed afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Native; what managed clusters and serverless collections offer.
    Faiss,
    /// Inside the JVM; runs wherever the server runs.
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

/// A name that is no engine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the knn engine is neither faiss nor lucene")]
pub struct UnknownEngine;

impl FromStr for Engine {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        match name {
            "faiss" => Ok(Self::Faiss),
            "lucene" => Ok(Self::Lucene),
            _ => Err(UnknownEngine),
        }
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
    /// Numbers in a vector, 1 to 16,000.
    pub dimension: u16,
    /// Copies of each shard beside the first. In a cluster over n zones, 1 + replicas must be a multiple of n.
    /// Serverless collections ignore it.
    pub replicas: u8,
}

impl IndexSpec<'_> {
    /// The body of `PUT /{index}`, alias included.
    pub(crate) fn body(&self) -> Value {
        json!({
            "settings": { "index": { "knn": true, "number_of_shards": 1, "number_of_replicas": self.replicas } },
            // A misspelt field is an error, not a new field: mappings only ever grow.
            "mappings": { "dynamic": "strict", "properties": self.properties() },
            "aliases": { self.alias: { "is_write_index": true } },
        })
    }

    /// The fields.
    ///
    /// `cosinesimil` is what "similar" means for text embeddings, and needs no vectors of length one, which
    /// `innerproduct` and `l2` silently rank by length; a zero vector is an error. Lucene has always had it, faiss since
    /// 2.19; an older faiss refuses the index here, not a search later (documentation-website,
    /// `_mappings/supported-field-types/{knn-spaces,knn-methods-engines}.md`).
    fn properties(&self) -> Value {
        json!({
            "document_id": { "type": "keyword" },
            "title": { "type": "text" },
            "content": { "type": "text" },
            "source": { "type": "keyword" },
            // Any JSON object, kept but not searched: else each tenant's keys would become fields of the mapping.
            "metadata": { "type": "object", "enabled": false },
            "created_at": { "type": "date" },
            "embedding": {
                "type": "knn_vector",
                "dimension": self.dimension,
                "method": {
                    "name": "hnsw",
                    "engine": self.engine.name(),
                    "space_type": "cosinesimil",
                    // m as by default; ef_construction a little above its 100, for recall. Neither can be changed later.
                    "parameters": { "m": 16, "ef_construction": 128 },
                },
            },
        })
    }

    /// In what an existing index, as `GET /{index}` describes it, differs from the one we would create, so that what is
    /// written or searched there would not behave the same. More fields are no difference, nor are replicas, which
    /// operators change.
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
        dimension: 1536,
        replicas: 1,
    };

    /// What we ask for, with the settings as strings, as a server gives them back.
    fn described() -> Value {
        let mut body = SPEC.body();
        body["settings"]["index"] = json!({ "knn": "true", "number_of_shards": "1", "number_of_replicas": "2" });
        body
    }

    #[test]
    fn what_we_create_has_no_difference() {
        assert_eq!(SPEC.difference(&described()), None);
        let mut grown = described();
        grown["mappings"]["properties"]["language"] = json!({ "type": "keyword" });
        assert_eq!(SPEC.difference(&grown), None);
    }

    #[test]
    fn every_difference_that_matters_is_seen() {
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
    fn engines_have_names() {
        for engine in [Engine::Faiss, Engine::Lucene] {
            assert_eq!(engine.name().parse(), Ok(engine));
        }
        assert_eq!("nmslib".parse::<Engine>(), Err(UnknownEngine));
    }
}
