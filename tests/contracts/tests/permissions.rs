//! Least privilege: a function's role allows exactly the actions that the function's type declares.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use contracts::functions;
use contracts::machine::Machine;
use contracts::pascal_case;
use contracts::template::Template;
use lambda_kit::{AwsResource, Grant};
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

/// All statements of one resource's policies, as pairs of one action and one resource.
fn grants(properties: &Value) -> Result<Grants> {
    let secrets_key = json!({ "Fn::If": ["HasSecretsKey", { "Ref": "SecretsKeyPolicy" }, { "Ref": "AWS::NoValue" }] });
    let mut grants = Grants::new();
    for policy in properties["Policies"].as_array().context("Policies")?.iter().filter(|policy| **policy != secrets_key)
    {
        let (policy, condition) = match policy["Fn::If"].as_array().map(Vec::as_slice) {
            Some([condition, policy, otherwise]) => {
                assert_eq!(*otherwise, json!({ "Ref": "AWS::NoValue" }));
                (policy, format!(" if {}", condition.as_str().context("a condition's name")?))
            }
            _ => (policy, String::new()),
        };
        for statement in policy["Statement"].as_array().context("a policy that is not written out")? {
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
        "StringEquals": { "kms:ViaService": { "Fn::Sub": "secretsmanager.${AWS::Region}.amazonaws.com" } },
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
        let secret = format!("arn:${{AWS::Partition}}:secretsmanager:{HERE}:secret:${{SecretPrefix}}/");
        if let Some(name) = text.strip_prefix(&secret) {
            return Ok(name.to_owned());
        }
        let execution = format!("arn:${{AWS::Partition}}:states:{HERE}:execution:");
        if let Some(name) = text.strip_prefix(&execution) {
            return Ok(format!(
                "execution:{}",
                name.replace("${ProvisionTenantStateMachine.Name}", "ProvisionTenantStateMachine")
            ));
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
/// and not `database-owner`.
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
        AwsResource::IdempotencyTable => "IdempotencyTable.Arn".to_owned(),
        AwsResource::SearchDomains(path) => format!("SearchDomainArns/{path} if HasSearchDomains"),
    }
}

#[test]
fn a_role_allows_exactly_what_its_function_declares() -> Result<()> {
    let template = Template::load()?;
    for function in functions::all() {
        let deployed = template.function(&(pascal_case(&function.package) + "Function"))?;
        let properties = Value::Object(deployed.properties);
        let declared: Grants = function
            .declaration
            .grants
            .iter()
            .map(|Grant { action, on }| ((*action).to_owned(), written(*on)))
            .collect();
        assert!(!declared.is_empty(), "{} reaches nothing", function.name);
        assert_eq!(grants(&properties).with_context(|| function.name.clone())?, declared, "{}", function.name);
        assert_eq!(properties.get("Role"), None, "{}: this test does not check a separate role", function.name);
    }
    Ok(())
}

#[test]
fn the_state_machine_may_invoke_its_ten_functions_and_log() -> Result<()> {
    let template = Template::load()?;
    let machine = template.resource("ProvisionTenantStateMachine")?;
    let mut expected: Grants = Machine::steps()
        .iter()
        .map(String::as_str)
        .chain(["record-failure"])
        .map(|name| ("lambda:InvokeFunction".to_owned(), pascal_case(name) + "Function.Arn"))
        .collect();
    expected.extend(LOG_DELIVERY.iter().map(|action| ((*action).to_owned(), "*".to_owned())));
    assert_eq!(grants(&machine["Properties"])?, expected);
    Ok(())
}

#[test]
fn no_other_resource_grants_anything() -> Result<()> {
    let template = Template::load()?;
    for (name, resource) in template.document["Resources"].as_object().context("Resources")? {
        let kind = resource["Type"].as_str().context("Type")?;
        assert!(!kind.starts_with("AWS::IAM::") || name == "SecretsKeyPolicy", "{name} is not checked by this test");
    }
    let expected = json!([{
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": { "Ref": "SecretsKeyArn" },
        "Condition": through_secrets_manager(&json!({
            "Fn::Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretPrefix}/*",
        })),
    }]);
    let policy = &template.resource("SecretsKeyPolicy")?["Properties"]["PolicyDocument"]["Statement"];
    assert_eq!(*policy, expected);
    Ok(())
}
