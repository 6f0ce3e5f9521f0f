//! Credentials in places that are stored and answered in clear: a URI, a connection string, a caller's free object. Found by
//! where they stand and by the name in front of them, however it is encoded. What has neither, such as a password alone in a
//! field of another name, cannot be told from other text.

use icu_normalizer::ComposingNormalizerBorrowed;
use serde_json::{Map, Value};

use crate::words::Invalid;

/// The error for a value with a credential. It shows nothing of the value.
pub(crate) const FOUND: Invalid =
    Invalid("must not contain credentials such as a user name, a password, a key, a token or a signature");

/// What a name ends with if its value is a credential. Names are compared in lower case, without what separates words.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "passkey",
    "pwd",
    "secret",
    "token",
    "credential",
    "authorization",
    "apikey",
    "accesskey",
    "accesskeyid",
    "secretkey",
    "privatekey",
    "accountkey",
    "sharedkey",
    "storagekey",
    "masterkey",
    "encryptionkey",
    "signingkey",
    "authkey",
    "functionskey",
    "subscriptionkey",
    "licensekey",
    "sshkey",
    "sessionid",
    "cookie",
    "amzsignature",
    "googsignature",
    "sharedaccesssignature",
];
/// Whole names of the same kind, of a parameter or in an object. In other texts they are words.
const WORDS: &[&str] =
    &["pass", "userpass", "dbpass", "pw", "sig", "sas", "hmac", "jwt", "bearer", "otp", "psk", "cred", "creds"];
/// The same, of a parameter in a URI only.
const PARAMETERS: &[&str] = &["key", "auth", "code"];
/// As above, at the end of a parameter's name.
const PARAMETER_ENDS: &[&str] = &["signature"];
/// Schemes that put the container's name where others have a user name.
pub(crate) const CONTAINER_SCHEMES: [&str; 4] = ["abfs", "abfss", "wasb", "wasbs"];
/// The longest name that is looked at, and the longest URI within a text.
const LONGEST_NAME: usize = 64;
const LONGEST_URI: usize = 2048;
/// How deep JSON in texts of JSON is read.
const DEPTH: u8 = 4;

/// Whether a text holds a credential.
#[must_use]
pub fn in_text(text: &str) -> bool {
    in_nested_text(text, DEPTH)
}

/// Whether an object holds a credential: in a text at any depth, or as the value of a name that stands for one.
pub(crate) fn in_object(object: &Map<String, Value>) -> bool {
    in_entries(object, DEPTH)
}

fn in_entries(object: &Map<String, Value>, depth: u8) -> bool {
    object.iter().any(|(name, value)| {
        is_a_credential_of(&compact(name), value) || in_nested_text(name, depth) || in_value(value, depth)
    })
}

fn in_value(value: &Value, depth: u8) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => in_nested_text(text, depth),
        Value::Array(values) => values.iter().any(|value| in_value(value, depth)),
        Value::Object(object) => in_entries(object, depth),
    }
}

/// Whether the name stands for a credential, and the value can be one. A number of many is their count.
fn is_a_credential_of(name: &str, value: &Value) -> bool {
    let many = name.strip_suffix('s').is_some_and(is_a_name) && !value.is_number();
    (is_a_name(name) || many || WORDS.contains(&name)) && is_a_credential(value)
}

/// Whether such a value can be a credential. An object may describe one: where it is, when it was changed.
fn is_a_credential(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Object(_) => false,
        Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => values.iter().any(is_a_credential),
    }
}

fn in_nested_text(text: &str, depth: u8) -> bool {
    let is_json = text.trim_start().starts_with(['{', '[', '"']);
    if let (true, Some(depth)) = (is_json, depth.checked_sub(1))
        && serde_json::from_str(text).is_ok_and(|value| in_value(&value, depth))
    {
        return true;
    }
    // As it was sent, because decoding may add what ends a part; and decoded as often as anybody might.
    let decoded = decoded(text);
    let alike = ComposingNormalizerBorrowed::new_nfkc().normalize(&decoded);
    [text, &alike].into_iter().any(|text| {
        let lower = text.to_lowercase();
        has_a_user(&lower) || has_a_user_in_a_word(&lower) || has_a_parameter(&lower) || has_a_shape(text)
    })
}

