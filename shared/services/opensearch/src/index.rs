//! The tenant's index: how it is created, and which differences of an existing one matter.

use std::str::FromStr;

use serde_json::{Value, json};

use crate::difference::Difference;

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

/// The version of an index's mapping. It is written into the mapping's `_meta`, so that whoever repairs indices finds
/// those of an earlier version. The type of a field cannot be changed: such an index is reindexed into a new one, to
/// which the alias is then switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingVersion {
    /// `metadata` is stored only, so a filtered search finds nothing. An index of this version says no version.
    MetadataStored = 1,
    /// Every value in `metadata` can be searched.
    MetadataSearchable = 2,
}

impl MappingVersion {
    /// The version of the indices that are created now.
    pub const CURRENT: Self = Self::MetadataSearchable;

    /// The version of an existing index, if it says one that is known.
    fn of(found: &Value) -> Option<Self> {
        match &found["mappings"]["_meta"][VERSION_KEY] {
            Value::Null => Some(Self::MetadataStored),
            version => [Self::MetadataStored, Self::MetadataSearchable].into_iter().find(|it| *version == *it as u8),
        }
    }

    /// How `metadata` is mapped: any JSON object, whose keys must not become fields of the mapping. There are as many as
    /// applications think of, each costs memory of the cluster for ever, and one that meets another type later would
    /// make a document invalid.
    ///
    /// A `flat_object` is one field with all values as they are written: `metadata.author` is filtered by equality,
    /// prefix and existence. Ranges compare text, there is no `.keyword` below a key, and a value of more than 32,766
    /// bytes is refused (tried on 2.19.1).
    fn metadata(self) -> Value {
        match self {
            Self::MetadataStored => json!({ "type": "object", "enabled": false }),
            Self::MetadataSearchable => json!({ "type": "flat_object" }),
        }
    }
}

