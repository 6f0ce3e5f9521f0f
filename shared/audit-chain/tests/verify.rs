//! A file of rows as the API answered them: whatever is changed in it is found.

use audit_chain::{Anchor, Fault, Misfit, Scope, Unreadable, Verified, objects, verify};
use serde_json::{Value, json};

const ROWS: &str = include_str!("rows.json");

fn rows() -> Vec<Value> {
    objects(ROWS).expect("objects")
}

fn fault(rows: &[Value], scope: Scope) -> (Option<u64>, Fault) {
    let Misfit { seq, fault, .. } = verify(rows, &[], scope).expect_err("a misfit");
    (seq, fault)
}

/// The places of a value's leaves.
fn leaves(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                leaves(member, &format!("{pointer}/{}", escaped(name)), found);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                leaves(item, &format!("{pointer}/{n}"), found);
            }
        }
        _ => found.push(pointer.to_owned()),
    }
}

#[test]
fn a_file_fits_in_whatever_form_it_was_kept() {
    let expected = Verified {
        rows: 4,
        sealed: Some((1, 3)),
        unsealed: (1, Some("2026-11-28T21:36:24.764480Z".to_owned())),
        gaps: 0,
        erased: 1,
        anchored: Some(2),
    };
    let mut rows = rows();
    let anchors = rows.iter().find(|row| row["seq"] == 2).map(ToString::to_string).expect("the second row");
    let anchors = Anchor::read(&anchors).expect("an anchor");
    let lines: String = rows.iter().map(|row| row.to_string() + "\n").collect();
    let pages: String = rows.chunks(2).map(|page| json!(page).to_string()).collect();
    for text in [ROWS, &lines, &pages] {
        let rows = objects(text).expect("objects");
        assert_eq!(verify(&rows, &anchors, Scope::Whole).as_ref(), Ok(&expected));
        assert_eq!(verify(&rows, &anchors, Scope::Part).as_ref(), Ok(&expected));
    }
    rows.reverse();
    assert_eq!(verify(&rows, &anchors, Scope::Whole), Ok(expected));
    assert_eq!(verify(&[], &[], Scope::Whole), Ok(Verified::default()));
    assert!(matches!(objects("id,at\r\n1,2"), Err(Unreadable::NotJson(_))));
    assert!(matches!(objects("[{}, 7]"), Err(Unreadable::NoObject(1))));
}

#[test]
fn every_change_of_every_field_is_found_in_its_row() {
    let genuine = rows();
    let mut tried = 0;
    for (n, row) in genuine.iter().enumerate() {
        let mut places = Vec::new();
        leaves(row, "", &mut places);
        // When it was sealed is no part of a seal. Nothing and `erased` both mean that an address was erased.
        let is_free = |place: &str| place == "/sealed_at" || (place == "/actor" && row["actor"] == "erased");
        for place in places.iter().filter(|place| !is_free(place)) {
            for other in [json!("another"), json!(7), Value::Null, json!({}), json!(true)] {
                let mut rows = genuine.clone();
                let leaf = rows[n].pointer_mut(place).expect("a leaf");
                if *leaf == other {
                    continue;
                }
                *leaf = other.clone();
                let Err(misfit) = verify(&rows, &[], Scope::Whole) else {
                    panic!("{place} of {} may be {other}", row["id"])
                };
                let (seq, id) = (row["seq"].as_u64(), row["id"].as_i64());
                // With another number it is another row's place that is empty.
                let is_it = misfit.seq == seq || misfit.id == id || place == "/seq";
                assert!(is_it, "{place} of {} is {other}: {misfit}", row["id"]);
                tried += 1;
            }
        }
    }
    assert!(tried > 150, "{tried}");
}

#[test]
fn rows_that_are_missing_or_there_twice_are_named() {
    let without = |seq: u64| rows().into_iter().filter(|row| row["seq"] != seq).collect::<Vec<_>>();
    assert_eq!(fault(&without(2), Scope::Whole), (Some(3), Fault::Missing(2, 2)));
    assert_eq!(fault(&without(1), Scope::Whole), (Some(2), Fault::Missing(1, 1)));
    assert_eq!(verify(&without(2), &[], Scope::Part).expect("fits").gaps, 1);
    // Nothing after the last row says that there was one more, but an anchor does.
    let last = Anchor { seq: 3, seal: rows()[1]["seal"].as_str().expect("a seal").parse().expect("a digest") };
    assert_eq!(verify(&without(3), &[], Scope::Whole).expect("fits").sealed, Some((1, 2)));
    let cut = verify(&without(3), std::slice::from_ref(&last), Scope::Whole).expect_err("cut off");
    assert_eq!((cut.seq, cut.fault), (Some(2), Fault::CutOff(3)));
    let twice: Vec<_> = rows().into_iter().chain(rows().into_iter().filter(|row| row["seq"] == 2)).collect();
    assert_eq!(fault(&twice, Scope::Whole), (Some(2), Fault::Twice));
    assert_eq!(fault(&twice, Scope::Part), (Some(2), Fault::Twice));
}
