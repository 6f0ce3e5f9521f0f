//! Least privilege: a function's role allows exactly the actions that the function's type declares.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use contracts::functions;
use contracts::machine::Machine;
use contracts::pascal_case;
use contracts::template::Template;
use lambda_kit::{AwsResource, Grant};
use secrets::{DatabaseReadSecret, DatabaseSecret, IometeSecret, Secret as _, ValkeySecret};
use serde_json::{Value, json};

/// Log delivery is an account setting, so these actions have no resource.
const LOG_DELIVERY: &[&str] = &[
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
];

type Grants = BTreeSet<(String, String)>;

/// What a role's own policies allow, as pairs of one action and one resource.
fn grants(role: &Value) -> Result<Grants> {
    let mut grants = Grants::new();
    // Some need none.
    let none = Value::Array(Vec::new());
    for policy in role.get("Policies").unwrap_or(&none).as_array().context("Policies")? {
        let (policy, condition) = match policy["Fn::If"].as_array().map(Vec::as_slice) {
            Some([condition, policy, otherwise]) => {
                assert_eq!(*otherwise, json!({ "Ref": "AWS::NoValue" }));
                (policy, format!(" if {}", condition.as_str().context("a condition's name")?))
            }
            _ => (policy, String::new()),
        };
        for statement in policy["PolicyDocument"]["Statement"].as_array().context("Statement")? {
            let mut parts: BTreeSet<_> = statement.as_object().context("a map")?.keys().map(String::as_str).collect();
            let condition =
                if parts.remove("Condition") { encrypted(statement)? + &condition } else { condition.clone() };
            assert_eq!(parts, BTreeSet::from(["Action", "Effect", "Resource"]), "{statement}");
            assert_eq!(statement["Effect"], json!("Allow"));
            for action in one_or_many(&statement["Action"]) {
                for resource in one_or_many(&statement["Resource"]) {
                    let action = action.as_str().context("an action is text")?.to_owned();
                    assert!(grants.insert((action, short(resource)? + &condition)), "{statement} grants it twice");
                }
            }
        }
    }
    Ok(grants)
}

/// What a statement about the secrets' key is limited to: Secrets Manager, at work on these secrets.
fn encrypted(statement: &Value) -> Result<String> {
    let secrets = &statement["Condition"]["StringLike"]["kms:EncryptionContext:SecretARN"];
    assert_eq!(statement["Condition"], through_secrets_manager(secrets), "{statement}");
    assert_eq!(statement["Resource"], json!({ "Ref": "SecretsKeyArn" }), "{statement}");
    Ok(format!(" of {}", short(secrets)?))
}

/// The condition that Secrets Manager uses a key, and that it does so for these secrets.
fn through_secrets_manager(secrets: &Value) -> Value {
    json!({
        "StringEquals": { "kms:ViaService": { "Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}" } },
        "StringLike": { "kms:EncryptionContext:SecretARN": secrets },
    })
}

fn one_or_many(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |values| values.iter().collect())
}

/// A resource of the template, in the same form as [`written`] returns.
fn short(resource: &Value) -> Result<String> {
    const HERE: &str = "${AWS::Region}:${AWS::AccountId}";
    if let Some(text) = resource.as_str() {
        return Ok(text.to_owned());
    }
    if let Some(name) = resource["Ref"].as_str() {
        return Ok(name.to_owned());
    }
    if let Some(path) = resource["Fn::GetAtt"].as_array() {
        return Ok(format!("{}.{}", path[0].as_str().unwrap_or(""), path[1].as_str().unwrap_or("")));
    }
    if let Some(text) = resource["Fn::Sub"].as_str() {
        if let Some(objects) = text.strip_prefix("arn:${AWS::Partition}:s3:::${AuditAnchorBucket}/") {
            return Ok(format!("AuditAnchorBucket/{objects}"));
        }
        let secret = format!("arn:${{AWS::Partition}}:secretsmanager:{HERE}:secret:${{SecretPrefix}}/");
        if let Some(name) = text.strip_prefix(&secret) {
            return Ok(name.to_owned());
        }
        let execution = format!("arn:${{AWS::Partition}}:states:{HERE}:execution:");
        if let Some(name) = text.strip_prefix(&execution) {
            return Ok(format!("execution:{}", name.replace("${", "").replace(".Name}", "")));
        }
    }
    // One resource for each item of the list, all with the same suffix.
    let joined = &resource["Fn::Split"][1]["Fn::Sub"];
    let (text, join) = (joined[0].as_str(), &joined[1]["Arns"]["Fn::Join"]);
    if let (Some(suffix), Some(list)) = (text.and_then(|text| text.strip_prefix("${Arns}")), join[1]["Ref"].as_str()) {
        assert_eq!((&resource["Fn::Split"][0], &join[0]), (&json!(","), &json!(format!("{suffix},"))), "{resource}");
        return Ok(format!("{list}{suffix}"));
    }
    bail!("this test does not know the resource {resource}")
}

