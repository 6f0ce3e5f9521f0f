//! A certificate and its file: whatever is changed in it is found, also by a page of Python.

use std::path::Path;
use std::process::Command;

use purge_certificate::{Content, Decision, FORMAT, Fault, Item, PublicKey, SigningKey, sign, verify};
use serde_json::{Value, json};

fn key(byte: u8) -> SigningKey {
    SigningKey::of_seed(&hex::encode([byte; 32])).expect("a pair")
}

fn certificate() -> Value {
    let at = || "2026-11-29T05:00:00.000000Z".to_owned();
    let decision = |by: &str| Decision { by: by.to_owned(), at: at() };
    let item = |kind: &str, outcome: &str, external_id: Option<&str>, why: Option<&str>| Item {
        kind: kind.to_owned(),
        name: format!("the {kind}"),
        external_id: external_id.map(str::to_owned),
        asked_at: at(),
        answered: "nothing".to_owned(),
        outcome: outcome.to_owned(),
        why: why.map(str::to_owned),
        until: None,
    };
    let content = Content {
        format: FORMAT,
        tenant_id: "01900000-0000-7000-8000-000000000000".to_owned(),
        slug: "acme-bank".to_owned(),
        issued_at: at(),
        requested: decision("api_key:platform-admin"),
        approved: Some(decision("api_key:second")),
        reason: Some("Ende des Vertrags: \"sofort\", § 5\n\u{1}\u{1f600}".to_owned()),
        retrieval_days: 30,
        customer: "keep".to_owned(),
        data: "drop".to_owned(),
        point_of_no_return: Some(at()),
        items: vec![
            item("graph", "gone", None, None),
            item("stripe_customer", "kept", Some("cus_1"), Some("the invoices")),
        ],
        slug_released: true,
        slug_kept_by: Vec::new(),
    };
    sign(&content, &key(7)).expect("content")
}

/// Each changed copy of a value, one leaf at a time.
fn changed(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| {
                changed(member).into_iter().map(move |other| {
                    let mut copy = value.clone();
                    copy[name] = other;
                    copy
                })
            })
            .collect(),
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .enumerate()
            .flat_map(|(n, item)| {
                changed(item).into_iter().map(move |other| {
                    let mut copy = value.clone();
                    copy[n] = other;
                    copy
                })
            })
            .collect(),
        leaf => [json!("another"), json!(8), json!(null), json!(false)].into_iter().filter(|it| it != leaf).collect(),
    }
}

#[test]
fn a_certificate_fits_alone_and_in_an_answer() {
    let certificate = certificate();
    let answer = json!({ "tenant_id": "t", "certificate": certificate });
    for file in [&certificate, &answer] {
        let verified = verify(file, None).expect("fits");
        assert!(verified.key == *key(7).public() && !verified.trusted);
        assert_eq!(verified.content["slug"], "acme-bank");
        assert!(verify(file, Some(key(7).public())).expect("fits").trusted);
        let stranger = verify(file, Some(key(8).public())).expect_err("another key");
        let said = format!("it is signed with the key {}, not with {}", key(7).public().id(), key(8).public().id());
        assert_eq!(stranger.to_string(), said);
    }
}

#[test]
fn every_change_of_every_field_is_found() {
    let genuine = certificate();
    let changes = changed(&genuine);
    assert!(changes.len() > 80, "{}", changes.len());
    for other in changes {
        assert!(verify(&other, None).is_err(), "{other}");
    }
    // A field more is a change too.
    let mut more = genuine.clone();
    more["content"]["items"][0]["more"] = json!("x");
    assert_eq!(verify(&more, None), Err(Fault::Content));
    for field in ["content", "signature"] {
        let mut less = genuine.clone();
        less.as_object_mut().expect("an object").remove(field);
        assert!(matches!(verify(&less, None), Err(Fault::Field(_))), "{field}");
    }
    for nothing in [json!([]), json!(null), json!("x"), json!({})] {
        assert_eq!(verify(&nothing, None), Err(Fault::Field("content")));
    }
}

/// Who changes the content and signs again is found by the key that is trusted.
#[test]
fn a_new_signature_needs_the_key() {
    let mut content = certificate()["content"].clone();
    content["items"] = json!([]);
    let forged = sign(&content, &key(8)).expect("content");
    assert!(verify(&forged, None).is_ok(), "it is whole");
    assert!(matches!(verify(&forged, Some(key(7).public())), Err(Fault::Stranger { .. })));
    content["format"] = json!("ivory-purge-certificate/2");
    assert_eq!(verify(&sign(&content, &key(7)).expect("content"), None), Err(Fault::Format));
}

/// What `verify.py` says of a file.
fn python(file: &Value, key: Option<&PublicKey>) -> String {
    let name = format!("purge-certificate-{}-{}.json", std::process::id(), key.is_some());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, file.to_string()).expect("written");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("verify.py");
    let mut python = Command::new("python3");
    python.arg(program).arg(&path).args(key.map(PublicKey::to_string));
    let output = python.output().expect("python3");
    std::fs::remove_file(&path).expect("removed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

#[test]
fn a_page_of_python_says_the_same() {
    let genuine = certificate();
    assert_eq!(python(&genuine, None), "fits");
    assert_eq!(python(&json!({ "certificate": genuine }), Some(key(7).public())), "fits");
    assert_eq!(python(&genuine, Some(key(8).public())), "does not fit: another key");
    for pointer in ["/content/slug", "/content/items/0/answered", "/content/retrieval_days", "/content/slug_released"] {
        let mut other = genuine.clone();
        *other.pointer_mut(pointer).expect("a field") = json!(31);
        assert_eq!(python(&other, None), "does not fit: content", "{pointer}");
    }
    let mut other = genuine;
    other["signature"]["key_id"] = json!("0000000000000000");
    assert_eq!(python(&other, None), "does not fit: key_id");
}