/// The key in `_meta` that only we use.
const VERSION_KEY: &str = "ivory_mapping_version";

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
            "mappings": {
                "dynamic": "strict",
                "_meta": { VERSION_KEY: MappingVersion::CURRENT as u8 },
                "properties": self.properties(MappingVersion::CURRENT),
            },
            "aliases": { self.alias: { "is_write_index": true } },
        })
    }

    /// The body of `POST /_aliases` that gives the index its alias.
    pub(crate) fn add_alias(&self) -> Value {
        let add = json!({ "add": { "index": self.index, "alias": self.alias, "is_write_index": true } });
        json!({ "actions": [add] })
    }

    /// The body of `POST /_aliases` that takes the alias from the index.
    pub(crate) fn remove_alias(&self) -> Value {
        json!({ "actions": [{ "remove": { "index": self.index, "alias": self.alias } }] })
    }

    /// How an existing index shows that we did not make it; `None` if its mapping is one of ours. Whoever made another one did not
    /// know our fields. What an installation chooses, such as the dimension, may have changed since.
    pub(crate) fn mark_of(&self, found: &Value) -> Option<Difference> {
        let current = MappingVersion::CURRENT as u8;
        let Some(version) = MappingVersion::of(found) else {
            return Some(Difference::value(VERSION_KEY, found["mappings"]["_meta"].get(VERSION_KEY), &json!(current)));
        };
        let properties = self.properties(version);
        let types = properties.as_object().into_iter().flatten().map(|(name, field)| (name, &field["type"]));
        types
            .map(|(name, expected)| (name, &found["mappings"]["properties"][name]["type"], expected))
            // An object does not show its type.
            .find(|(_, shown, expected)| shown != expected && !(shown.is_null() && *expected == "object"))
            .map(|(name, shown, expected)| Difference::value(name, Some(shown), expected))
    }

    /// [`IndexSpec::body`], with a filter on the alias that no server can parse. A server parses it after everything else was
    /// accepted: user, blocks, room for shards, settings, mapping.
    pub(crate) fn rehearsed(&self) -> Value {
        let mut body = self.body();
        body["aliases"][self.alias]["filter"] = json!({ "ivory_rehearsal": {} });
        body
    }

    /// The fields.
    ///
    /// `cosinesimil` is the usual similarity of text embeddings. Unlike `innerproduct` and `l2`, it does not depend on
    /// the length of vectors; a zero vector is an error. Lucene has always had it, faiss since 2.19. An older faiss
    /// refuses the creation of the index, not a later search (documentation-website,
    /// `_mappings/supported-field-types/{knn-spaces,knn-methods-engines}.md`).
    fn properties(&self, version: MappingVersion) -> Value {
        json!({
            "document_id": { "type": "keyword" },
            "title": { "type": "text" },
            "content": { "type": "text" },
            "source": { "type": "keyword" },
            "metadata": version.metadata(),
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

    /// The version of an existing index, as `GET /{index}` describes it. An error says how the index differs from the one
    /// that we would create, or would have created with that version, if the difference changes writes or searches.
    /// Additional fields are not a difference. Neither are replicas, because operators change them.
    pub(crate) fn version_of(&self, found: &Value) -> Result<MappingVersion, Difference> {
        // Settings come back as strings.
        let knn = &found["settings"]["index"]["knn"];
        if knn != "true" {
            return Err(Difference::value("index.knn", Some(knn), &json!(true)));
        }
        let dynamic = &found["mappings"]["dynamic"];
        if dynamic != "strict" {
            return Err(Difference::value("dynamic", Some(dynamic), &json!("strict")));
        }
        let current = MappingVersion::CURRENT as u8;
        let known = MappingVersion::of(found);
        let version = known.ok_or_else(|| {
            Difference::value(VERSION_KEY, found["mappings"]["_meta"].get(VERSION_KEY), &json!(current))
        })?;
        let (wanted, found) = (self.properties(version), &found["mappings"]["properties"]);
        for pointer in [
            "/embedding/type",
            "/embedding/dimension",
            "/embedding/method/name",
            "/embedding/method/engine",
            "/embedding/method/space_type",
            "/document_id/type",
            "/title/type",
            "/content/type",
            "/source/type",
            "/metadata/type",
            "/metadata/enabled",
            "/created_at/type",
        ] {
            let (has, should) = (found.pointer(pointer), wanted.pointer(pointer));
            if has != should {
                let name = pointer[1..].replace('/', ".");
                return Err(Difference::value(&name, has, should.unwrap_or(&Value::Null)));
            }
        }
        Ok(version)
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

    /// The index that the first release created.
    fn described_first() -> Value {
        let mut found = described();
        found["mappings"]["_meta"].take();
        found["mappings"]["properties"]["metadata"] = json!({ "type": "object", "enabled": false });
        found
    }

    #[test]
    fn the_index_of_any_version_has_no_difference() {
        assert_eq!(SPEC.version_of(&described()), Ok(MappingVersion::CURRENT));
        assert_eq!(SPEC.version_of(&described_first()), Ok(MappingVersion::MetadataStored));
        let mut grown = described();
        grown["mappings"]["properties"]["language"] = json!({ "type": "keyword" });
        assert_eq!(SPEC.version_of(&grown), Ok(MappingVersion::CURRENT));
    }

    #[test]
    fn an_index_is_what_its_version_says() {
        let mut new = described_first();
        new["mappings"]["_meta"] = described()["mappings"]["_meta"].clone();
        let mut first = described();
        first["mappings"]["_meta"].take();
        for (found, differs) in
            [(new, "metadata.type=object, expected flat_object"), (first, "metadata.type=flat_object, expected object")]
        {
            assert_eq!(told(&found), format!("the index {{index}} has {differs}"), "{found}");
        }
    }

    #[test]
    fn every_relevant_difference_is_found() {
        for (pointer, value, differs) in [
            ("/settings/index", json!({}), "index.knn=nothing, expected true"),
            ("/settings/index/knn", json!("false"), "index.knn=false, expected true"),
            ("/settings/index/knn", json!("a b"), "index.knn=something else, expected true"),
            ("/mappings/dynamic", json!("true"), "dynamic=true, expected strict"),
            ("/mappings/properties", json!({}), "embedding.type=nothing, expected knn_vector"),
            ("/mappings/properties/embedding/dimension", json!(768), "embedding.dimension=768, expected 1536"),
            (
                "/mappings/properties/embedding/method/engine",
                json!("lucene"),
                "embedding.method.engine=lucene, expected faiss",
            ),
            (
                "/mappings/properties/embedding/method/space_type",
                json!("l2"),
                "embedding.method.space_type=l2, expected cosinesimil",
            ),
            ("/mappings/properties/embedding/method/name", json!("ivf"), "embedding.method.name=ivf, expected hnsw"),
            ("/mappings/properties/source/type", json!("text"), "source.type=text, expected keyword"),
            ("/mappings/properties/source/type", json!([1]), "source.type=something else, expected keyword"),
            (
                "/mappings/properties/metadata",
                json!({ "type": "object" }),
                "metadata.type=object, expected flat_object",
            ),
            ("/mappings/_meta", json!({ VERSION_KEY: 3 }), "ivory_mapping_version=3, expected 2"),
            ("/mappings/_meta", json!({ VERSION_KEY: "2" }), "ivory_mapping_version=\"2\", expected 2"),
        ] {
            let mut found = described();
            *found.pointer_mut(pointer).expect(pointer) = value;
            assert_eq!(told(&found), format!("the index {{index}} has {differs}"), "{pointer}");
        }
    }

    fn told(found: &Value) -> String {
        SPEC.version_of(found).expect_err("it differs").to_string()
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
