//! `knn_vector` fields.

use serde_json::{Map, Value, json};

use super::{Flaw, text, unknown_parameter};

/// The most dimensions any engine takes.
const MAX_DIMENSION: u64 = 16_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Faiss,
    Lucene,
    Nmslib,
}

impl Engine {
    fn parse(text: &str) -> Result<Self, Flaw> {
        match text {
            "faiss" => Ok(Self::Faiss),
            "lucene" => Ok(Self::Lucene),
            "nmslib" => Ok(Self::Nmslib),
            _ => Err(Flaw::Parser(format!("Invalid engine: {text}"))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Faiss => "faiss",
            Self::Lucene => "lucene",
            Self::Nmslib => "nmslib",
        }
    }

    fn supports(self, space: SpaceType) -> bool {
        match space {
            SpaceType::L2 | SpaceType::CosineSimilarity | SpaceType::InnerProduct => true,
            SpaceType::L1 | SpaceType::LInf => self == Self::Nmslib,
            // Only of binary vectors, which are not simulated.
            SpaceType::Hamming => false,
        }
    }

    fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Faiss => &["ef_construction", "ef_search", "m"],
            Self::Lucene | Self::Nmslib => &["ef_construction", "m"],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpaceType {
    CosineSimilarity,
    Hamming,
    InnerProduct,
    L1,
    L2,
    LInf,
}

impl SpaceType {
    fn parse(text: &str) -> Result<Self, Flaw> {
        match text {
            "cosinesimil" => Ok(Self::CosineSimilarity),
            "hamming" => Ok(Self::Hamming),
            "innerproduct" => Ok(Self::InnerProduct),
            "l1" => Ok(Self::L1),
            "l2" => Ok(Self::L2),
            "linf" => Ok(Self::LInf),
            _ => Err(Flaw::Parser(format!("Invalid space_type: {text}"))),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CosineSimilarity => "cosinesimil",
            Self::Hamming => "hamming",
            Self::InnerProduct => "innerproduct",
            Self::L1 => "l1",
            Self::L2 => "l2",
            Self::LInf => "linf",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Vector {
    pub(crate) dimension: u64,
    /// The space given beside the method.
    space: Option<SpaceType>,
    method: Option<Method>,
    /// Whether the field can be searched by nearest neighbours.
    pub(crate) searchable: bool,
}

#[derive(Clone, Debug)]
struct Method {
    name: String,
    engine: Engine,
    space: Option<SpaceType>,
    parameters: Map<String, Value>,
}

impl Vector {
    pub(super) fn parse(name: &str, given: &Map<String, Value>, knn: bool) -> Result<Self, Flaw> {
        let (mut dimension, mut space, mut method) = (None, None, None);
        for (key, value) in given {
            match key.as_str() {
                "type" => {}
                "dimension" => dimension = Some(parse_dimension(name, value)?),
                "space_type" => space = Some(SpaceType::parse(&text(value))?),
                "method" => method = Some(Method::parse(value)?),
                "data_type" if value == "float" => {}
                "data_type" if value != "byte" && value != "binary" => {
                    let what = "Invalid value provided for [data_type] field. Supported values are [binary,byte,float]";
                    return Err(Flaw::Argument(what.to_owned()));
                }
                "compression_level" | "data_type" | "doc_values" | "meta" | "mode" | "model_id" | "store" => {
                    return Err(Flaw::NotSimulated(format!("the parameter [{key}] of a field of type [knn_vector]")));
                }
                _ => return Err(unknown_parameter(key, name, "knn_vector")),
            }
        }
        let dimension =
            dimension.ok_or_else(|| Flaw::Argument(format!("Dimension value missing for vector: {name}")))?;
        let vector = Self { dimension, space, method, searchable: knn };
        vector.check_method(knn)?;
        Ok(vector)
    }

    fn check_method(&self, knn: bool) -> Result<(), Flaw> {
        let Some(method) = &self.method else { return Ok(()) };
        if !knn {
            let what = "Cannot set modelId or method parameters when index.knn setting is false";
            return Err(Flaw::Argument(what.to_owned()));
        }
        if let (Some(inner), Some(outer)) = (method.space, self.space)
            && inner != outer
        {
            let what = format!("Cannot specify conflicting space types: \"[{}]\" \"[{}]\"", inner.name(), outer.name());
            return Err(Flaw::Parser(what));
        }
        let engine = method.engine;
        if engine == Engine::Faiss && method.name == "ivf" {
            return Err(Flaw::NotSimulated("the method [ivf], which needs a trained model".to_owned()));
        }
        if method.name != "hnsw" {
            return Err(Flaw::Argument(format!("Invalid method name: {}", method.name)));
        }
        let mut flaws = method.parameter_flaws();
        if !engine.supports(self.space_type()) {
            flaws.push(format!(
                "\"{}\" with \"{}\" configuration does not support space type: \"{}\".",
                method.name,
                engine.name(),
                self.space_type().name()
            ));
        }
        if self.dimension > MAX_DIMENSION {
            flaws.push(format!(
                "Dimension value cannot be greater than {MAX_DIMENSION} for vector with engine: {}",
                engine.name()
            ));
        }
        if flaws.is_empty() {
            return Ok(());
        }
        let listed: Vec<String> = flaws.iter().zip(1..).map(|(flaw, number)| format!("{number}: {flaw};")).collect();
        Err(Flaw::Validation(format!("Validation Failed: {}", listed.concat())))
    }

    pub(crate) fn space_type(&self) -> SpaceType {
        self.method.as_ref().and_then(|method| method.space).or(self.space).unwrap_or(SpaceType::L2)
    }

    pub(super) fn shown(&self) -> Value {
        let mut shown =
            Map::from_iter([("type".to_owned(), json!("knn_vector")), ("dimension".to_owned(), self.dimension.into())]);
        if let Some(method) = &self.method {
            let method = json!({
                "name": method.name,
                "engine": method.engine.name(),
                "space_type": self.space_type().name(),
                "parameters": method.parameters,
            });
            shown.insert("method".to_owned(), method);
        }
        if let Some(space) = self.space {
            shown.insert("space_type".to_owned(), space.name().into());
        }
        shown.into()
    }
}

impl Method {
    fn parse(given: &Value) -> Result<Self, Flaw> {
        let given = given.as_object().ok_or_else(|| Flaw::Parser("Unable to parse method".to_owned()))?;
        let mut method = Self { name: String::new(), engine: Engine::Faiss, space: None, parameters: Map::new() };
        for (key, value) in given {
            match key.as_str() {
                "name" => method.name = text(value),
                "engine" => method.engine = Engine::parse(&text(value))?,
                "space_type" => method.space = Some(SpaceType::parse(&text(value))?),
                "parameters" => {
                    let parameters = value.as_object();
                    let not_a_map = || Flaw::Parser("Unable to parse parameters for component".to_owned());
                    method.parameters.clone_from(parameters.ok_or_else(not_a_map)?);
                }
                _ => return Err(Flaw::Parser(format!("Invalid parameter: {key}"))),
            }
        }
        if method.name.is_empty() {
            return Err(Flaw::Parser("name needs to be set".to_owned()));
        }
        Ok(method)
    }

    fn parameter_flaws(&self) -> Vec<String> {
        let flaw = |(name, value): (&String, &Value)| match value.as_i64() {
            _ if !self.engine.parameters().contains(&name.as_str()) => {
                Some(format!("Unknown parameter '{name}' found"))
            }
            None => Some(format!("value is not an instance of Integer for Integer parameter [{name}].")),
            Some(number) if number < 1 => Some(format!("parameter validation failed for Integer parameter [{name}].")),
            Some(_) => None,
        };
        self.parameters.iter().filter_map(flaw).collect()
    }
}

fn parse_dimension(name: &str, value: &Value) -> Result<u64, Flaw> {
    let text = text(value);
    match text.parse::<i64>() {
        Err(_) => {
            let what = format!("Unable to parse [dimension] from provided value [{text}] for vector [{name}]");
            Err(Flaw::Argument(what))
        }
        Ok(dimension) => u64::try_from(dimension)
            .ok()
            .filter(|dimension| *dimension > 0)
            .ok_or_else(|| Flaw::Argument(format!("Dimension value must be greater than 0 for vector: {name}"))),
    }
}
