//! Builds `infra/CONFIGURATION.md` from the templates' parameters, the functions' declarations and the secrets' types.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use lambda_kit::{AwsResource, Platform};
use secrets::{
    CallersSecret, CatalogSecret, DatabaseOwnerSecret, DatabaseReadSecret, DatabaseSecret, IometeSecret, RegionSecret,
    Secret, SmtpSecret, StripeSecret, SupabaseSecret, TenantSecret, ValkeySecret,
};
use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::functions;
use crate::template::Template;

/// The document's path from the root.
pub const PATH: &str = "infra/CONFIGURATION.md";

/// The templates in the order of their deployment.
const TEMPLATES: [&str; 7] = [
    "infra/aws/network.yaml",
    "infra/aws/secrets.yaml",
    "infra/aws/database.yaml",
    "infra/aws/cache.yaml",
    "infra/aws/region.yaml",
    "template.yaml",
    "infra/aws/alarms.yaml",
];

const INTRODUCTION: &str = "\
# Configuration

`cargo xtask configuration` writes this document from the templates, from what each function declares in its `needs!`, and from
the types that read the secrets.

A parameter is set in `samconfig.toml`. One without a default has to be given; `cargo xtask deploy` hands over what another stack
puts out. A secret is put into Secrets Manager: `aws secretsmanager put-secret-value --region us-east-1 --secret-id
ivory/control/stripe --secret-string file:///dev/stdin`. [infra/aws](aws/README.md) has the order.
";

const SETTINGS: &str = "
## What functions read

Each variable has the value of the parameter of the same name, in other letters. `STATE_MACHINE_ARN` is the main stack's own.

| variable | functions |
|---|---|
";

const SECRETS: &str = "
## Secrets

The value is JSON. What each type wants, as JSON Schema; `cargo xtask doctor` says what is wrong with a value, without showing it.
";

/// Renders the document.
///
/// # Errors
/// A template cannot be read.
pub fn render() -> Result<String> {
    let mut text = INTRODUCTION.to_owned();
    for path in TEMPLATES {
        parameters(&mut text, path)?;
    }
    text += SETTINGS;
    for (setting, readers) in settings() {
        writeln!(text, "| `{setting}` | {} |", listed(&readers))?;
    }
    text += SECRETS;
    for (name, schema) in secrets() {
        write!(text, "\n### `{name}`\n\nUsed by {}.\n\n", listed(&readers(name)))?;
        writeln!(text, "```json\n{}\n```", serde_json::to_string_pretty(&schema)?)?;
    }
    Ok(text)
}

/// The table of one template's parameters, in the order of the file.
fn parameters(text: &mut String, path: &str) -> Result<()> {
    let template = Template::of(path)?;
    let parameters = template.document["Parameters"].as_object().with_context(|| format!("{path}: Parameters"))?;
    write!(text, "\n## `{path}`\n\n| parameter | default | what it is |\n|---|---|---|\n")?;
    for name in &template.parameters {
        let parameter = &parameters[name];
        let default = match &parameter["Default"] {
            Value::Null => "none".to_owned(),
            Value::String(text) if text.is_empty() => "empty".to_owned(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        let description = parameter["Description"].as_str().with_context(|| format!("{path}: {name}"))?;
        writeln!(text, "| `{name}` | {default} | {}{} |", description.replace('|', "\\|"), allowed(parameter))?;
    }
    Ok(())
}

/// The values that a parameter may have, if there are few, or its bounds.
fn allowed(parameter: &Value) -> String {
    if let Some(values) = parameter["AllowedValues"].as_array() {
        let values: Vec<_> = values.iter().map(|value| value.to_string().replace('"', "`")).collect();
        return format!(" ({})", values.join(", ").replace("``", "empty"));
    }
    match (&parameter["MinValue"], &parameter["MaxValue"]) {
        (Value::Number(least), Value::Number(most)) => format!(" ({least} to {most})"),
        (Value::Number(least), _) => format!(" (from {least})"),
        _ => String::new(),
    }
}

/// Each environment variable with the functions that read it.
fn settings() -> BTreeMap<&'static str, Vec<String>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for setting in Platform::SETTINGS {
        found.insert(setting, vec!["all".to_owned()]);
    }
    for function in functions::all() {
        for setting in function.declaration.settings {
            found.entry(setting).or_default().push(function.package.clone());
        }
    }
    found
}

/// The functions that may use a secret of this name.
fn readers(name: &str) -> Vec<String> {
    let uses = |function: &functions::Function| {
        function.declaration.grants.iter().any(|grant| matches!(grant.on, AwsResource::Secrets(known) if known == name))
    };
    functions::all().into_iter().filter(uses).map(|function| function.package).collect()
}

fn listed(names: &[String]) -> String {
    names
        .iter()
        .map(|name| if name == "all" { name.clone() } else { format!("`{name}`") })
        .collect::<Vec<_>>()
        .join(", ")
}

/// Every secret's name with its schema.
fn secrets() -> Vec<(&'static str, Value)> {
    let database = schema::<DatabaseSecret>;
    vec![
        (DatabaseSecret::NAMES, database()),
        (DatabaseReadSecret::NAMES, database()),
        (DatabaseOwnerSecret::NAMES, database()),
        (CallersSecret::NAMES, schema::<CallersSecret>()),
        (SupabaseSecret::NAMES, schema::<SupabaseSecret>()),
        (StripeSecret::NAMES, schema::<StripeSecret>()),
        (ValkeySecret::NAMES, schema::<ValkeySecret>()),
        (IometeSecret::NAMES, schema::<IometeSecret>()),
        (SmtpSecret::NAMES, schema::<SmtpSecret>()),
        (RegionSecret::NAMES, schema::<RegionSecret>()),
        (TenantSecret::NAMES, schema::<TenantSecret>()),
        (CatalogSecret::NAMES, schema::<CatalogSecret>()),
    ]
}

/// The schema of a type, with those of its fields below `$defs`.
fn schema<T: ToSchema + PartialSchema>() -> Value {
    let mut parts: Vec<(String, RefOr<Schema>)> = Vec::new();
    T::schemas(&mut parts);
    let mut schema = json!(T::schema());
    if !parts.is_empty() {
        let parts: BTreeMap<_, _> = parts.into_iter().collect();
        schema["$defs"] = json!(parts);
    }
    renamed(&mut schema);
    schema
}

/// Points references to where the definitions are here.
fn renamed(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref") {
                *reference = reference.replace("#/components/schemas/", "#/$defs/");
            }
            members.values_mut().for_each(renamed);
        }
        Value::Array(items) => items.iter_mut().for_each(renamed),
        _ => {}
    }
}
