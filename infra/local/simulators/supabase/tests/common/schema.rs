//! Checks answers against the vendor's own specification, with the part of JSON Schema that it uses.

use serde_json::Value;

/// The specification, whose file is named by `SUPABASE_MANAGEMENT_SPEC`.
pub struct Specification(Value);

impl Specification {
    pub fn load() -> Self {
        let path = std::env::var("SUPABASE_MANAGEMENT_SPEC").expect("SUPABASE_MANAGEMENT_SPEC is set");
        Self(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    }

    /// Everything that is wrong with an answer.
    pub fn complaints(&self, path: &str, method: &str, status: &str, body: &Value) -> Vec<String> {
        let schema = &self.0["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path} {status} is not specified");
        let mut complaints = Vec::new();
        self.check(schema, body, "$", &mut complaints);
        complaints
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, complaints: &mut Vec<String>) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap();
            return self.check(&self.0["components"]["schemas"][name], value, at, complaints);
        }
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let fits = |choice: &Value| {
                let mut found = Vec::new();
                self.check(choice, value, at, &mut found);
                found.is_empty()
            };
            if !choices.iter().any(fits) {
                complaints.push(format!("{at}: fits no alternative"));
            }
            return;
        }
        let fits = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            _ => true,
        };
        if !fits {
            complaints.push(format!("{at}: {value} is not of type {}", schema["type"]));
            return;
        }
        if schema["enum"].as_array().is_some_and(|choices| !choices.contains(value)) {
            complaints.push(format!("{at}: {value} is not one of {}", schema["enum"]));
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            self.check(&schema["items"], item, &format!("{at}[{index}]"), complaints);
        }
        let Some(fields) = value.as_object() else { return };
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(required) {
                complaints.push(format!("{at}: {required} is missing"));
            }
        }
        for (name, field) in fields {
            match schema["properties"].get(name) {
                Some(known) => self.check(known, field, &format!("{at}.{name}"), complaints),
                None if schema["properties"].is_object() => complaints.push(format!("{at}: {name} is not specified")),
                None => {}
            }
        }
    }
}
