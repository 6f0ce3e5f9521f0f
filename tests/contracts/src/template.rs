//! Reads templates, with the short forms of functions written out.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value, json};

use crate::read;

/// The template.
#[derive(Debug)]
pub struct Template {
    /// The whole template, with short forms written out: `!Ref X` is `{"Ref": "X"}`.
    pub document: Value,
    /// The resources' names in the order of the file.
    pub order: Vec<String>,
    /// The parameters' names in the order of the file.
    pub parameters: Vec<String>,
}

/// One `AWS::Serverless::Function`.
#[derive(Debug)]
pub struct Function {
    /// The resource's name.
    pub resource: String,
    /// The resource as the template has it.
    pub body: Value,
    /// Its properties, merged over those in `Globals`.
    pub properties: Map<String, Value>,
}

impl Template {
    /// Reads `template.yaml`.
    pub fn load() -> Result<Self> {
        Self::of("template.yaml")
    }

    /// Reads a template below the root.
    pub fn of(path: &str) -> Result<Self> {
        let text = read(path)?;
        let documents = Yaml::load_from_str(&text)?;
        let document = documents.first().context("an empty template")?;
        let names = |part| {
            let part =
                document.as_mapping_get(part).and_then(Yaml::as_mapping).with_context(|| format!("no {part}"))?;
            anyhow::Ok(part.keys().filter_map(Yaml::as_str).map(str::to_owned).collect())
        };
        Ok(Self { order: names("Resources")?, parameters: names("Parameters")?, document: written_out(document)? })
    }

    /// One resource.
    pub fn resource(&self, name: &str) -> Result<&Value> {
        self.document["Resources"].get(name).with_context(|| format!("no resource {name}"))
    }

    /// All functions, in the order of the file.
    pub fn functions(&self) -> Result<Vec<Function>> {
        let globals = self.document["Globals"]["Function"].as_object().context("no Globals")?;
        let mut functions = Vec::new();
        for name in &self.order {
            let body = self.resource(name)?;
            if body["Type"] == "AWS::Serverless::Function" {
                let own = body["Properties"].as_object().with_context(|| format!("{name} has no properties"))?;
                functions.push(Function {
                    resource: name.clone(),
                    body: body.clone(),
                    properties: merged(globals, own),
                });
            }
        }
        Ok(functions)
    }

    /// One function, by its resource's name.
    pub fn function(&self, resource: &str) -> Result<Function> {
        let found = self.functions()?.into_iter().find(|function| function.resource == resource);
        found.with_context(|| format!("no function {resource}"))
    }

    /// The names that `Ref` or `Fn::Sub` mention anywhere below `part`.
    pub fn mentioned(part: &Value, names: &mut BTreeSet<String>) {
        match part {
            Value::Object(map) => {
                for (key, value) in map {
                    match (key.as_str(), value) {
                        ("Ref", Value::String(name)) => _ = names.insert(name.clone()),
                        ("Fn::Sub", Value::String(text)) => names.extend(variables(text)),
                        _ => Self::mentioned(value, names),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| match item {
                // The text of a Fn::Sub that has its own variables.
                Value::String(text) => names.extend(variables(text)),
                _ => Self::mentioned(item, names),
            }),
            _ => {}
        }
    }
}

impl Function {
    /// The crate's name, which is also the name of the folder of its code.
    pub fn name(&self) -> Result<&str> {
        let uri = self.properties["CodeUri"].as_str().with_context(|| format!("{}: CodeUri", self.resource))?;
        let name = uri.strip_prefix("target/lambda/").and_then(|rest| rest.strip_suffix('/'));
        name.with_context(|| format!("{}: CodeUri {uri} is not target/lambda/<name>/", self.resource))
    }

    /// Its time-out in seconds.
    pub fn timeout(&self) -> Result<u64> {
        self.properties["Timeout"].as_u64().with_context(|| format!("{}: Timeout", self.resource))
    }

    /// The name of the role that it has, which is a resource of the template.
    pub fn role(&self) -> Result<&str> {
        let role = self.properties.get("Role").and_then(|role| role["Fn::GetAtt"].as_array()).map(Vec::as_slice);
        match role {
            Some([Value::String(resource), Value::String(attribute)]) if attribute == "Arn" => Ok(resource),
            _ => bail!("{}: Role is not the ARN of a role of this template", self.resource),
        }
    }

    /// Its environment variables, with the source of each value.
    pub fn environment(&self) -> Result<BTreeMap<String, Value>> {
        let variables = self.properties["Environment"]["Variables"].as_object();
        let variables = variables.with_context(|| format!("{}: Environment", self.resource))?;
        Ok(variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

/// Writes short forms out. The order of map keys is lost.
fn written_out(node: &Yaml) -> Result<Value> {
    Ok(match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::Integer(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(value)) => json!(value.into_inner()),
        Yaml::Value(Scalar::String(value)) => json!(value),
        Yaml::Sequence(items) => Value::Array(items.iter().map(written_out).collect::<Result<_>>()?),
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let key = key.as_str().with_context(|| format!("a key that is not text: {key:?}"))?;
                ensure!(map.insert(key.to_owned(), written_out(value)?).is_none(), "{key} twice");
            }
            Value::Object(map)
        }
        Yaml::Tagged(tag, inner) => {
            let inner = written_out(inner)?;
            match (tag.suffix.as_str(), inner) {
                (name @ ("Ref" | "Condition"), inner) => json!({ name: inner }),
                ("GetAtt", Value::String(path)) => {
                    let (resource, attribute) = path.split_once('.').context("!GetAtt without a dot")?;
                    json!({ "Fn::GetAtt": [resource, attribute] })
                }
                (name, inner) => json!({ format!("Fn::{name}"): inner }),
            }
        }
        Yaml::Alias(_) | Yaml::BadValue | Yaml::Representation(..) => bail!("CloudFormation has no {node:?}"),
    })
}

/// Merges `own` over `globals`, as SAM does.
fn merged(globals: &Map<String, Value>, own: &Map<String, Value>) -> Map<String, Value> {
    let mut all = globals.clone();
    for (key, value) in own {
        let value = match (all.get(key), value) {
            // Functions such as `Fn::If` are not maps to SAM: the inner value counts.
            (Some(Value::Object(outer)), Value::Object(inner)) if !is_function(outer) && !is_function(inner) => {
                Value::Object(merged(outer, inner))
            }
            _ => value.clone(),
        };
        all.insert(key.clone(), value);
    }
    all
}

fn is_function(map: &Map<String, Value>) -> bool {
    map.len() == 1 && map.keys().all(|key| key == "Ref" || key.starts_with("Fn::"))
}

/// The names in `${…}`, without attributes and without pseudo parameters.
fn variables(text: &str) -> impl Iterator<Item = String> + '_ {
    let starts = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    starts
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with("AWS::"))
        .map(|name| name.split('.').next().unwrap_or(name).to_owned())
}
