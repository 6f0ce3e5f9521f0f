//! What a CloudFormation template says about its parameters, functions and outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use regex::Regex;
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};

const FUNCTION: &str = "AWS::Serverless::Function";

/// A template's parameters, functions and outputs.
#[derive(Debug)]
pub struct Template {
    pub parameters: BTreeMap<String, Parameter>,
    /// The logical names of its functions.
    pub functions: Vec<String>,
    pub outputs: BTreeSet<String>,
}

/// One parameter.
#[derive(Debug)]
pub struct Parameter {
    pub has_default: bool,
    kind: String,
    pattern: Option<Regex>,
    allowed: Vec<String>,
    minimum: Option<i64>,
    maximum: Option<i64>,
}

impl Template {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("reading {}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let documents = Yaml::load_from_str(text)?;
        let document = documents.first().context("it is empty")?;
        let mut parameters = BTreeMap::new();
        for (name, declared) in entries(document, "Parameters") {
            parameters
                .insert(name.to_owned(), Parameter::parse(declared).with_context(|| format!("parameter {name}"))?);
        }
        let is_function =
            |declared: &Yaml<'_>| declared.as_mapping_get("Type").and_then(scalar).is_some_and(|it| it == FUNCTION);
        let functions = entries(document, "Resources").filter(|(_, declared)| is_function(declared));
        let functions = functions.map(|(name, _)| name.to_owned()).collect();
        let outputs = entries(document, "Outputs").map(|(name, _)| name.to_owned()).collect();
        Ok(Self { parameters, functions, outputs })
    }
}

/// The named section's entries; none if it is absent.
fn entries<'a>(document: &'a Yaml<'a>, section: &str) -> impl Iterator<Item = (&'a str, &'a Yaml<'a>)> {
    let mapping = document.as_mapping_get(section).and_then(Yaml::as_mapping);
    mapping.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str()?, value)))
}

impl Parameter {
    fn parse(declared: &Yaml<'_>) -> anyhow::Result<Self> {
        let text = |key| declared.as_mapping_get(key).and_then(scalar);
        let number = |key| text(key).map(|value| value.parse()).transpose();
        let allowed = declared.as_mapping_get("AllowedValues").and_then(Yaml::as_vec);
        Ok(Self {
            has_default: declared.as_mapping_get("Default").is_some(),
            kind: text("Type").context("it has no Type")?,
            // CloudFormation compares the whole value with the pattern.
            pattern: text("AllowedPattern").map(|pattern| Regex::new(&format!("^(?:{pattern})$"))).transpose()?,
            allowed: allowed.into_iter().flatten().filter_map(scalar).collect(),
            minimum: number("MinValue")?,
            maximum: number("MaxValue")?,
        })
    }

    /// Whether CloudFormation would take this value.
    pub fn accepts(&self, value: &str) -> anyhow::Result<()> {
        if !self.allowed.is_empty() && !self.allowed.iter().any(|allowed| allowed == value) {
            return Err(anyhow!("{value:?} is none of {}", self.allowed.join(", ")));
        }
        if self.kind == "Number" {
            let number: i64 = value.parse().map_err(|_| anyhow!("{value:?} is not a number"))?;
            if self.minimum.is_some_and(|minimum| number < minimum) || self.maximum.is_some_and(|most| number > most) {
                return Err(anyhow!("{value} is out of range"));
            }
        }
        let is_list = self.kind.starts_with("List<") || self.kind == "CommaDelimitedList";
        let items: Vec<_> = if is_list { value.split(',').map(str::trim).collect() } else { vec![value] };
        for item in items {
            let id = match self.kind.trim_start_matches("List<").trim_end_matches('>') {
                "AWS::EC2::Subnet::Id" => Some("subnet-"),
                "AWS::EC2::SecurityGroup::Id" => Some("sg-"),
                _ => None,
            };
            if let Some(prefix) = id.filter(|prefix| !item.starts_with(prefix)) {
                return Err(anyhow!("{item:?} does not begin with {prefix}"));
            }
            if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.is_match(item)) {
                return Err(anyhow!("{item:?} does not match {}", pattern.as_str()));
            }
        }
        Ok(())
    }
}

fn scalar(node: &Yaml<'_>) -> Option<String> {
    match node {
        Yaml::Value(Scalar::String(text)) => Some(text.to_string()),
        Yaml::Value(Scalar::Integer(number)) => Some(number.to_string()),
        Yaml::Value(Scalar::Boolean(value)) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "
Parameters:
  Prefix: { Type: String, Default: ivory, AllowedPattern: '^[a-z]+$' }
  Tier: { Type: String, AllowedValues: [\"true\", big] }
  Days: { Type: Number, Default: 90, MinValue: 1, MaxValue: 365 }
  Subnets: { Type: 'List<AWS::EC2::Subnet::Id>' }
  Regions: { Type: CommaDelimitedList, AllowedPattern: '[a-z]+-1' }
Outputs:
  Arn: { Value: !GetAtt X.Arn }
";

    #[test]
    fn parameters_and_outputs_are_read() {
        let template = Template::parse(TEMPLATE).expect("a template");
        let without: Vec<_> =
            template.parameters.iter().filter(|(_, it)| !it.has_default).map(|(name, _)| name).collect();
        assert_eq!(without, ["Regions", "Subnets", "Tier"]);
        assert!(template.outputs.contains("Arn"));
    }

    #[test]
    fn a_value_is_refused_as_cloudformation_would() {
        let template = Template::parse(TEMPLATE).expect("a template");
        for (name, value, accepted) in [
            ("Prefix", "ivory", true),
            ("Prefix", "Ivory", false),
            ("Tier", "true", true),
            ("Tier", "small", false),
            ("Days", "365", true),
            ("Days", "366", false),
            ("Days", "many", false),
            ("Subnets", "subnet-1,subnet-2", true),
            ("Subnets", "subnet-1,sg-2", false),
            ("Regions", "a-1,b-1", true),
            ("Regions", "a-1,b-12", false),
        ] {
            assert_eq!(template.parameters[name].accepts(value).is_ok(), accepted, "{name}={value}");
        }
    }
}
