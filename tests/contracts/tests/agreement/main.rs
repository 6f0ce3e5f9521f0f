//! `functions/api/openapi.json` and the server agree about every request: what a schema allows is taken, and what it refuses
//! is refused. The values are made from the schemas and from the document's examples, and changed where rules are likely to
//! differ. Each is given to both: the schema, and what the route reads it with.

mod generate;
mod server;

use std::cell::Cell;

use anyhow::{Context as _, Result, ensure};
use contracts::openapi;
use domain::routes::{ROUTES, Route};
use jsonschema::Validator;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Map, Value, json};
use server::Refusal;

/// What a schema cannot say, or not so that everybody who reads it can use it. The server may refuse what is allowed by the
/// schema with one of these messages. The opposite never happens: what a schema refuses, the server does not take.
struct Beyond {
    /// A part of the server's message.
    message: &'static str,
    reason: &'static str,
    /// A route, and a field or header of it with a value that shows it.
    example: (&'static str, &'static str, &'static str),
}

const BEYOND_SCHEMAS: &[Beyond] = &[
    Beyond {
        message: "must be visible, without invisible characters",
        reason: "it depends on the neighbours of a character, and not all patterns know characters beyond U+FFFF",
        example: ("provision-tenant", "display_name", "a\u{200d}b"),
    },
    Beyond {
        message: "bytes long",
        reason: "a schema counts characters",
        example: ("register-sync-target", "source_schema", "ффффффффффффффффффффффффффффффффф"),
    },
    Beyond {
        message: "for catalog_type",
        reason: "it depends on another field, and generators do not know `if`",
        example: ("upsert-catalog", "catalog_uri", "thrift://metastore:9083"),
    },
    Beyond {
        message: "must be a URI such as",
        reason: "a port is a number up to 65535, and what is in brackets is an IPv6 address",
        example: ("upsert-catalog", "warehouse", "s3://bucket:65536/"),
    },
    Beyond {
        message: "must not contain a user name or password",
        reason: "some schemes have a container's name where others have a user name",
        example: ("upsert-catalog", "warehouse", "s3://key@bucket/"),
    },
    Beyond {
        message: "must not contain credentials",
        reason: "a list of words, in every encoding",
        example: ("upsert-catalog", "catalog_uri", "https://host/?password=x"),
    },
    Beyond {
        message: "must not contain .., encoded slashes",
        reason: "what is encoded counts as it is decoded",
        example: ("upsert-catalog", "warehouse", "s3://bucket/%2E%2E/other"),
    },
    Beyond {
        message: "must be a relative path such as",
        reason: "what is encoded counts as it is decoded, and what looks like a separator as one",
        example: ("upsert-catalog", "storage_prefix", "a/%2E%2E/b"),
    },
    Beyond {
        message: "malformed_request",
        reason: "a list of entity tags has a pattern, but making texts of it takes minutes",
        example: ("get-tenant", "If-Match", "3"),
    },
];

#[test]
fn what_a_schema_cannot_say_is_so() -> Result<()> {
    let document = openapi::document()?;
    for Beyond { message, reason, example: (route, name, value) } in BEYOND_SCHEMAS {
        let route = ROUTES.iter().find(|known| known.name == *route).context("a route")?;
        let operation = operation(&document, route);
        let parameters = operation["parameters"].as_array().context("parameters")?;
        let parameter = parameters.iter().find(|parameter| parameter["name"] == *name);
        let refusal = if let Some(parameter) = parameter {
            ensure!(validator(&document, &parameter["schema"])?.is_valid(&json!(value)), "{name}: {value}");
            server::parameter(route, "header", name, value)
        } else {
            let content = &operation["requestBody"]["content"]["application/json"];
            let example = content["examples"].as_object().and_then(|examples| examples.values().next());
            let mut body = example.context("an example")?["value"].clone();
            body[name] = json!(value);
            ensure!(validator(&document, &content["schema"])?.is_valid(&body), "{name}: {value}");
            server::body(route, &body)
        };
        let refusal = refusal.err().with_context(|| format!("{value} is taken, although: {reason}"))?;
        ensure!(refusal.0.iter().any(|(_, found)| found.contains(message)), "{value}: {refusal:?}");
    }
    Ok(())
}

/// What both say about many values of one kind.
struct Comparison<'a> {
    what: String,
    schema: Validator,
    server: &'a dyn Fn(&Value) -> Result<(), Refusal>,
}

