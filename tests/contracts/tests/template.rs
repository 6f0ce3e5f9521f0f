//! The template: parameters, time-outs, order of deployment, and the gateway's own answers.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use contracts::functions;
use contracts::machine::Machine;
use contracts::template::Template;
use domain::ProblemCode;
use lambda_kit::AwsResource;
use secrets::{DatabaseReadSecret, DatabaseSecret, Secret};
use serde_json::{Value, json};

/// API Gateway gives up after this many seconds.
const GATEWAY_TIMEOUT: u64 = 29;

#[test]
fn every_parameter_is_used_and_described() -> Result<()> {
    let template = Template::load()?;
    let mut used = BTreeSet::new();
    for part in ["Rules", "Conditions", "Globals", "Resources", "Outputs"] {
        Template::mentioned(&template.document[part], &mut used);
    }
    for (name, parameter) in template.document["Parameters"].as_object().context("Parameters")? {
        assert!(used.contains(name), "{name} is not used");
        assert!(parameter["Description"].is_string(), "{name} is not described");
    }
    Ok(())
}

#[test]
fn every_condition_is_used() -> Result<()> {
    let template = Template::load()?;
    let resources = template.document["Resources"].to_string() + &template.document["Globals"].to_string();
    for name in template.document["Conditions"].as_object().context("Conditions")?.keys() {
        assert!(resources.contains(&format!("\"{name}\"")), "{name} is not used");
    }
    Ok(())
}

#[test]
fn code_is_built_outside_of_sam() -> Result<()> {
    for function in Template::load()?.functions()? {
        function.name()?;
        assert_eq!(function.body["Metadata"], json!({ "SkipBuild": true }), "{}", function.resource);
        assert_eq!(function.properties["Runtime"], json!("provided.al2023"), "{}", function.resource);
        assert_eq!(function.properties["Architectures"], json!([{ "Ref": "Architecture" }]), "{}", function.resource);
        assert_eq!(function.properties["Handler"], json!("bootstrap"), "{}", function.resource);
    }
    Ok(())
}

#[test]
fn no_function_runs_longer_than_its_caller_waits() -> Result<()> {
    let template = Template::load()?;
    let schema = &template.resource("ControlSchema")?["Properties"];
    for function in template.functions()? {
        let (name, timeout) = (function.name()?, function.timeout()?);
        let (limit, who) = match name {
            "step-3-migrate-tenant" | "purge-5-drop-namespace" => (120, "its task"),
            "step-5-invite-admin" | "purge-1-close-access" | "purge-2-end-subscription" | "purge-6-delete-project" => {
                (60, "its task")
            }
            // The next invocation starts a minute later.
            "reconcile-tenants" => (59, "the schedule"),
            "check-region" => (299, "the schedule"),
            "anchor-audit" => (3599, "the schedule"),
            // Secrets Manager waits for the end, and Lambda ends it after 900 s.
            "rotate-database-secret" => (900, "Secrets Manager"),
            "migrate-control" => (schema["ServiceTimeout"].as_u64().context("ServiceTimeout")? - 30, "CloudFormation"),
            _ if name.starts_with("step-") || name.starts_with("purge-") && name != "purge-tenant" => (30, "its task"),
            "record-failure" | "record-purge-failure" => (30, "its task"),
            _ => (GATEWAY_TIMEOUT, "the gateway"),
        };
        assert!(timeout <= limit, "{name}: {timeout} s, {who} waits {limit} s");
    }
    // It can say who is in the way of the migrations, and answer CloudFormation.
    let migrations = template.function("MigrateControlFunction")?.timeout()?;
    assert!(migrations >= store::Patience::LONGEST.as_secs() + 20, "{migrations} s");
    Ok(())
}

#[test]
fn the_schema_is_migrated_before_functions_that_use_it_are_deployed() -> Result<()> {
    let template = Template::load()?;
    let schema = template.resource("ControlSchema")?;
    assert_eq!(schema["Properties"]["ServiceToken"], json!({ "Fn::GetAtt": ["MigrateControlFunction", "Arn"] }));
    // CloudFormation calls the function again because a deployment makes a new version of it.
    assert_eq!(schema["Properties"]["FunctionVersion"], json!({ "Ref": "MigrateControlFunction.Version" }));
    assert!(template.function("MigrateControlFunction")?.properties.contains_key("AutoPublishAlias"));
    // It calls it again for a master as well, and the function knows the master by then.
    let master = json!({ "Ref": "MasterSecretArn" });
    assert_eq!(schema["Properties"]["MasterSecretArn"], master);
    let function = template.function("MigrateControlFunction")?;
    assert_eq!(function.properties["Environment"]["Variables"]["MASTER_SECRET_ARN"], master);
    let read = [DatabaseSecret::NAMES, DatabaseReadSecret::NAMES].map(AwsResource::Secrets);
    let uses: BTreeSet<_> = functions::all()
        .into_iter()
        .filter(|function| function.declaration.grants.iter().any(|grant| read.contains(&grant.on)))
        .map(|function| function.package)
        .collect();
    for function in template.functions()? {
        let uses_it = uses.contains(function.name()?);
        let comes_after = function.body["DependsOn"] == json!("ControlSchema");
        let makes_it = function.resource == "MigrateControlFunction";
        assert_eq!(comes_after, uses_it && !makes_it, "{}", function.resource);
    }
    Ok(())
}