/// Percent-decodes a text until nothing is left to decode. What is no UTF-8 then is replaced.
pub(crate) fn decoded(text: &str) -> String {
    // From the right, so that what a byte is decoded to is seen with what follows it: every byte is looked at once.
    let mut reversed: Vec<u8> = Vec::with_capacity(text.len());
    for byte in text.bytes().rev() {
        reversed.push(byte);
        while let [.., low, high, b'%'] = reversed[..]
            && let (Some(high), Some(low)) = (hex(high), hex(low))
        {
            reversed.truncate(reversed.len() - 3);
            reversed.push(high << 4 | low);
        }
    }
    reversed.reverse();
    String::from_utf8_lossy(&reversed).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Whether there is a user in front of a host: `scheme://user:password@host`.
fn has_a_user(text: &str) -> bool {
    text.match_indices("://").any(|(at, separator)| {
        let scheme =
            text[..at].rsplit(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).next().unwrap_or_default();
        let rest = &text[at + separator.len()..];
        let authority = rest.split(|c: char| ends_a_word(c) || "/?#\\".contains(c)).next().unwrap_or_default();
        match authority.rsplit_once('@') {
            Some((container, _)) if CONTAINER_SCHEMES.contains(&scheme) => {
                container.is_empty() || container.contains([':', '@'])
            }
            Some(_) => true,
            // A password with a slash in it: what looks like a port is none, and a host follows.
            None => {
                let port = authority.rsplit_once(':').map(|(_, port)| port);
                port.is_some_and(|port| !port.bytes().all(|b| b.is_ascii_digit()) && !authority.ends_with(']'))
                    && rest.chars().take(LONGEST_URI).take_while(|c| !ends_a_word(*c)).any(|c| c == '@')
            }
        }
    })
}

fn ends_a_word(c: char) -> bool {
    c.is_whitespace() || "\"'<>".contains(c)
}

/// The same without slashes, as libraries read it too: `scheme:user:password@host`, `jdbc:oracle:thin:user/password@host`.
fn has_a_user_in_a_word(text: &str) -> bool {
    text.split(ends_a_word).filter(|word| word.contains('@')).any(|word| {
        let before =
            word.split_once('?').map_or(word, |(before, _)| before).rsplit_once('@').map_or("", |(before, _)| before);
        let of_jdbc = before.contains("jdbc:") && !before.ends_with([':', '/']);
        let of_aws = before.starts_with("arn:") || before.starts_with("urn:");
        let last = before.rsplit(['/', '=', '(', ',']).next().unwrap_or_default();
        let password = last.rsplit_once(':').is_some_and(|(_, password)| !password.is_empty());
        of_jdbc || password && !of_aws && before.matches(':').count() > 1
    })
}

/// Whether there is a `name=value` or `"name": value` whose name stands for a credential.
fn has_a_parameter(text: &str) -> bool {
    let in_name = |c: char| c.is_alphanumeric() || "_-.+[] ".contains(c);
    text.match_indices('=').chain(text.match_indices("\":")).any(|(at, _)| {
        let before = &text[..at];
        let mut start = at;
        for (index, c) in before.char_indices().rev().take(LONGEST_NAME) {
            if !in_name(c) {
                break;
            }
            start = index;
        }
        let name = compact(&before[start..]);
        let of_uri = before[..start].ends_with(['?', '&', '#', ';']);
        is_a_name(&name)
            || of_uri
                && (WORDS.iter().chain(PARAMETERS).any(|word| *word == name)
                    || PARAMETER_ENDS.iter().any(|end| name.ends_with(end)))
    })
}

/// Whether a part of it can only be a credential: a private key, a signed token, a bearer token.
fn has_a_shape(text: &str) -> bool {
    let long = |part: &str| part.len() >= 10 && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=".contains(&b));
    let ends = |c: char| !c.is_ascii_alphanumeric() && !"-_=.".contains(c);
    let token = |word: &str| {
        let parts: Vec<&str> = word.split('.').collect();
        matches!(parts[..], [header, claims, signature] if header.starts_with("eyJ") && [header, claims, signature].into_iter().all(long))
    };
    let mut words = text.split(ends);
    text.contains("PRIVATE KEY-----")
        || text.split(ends).any(token)
        || words.any(|word| word.eq_ignore_ascii_case("bearer"))
            && words.next().is_some_and(|next| next.len() >= 16 && next.bytes().any(|b| b.is_ascii_alphanumeric()))
}

/// A name in lower case, without what separates its words.
fn compact(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn is_a_name(compact: &str) -> bool {
    NAMES.iter().any(|name| compact.ends_with(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Encodes some characters, each as often as it says.
    fn encoded(text: &str, times: &[u8]) -> String {
        let mut encoded = String::new();
        for (c, times) in text.bytes().zip(times.iter().cycle()) {
            let mut one = char::from(c).to_string();
            for n in 0..*times {
                one = if n == 0 { format!("%{c:02x}") } else { one.replacen('%', "%25", 1) };
            }
            encoded.push_str(&one);
        }
        encoded
    }

    proptest! {
        #[test]
        fn however_often_a_text_is_encoded_it_is_decoded(text in "[ -~]{0,40}", times in prop::collection::vec(0_u8..4, 1..8)) {
            prop_assume!(!text.contains('%'));
            prop_assert_eq!(decoded(&encoded(&text, &times)), text);
        }

        #[test]
        fn a_decoded_text_has_nothing_left_to_decode(text in "(%|2|5|f|[ -~]){0,60}") {
            let once = decoded(&text);
            prop_assert_eq!(decoded(&once), once);
        }

        #[test]
        fn a_credential_is_found_however_it_is_written(
            name in prop::sample::select(&["access_token", "Password", "X-Amz-Signature", "sig", "api-key", "KEY", "client_secret"][..]),
            before in prop::sample::select(&["https://h/?", "https://h/?a=b&", "https://h/#", "jdbc:x://h;a=b;"][..]),
            value in "[a-zA-Z0-9]{1,12}",
            times in prop::collection::vec(0_u8..3, 1..8),
        ) {
            let uri = format!("{before}{}={value}", encoded(name, &times));
            prop_assert!(in_text(&uri), "{}", uri);
        }

        #[test]
        fn no_text_is_too_strange(text in any::<String>()) {
            prop_assert!(in_text(&text) || !text.contains("password="));
        }
    }

    #[test]
    fn a_large_text_is_read_in_time() {
        let started = std::time::Instant::now();
        for text in [
            "=".repeat(64 * 1024),
            "%25".repeat(21 * 1024),
            "://".repeat(21 * 1024),
            "a".repeat(64 * 1024) + "=",
            "[".repeat(64 * 1024),
        ] {
            assert!(!in_text(&text));
        }
        assert!(started.elapsed().as_millis() < 1000, "{:?}", started.elapsed());
    }
}