impl Comparison<'_> {
    /// Fails with the first value about which they differ; or if none is taken; or, where the schema says more than a type, if
    /// it refuses none.
    fn run(&self, values: impl Strategy<Value = Value>, refuses: bool) -> Result<()> {
        let (taken, kept_out) = (Cell::new(0), Cell::new(0));
        let config = Config { failure_persistence: None, max_shrink_iters: 2000, ..Config::default() };
        let outcome = TestRunner::new(config).run(&values, |value| {
            let allowed = self.schema.is_valid(&value);
            let count = |counter: &Cell<u32>| counter.set(counter.get() + 1);
            match (allowed, (self.server)(&value)) {
                (true, Ok(())) => count(&taken),
                (false, Err(_)) => count(&kept_out),
                (true, Err(refusal)) if is_beyond_schemas(&refusal) => {}
                (true, Err(refusal)) => {
                    let message = format!("the schema allows it, and the server says {refusal:?}");
                    return Err(TestCaseError::fail(message));
                }
                (false, Ok(())) => {
                    let why = self.schema.validate(&value).err().map(|error| error.to_string());
                    return Err(TestCaseError::fail(format!("the server takes it, and the schema says {why:?}")));
                }
            }
            Ok(())
        });
        let what = &self.what;
        outcome.map_err(|error| anyhow::anyhow!("{what}: {error}"))?;
        let (taken, kept_out) = (taken.get(), kept_out.get());
        ensure!(taken > 4 && (kept_out > 4 || !refuses), "{what}: {taken} taken, {kept_out} refused");
        Ok(())
    }
}

fn is_beyond_schemas(refusal: &Refusal) -> bool {
    let known = |(_, found): &(String, String)| BEYOND_SCHEMAS.iter().any(|it| found.contains(it.message));
    !refusal.0.is_empty() && refusal.0.iter().all(known)
}

fn validator(document: &Value, schema: &Value) -> Result<Validator> {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    // An address has a pattern; what else a validator thinks of addresses does not count.
    let options = jsonschema::options().should_validate_formats(true).with_format("email", |_: &str| true);
    Ok(options.build(&schema)?)
}

/// Every text that the document gives as an example of the field.
fn known(examples: &[Map<String, Value>], field: &str) -> Vec<String> {
    examples.iter().filter_map(|example| example.get(field)?.as_str()).map(str::to_owned).collect()
}

fn operation<'a>(document: &'a Value, route: &Route) -> &'a Value {
    &document["paths"][route.path][route.method.to_lowercase()]
}

#[test]
fn bodies() -> Result<()> {
    let document = openapi::document()?;
    let mut failures = Vec::new();
    for route in ROUTES.iter().filter(|route| route.body.is_taken()) {
        let content = &operation(&document, route)["requestBody"]["content"]["application/json"];
        let examples = content["examples"].as_object().context("examples")?.values();
        let examples: Vec<_> = examples.filter_map(|example| example["value"].as_object().cloned()).collect();
        let schema = generate::resolved(&document, &content["schema"]);
        let properties = schema["properties"].as_object().context("properties")?;
        let server = |body: &Value| server::body(route, body);
        let compare = |what: String| -> Result<_> {
            Ok(Comparison { what, schema: validator(&document, &content["schema"])?, server: &server })
        };
        let first = examples.first().context("an example")?;
        let names = properties.keys().cloned().collect();
        failures.extend(compare(route.name.to_owned())?.run(generate::bodies(first.clone(), names), true).err());
        for (name, property) in properties {
            let values = generate::values(&document, property, &known(&examples, name));
            let bodies = values.prop_map(|value| {
                let mut body = first.clone();
                body.insert(name.clone(), value);
                Value::Object(body)
            });
            failures.extend(compare(format!("{} of {}", name, route.name))?.run(bodies, true).err());
        }
    }
    ensure!(failures.is_empty(), "{failures:#?}");
    Ok(())
}

#[test]
fn parameters() -> Result<()> {
    let document = openapi::document()?;
    let mut failures = Vec::new();
    for route in ROUTES {
        for parameter in operation(&document, route)["parameters"].as_array().context("parameters")? {
            let name = parameter["name"].as_str().context("a name")?;
            let place = parameter["in"].as_str().context("a place")?;
            let schema = generate::resolved(&document, &parameter["schema"]);
            let numeric = schema["type"] == "integer";
            let known: Vec<_> = parameter["example"].as_str().into_iter().map(str::to_owned).collect();
            let texts = if numeric {
                prop_oneof!["[0-9]{1,5}", "-?[0-9]{1,20}", "[0-9]{1,3}[ .+e_x-]?[0-9]{0,3}"].boxed()
            } else {
                generate::texts(&schema, &known)
            };
            // A number stands in a query as its digits.
            let values = texts.prop_filter_map("not in a request", move |text| {
                let text = server::sent(place, &text)?;
                let number = text.parse::<i64>().ok().filter(|_| numeric && !text.starts_with(['+', '-']));
                Some(number.map_or_else(|| json!(text), |number| json!(number)))
            });
            let server = |value: &Value| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                server::parameter(route, place, name, &text)
            };
            let what = format!("{name} in the {place} of {}", route.name);
            let comparison = Comparison { what, schema: validator(&document, &parameter["schema"])?, server: &server };
            let refuses = schema != json!({ "type": "string" });
            failures.extend(comparison.run(values, refuses).err());
        }
    }
    ensure!(failures.is_empty(), "{failures:#?}");
    Ok(())
}
