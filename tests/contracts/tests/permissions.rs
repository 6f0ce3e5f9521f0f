//! Least privilege: what each role may do, word for word.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use contracts::machine::Machine;
use contracts::template::Template;
use contracts::workspace::Workspace;
use contracts::{pascal_case, source};
use regex::Regex;
use serde_json::{Value, json};

const READ: &str = "secretsmanager:GetSecretValue";
const DATABASE: (&str, &str) = (READ, "control/database-??????");
const SUPABASE: (&str, &str) = (READ, "control/supabase-??????");
const STRIPE: (&str, &str) = (READ, "control/stripe-??????");
const VALKEY: (&str, &str) = (READ, "control/valkey-??????");
const REGIONS: (&str, &str) = (READ, "regions/*");
const TENANTS: (&str, &str) = (READ, "tenants/*");
const START: (&str, &str) = ("states:StartExecution", "ProvisionTenantStateMachine");
const KEEP: (&str, &str) = ("dynamodb:PutItem", "IdempotencyTable.Arn");
const ANSWER: (&str, &str) = ("dynamodb:UpdateItem", "IdempotencyTable.Arn");
const FORGET: (&str, &str) = ("dynamodb:DeleteItem", "IdempotencyTable.Arn");
const DESCRIBE: (&str, &str) = ("states:DescribeExecution", "execution:ProvisionTenantStateMachine:*");

/// Function → action and resource. A secret's ARN ends in six random characters: `database-??????` is not
/// `database-owner`.
const GRANTS: &[(&str, &[(&str, &str)])] = &[
    ("provision-tenant", &[DATABASE, START, DESCRIBE, KEEP, ANSWER, FORGET]),
    ("list-tenants", &[DATABASE]),
    ("get-tenant", &[DATABASE]),
    ("get-tenant-status", &[DATABASE]),
    ("update-tenant", &[DATABASE, STRIPE, VALKEY, KEEP, ANSWER, FORGET]),
    ("deactivate-tenant", &[DATABASE, VALKEY, ("states:StopExecution", "execution:ProvisionTenantStateMachine:*")]),
    ("invalidate-tenant-cache", &[DATABASE, VALKEY, KEEP, ANSWER, FORGET]),
    (
        "upsert-catalog",
        &[
            DATABASE,
            (READ, "catalogs/*"),
            ("secretsmanager:CreateSecret", "catalogs/*"),
            ("secretsmanager:PutSecretValue", "catalogs/*"),
            KEEP,
            ANSWER,
            FORGET,
        ],
    ),
    ("get-catalog", &[DATABASE]),
    ("list-catalogs", &[DATABASE]),
    ("check-lakehouse-health", &[(READ, "control/iomete-??????")]),
    ("register-sync-target", &[DATABASE, KEEP, ANSWER, FORGET]),
    ("list-sync-targets", &[DATABASE]),
    ("step-1-create-environment", &[DATABASE, SUPABASE, TENANTS, ("secretsmanager:CreateSecret", "tenants/*")]),
    ("step-2-await-environment", &[DATABASE, SUPABASE, TENANTS, ("secretsmanager:PutSecretValue", "tenants/*")]),
    ("step-3-migrate-tenant", &[DATABASE, SUPABASE, TENANTS]),
    ("step-4-verify-seed", &[DATABASE, SUPABASE, TENANTS]),
    (
        "step-5-invite-admin",
        &[DATABASE, SUPABASE, TENANTS, ("secretsmanager:PutSecretValue", "tenants/*"), (READ, "control/smtp-??????")],
    ),
    ("step-6-create-graph", &[DATABASE, REGIONS, TENANTS]),
    (
        "step-7-create-search-index",
        &[
            DATABASE,
            REGIONS,
            ("es:ESHttpGet", "SearchDomainArns/client_* if HasSearchDomains"),
            ("es:ESHttpPut", "SearchDomainArns/client_* if HasSearchDomains"),
            ("es:ESHttpGet", "SearchDomainArns/_alias/client_* if HasSearchDomains"),
            ("es:ESHttpPost", "SearchDomainArns/_aliases if HasSearchDomains"),
            ("aoss:APIAccessAll", "SearchCollectionArns if HasSearchCollections"),
        ],
    ),
    ("step-8-invalidate-cache", &[DATABASE, VALKEY]),
    ("step-9-activate-tenant", &[DATABASE, STRIPE, VALKEY]),
    ("authorize-caller", &[(READ, "control/callers-??????")]),
    ("record-failure", &[DATABASE]),
    ("reconcile-tenants", &[DATABASE, STRIPE, VALKEY, START, DESCRIBE]),
    ("migrate-control", &[DATABASE, (READ, "control/database-owner-??????")]),
];

/// Log delivery is an account's setting: these know no resource.
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

/// What `step-kit` reads for a step that calls it.
const HELPERS: &[(&str, &[&str])] = &[
    (".tenant_secret()", &["tenants/*"]),
    (".supabase_secret()", &["control/supabase-??????"]),
    // Of `environment`, for the steps that use it.
    (".management(run)", &["control/supabase-??????"]),
    (".database(run)", &["tenants/*", "control/supabase-??????"]),
    (".keep(run", &["tenants/*"]),
    (".secret_key(run)", &["tenants/*", "control/supabase-??????"]),
    // Of `api-kit`: the control database, for a route that uses it.
    ("platform.store()", &["control/database-??????"]),
];

/// How `step-kit` opens the control database.
const DATABASE_OF_A_STEP: &str = "Store::new(platform.secrets.source(Name::Control(\"database\")))";

