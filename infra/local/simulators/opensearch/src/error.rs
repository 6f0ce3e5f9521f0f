//! Errors in the server's shapes.

use serde_json::{Map, Value, json};

pub(crate) type Result<T> = std::result::Result<T, Problem>;

/// One exception: its type, its reason, and what else it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Detail {
    kind: &'static str,
    reason: String,
    extra: Map<String, Value>,
    caused_by: Option<Box<Detail>>,
}

impl Detail {
    pub(crate) fn new(kind: &'static str, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), extra: Map::new(), caused_by: None }
    }

    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(key.to_owned(), value.into());
        self
    }

    pub(crate) fn caused_by(self, cause: Detail) -> Self {
        Self { caused_by: Some(Box::new(cause)), ..self }
    }

    /// As a root cause: without its own cause.
    pub(crate) fn shallow(&self) -> Value {
        let mut value = self.extra.clone();
        value.insert("type".to_owned(), self.kind.into());
        value.insert("reason".to_owned(), self.reason.as_str().into());
        value.into()
    }

    pub(crate) fn value(&self) -> Value {
        let mut value = self.shallow();
        if let Some(cause) = &self.caused_by {
            value["caused_by"] = cause.value();
        }
        value
    }
}

/// What a request is answered with instead of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    shape: Box<Shape>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    /// `{"error": "…", "status": n}`.
    Sentence(String),
    /// `{"error": "…"}`.
    NoHandler(String),
    Exception {
        root: Detail,
        error: Detail,
    },
}

impl Problem {
    fn shaped(status: u16, shape: Shape) -> Self {
        Self { status, shape: Box::new(shape) }
    }

    /// An exception that is its own root cause.
    pub(crate) fn new(status: u16, error: Detail) -> Self {
        Self::shaped(status, Shape::Exception { root: error.clone(), error })
    }

    /// An exception around another.
    pub(crate) fn rooted(status: u16, root: Detail, error: Detail) -> Self {
        Self::shaped(status, Shape::Exception { root, error })
    }

    pub(crate) fn sentence(status: u16, text: impl Into<String>) -> Self {
        Self::shaped(status, Shape::Sentence(text.into()))
    }

    pub(crate) fn no_handler(path: &str, method: &str) -> Self {
        let text = format!("no handler found for uri [{path}] and method [{method}]");
        Self::shaped(400, Shape::NoHandler(text))
    }

    pub(crate) fn illegal_argument(reason: impl Into<String>) -> Self {
        Self::new(400, Detail::new("illegal_argument_exception", reason))
    }

    pub(crate) fn no_such_index(name: &str) -> Self {
        let detail = Detail::new("index_not_found_exception", format!("no such index [{name}]"))
            .with("index", name)
            .with("resource.id", name)
            .with("resource.type", "index_or_alias")
            .with("index_uuid", "_na_");
        Self::new(404, detail)
    }

    /// The stand-in's own word: `OpenSearch` would do it.
    pub(crate) fn not_simulated(what: &str) -> Self {
        Self::new(501, Detail::new("not_simulated", format!("this stand-in does not simulate {what}")))
    }

    /// The exception as one part of a larger answer.
    pub(crate) fn inner(&self) -> Value {
        match &*self.shape {
            Shape::Exception { error, .. } => error.value(),
            Shape::Sentence(text) | Shape::NoHandler(text) => text.as_str().into(),
        }
    }

    pub(crate) fn body(&self) -> Value {
        match &*self.shape {
            Shape::Sentence(text) => json!({ "error": text, "status": self.status }),
            Shape::NoHandler(text) => json!({ "error": text }),
            Shape::Exception { root, error } => {
                let mut value = error.value();
                value["root_cause"] = json!([root.shallow()]);
                json!({ "error": value, "status": self.status })
            }
        }
    }
}
