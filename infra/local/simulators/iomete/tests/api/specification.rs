//! Checks every kind of answer against the specification, whose file `ICEBERG_REST_SPEC` names.

use http_kit::Answer;
use reqwest::Method;
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Value, json};

use crate::stand::{Stand, send};

const NAMESPACES: &str = "/v1/{prefix}/namespaces";
const NAMESPACE: &str = "/v1/{prefix}/namespaces/{namespace}";
const TABLES: &str = "/v1/{prefix}/namespaces/{namespace}/tables";
const TABLE: &str = "/v1/{prefix}/namespaces/{namespace}/tables/{table}";
const PROPERTIES: &str = "/v1/{prefix}/namespaces/{namespace}/properties";

struct Specification(Value);

impl Specification {
    fn load() -> Self {
        let path = std::env::var("ICEBERG_REST_SPEC").expect("ICEBERG_REST_SPEC is set");
        let text = repaired(&std::fs::read_to_string(path).expect("a file"));
        let documents = Yaml::load_from_str(&text).expect("YAML");
        Self(converted(&documents[0]))
    }

    /// Follows references to the value itself.
    fn resolved<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        while let Some(reference) = value["$ref"].as_str() {
            let pointer = reference.strip_prefix('#').expect("a reference within the file");
            value = self.0.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"));
        }
        value
    }

    /// Everything that is wrong with an answer.
    fn complaints(&self, path: &str, method: &str, answer: &Answer) -> Vec<String> {
        let status = answer.status.as_u16().to_string();
        let response = self.resolved(&self.0["paths"][path][method]["responses"][&status]);
        if !response.is_object() {
            return vec![format!("{status} is not specified")];
        }
        let schema = &response["content"]["application/json"]["schema"];
        if schema.is_null() || method == "head" {
            return if answer.body.is_empty() { Vec::new() } else { vec!["a body is not specified".to_owned()] };
        }
        let mut complaints = Vec::new();
        self.check(schema, &answer.json().expect("JSON"), "$", &mut complaints);
        complaints
    }

    /// The part of JSON Schema that these answers use. A field that is not specified is an error.
    fn check(&self, schema: &Value, value: &Value, at: &str, complaints: &mut Vec<String>) {
        let schema = self.resolved(schema);
        let mut complain = |what: String| complaints.push(format!("{at}: {what}"));
        let fits = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            other => panic!("{at}: the type {other:?} is not known here"),
        };
        if !fits {
            return complain(format!("{value} is not of type {}", schema["type"]));
        }
        let number = value.as_i64().unwrap_or_default();
        if schema["minimum"].as_i64().is_some_and(|it| number < it)
            || schema["maximum"].as_i64().is_some_and(|it| number > it)
        {
            complain(format!("{value} is out of range"));
        }
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if value.get(required).is_none() {
                complain(format!("{required} is missing"));
            }
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            self.check(&schema["items"], item, &format!("{at}[{index}]"), complaints);
        }
        for (name, field) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{name}");
            match schema["properties"].get(name).or_else(|| schema.get("additionalProperties")) {
                Some(schema) if schema.is_object() => self.check(schema, field, &at, complaints),
                _ => complaints.push(format!("{at}: is not specified")),
            }
        }
    }
}

/// Indents closing brackets. The specification's examples have them at the column of their key, which is not valid
/// YAML.
fn repaired(text: &str) -> String {
    let closes = |line: &str| !line.trim().is_empty() && line.trim().chars().all(|c| "]}, ".contains(c));
    let further_in = |line: &str| if closes(line) { format!("  {line}") } else { line.to_owned() };
    text.lines().map(further_in).collect::<Vec<_>>().join("\n")
}

/// YAML as JSON. The specification's keys are texts, except statuses, which are numbers.
fn converted(yaml: &Yaml<'_>) -> Value {
    if let Some(items) = yaml.as_vec() {
        return items.iter().map(converted).collect();
    }
    if let Some(fields) = yaml.as_mapping() {
        let name = |key: &Yaml<'_>| key.as_str().map_or_else(|| converted(key).to_string(), str::to_owned);
        return fields.iter().map(|(key, value)| (name(key), converted(value))).collect();
    }
    match yaml {
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::Integer(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(value)) => json!(value.into_inner()),
        Yaml::Value(Scalar::String(value)) => json!(value),
        _ => Value::Null,
    }
}