/// A declared resource. A secret's ARN ends in six random characters. The pattern `database-??????` matches `database`
/// and neither `database-read` nor `database-owner`.
fn written(resource: AwsResource) -> String {
    match resource {
        AwsResource::Secrets(names) if names.ends_with("/*") => names.to_owned(),
        AwsResource::Secrets(name) => format!("{name}-??????"),
        AwsResource::MasterSecret => "MasterSecretArn if HasMasterSecret".to_owned(),
        AwsResource::MasterSecretKey => "SecretsKeyArn of MasterSecretArn if HasMasterSecretKey".to_owned(),
        AwsResource::SecretsKey(names) => {
            format!("SecretsKeyArn of {} if HasSecretsKey", written(AwsResource::Secrets(names)))
        }
        AwsResource::StateMachine => "ProvisionTenantStateMachine".to_owned(),
        AwsResource::Executions => "execution:ProvisionTenantStateMachine:*".to_owned(),
        AwsResource::PurgeStateMachine => "PurgeTenantStateMachine".to_owned(),
        AwsResource::PurgeExecutions => "execution:PurgeTenantStateMachine:*".to_owned(),
        AwsResource::IdempotencyTable => "IdempotencyTable.Arn".to_owned(),
        AwsResource::AuditAnchors => "AuditAnchorBucket/audit/* if HasAuditAnchors".to_owned(),
        AwsResource::SearchDomains(path) => format!("SearchDomainArns/{path} if HasSearchDomains"),
    }
}

/// What AWS documents for the role with which the gateway writes logs, on every resource.
const GATEWAY_LOGS: [&str; 7] = [
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:PutLogEvents",
];

/// Tracing has no narrower resource either.
const TRACING: &[&str] =
    &["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"];

/// Who may take a role: this service, for this account.
fn assert_only_for(role: &Value, service: &str) {
    let expected = json!([{
        "Effect": "Allow",
        "Principal": { "Service": service },
        "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } } },
    }]);
    assert_eq!(role["AssumeRolePolicyDocument"]["Statement"], expected);
    let boundary =
        json!({ "Fn::If": ["HasPermissionsBoundary", { "Ref": "PermissionsBoundaryArn" }, { "Ref": "AWS::NoValue" }] });
    assert_eq!(role["PermissionsBoundary"], boundary);
}

/// Functions that reach nothing: what they tell is in the request.
const NOTHING: [&str; 3] = ["get-caller", "get-console", "get-lakehouse-caller"];

#[test]
fn a_role_allows_exactly_what_its_function_declares() -> Result<()> {
    let template = Template::load()?;
    for function in functions::all() {
        let deployed = template.function(&(pascal_case(&function.package) + "Function"))?;
        let name = pascal_case(&function.package) + "Role";
        assert_eq!(deployed.role()?, name, "{}", function.name);
        let role = &template.resource(&name)?["Properties"];
        let declared: Grants = function
            .declaration
            .grants
            .iter()
            .map(|Grant { action, on }| ((*action).to_owned(), written(*on)))
            .collect();
        assert_eq!(declared.is_empty(), NOTHING.contains(&function.name.as_str()), "{}", function.name);
        assert_eq!(grants(role).with_context(|| function.name.clone())?, declared, "{}", function.name);
        assert_only_for(role, "lambda.amazonaws.com");
    }
    Ok(())
}

