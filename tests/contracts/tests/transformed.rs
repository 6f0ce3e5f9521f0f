//! The template as CloudFormation gets it, after SAM's transform.

#![allow(clippy::disallowed_methods, reason = "a test takes its interpreter from the environment")]

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use contracts::template::Template;
use contracts::{functions, pascal_case, root};
use serde_json::{Map, Value, json};

/// What CloudFormation takes in one stack (its quota, "Resources in template").
const MOST_RESOURCES: usize = 500;
/// What a route costs of them: a function, its role, the gateway's permission to call it, and a version with its alias, which
/// `CodeDeploy` moves if a release takes over gradually.
const ROUTE: [&str; 6] = [
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::IAM::Role",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
];
const GRADUAL: &str = "Rollout=Canary10Percent5Minutes";

fn transformed(parameters: &[&str]) -> Result<Map<String, Value>> {
    let python = std::env::var("TEST_PYTHON").context("TEST_PYTHON")?;
    let mut command = Command::new(python);
    command.arg("-B").arg("python/transform.py").arg(root()?.join("template.yaml")).args(parameters);
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
    let (template, resources) = (Template::load()?, transformed(&[GRADUAL])?);
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
        assert_eq!(deployed["Role"], json!({ "Fn::GetAtt": [name + "Role", "Arn"] }), "{}", function.name);
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
    let resources = transformed(&[GRADUAL])?;
    let routes = routes();
    for route in &routes {
        let mut costs: Vec<_> = resources
            .iter()
            .filter(|(name, _)| {
                name.strip_prefix(route).is_some_and(|rest| rest.starts_with("Function") || rest == "Role")
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
    // There may be twice as many.
    assert!(resources.len() + routes.len() * ROUTE.len() <= MOST_RESOURCES, "{} resources", resources.len());
    Ok(())
}

fn routes() -> Vec<String> {
    let routes = functions::all().into_iter().filter(|function| function.group == "api");
    routes.map(|function| pascal_case(&function.package)).collect()
}

/// The gateway calls the version that the alias names. A step is called by the state machine without an alias, so that a run
/// goes on with what is deployed.
#[test]
#[ignore = "needs TEST_PYTHON"]
fn a_release_takes_over_the_routes_as_the_parameter_says() -> Result<()> {
    let deployments = ["Deployment=1800000001", "Deployment=1800000002"];
    let [at_once, again] = deployments.map(|deployment| transformed(&[deployment]));
    let (at_once, again) = (at_once?, again?);
    let gradual = transformed(&[GRADUAL, deployments[0]])?;
    assert_eq!(of_type(&at_once, "AWS::CodeDeploy::DeploymentGroup").count(), 0);
    let (_, api) = of_type(&at_once, "AWS::ApiGateway::RestApi").next().context("no API")?;
    let calls = api["Properties"]["Body"]["paths"].to_string();
    for route in routes() {
        let function = format!("{route}Function");
        let alias = format!("{function}Aliaslive");
        assert!(
            calls.contains(&format!("${{{alias}}}")) && !calls.contains(&format!("${{{function}.Arn}}")),
            "{route}"
        );
        assert_eq!(at_once[&alias]["UpdatePolicy"], Value::Null, "{route}");
        // A deployment that changes nothing but a parameter reaches the routes as well.
        let versions = [&at_once, &again].map(|resources| resources[&alias]["Properties"]["FunctionVersion"].clone());
        assert_ne!(versions[0], versions[1], "{route}");

        let policy = &gradual[&alias]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"];
        let group = format!("{function}DeploymentGroup");
        assert_eq!(policy["DeploymentGroupName"], json!({ "Ref": group }), "{route}");
        let group = &gradual[&group]["Properties"];
        assert_eq!(group["ServiceRoleArn"], json!({ "Fn::GetAtt": ["RolloutRole", "Arn"] }), "{route}");
        let alarms = json!({ "Enabled": true, "Alarms": [{ "Name": { "Ref": "RolloutErrors" } }] });
        assert_eq!(group["AlarmConfiguration"], alarms, "{route}");
        assert_eq!(group["AutoRollbackConfiguration"]["Enabled"], json!(true), "{route}");
        assert!(group["DeploymentConfigName"].to_string().contains("Canary10Percent5Minutes"), "{group}");
    }
    assert_eq!(of_type(&gradual, "AWS::CodeDeploy::DeploymentGroup").count(), routes().len());
    // The only other alias is of the function that each new version of is invoked once.
    let aliases = of_type(&gradual, "AWS::Lambda::Alias").map(|(name, _)| name.clone());
    let others: Vec<_> =
        aliases.filter(|name| !routes().iter().any(|route| name.starts_with(&format!("{route}Function")))).collect();
    assert_eq!(others, ["MigrateControlFunctionAliaslive"]);
    Ok(())
}