#[tokio::test]
#[ignore = "needs ICEBERG_REST_SPEC"]
async fn every_answer_has_the_specified_shape() {
    let specification = Specification::load();
    let stand = Stand::start().await;
    let check = |path: &str, method: &str, status: u16, answer: &Answer| {
        assert_eq!(answer.status.as_u16(), status, "{method} {path}");
        let complaints = specification.complaints(path, method, answer);
        assert!(complaints.is_empty(), "{method} {path} {status}: {complaints:#?}");
    };

    check("/v1/config", "get", 200, &stand.get("/v1/config").await);
    check("/v1/config", "get", 400, &stand.get("/v1/config?x=1").await);
    check("/v1/config", "get", 401, &send(stand.http.get(format!("{}/v1/config", stand.url))).await);
    check("/v1/config", "get", 404, &stand.get("/v1/config?warehouse=other").await);

    let creation = json!({ "namespace": ["a"], "properties": { "owner": "Hank" } });
    check(NAMESPACES, "post", 200, &stand.post("", &creation).await);
    check(NAMESPACES, "post", 400, &stand.post("", &json!({})).await);
    check(NAMESPACES, "post", 409, &stand.post("", &creation).await);
    stand.create(&["a", "b"]).await;
    check(NAMESPACES, "get", 200, &stand.call(Method::GET, "").await);
    check(NAMESPACES, "get", 200, &stand.call(Method::GET, "?parent=a&pageToken=&pageSize=5").await);
    check(NAMESPACES, "get", 404, &stand.call(Method::GET, "?parent=x").await);

    check(NAMESPACE, "get", 200, &stand.call(Method::GET, "/a%1Fb").await);
    check(NAMESPACE, "get", 404, &stand.call(Method::GET, "/x").await);
    check(NAMESPACE, "head", 204, &stand.call(Method::HEAD, "/a").await);
    check(NAMESPACE, "head", 404, &stand.call(Method::HEAD, "/x").await);
    check(NAMESPACE, "delete", 409, &stand.call(Method::DELETE, "/a").await);
    check(NAMESPACE, "delete", 204, &stand.call(Method::DELETE, "/a%1Fb").await);
    check(NAMESPACE, "delete", 404, &stand.call(Method::DELETE, "/a%1Fb").await);

    let creation = json!({ "name": "t", "schema": { "type": "struct", "fields": [] } });
    check(TABLES, "post", 200, &stand.post("/a/tables", &creation).await);
    check(TABLES, "post", 409, &stand.post("/a/tables", &creation).await);
    check(TABLES, "post", 400, &stand.post("/a/tables", &json!({ "name": "u" })).await);
    check(TABLES, "post", 404, &stand.post("/x/tables", &creation).await);
    check(TABLES, "get", 200, &stand.call(Method::GET, "/a/tables").await);
    check(TABLES, "get", 404, &stand.call(Method::GET, "/x/tables").await);
    check(NAMESPACE, "delete", 409, &stand.call(Method::DELETE, "/a").await);
    check(TABLE, "delete", 400, &stand.call(Method::DELETE, "/a/tables/t?purge=true").await);
    check(TABLE, "delete", 204, &stand.call(Method::DELETE, "/a/tables/t?purgeRequested=true").await);
    check(TABLE, "delete", 404, &stand.call(Method::DELETE, "/a/tables/t").await);

    let update = json!({ "removals": ["owner", "x"], "updates": { "y": "1" } });
    check(PROPERTIES, "post", 200, &stand.post("/a/properties", &update).await);
    check(PROPERTIES, "post", 404, &stand.post("/x/properties", &update).await);
    let contradiction = json!({ "removals": ["x"], "updates": { "x": "1" } });
    check(PROPERTIES, "post", 422, &stand.post("/a/properties", &contradiction).await);
}

#[tokio::test]
#[ignore = "needs ICEBERG_REST_SPEC"]
async fn every_listed_endpoint_is_specified() {
    let specification = Specification::load();
    let stand = Stand::start().await;
    let config: Value = stand.get("/v1/config").await.json().expect("JSON");
    for endpoint in config["endpoints"].as_array().expect("a list") {
        let (method, path) = endpoint.as_str().and_then(|it| it.split_once(' ')).expect("method and path");
        assert!(specification.0["paths"][path][method.to_lowercase()].is_object(), "{endpoint}");
    }
}

/// Checks the checker.
#[tokio::test]
#[ignore = "needs ICEBERG_REST_SPEC"]
async fn a_wrong_answer_does_not_pass() {
    let specification = Specification::load();
    let config = &json!({ "$ref": "#/components/schemas/CatalogConfig" });
    let failure = &json!({ "$ref": "#/components/schemas/IcebergErrorResponse" });
    let wrong = [
        (config, json!([])),
        (config, json!({ "defaults": {} })),
        (config, json!({ "defaults": {}, "overrides": { "a": 1 } })),
        (config, json!({ "defaults": {}, "overrides": {}, "x": 1 })),
        (failure, json!({ "error": { "message": "m", "type": "t", "code": 200 } })),
        (failure, json!({ "error": { "message": "m", "type": "t", "code": 404 }, "x": 1 })),
    ];
    for (schema, value) in wrong {
        let mut complaints = Vec::new();
        specification.check(schema, &value, "$", &mut complaints);
        assert_eq!(complaints.len(), 1, "{value}: {complaints:?}");
    }
}
