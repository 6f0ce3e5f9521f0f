//! JSON that holds credentials.

use std::fmt;
use std::ops::Deref;

use serde::Deserialize;
use serde_json::{Map, Value};
use zeroize::Zeroize;

/// JSON that is never printed, and whose texts are wiped when it is dropped. For what has to be read before it is known
/// which of its texts is a credential.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Wiped<J: Json>(J);

/// A kind of JSON.
pub trait Json {
    /// Overwrites every text in it.
    fn wipe(&mut self);
}

impl Json for Value {
    fn wipe(&mut self) {
        match self {
            Self::String(text) => text.zeroize(),
            Self::Array(values) => values.iter_mut().for_each(Self::wipe),
            Self::Object(members) => members.wipe(),
            Self::Null | Self::Bool(_) | Self::Number(_) => {}
        }
    }
}

impl Json for Map<String, Value> {
    fn wipe(&mut self) {
        self.values_mut().for_each(Value::wipe);
    }
}

impl<J: Json> From<J> for Wiped<J> {
    fn from(json: J) -> Self {
        Self(json)
    }
}

impl<J: Json> Deref for Wiped<J> {
    type Target = J;

    fn deref(&self) -> &J {
        &self.0
    }
}

impl<J: Json> Drop for Wiped<J> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

impl<J: Json> fmt::Debug for Wiped<J> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[REDACTED]")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_text_is_wiped_and_none_is_printed() {
        let mut value = json!({ "keys": [{ "secret": "hush" }, "hush"], "n": 1, "t": "hush", "o": { "p": "hush" } });
        let wiped = Wiped::from(value.clone());
        assert_eq!(format!("{wiped:?} {wiped:#?}"), "[REDACTED] [REDACTED]");
        value.wipe();
        assert_eq!(value, json!({ "keys": [{ "secret": "" }, ""], "n": 1, "t": "", "o": { "p": "" } }));
    }
}
