//! Who does something, as the audit log and the gateway's log name them.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What is encoded in a part of a name, besides everything that is not visible ASCII: the separators, the sign of the
/// encoding itself, and what would end a text in JSON. So a name has one reading only, and no value imitates another's.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'\\').add(b'|');

/// Somebody who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor<'a> {
    /// A consumer, with one of its API keys.
    ApiKey {
        /// The consumer's name.
        consumer: &'a str,
        /// The beginning of the key's digest, in hexadecimal.
        digest: &'a str,
    },
    /// Whom a token is about.
    Bearer {
        /// Its `iss`.
        issuer: &'a str,
        /// Its `sub`.
        subject: &'a str,
    },
    /// A function that acts without a caller.
    System {
        /// Its name.
        function: &'a str,
    },
}

impl Actor<'_> {
    /// Who they are, whatever they proved it with: another key of the same consumer is the same somebody. A name here is
    /// nobody else's.
    #[must_use]
    pub fn identity(&self) -> String {
        match self {
            Self::ApiKey { consumer, .. } => format!("api_key:{}", encoded(consumer)),
            Self::Bearer { .. } | Self::System { .. } => self.to_string(),
        }
    }
}

/// Whether two names are of the same somebody, whatever they proved it with. In a name, `#` separates the key and nothing else.
#[must_use]
pub fn same_somebody(one: &str, other: &str) -> bool {
    let identity = |name: &str| name.split('#').next().map(str::to_owned);
    identity(one) == identity(other)
}

/// `api_key:{consumer}#{first 8 of the digest}`, `bearer:{issuer}|{subject}`, `system:{function}`: visible ASCII only.
impl fmt::Display for Actor<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey { consumer, digest } => {
                write!(formatter, "api_key:{}#{}", encoded(consumer), encoded(digest))
            }
            Self::Bearer { issuer, subject } => write!(formatter, "bearer:{}|{}", encoded(issuer), encoded(subject)),
            Self::System { function } => write!(formatter, "system:{}", encoded(function)),
        }
    }
}

fn encoded(part: &str) -> percent_encoding::PercentEncode<'_> {
    utf8_percent_encode(part, ENCODED)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const DIGEST: &str = "2c70e12b";

    #[test]
    fn each_kind_has_its_own_form() {
        let key = Actor::ApiKey { consumer: "platform", digest: DIGEST };
        assert_eq!((key.to_string(), key.identity()), ("api_key:platform#2c70e12b".into(), "api_key:platform".into()));
        let bearer = Actor::Bearer { issuer: "https://id.bank.example/", subject: "auth0|5f7c" };
        assert_eq!(bearer.to_string(), "bearer:https://id.bank.example/|auth0%7C5f7c");
        assert_eq!(bearer.identity(), bearer.to_string());
        assert_eq!(Actor::System { function: "record-failure" }.to_string(), "system:record-failure");
    }

    #[test]
    fn another_key_makes_nobody_else() {
        let named = |consumer, digest| Actor::ApiKey { consumer, digest }.to_string();
        assert!(same_somebody(&named("platform", DIGEST), &named("platform", "00000000")));
        assert!(!same_somebody(&named("platform", DIGEST), &named("auditors", DIGEST)));
        // A consumer whose name has the separator in it.
        assert!(!same_somebody(&named("platform", DIGEST), &named("platform#2c70e12b", DIGEST)));
        let bearer = |subject| Actor::Bearer { issuer: "https://id.bank.example/", subject }.to_string();
        assert!(!same_somebody(&bearer("a#1"), &bearer("a#2")));
    }

    /// Every text of up to three of these: separators, the encoding's sign and its digits, the names' own words, what
    /// ends a line or a JSON text, what reverses its reader, and letters beyond ASCII.
    fn texts() -> Vec<String> {
        const PARTS: [&str; 14] =
            ["a", "|", "#", "%", "7", "C", ":", "system:", "api_key:", "\n", "\"", "\\", "\u{202e}", "ü"];
        let mut texts = vec![String::new()];
        for from in [0, 1, 15] {
            let longest: Vec<String> = texts[from..].to_vec();
            texts.extend(longest.iter().flat_map(|text| PARTS.map(|part| format!("{text}{part}"))));
        }
        texts
    }

    #[test]
    fn no_two_are_named_the_same_and_every_name_is_plain() {
        let texts = texts();
        assert_eq!(texts.len(), 1 + 14 + 14 * 14 + 14 * 14 * 14);
        let short: Vec<&String> = texts.iter().filter(|text| text.chars().count() <= 2).collect();
        let pairs = texts.iter().flat_map(|one| short.iter().map(move |other| (one.as_str(), other.as_str())));
        let mut named = HashMap::new();
        for (one, other) in pairs {
            let bearers =
                [Actor::Bearer { issuer: one, subject: other }, Actor::Bearer { issuer: other, subject: one }];
            for bearer in bearers {
                check(&mut named, bearer.to_string(), bearer);
            }
        }
        for text in &texts {
            let key = Actor::ApiKey { consumer: text, digest: DIGEST };
            check(&mut named, key.to_string(), key);
            let system = Actor::System { function: text };
            check(&mut named, system.to_string(), system);
        }
        // Whom a record is kept for is nobody else, not even in the log.
        for text in &texts {
            let key = Actor::ApiKey { consumer: text, digest: DIGEST };
            assert!(named.insert(key.identity(), key).is_none(), "{text}");
        }
        assert!(named.len() > 400_000, "{}", named.len());
    }

    fn check<'a>(named: &mut HashMap<String, Actor<'a>>, name: String, whose: Actor<'a>) {
        assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte)), "{name}");
        if let Some(before) = named.insert(name, whose) {
            assert_eq!(before, whose);
        }
    }
}
