//! Queries: `match_all`, `term` and `knn`.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::document::{numbers, zero_flaw};
use crate::error::{Detail, Problem, Result};
use crate::index::Doc;
use crate::mapping::{Field, Kind, Mapping, SpaceType, Vector};

/// The most neighbours one may ask for.
const MAX_K: u64 = 10_000;

/// Queries that `OpenSearch` has and the stand-in has not.
const NOT_SIMULATED: &[&str] = &[
    "bool",
    "boosting",
    "constant_score",
    "dis_max",
    "exists",
    "function_score",
    "fuzzy",
    "hybrid",
    "ids",
    "intervals",
    "match",
    "match_bool_prefix",
    "match_none",
    "match_phrase",
    "match_phrase_prefix",
    "multi_match",
    "nested",
    "neural",
    "prefix",
    "query_string",
    "range",
    "regexp",
    "script",
    "script_score",
    "simple_query_string",
    "terms",
    "terms_set",
    "wildcard",
    "wrapper",
];

#[derive(Debug)]
pub(super) enum Query {
    MatchAll,
    Term { field: String, value: Value },
    Knn(Knn),
}

#[derive(Debug)]
pub(super) struct Knn {
    field: String,
    vector: Vec<f32>,
    k: u64,
    filter: Option<Box<Query>>,
}

/// Why a query does not fit an index.
pub(super) enum Flaw {
    Illegal(String),
    NotSimulated(String),
}

impl Query {
    pub(super) fn parse(given: &Map<String, Value>) -> Result<Self> {
        let mut entries = given.iter();
        let (name, body) = match (entries.next(), entries.next()) {
            (Some(entry), None) => entry,
            (None, _) => return Err(Problem::illegal_argument("query malformed, empty clause found")),
            (Some((name, _)), Some(_)) => {
                let reason = format!("[{name}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]");
                return Err(Problem::new(400, Detail::new("parsing_exception", reason)));
            }
        };
        match name.as_str() {
            "match_all" => match body.as_object().and_then(|body| body.keys().next()) {
                None => Ok(Self::MatchAll),
                Some(key) => Err(unknown_field("match_all", key)),
            },
            "term" => term(body),
            "knn" => knn(body),
            other if NOT_SIMULATED.contains(&other) => Err(Problem::not_simulated(&format!("[{other}] queries"))),
            other => {
                let cause = Detail::new("named_object_not_found_exception", format!("unknown field [{other}]"));
                let reason = format!("unknown query [{other}]");
                Err(Problem::new(400, Detail::new("parsing_exception", reason).caused_by(cause)))
            }
        }
    }

    /// A score for each document that fits.
    pub(super) fn scores(&self, mapping: &Mapping, docs: &[Arc<Doc>]) -> std::result::Result<Vec<Option<f32>>, Flaw> {
        match self {
            Self::MatchAll => Ok(vec![Some(1.0); docs.len()]),
            Self::Term { field, value } => term_scores(mapping, docs, field, value),
            Self::Knn(knn) => knn.scores(mapping, docs),
        }
    }
}

fn unknown_field(query: &str, field: &str) -> Problem {
    Problem::new(400, Detail::new("x_content_parse_exception", format!("[{query}] unknown field [{field}]")))
}

/// The one field a query is about, and what it says about it.
fn only_field<'a>(query: &str, body: &'a Value) -> Result<(&'a String, &'a Value)> {
    let fields = body.as_object().filter(|fields| fields.len() == 1);
    fields.and_then(|fields| fields.iter().next()).ok_or_else(|| {
        let reason = format!("[{query}] query doesn't support multiple fields or none");
        Problem::new(400, Detail::new("parsing_exception", reason))
    })
}

fn term(body: &Value) -> Result<Query> {
    let (field, given) = only_field("term", body)?;
    let value = match given {
        Value::Object(given) => {
            if let Some(key) = given.keys().find(|key| *key != "value") {
                return Err(match key.as_str() {
                    "boost" | "case_insensitive" => Problem::not_simulated(&format!("[{key}] in a term query")),
                    _ => unknown_field("term", key),
                });
            }
            given.get("value").cloned().unwrap_or_default()
        }
        scalar => scalar.clone(),
    };
    if value.is_null() || value.is_array() {
        return Err(Problem::illegal_argument("value cannot be null"));
    }
    Ok(Query::Term { field: field.clone(), value })
}

fn knn(body: &Value) -> Result<Query> {
    let (field, given) = only_field("knn", body)?;
    let given = given.as_object().ok_or_else(|| unknown_field("knn", field))?;
    let (mut vector, mut k, mut filter) = (Vec::new(), None, None);
    for (key, value) in given {
        match (key.as_str(), value) {
            ("vector", Value::Array(entries)) => vector = numbers(entries),
            ("k", Value::Number(number)) => k = number.as_i64(),
            ("filter", Value::Object(query)) => filter = Some(Box::new(Query::parse(query)?)),
            (
                "boost" | "expand_nested_docs" | "ignore_unmapped" | "max_distance" | "method_parameters" | "min_score"
                | "rescore",
                _,
            ) => return Err(Problem::not_simulated(&format!("[{key}] in a knn query"))),
            _ => return Err(unknown_field("knn", key)),
        }
    }
    let k =
        k.ok_or_else(|| Problem::illegal_argument("[knn] requires exactly one of k, distance or score to be set"))?;
    let in_range = u64::try_from(k).ok().filter(|k| (1..=MAX_K).contains(k));
    let k = in_range
        .ok_or_else(|| Problem::illegal_argument(format!("[knn] requires k to be in the range (0, {MAX_K}]")))?;
    if vector.is_empty() {
        return Err(Problem::illegal_argument("[knn] requires query vector"));
    }
    Ok(Query::Knn(Knn { field: field.clone(), vector, k, filter }))
}

