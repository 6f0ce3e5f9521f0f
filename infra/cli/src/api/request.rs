//! A request, made from an entry of the table of routes.

use std::fmt::Display;

use domain::routes::Route;
use serde_json::{Map, Value, json};

/// What stands for a secret wherever a request is shown.
const HIDDEN: &str = "***";

/// One request of the API. Whoever makes one has checked its body with the server's own type.
#[derive(Debug, Clone)]
pub struct Request {
    /// The route that it asks.
    pub route: &'static Route,
    /// The path below the host, with the tenant's name in it.
    pub path: String,
    /// The query's parameters, or the query of a `Link` as it came.
    pub query: Vec<(String, String)>,
    /// The body. No `Debug` shows its secrets: see [`Request::shown`].
    body: Option<Body>,
    /// The version that it is meant for.
    pub if_match: Option<String>,
}

#[derive(Clone)]
struct Body {
    fields: Map<String, Value>,
    secrets: &'static [&'static str],
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.shown(), f)
    }
}

impl Body {
    fn shown(&self) -> Value {
        let hide = |(name, value): (&String, &Value)| {
            let secret = self.secrets.contains(&name.as_str()) && !value.is_null();
            (name.clone(), if secret { HIDDEN.into() } else { value.clone() })
        };
        self.fields.iter().map(hide).collect()
    }
}

impl Request {
    /// A request of a route without a tenant in its path.
    pub fn new(route: &'static Route) -> Self {
        Self { route, path: route.path.to_owned(), query: Vec::new(), body: None, if_match: None }
    }

    /// A request about a tenant.
    pub fn about(route: &'static Route, tenant: &impl Display) -> Self {
        // A slug and an id have no character that a path would have to escape.
        Self { path: route.path.replace("{tenant}", &tenant.to_string()), ..Self::new(route) }
    }

    /// With a parameter of the query, if there is a value.
    pub fn asking(mut self, name: &str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name.to_owned(), value.to_string())));
        self
    }

    /// The page that begins there.
    pub fn page(mut self, cursor: String) -> Self {
        self.query.retain(|(name, _)| name != "cursor");
        self.query.push(("cursor".to_owned(), cursor));
        self
    }

    /// With a body without secrets.
    pub fn with(self, fields: Map<String, Value>) -> Self {
        self.with_secrets(fields, &[])
    }

    /// With a body some of whose fields are never shown.
    pub fn with_secrets(mut self, fields: Map<String, Value>, secrets: &'static [&'static str]) -> Self {
        self.body = Some(Body { fields, secrets });
        self
    }

    /// Only if the tenant is still in this version.
    pub fn if_match(mut self, etag: Option<&str>) -> Self {
        self.if_match = etag.map(str::to_owned);
        self
    }

    /// The body as it is sent.
    pub fn body(&self) -> Option<&Map<String, Value>> {
        self.body.as_ref().map(|body| &body.fields)
    }

    /// The request as a person may see it: its secrets are hidden.
    pub fn shown(&self) -> Value {
        json!({ "method": self.route.method, "path": self.path, "body": self.body.as_ref().map(Body::shown) })
    }
}
