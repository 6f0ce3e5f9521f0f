//! Tests of key sets as issuers publish them: those in `tests/jwks`, and any other.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixtures::{Es256, rsa_jwk};
use crate::{Algorithm, key_set};

const ALL: [(&str, &str); 19] = [
    ("apple", include_str!("../tests/jwks/apple.json")),
    ("battle-net", include_str!("../tests/jwks/battle-net.json")),
    ("discord", include_str!("../tests/jwks/discord.json")),
    ("docker", include_str!("../tests/jwks/docker.json")),
    ("dropbox", include_str!("../tests/jwks/dropbox.json")),
    ("entra-common", include_str!("../tests/jwks/entra-common.json")),
    ("entra-organizations", include_str!("../tests/jwks/entra-organizations.json")),
    ("facebook", include_str!("../tests/jwks/facebook.json")),
    ("gitlab", include_str!("../tests/jwks/gitlab.json")),
    ("google", include_str!("../tests/jwks/google.json")),
    ("klarna", include_str!("../tests/jwks/klarna.json")),
    ("lego", include_str!("../tests/jwks/lego.json")),
    ("mojeid", include_str!("../tests/jwks/mojeid.json")),
    ("paypal", include_str!("../tests/jwks/paypal.json")),
    ("slack", include_str!("../tests/jwks/slack.json")),
    ("spotify", include_str!("../tests/jwks/spotify.json")),
    ("twitch", include_str!("../tests/jwks/twitch.json")),
    ("verimi", include_str!("../tests/jwks/verimi.json")),
    ("yahoo", include_str!("../tests/jwks/yahoo.json")),
];

/// What no signature is verified with: keys of 1,024 bits (RFC 7518, section 3.3), and one for encryption (RFC 7748).
fn is_left_out(provider: &str, jwk: &Value) -> bool {
    (provider == "yahoo" && jwk["kty"] == "RSA") || jwk["crv"] == "X25519"
}

#[test]
fn no_published_signing_key_is_lost() {
    let (mut kept, mut left_out) = (0, 0);
    for (provider, text) in ALL {
        let document: Value = serde_json::from_str(text).expect("JSON");
        let found = key_set(document["jwks"].to_string().as_bytes()).expect("a key set");
        let jwks = document["jwks"]["keys"].as_array().expect("keys");
        let expected: Vec<_> = jwks.iter().filter(|jwk| !is_left_out(provider, jwk)).collect();
        let kids: Vec<_> = found.iter().map(|key| key.kid().expect("all have one")).collect();
        assert_eq!(
            kids,
            expected.iter().map(|jwk| jwk["kid"].as_str().expect("a kid")).collect::<Vec<_>>(),
            "{provider}"
        );
        for (key, jwk) in found.iter().zip(&expected) {
            // What says nothing is for what its kind is usually for.
            let usual = if jwk["kty"] == "RSA" { "RS256" } else { "ES256" };
            assert_eq!(key.alg().name(), jwk["alg"].as_str().unwrap_or(usual), "{provider}");
        }
        kept += found.len();
        left_out += jwks.len() - found.len();
    }
    assert_eq!((kept, left_out), (60, 4));
}

#[test]
fn what_is_no_key_set_is_none() {
    for text in ["", "<html>", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"keys":[]"#] {
        assert!(key_set(text.as_bytes()).is_none(), "{text}");
    }
    assert_eq!(key_set(br#"{"keys":[],"more":1}"#).map(|keys| keys.len()), Some(0));
}

/// A value that may be in a key set, and is no key of ours.
fn junk() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[ -~]{0,8}", Just("RSA".to_owned()), Just("EC".to_owned()), Just("enc".to_owned())];
    let leaf = prop_oneof![Just(Value::Null), any::<i32>().prop_map(Value::from), text.prop_map(Value::from)];
    let members =
        prop::sample::select(vec!["kty", "use", "key_ops", "alg", "kid", "crv", "n", "e", "x", "y", "x5c", "k"]);
    prop_oneof![
        leaf.clone(),
        prop::collection::btree_map(members.prop_map(str::to_owned), leaf, 0..10)
            .prop_map(|members| Value::Object(members.into_iter().collect())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn junk_between_keys_costs_no_key(before in prop::collection::vec(junk(), 0..5), after in prop::collection::vec(junk(), 0..5)) {
        let keys = [before, vec![Es256::new().jwk(Some("e"))], after, vec![rsa_jwk(Some("r"))]].concat();
        let found = key_set(json!({ "keys": keys }).to_string().as_bytes()).expect("a key set");
        let kids: Vec<_> = found.iter().map(|key| (key.kid(), key.alg())).collect();
        prop_assert_eq!(kids, vec![(Some("e"), Algorithm::Es256), (Some("r"), Algorithm::Rs256)]);
    }

    #[test]
    fn any_bytes_are_a_key_set_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = key_set(&bytes);
    }

    #[test]
    fn a_changed_key_is_a_key_or_none(at in 0_usize..400, byte in any::<u8>()) {
        let mut text = json!({ "keys": [rsa_jwk(Some("r"))] }).to_string().into_bytes();
        let length = text.len();
        text[at % length] = byte;
        let _ = key_set(&text);
    }
}