impl Knn {
    fn scores(&self, mapping: &Mapping, docs: &[Arc<Doc>]) -> std::result::Result<Vec<Option<f32>>, Flaw> {
        let field = self.check(mapping)?;
        let candidates = match &self.filter {
            None => vec![Some(1.0); docs.len()],
            Some(filter) => filter.scores(mapping, docs)?,
        };
        let score = |(doc, candidate): (&Arc<Doc>, Option<f32>)| {
            candidate?;
            let vector = numbers(values(&doc.source, &self.field)?.as_array()?);
            Some(similarity(field.space_type(), &self.vector, &vector))
        };
        let mut scores: Vec<Option<f32>> = docs.iter().zip(candidates).map(score).collect();
        let mut best: Vec<(usize, f32)> =
            scores.iter().enumerate().filter_map(|(at, score)| Some((at, (*score)?))).collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (at, _) in best.into_iter().skip(usize::try_from(self.k).unwrap_or(usize::MAX)) {
            scores[at] = None;
        }
        Ok(scores)
    }

    fn check<'a>(&self, mapping: &'a Mapping) -> std::result::Result<&'a Vector, Flaw> {
        let Some(Field::Vector(field)) = mapping.field(&self.field) else {
            return Err(Flaw::Illegal(format!("Field '{}' is not knn_vector type.", self.field)));
        };
        if !field.searchable {
            return Err(Flaw::Illegal(format!("Field '{}' is not built for ANN search.", self.field)));
        }
        if self.vector.len() as u64 != field.dimension {
            let (given, expected) = (self.vector.len(), field.dimension);
            let reason = format!("Query vector has invalid dimension: {given}. Dimension should be: {expected}");
            return Err(Flaw::Illegal(reason));
        }
        zero_flaw(field.space_type(), &self.vector).map_or(Ok(field), |reason| Err(Flaw::Illegal(reason)))
    }
}

/// How the server turns a distance into a score: the nearer, the higher, and never negative.
fn similarity(space: SpaceType, a: &[f32], b: &[f32]) -> f32 {
    let pairs = || a.iter().zip(b).map(|(x, y)| (f64::from(*x), f64::from(*y)));
    let product: f64 = pairs().map(|(x, y)| x * y).sum();
    let score = match space {
        SpaceType::L2 => 1.0 / (1.0 + pairs().map(|(x, y)| (x - y).powi(2)).sum::<f64>()),
        SpaceType::L1 => 1.0 / (1.0 + pairs().map(|(x, y)| (x - y).abs()).sum::<f64>()),
        SpaceType::LInf => 1.0 / (1.0 + pairs().map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)),
        SpaceType::CosineSimilarity => {
            let squares: (f64, f64) = pairs().fold((0.0, 0.0), |(a, b), (x, y)| (a + x * x, b + y * y));
            f64::midpoint(1.0, product / (squares.0 * squares.1).sqrt())
        }
        SpaceType::InnerProduct if product < 0.0 => 1.0 / (1.0 - product),
        SpaceType::InnerProduct => 1.0 + product,
        // No field can have it: only binary vectors do.
        SpaceType::Hamming => 0.0,
    };
    // Scores have this precision.
    #[expect(clippy::cast_possible_truncation)]
    let score = score as f32;
    score
}

fn term_scores(
    mapping: &Mapping,
    docs: &[Arc<Doc>],
    field: &str,
    value: &Value,
) -> std::result::Result<Vec<Option<f32>>, Flaw> {
    let kind = match mapping.field(field) {
        None => return Ok(vec![None; docs.len()]),
        Some(Field::Plain(plain)) => plain.kind,
        Some(Field::Object(_) | Field::Vector(_)) => {
            return Err(Flaw::NotSimulated(format!("term queries on [{field}]")));
        }
    };
    if matches!(kind, Kind::Text | Kind::Date) {
        return Err(Flaw::NotSimulated(format!("term queries on fields of type [{}]", kind.name())));
    }
    let wanted = text(value);
    let entries = |doc: &Doc| match values(&doc.source, field) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(entries)) => entries.iter().map(text).collect(),
        Some(scalar) => vec![text(scalar)],
    };
    let entries: Vec<Vec<String>> = docs.iter().map(|doc| entries(doc)).collect();
    let with_field = entries.iter().filter(|entries| !entries.is_empty()).count();
    let fits: Vec<bool> = entries.iter().map(|entries| entries.contains(&wanted)).collect();
    let score = if kind == Kind::Keyword { rarity(with_field, fits.iter().filter(|fit| **fit).count()) } else { 1.0 };
    Ok(fits.into_iter().map(|fit| fit.then_some(score)).collect())
}

/// BM25 of a term that occurs once in a field without norms: only how rare it is counts. The steps are the server's, in
/// its precision.
fn rarity(docs: usize, fitting: usize) -> f32 {
    const K1: f32 = 1.2;
    let as_f64 = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let (docs, fitting) = (as_f64(docs), as_f64(fitting));
    #[expect(clippy::cast_possible_truncation)]
    let idf = (1.0 + (docs - fitting + 0.5) / (fitting + 0.5)).ln() as f32;
    let weight = (1.0 + K1) * idf;
    weight - weight / (1.0 + 1.0 / K1)
}

fn values<'a>(source: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    let mut parts = field.split('.');
    let first = source.get(parts.next()?)?;
    // Below a field that is no object there are other mappings of the same value.
    Some(parts.fold(first, |value, part| value.get(part).unwrap_or(value)))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
