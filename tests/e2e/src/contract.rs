//! What `functions/api/openapi.json` says about an answer.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyhow::{Context as _, Result, ensure};
use domain::routes::{ROUTES, Route};
use jsonschema::Validator;
use serde_json::Value;

use crate::Answer;

/// The document, and a validator of every schema that an answer has.
static CONTRACT: LazyLock<(Value, BTreeMap<String, Validator>)> = LazyLock::new(|| {
    let document =
        serde_json::from_str(include_str!("../../../functions/api/openapi.json")).expect("the document is JSON");
    let schemas =
        ROUTES.iter().flat_map(|route| responses(&document, route)).flat_map(|(_, response)| content(response));
    let validators = schemas.map(|(_, media)| {
        let mut schema = media["schema"].clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
        (media["schema"].to_string(), validator)
    });
    let validators = validators.collect();
    (document, validators)
});

fn responses<'a>(document: &'a Value, route: &Route) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let operation = &document["paths"][route.path][route.method.to_lowercase()];
    operation["responses"].as_object().into_iter().flatten()
}

fn content(response: &Value) -> impl Iterator<Item = (&String, &Value)> {
    response["content"].as_object().into_iter().flatten()
}

/// The route that was asked, if it is known whatever the gateway makes of the path.
fn asked(answer: &Answer) -> Option<&'static Route> {
    let path = &answer.path[answer.path.find("/v1/")?..];
    let is_it = |route: &&Route| {
        let (mut ours, mut theirs) = (route.path.split('/'), path.split('/'));
        let same = ours.by_ref().zip(theirs.by_ref()).all(|(one, other)| one == other || one == "{tenant}");
        same && route.path.split('/').count() == path.split('/').count()
    };
    ROUTES.iter().filter(|route| route.method == answer.method).find(is_it).filter(|_| !path.contains(['%', ';']))
}

/// Fails unless the document allows this answer: its status, its headers, its body, and its code.
pub fn check(answer: &Answer) -> Result<()> {
    let Some(route) = asked(answer) else { return Ok(()) };
    let (document, validators) = &*CONTRACT;
    let name = route.name;
    let response = responses(document, route).find(|(status, _)| **status == answer.status.to_string());
    let (_, response) = response.with_context(|| format!("{name} does not document this status: {answer:?}"))?;
    for (header, it) in response["headers"].as_object().into_iter().flatten() {
        let is_there = answer.headers.contains_key(&header.to_lowercase());
        ensure!(is_there || it["required"] != true, "{name} documents the header {header}: {answer:?}");
    }
    let found = answer.header("content-type").and_then(|found| found.split(';').next());
    let media = content(response).find(|(media_type, _)| found == Some(media_type.as_str()));
    let Some((_, media)) = media else {
        ensure!(
            response.get("content").is_none() && answer.body.is_empty(),
            "{name} documents other content: {answer:?}"
        );
        return Ok(());
    };
    let body = if matches!(found, Some("text/csv" | "text/html")) {
        Value::from(answer.body.clone())
    } else {
        answer.json()?
    };
    let faults: Vec<_> = validators[&media["schema"].to_string()].iter_errors(&body).map(|it| it.to_string()).collect();
    ensure!(faults.is_empty(), "not as {name} documents it, {faults:?}: {answer:?}");
    let codes = media["x-codes"].as_array();
    ensure!(codes.is_none_or(|codes| codes.contains(&body["code"])), "{name} does not document this code: {answer:?}");
    Ok(())
}