/// Besides what it declares, a function writes its log and its traces, has a network interface if it is in the VPC, and decrypts the
/// secrets that it reads.
#[test]
fn a_role_has_the_policies_of_its_surroundings() -> Result<()> {
    let template = Template::load()?;
    let only_if =
        |condition: &str, policy: &str| json!({ "Fn::If": [condition, { "Ref": policy }, { "Ref": "AWS::NoValue" }] });
    for function in functions::all() {
        let mut expected = vec![json!({ "Ref": pascal_case(functions::log_of(function.group)) + "LogsPolicy" })];
        let network = network_of(&function);
        expected.extend(network.map(|condition| only_if(condition, "NetworkPolicy")));
        if function.declaration.grants.iter().any(|grant| matches!(grant.on, AwsResource::Secrets(_))) {
            expected.push(only_if("HasSecretsKey", "SecretsKeyPolicy"));
        }
        let role = &template.resource(&(pascal_case(&function.package) + "Role"))?["Properties"];
        assert_eq!(role["ManagedPolicyArns"], Value::Array(expected), "{}", function.name);

        let deployed = template.function(&(pascal_case(&function.package) + "Function"))?;
        let inside =
            json!({ "SubnetIds": { "Ref": "VpcSubnetIds" }, "SecurityGroupIds": { "Ref": "VpcSecurityGroupIds" } });
        let nowhere = json!({ "Ref": "AWS::NoValue" });
        let expected = network.map_or(nowhere.clone(), |condition| json!({ "Fn::If": [condition, inside, nowhere] }));
        assert_eq!(deployed.properties["VpcConfig"], expected, "{}", function.name);
    }
    Ok(())
}

/// When a function is in the VPC: only what reaches the control database or Valkey has to be. The lakehouse's catalog may
/// be inside too.
fn network_of(function: &functions::Function) -> Option<&'static str> {
    let reads =
        |names: &'static str| function.declaration.grants.iter().any(|grant| grant.on == AwsResource::Secrets(names));
    if [DatabaseSecret::NAMES, DatabaseReadSecret::NAMES, ValkeySecret::NAMES].into_iter().any(reads) {
        Some("InVpc")
    } else {
        reads(IometeSecret::NAMES).then_some("LakehouseInVpc")
    }
}

#[test]
fn a_state_machine_may_invoke_its_own_functions_log_and_trace() -> Result<()> {
    let template = Template::load()?;
    for machine in Machine::all()? {
        let properties = &template.resource(machine.resource)?["Properties"];
        let role = format!("{}Role", machine.resource);
        assert_eq!(properties["Role"], json!({ "Fn::GetAtt": [role, "Arn"] }));
        let role = &template.resource(&role)?["Properties"];
        let invoked = machine.all_tasks()?.into_iter().map(|(name, _)| name + "Function.Arn");
        let mut expected: Grants = invoked.map(|function| ("lambda:InvokeFunction".to_owned(), function)).collect();
        expected.extend(LOG_DELIVERY.iter().chain(TRACING).map(|action| ((*action).to_owned(), "*".to_owned())));
        assert_eq!(grants(role)?, expected);
        assert_only_for(role, "states.amazonaws.com");
    }
    Ok(())
}

#[test]
fn the_gateway_may_write_logs() -> Result<()> {
    let template = Template::load()?;
    let account = template.resource("ApiAccount")?;
    assert_eq!(account["Properties"], json!({ "CloudWatchRoleArn": { "Fn::GetAtt": ["ApiAccountRole", "Arn"] } }));
    let role = template.resource("ApiAccountRole")?;
    for kept in [account, role] {
        assert_eq!((&kept["Condition"], &kept["DeletionPolicy"]), (&json!("MakesApiLogsRole"), &json!("Retain")));
    }
    let expected = GATEWAY_LOGS.map(|action| (action.to_owned(), "*".to_owned()));
    assert_eq!(grants(&role["Properties"])?, expected.into());
    assert_only_for(&role["Properties"], "apigateway.amazonaws.com");
    Ok(())
}