type Grants = BTreeSet<(String, String)>;

/// All statements of one resource's policies, one action and one resource at a time.
fn grants(properties: &Value) -> Result<Grants> {
    let own_key = json!({ "Fn::If": ["HasSecretsKey", { "Ref": "SecretsKeyPolicy" }, { "Ref": "AWS::NoValue" }] });
    let mut grants = Grants::new();
    for policy in properties["Policies"].as_array().context("Policies")?.iter().filter(|policy| **policy != own_key) {
        let (policy, condition) = match policy["Fn::If"].as_array().map(Vec::as_slice) {
            Some([condition, policy, otherwise]) => {
                assert_eq!(*otherwise, json!({ "Ref": "AWS::NoValue" }));
                (policy, format!(" if {}", condition.as_str().context("a condition's name")?))
            }
            _ => (policy, String::new()),
        };
        for statement in policy["Statement"].as_array().context("a policy that is not written out")? {
            let parts: BTreeSet<_> = statement.as_object().context("a map")?.keys().map(String::as_str).collect();
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

fn one_or_many(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |values| values.iter().collect())
}

/// A resource as the table writes it.
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
    // Each of a list with the same suffix.
    let joined = &resource["Fn::Split"][1]["Fn::Sub"];
    let (text, join) = (joined[0].as_str(), &joined[1]["Arns"]["Fn::Join"]);
    if let (Some(suffix), Some(list)) = (text.and_then(|text| text.strip_prefix("${Arns}")), join[1]["Ref"].as_str()) {
        assert_eq!((&resource["Fn::Split"][0], &join[0]), (&json!(","), &json!(format!("{suffix},"))), "{resource}");
        return Ok(format!("{list}{suffix}"));
    }
    bail!("{resource} is no resource this test knows")
}

fn owned(grants: &[(&str, &str)]) -> Grants {
    grants.iter().map(|(action, resource)| ((*action).to_owned(), (*resource).to_owned())).collect()
}

#[test]
fn functions_may_do_what_the_table_says_and_nothing_else() -> Result<()> {
    let table: BTreeMap<&str, &[(&str, &str)]> = GRANTS.iter().copied().collect();
    let functions = Template::load()?.functions()?;
    for function in &functions {
        let name = function.name()?;
        let expected = table.get(name).with_context(|| format!("{name} is not in the table of this test"))?;
        let properties = Value::Object(function.properties.clone());
        assert_eq!(grants(&properties).with_context(|| name.to_owned())?, owned(expected), "{name}");
        assert_eq!(properties.get("Role"), None, "{name}: a role of its own is not checked here");
    }
    assert_eq!(functions.len(), table.len(), "functions, rows of the table");
    Ok(())
}

/// The code's side of the table: a secret that is read may be read, and one that may be read is read.
#[test]
fn the_secrets_that_may_be_read_are_those_the_code_reads() -> Result<()> {
    let workspace = Workspace::load()?;
    let control = Regex::new(r#"(?:read|source)\(Name::Control\("([a-z-]+)"\)\)"#)?;
    for (name, table) in GRANTS {
        let own = source::shipped(workspace.package(name)?)?;
        let mut read = BTreeSet::new();
        for package in workspace.reach(name)? {
            let text = source::shipped(package)?;
            let names = control.captures_iter(&text).map(|found| format!("control/{}-??????", &found[1]));
            let by_helper = HELPERS.iter().flat_map(|(_, secrets)| *secrets).copied().collect::<BTreeSet<_>>();
            let kit = package.name == "step-kit" || package.name == "api-kit";
            // `step-kit` itself reads the control database for every step.
            let always = package.name == "step-kit" && text.contains(DATABASE_OF_A_STEP);
            let database = |it: &str| always && it == DATABASE.1;
            read.extend(names.filter(|it| !kit || !by_helper.contains(it.as_str()) || database(it)));
        }
        for (_, secrets) in HELPERS.iter().filter(|(call, _)| own.contains(call)) {
            read.extend(secrets.iter().map(ToString::to_string));
        }
        if own.contains(".read(Name::Region(") {
            read.insert("regions/*".to_owned());
        }
        let catalogs = own.contains(".patch_catalog(");
        if catalogs {
            read.insert("catalogs/*".to_owned());
        }
        let granted = table.iter().filter(|(action, _)| *action == READ).map(|(_, secret)| (*secret).to_owned());
        assert_eq!(granted.collect::<BTreeSet<_>>(), read, "{name}: granted, read");
        let put =
            [".put(Name::", ".keep(run", ".secret_key(run)", ".database_kept(run)", ".explain_and_renew_keys(run"];
        for (calls, action) in
            [(&[".create_once("][..], "secretsmanager:CreateSecret"), (&put, "secretsmanager:PutSecretValue")]
        {
            let writes = calls.iter().any(|call| own.contains(call));
            assert_eq!(writes, table.contains(&(action, "tenants/*")), "{name}: {calls:?}");
            assert_eq!(catalogs, table.contains(&(action, "catalogs/*")), "{name}: {action}");
        }
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
        assert!(!kind.starts_with("AWS::IAM::") || name == "SecretsKeyPolicy", "{name} is not checked here");
    }
    let expected = json!([{
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": { "Ref": "SecretsKeyArn" },
        "Condition": { "StringEquals": { "kms:ViaService": { "Fn::Sub": "secretsmanager.${AWS::Region}.amazonaws.com" } } },
    }]);
    let policy = &template.resource("SecretsKeyPolicy")?["Properties"]["PolicyDocument"]["Statement"];
    assert_eq!(*policy, expected);
    Ok(())
}
