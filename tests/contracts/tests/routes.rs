//! The route table, the template and the settings of `cargo lambda watch` agree.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use contracts::functions;
use contracts::template::Template;
use contracts::workspace::Workspace;
use domain::routes::{Credential, ROUTES};
use serde_json::{Value, json};

/// Function, method, and path including the stage's `/v1`.
type Route = (String, String, String);

fn of_the_table() -> BTreeSet<Route> {
    ROUTES.iter().map(|route| (route.name.to_owned(), route.method.to_owned(), route.path.to_owned())).collect()
}

/// Each `Api` event of the template with its route, in the order of the template.
fn events(template: &Template) -> Result<Vec<(Route, Value)>> {
    let mut found = Vec::new();
    for function in template.functions()? {
        let events = function.properties.get("Events").and_then(Value::as_object);
        for (_, event) in events.into_iter().flatten().filter(|(_, event)| event["Type"] == "Api") {
            let event = &event["Properties"];
            let (method, path) = (event["Method"].as_str().context("Method")?, event["Path"].as_str().context("Path")?);
            found.push(((function.name()?.to_owned(), method.to_owned(), format!("/v1{path}")), event.clone()));
        }
    }
    Ok(found)
}

fn of_watch() -> Result<BTreeSet<Route>> {
    let workspace = Workspace::load()?;
    let watch = &workspace.metadata["lambda"]["watch"];
    let router = watch["router"].as_object().context("workspace.metadata.lambda.watch.router")?;
    let mut served = BTreeSet::new();
    for (path, entries) in router {
        for entry in entries.as_array().with_context(|| format!("{path} is no list"))? {
            let (function, method) = (&entry["function"], &entry["method"]);
            let (function, method) = (function.as_str().context("function")?, method.as_str().context("method")?);
            served.insert((function.to_owned(), method.to_owned(), path.clone()));
        }
    }
    Ok(served)
}

/// `cargo xtask up --no-build` deploys what lies in cargo's folder. What is built to run without a gateway must not be there.
#[test]
fn what_runs_without_a_gateway_is_built_elsewhere() -> Result<()> {
    let watch = &Workspace::load()?.metadata["lambda"]["watch"];
    assert_eq!((&watch["features"], &watch["target_dir"]), (&json!(["watch"]), &json!("target/watch")));
    Ok(())
}

#[test]
fn the_gateway_serves_the_route_table_in_order() -> Result<()> {
    let names: Vec<_> = events(&Template::load()?)?.into_iter().map(|((name, ..), _)| name).collect();
    assert_eq!(names, ROUTES.iter().map(|route| route.name).collect::<Vec<_>>());
    let served: BTreeSet<_> = events(&Template::load()?)?.into_iter().map(|(route, _)| route).collect();
    assert_eq!(served, of_the_table());
    Ok(())
}

#[test]
fn the_gateway_requires_the_credential_in_the_route_table() -> Result<()> {
    for ((name, ..), event) in events(&Template::load()?)? {
        let route = ROUTES.iter().find(|route| route.name == name).with_context(|| name.clone())?;
        let authorizer = match route.credential {
            Credential::ApiKey => "ApiKey",
            Credential::Bearer => "Bearer",
            Credential::None => "NONE",
        };
        assert_eq!(event["Auth"], json!({ "Authorizer": authorizer }), "{name}");
        assert_eq!(event["RestApiId"], json!({ "Ref": "Api" }), "{name}");
    }
    Ok(())
}

#[test]
fn cargo_lambda_watch_serves_the_route_table() -> Result<()> {
    assert_eq!(of_watch()?, of_the_table());
    Ok(())
}

#[test]
fn cargo_lambda_watch_turns_the_credential_check_on() -> Result<()> {
    assert_eq!(Workspace::load()?.metadata["lambda"]["watch"]["features"], json!(["watch"]));
    Ok(())
}

/// The compiler checks the rest: the handler's input is what the table says, and a route that has to keep its answers
/// does so.
#[test]
fn every_route_is_served_by_its_own_crate() {
    let served: Vec<_> = functions::all().into_iter().filter(|function| function.group == "api").collect();
    assert_eq!(
        served.iter().map(|function| function.name.as_str()).collect::<Vec<_>>(),
        ROUTES.iter().map(|route| route.name).collect::<Vec<_>>()
    );
}

#[test]
fn sibling_path_variables_share_one_name() -> Result<()> {
    for ((name, _, path), _) in events(&Template::load()?)? {
        for part in path.split('/').filter(|part| part.starts_with('{')) {
            assert_eq!(part, "{tenant}", "{name}: a REST API refuses two names for one position");
        }
    }
    Ok(())
}