#[test]
fn a_rollout_may_move_aliases_and_look_at_alarms() -> Result<()> {
    let template = Template::load()?;
    let [role, alarm] = [template.resource("RolloutRole")?, template.resource("RolloutErrors")?];
    for only_then in [role, alarm] {
        assert_eq!(only_then["Condition"], json!("RollsOutGradually"));
    }
    assert_only_for(&role["Properties"], "codedeploy.amazonaws.com");
    let here = "${AWS::Region}:${AWS::AccountId}";
    let expected = json!([
        {
            "Effect": "Allow",
            "Action": ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
            "Resource": { "Fn::Sub": format!("arn:${{AWS::Partition}}:lambda:{here}:function:${{AWS::StackName}}-*") },
        },
        {
            "Effect": "Allow",
            "Action": "cloudwatch:DescribeAlarms",
            "Resource": { "Fn::Sub": format!("arn:${{AWS::Partition}}:cloudwatch:{here}:alarm:*") },
        },
    ]);
    assert_eq!(role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"], expected);
    Ok(())
}

#[test]
fn no_other_resource_grants_anything() -> Result<()> {
    let template = Template::load()?;
    let mut expected: BTreeMap<String, &str> =
        functions::all().iter().map(|function| (pascal_case(&function.package) + "Role", "AWS::IAM::Role")).collect();
    for role in ["ProvisionTenantStateMachineRole", "PurgeTenantStateMachineRole", "ApiAccountRole", "RolloutRole"] {
        expected.insert(role.to_owned(), "AWS::IAM::Role");
    }
    for policy in ["SecretsKeyPolicy", "NetworkPolicy", "ApiLogsPolicy", "StepsLogsPolicy", "OpsLogsPolicy"] {
        expected.insert(policy.to_owned(), "AWS::IAM::ManagedPolicy");
    }
    let mut found = BTreeMap::new();
    for (name, resource) in template.document["Resources"].as_object().context("Resources")? {
        let kind = resource["Type"].as_str().context("Type")?;
        if kind.starts_with("AWS::IAM::") {
            found.insert(name.clone(), kind);
        }
    }
    assert_eq!(found, expected);

    let statements = |policy: &str| -> Result<Value> {
        Ok(template.resource(policy)?["Properties"]["PolicyDocument"]["Statement"].clone())
    };
    let expected = json!([{
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": { "Ref": "SecretsKeyArn" },
        "Condition": through_secrets_manager(&json!({
            "Fn::Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretPrefix}/*",
        })),
    }]);
    assert_eq!(statements("SecretsKeyPolicy")?, expected);
    for group in ["Api", "Steps", "Ops"] {
        let expected = json!([
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": { "Fn::GetAtt": [format!("{group}LogGroup"), "Arn"] },
            },
            { "Effect": "Allow", "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "Resource": "*" },
        ]);
        assert_eq!(statements(&format!("{group}LogsPolicy"))?, expected, "{group}");
    }
    // Lambda needs the network's actions on every resource, so the function's own code is denied all of them.
    let network = statements("NetworkPolicy")?;
    let [allow, deny] = network.as_array().map(Vec::as_slice).context("statements")? else { panic!("{network}") };
    assert!(
        one_or_many(&allow["Action"]).iter().all(|action| action.as_str().is_some_and(|it| it.starts_with("ec2:")))
    );
    let code = json!({ "ArnLike": { "lambda:SourceFunctionArn": {
        "Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:*",
    } } });
    assert_eq!(*deny, json!({ "Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": code }));
    Ok(())
}

/// Whoever changes nothing has a user in the control database that can change nothing.
#[test]
fn a_route_that_only_reads_has_no_access_that_writes() {
    let reads = |function: &functions::Function, names: &'static str| {
        function.declaration.grants.iter().any(|grant| grant.on == AwsResource::Secrets(names))
    };
    let gets = |name: &str| domain::routes::ROUTES.iter().any(|route| route.name == name && route.method == "GET");
    // It asks other systems each time, so it is no GET.
    let asks = |name: &str| name == "check-tenant";
    let mut readers = 0;
    for function in functions::all() {
        let (writes, only_reads) =
            (reads(&function, DatabaseSecret::NAMES), reads(&function, DatabaseReadSecret::NAMES));
        let of_deployments = ["migrate-control", "rotate-database-secret"].contains(&function.name.as_str());
        assert!(!writes || !only_reads || of_deployments, "{}", function.name);
        if gets(&function.name) || asks(&function.name) {
            assert!(!writes, "{}", function.name);
            readers += usize::from(only_reads);
        }
    }
    assert_eq!(readers, 13);
}
