//! The route table, the template and `cargo lambda watch` say the same.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use contracts::template::Template;
use contracts::workspace::Workspace;

/// Function, method, path with the stage's `/v1`.
type Route = (String, String, String);

fn of_the_template() -> Result<BTreeSet<Route>> {
    let mut routes = BTreeSet::new();
    for function in Template::load()?.functions()? {
        let events = function.properties.get("Events").and_then(|events| events.as_object());
        for event in events.into_iter().flatten().map(|(_, event)| event).filter(|event| event["Type"] == "Api") {
            let (method, path) = (&event["Properties"]["Method"], &event["Properties"]["Path"]);
            let (method, path) = (method.as_str().context("Method")?, path.as_str().context("Path")?);
            assert!(
                routes.insert((function.name()?.to_owned(), method.to_owned(), format!("/v1{path}"))),
                "{method} {path} twice"
            );
        }
    }
    Ok(routes)
}

fn of_watch() -> Result<BTreeSet<Route>> {
    let workspace = Workspace::load()?;
    let watch = &workspace.metadata["lambda"]["watch"];
    let router = watch["router"].as_object().context("workspace.metadata.lambda.watch.router")?;
    let mut routes = BTreeSet::new();
    for (path, entries) in router {
        for entry in entries.as_array().with_context(|| format!("{path} is no list"))? {
            let (function, method) = (&entry["function"], &entry["method"]);
            let (function, method) = (function.as_str().context("function")?, method.as_str().context("method")?);
            routes.insert((function.to_owned(), method.to_owned(), path.clone()));
        }
    }
    Ok(routes)
}

#[test]
fn watch_serves_what_the_gateway_serves() -> Result<()> {
    assert_eq!(of_watch()?, of_the_template()?);
    Ok(())
}

#[test]
fn watch_turns_the_credential_check_on() -> Result<()> {
    assert_eq!(Workspace::load()?.metadata["lambda"]["watch"]["features"], serde_json::json!(["watch"]));
    Ok(())
}

#[test]
fn every_function_in_api_has_one_route_and_no_other_function_has_any() -> Result<()> {
    let workspace = Workspace::load()?;
    let folders: Vec<_> = workspace.below("functions/api/").map(|package| package.name.clone()).collect();
    let mut served: Vec<_> = of_the_template()?.into_iter().map(|(function, ..)| function).collect();
    served.sort();
    assert_eq!(served, folders);
    Ok(())
}

#[test]
fn sibling_path_variables_share_one_name() -> Result<()> {
    for (function, _, path) in of_the_template()? {
        for part in path.split('/').filter(|part| part.starts_with('{')) {
            assert_eq!(part, "{tenant}", "{function}: a REST API refuses two names for one position");
        }
    }
    Ok(())
}