#[test]
fn secrets_manager_rotates_the_secret_that_the_function_rotates() -> Result<()> {
    let template = Template::load()?;
    let function = json!({ "Fn::GetAtt": ["RotateDatabaseSecretFunction", "Arn"] });
    for (rotation, name) in
        [("DatabaseRotation", DatabaseSecret::NAMES), ("DatabaseReadRotation", DatabaseReadSecret::NAMES)]
    {
        let rotation = template.resource(rotation)?;
        let name = format!("${{SecretPrefix}}/{name}");
        assert_eq!(rotation["Properties"]["SecretId"], json!({ "Fn::Sub": name }));
        assert_eq!(rotation["Properties"]["RotationLambdaARN"], function);
        // Enabling it asks the function at once whether it answers.
        assert_eq!(rotation["DependsOn"], json!("RotateDatabaseSecretPermission"));
    }
    let permission = &template.resource("RotateDatabaseSecretPermission")?["Properties"];
    assert_eq!(permission["Principal"], json!("secretsmanager.amazonaws.com"));
    assert_eq!(permission["SourceAccount"], json!({ "Ref": "AWS::AccountId" }));
    // It runs what a deployment runs, in the same time and with the same master.
    let [rotates, migrates] = ["RotateDatabaseSecretFunction", "MigrateControlFunction"];
    assert_eq!(template.function(rotates)?.timeout()?, template.function(migrates)?.timeout()?);
    assert_eq!(
        template.function(rotates)?.properties["Environment"],
        template.function(migrates)?.properties["Environment"]
    );
    Ok(())
}

/// SAM reads the way of a rollout out of a mapping, since it knows no conditions yet; CloudFormation reads a condition.
#[test]
fn a_way_to_take_over_means_the_same_to_sam_and_to_cloudformation() -> Result<()> {
    let template = Template::load()?;
    let ways = template.document["Parameters"]["Rollout"]["AllowedValues"].as_array().context("AllowedValues")?;
    let mapped = template.document["Mappings"]["Rollouts"].as_object().context("Rollouts")?;
    let ways: BTreeSet<_> = ways.iter().filter_map(Value::as_str).collect();
    assert_eq!(ways, mapped.keys().map(String::as_str).collect());
    for (way, mapped) in mapped {
        assert_eq!(mapped["Gradual"], json!((way != "AllAtOnce").to_string()), "{way}");
    }
    let at_once = json!({ "Fn::Equals": [{ "Ref": "Rollout" }, "AllAtOnce"] });
    assert_eq!(template.document["Conditions"]["RollsOutGradually"], json!({ "Fn::Not": [at_once] }));
    Ok(())
}

#[test]
fn one_parameter_has_x_ray_follow_all_or_nothing() -> Result<()> {
    let template = Template::load()?;
    assert_eq!(template.document["Conditions"]["Traces"], json!({ "Fn::Equals": [{ "Ref": "Tracing" }, "Active"] }));
    let traces = json!({ "Fn::If": ["Traces", true, false] });
    assert_eq!(template.resource("Api")?["Properties"]["TracingEnabled"], traces);
    for machine in Machine::all()? {
        assert_eq!(template.resource(machine.resource)?["Properties"]["Tracing"], json!({ "Enabled": traces }));
    }
    for function in template.functions()? {
        assert_eq!(function.properties["Tracing"], json!({ "Ref": "Tracing" }), "{}", function.resource);
    }
    Ok(())
}

#[test]
fn each_credential_has_its_authorizer() -> Result<()> {
    let template = Template::load()?;
    let auth = &template.resource("Api")?["Properties"]["Auth"];
    assert_eq!(auth["DefaultAuthorizer"], json!("ApiKey"));
    for (name, header, seconds) in [("ApiKey", "X-API-Key", 45), ("Bearer", "Authorization", 0)] {
        let expected = json!({
            "FunctionArn": { "Fn::GetAtt": ["AuthorizeCallerFunction", "Arn"] },
            "FunctionPayloadType": "REQUEST",
            "Identity": { "Headers": [header], "ReauthorizeEvery": seconds },
        });
        assert_eq!(auth["Authorizers"][name], expected, "{name}");
    }
    Ok(())
}

#[test]
fn the_gateway_speaks_problem_json() -> Result<()> {
    let template = Template::load()?;
    let responses = template.resource("Api")?["Properties"]["GatewayResponses"].as_object().context("responses")?;
    for (kind, response) in responses {
        let body = response["ResponseTemplates"]["application/json"].as_str().with_context(|| kind.clone())?;
        let body: Value = serde_json::from_str(body).with_context(|| kind.clone())?;
        let code = ProblemCode::ALL.iter().find(|code| body["code"] == code.as_str());
        let code = code.with_context(|| format!("{kind}: no such code"))?;
        assert_eq!(body["type"], json!(format!("urn:ivory-control-plane:problem:{}", code.as_str())), "{kind}");
        assert_eq!(body["title"], json!(code.title()), "{kind}");
        assert_eq!(
            (&body["status"], &response["StatusCode"]),
            (&json!(code.status()), &json!(code.status())),
            "{kind}"
        );
        assert_eq!(body["request_id"], json!("$context.requestId"), "{kind}");
        let members: BTreeSet<_> = body.as_object().context("a map")?.keys().map(String::as_str).collect();
        assert_eq!(members, BTreeSet::from(["code", "detail", "request_id", "status", "title", "type"]), "{kind}");

        let headers = &response["ResponseParameters"]["Headers"];
        assert_eq!(headers["Content-Type"], json!("'application/problem+json'"), "{kind}");
        assert_eq!(headers["X-Request-Id"], json!("context.requestId"), "{kind}");
        let status = response["StatusCode"].as_u64().with_context(|| kind.clone())?;
        assert_eq!(headers["WWW-Authenticate"].is_string(), status == 401, "{kind}");
        assert_eq!(headers["Retry-After"].is_string(), [429, 503].contains(&status), "{kind}");
    }
    for kind in ["DEFAULT_4XX", "DEFAULT_5XX"] {
        assert!(responses.contains_key(kind), "{kind} is missing: it covers every error without a specific answer");
    }
    Ok(())
}
