//! Headers of answers.

use serde_json::{Map, Value, json};

/// What every answer has, and the given headers.
pub fn headers(more: &[&str]) -> Value {
    let names = ["x-request-id"].iter().chain(more);
    let mut headers: Map<_, _> = names.map(|name| ((*name).to_owned(), header(name, true))).collect();
    // The gateway's own answers lack it.
    headers.insert("x-ivory-version".to_owned(), header("x-ivory-version", false));
    headers.into()
}

/// A header by its name.
pub fn header(name: &str, required: bool) -> Value {
    let (description, schema) = match name {
        "x-request-id" => ("Identifies the request in our logs.", json!({ "type": "string", "minLength": 1 })),
        "x-ivory-version" => (
            "The release that answered, and its commit after a `+` if the build knew it. The gateway's own answers lack it.",
            json!({ "type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+[A-Za-z0-9.+-]*$" }),
        ),
        "WWW-Authenticate" => ("Which credentials are accepted.", json!({ "type": "string" })),
        "Retry-After" => ("Seconds after which another try makes sense.", json!({ "type": "integer", "minimum": 1 })),
        "Location" => {
            ("Path of the status route, below the host.", json!({ "type": "string", "format": "uri-reference" }))
        }
        "ETag" => ("The version, for `If-Match`.", json!({ "type": "string", "pattern": "^\"[0-9]+\"$" })),
        "Link" => ("Path of the next page, where there is one, with `rel=\"next\"`.", json!({ "type": "string" })),
        "Idempotency-Replayed" => ("This answer was given before.", json!({ "type": "string", "enum": ["true"] })),
        _ => unreachable!("no header {name}"),
    };
    json!({ "description": description, "required": required, "schema": schema })
}
