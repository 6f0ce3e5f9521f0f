//! A request as a route sees it.

use domain::{FieldError, Slug};
use lambda_http::http::HeaderMap;
use serde_json::{Map, Value};

use crate::{Problem, json};

/// A body may be this large at most, bytes.
const MAX_BODY: usize = 256 * 1024;

/// An authorised request.
#[derive(Debug)]
pub struct Request {
    /// Who is calling.
    pub caller: String,
    /// Identifies this request in answers and logs.
    pub request_id: String,
    /// Follows what this request starts.
    pub correlation_id: String,
    pub(crate) tenant: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The slug in the path. What is no slug names no tenant.
    pub fn slug(&self) -> Result<Slug, Problem> {
        self.tenant.as_deref().and_then(|tenant| tenant.parse().ok()).ok_or_else(Problem::tenant_not_found)
    }

    /// The body as a JSON object.
    pub fn json_object(&self) -> Result<Map<String, Value>, Problem> {
        let media_type = self.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::unsupported_media_type());
        }
        if self.body.len() > MAX_BODY {
            return Err(Problem::body_too_large());
        }
        match json::parse(&self.body)
            .map_err(|detail| Problem::malformed_json(&format!("The body cannot be used: {detail}.")))?
        {
            Value::Object(object) => Ok(object),
            _ => Err(Problem::validation_failed(vec![FieldError {
                field: "(body)".to_owned(),
                message: "must be an object".to_owned(),
            }])),
        }
    }
}
