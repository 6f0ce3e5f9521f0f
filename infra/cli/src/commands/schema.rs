//! `ivory schema`: JSON schemas of what the commands print, from `functions/api/openapi.json` and `infra/cli/schemas`.

use std::collections::BTreeMap;

use clap::Args;
use domain::routes::Route;
use serde_json::{Map, Value, json};

use super::words::{self, Stdout};
use crate::context::Context;
use crate::error::Error;
use crate::output::say;

const OPENAPI: &str = include_str!("../../../../functions/api/openapi.json");
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Print the JSON schema of what a command prints, or the commands that have one.
///
/// A `watch` prints one such value per line. With --dry-run, a change prints a request, but `tenant apply` what it always prints.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory schema tenant get
  ivory schema tenant create --dry-run")]
pub struct Schema {
    /// The command.
    command: Vec<String>,
    /// What the command prints with --dry-run.
    #[arg(long)]
    dry_run: bool,
}

impl Schema {
    pub fn run(&self, _: &Context) -> Result<(), Error> {
        const COMPARES: &str = "tenant apply";
        let command = self.command.join(" ");
        let wanted = if self.dry_run && command != COMPARES { "--dry-run".to_owned() } else { command };
        if wanted.is_empty() {
            let all: Vec<_> = words::ALL.iter().map(|command| command.typed).collect();
            return say(&all.join("\n"));
        }
        let command = words::ALL.iter().find(|command| command.typed == wanted);
        let command = command.ok_or_else(|| Error::Usage(format!("{wanted} has no schema; ivory schema lists all")))?;
        say(&match command.stdout {
            Stdout::Own(schema) => schema.to_owned(),
            Stdout::Answer(routes) => serde_json::to_string_pretty(&answers(routes)?).map_err(Error::system)?,
        })
    }
}

/// What these routes answer.
fn answers(routes: &[Route]) -> Result<Value, Error> {
    let document: Value = serde_json::from_str(OPENAPI).map_err(Error::system)?;
    let shapes = routes.iter().flat_map(|route| shapes(&document, route));
    let shapes: Vec<_> = shapes.collect();
    let mut schema = match &shapes[..] {
        [one] => one.clone(),
        several => json!({ "anyOf": several }),
    };
    let mut used = BTreeMap::new();
    collect(&schema, &document["components"]["schemas"], &mut used);
    schema["$schema"] = DRAFT.into();
    schema["components"] = json!({ "schemas": used });
    Ok(schema)
}

/// The bodies of an operation that are no problems. One of them may have the status of an error: a health that is bad.
fn shapes(document: &Value, route: &Route) -> Vec<Value> {
    let responses = &document["paths"][route.path][route.method.to_lowercase()]["responses"];
    let bodies = responses.as_object().into_iter().flat_map(Map::values);
    let shapes = bodies.filter_map(|response| response["content"]["application/json"]["schema"].as_object());
    shapes.map(|shape| Value::Object(shape.clone())).collect()
}

/// Collects the components that a schema refers to.
fn collect(schema: &Value, components: &Value, used: &mut BTreeMap<String, Value>) {
    match schema {
        Value::Object(fields) => {
            let named = fields.get("$ref").and_then(Value::as_str);
            if let Some(name) = named.and_then(|reference| reference.strip_prefix("#/components/schemas/"))
                && !used.contains_key(name)
            {
                let component = &components[name];
                used.insert(name.to_owned(), component.clone());
                collect(component, components, used);
            }
            fields.values().for_each(|value| collect(value, components, used));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, components, used)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_schema() {
        for command in words::ALL {
            let schema = match command.stdout {
                Stdout::Own(schema) => serde_json::from_str(schema).expect("JSON"),
                Stdout::Answer(routes) => answers(routes).expect("a schema"),
            };
            assert_eq!(schema["$schema"], DRAFT, "{}", command.typed);
            let shaped = ["type", "$ref", "anyOf"].iter().any(|key| !schema[key].is_null());
            assert!(shaped, "{} says nothing: {schema}", command.typed);
        }
    }
}
