//! The template as CloudFormation gets it, after SAM's transform.

#![allow(clippy::disallowed_methods, reason = "a test takes its interpreter from the environment")]

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use contracts::template::Template;
use contracts::{functions, pascal_case, root};
use serde_json::{Map, Value};

/// What CloudFormation takes in one stack (its quota, "Resources in template").
const MOST_RESOURCES: usize = 500;
/// What a route costs of them: a function, its role, and the gateway's permission to call it.
const ROUTE: [&str; 3] = ["AWS::IAM::Role", "AWS::Lambda::Function", "AWS::Lambda::Permission"];

fn transformed() -> Result<Map<String, Value>> {
    let python = std::env::var("TEST_PYTHON").context("TEST_PYTHON")?;
    let mut command = Command::new(python);
    command.arg("-B").arg("python/transform.py").arg(root()?.join("template.yaml"));
    let output = command.output().context("starting Python")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout)?;
    document["Resources"].as_object().cloned().context("Resources")
}

fn of_type<'a>(resources: &'a Map<String, Value>, kind: &'a str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    resources.iter().filter(move |(_, resource)| resource["Type"] == kind)
}

/// SAM gives a function without `Role` one with policies of AWS, which allow logging to and networking on everything.
#[test]
#[ignore = "needs TEST_PYTHON"]
fn sam_adds_no_rights() -> Result<()> {
    let (template, resources) = (Template::load()?, transformed()?);
    for (name, resource) in
        resources.iter().filter(|(_, it)| it["Type"].as_str().is_some_and(|it| it.starts_with("AWS::IAM::")))
    {
        let written = template.document["Resources"].get(name);
        assert_eq!(written.map(|written| &written["Properties"]), Some(&resource["Properties"]), "{name}");
        assert!(!resource.to_string().contains(":iam::aws:policy/"), "{name} has a policy of AWS");
    }
    for function in functions::all() {
        let name = pascal_case(&function.package);
        let deployed = &resources[&(name.clone() + "Function")]["Properties"];
        assert_eq!(deployed["Role"], serde_json::json!({ "Fn::GetAtt": [name + "Role", "Arn"] }), "{}", function.name);
    }
    // Whoever may call a function may do so for one thing of this stack only. Of a rotation, AWS documents the account
    // only; the function compares the secret.
    for (name, permission) in of_type(&resources, "AWS::Lambda::Permission") {
        let source = if name == "RotateDatabaseSecretPermission" { "SourceAccount" } else { "SourceArn" };
        assert!(permission["Properties"][source].is_object(), "{name} names no source");
    }
    Ok(())
}

#[test]
#[ignore = "needs TEST_PYTHON"]
fn there_is_room_for_more_routes() -> Result<()> {
    let resources = transformed()?;
    let routes = functions::all()
        .into_iter()
        .filter(|function| function.group == "api")
        .map(|function| pascal_case(&function.package));
    for route in routes {
        let mut costs: Vec<_> = resources
            .iter()
            .filter(|(name, _)| {
                name.strip_prefix(&route).is_some_and(|rest| rest.starts_with("Function") || rest == "Role")
            })
            .filter_map(|(_, resource)| resource["Type"].as_str())
            .collect();
        costs.sort_unstable();
        assert_eq!(costs, ROUTE, "{route}");
    }
    let mut kinds = BTreeMap::<_, usize>::new();
    for resource in resources.values() {
        *kinds.entry(resource["Type"].as_str().unwrap_or_default()).or_default() += 1;
    }
    println!("{} resources: {kinds:?}", resources.len());
    // Half of it is kept free.
    assert!(resources.len() <= MOST_RESOURCES / 2, "{} resources", resources.len());
    Ok(())
}
