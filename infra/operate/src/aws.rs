//! What is asked of AWS, and the few changes that `sam` does not make.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::programs::{Program, line};

/// An account on AWS, through `aws`.
#[derive(Debug)]
pub struct Aws {
    program: Program,
}

/// A stack that exists.
#[derive(Debug)]
pub struct Deployed {
    pub status: String,
    pub outputs: BTreeMap<String, String>,
}

/// A secret's current value and its version.
pub struct Current {
    pub version: String,
    pub value: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    stacks: Vec<DescribedStack>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribedStack {
    stack_status: String,
    #[serde(default)]
    outputs: Vec<DescribedOutput>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribedOutput {
    output_key: String,
    output_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretValue {
    version_id: String,
    secret_string: String,
}

#[derive(Deserialize)]
struct Put {
    #[serde(rename = "VersionId")]
    version_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    secret_list: Vec<ListedSecret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedSecret {
    name: String,
}

#[derive(Deserialize)]
struct DescribedSecret {
    #[serde(rename = "KmsKeyId")]
    kms_key_id: Option<String>,
}

/// The label of a version that is written and not current yet.
const DRAFT: &str = "IVORYDRAFT";

impl Aws {
    pub fn find(root: &Path) -> anyhow::Result<Self> {
        Ok(Self { program: Program::aws(root)? })
    }

    /// Asks in a region, for JSON.
    pub fn ask<T: DeserializeOwned>(&self, region: &str, arguments: &[&str]) -> anyhow::Result<T> {
        self.call(region, arguments, None)
    }

    fn call<T: DeserializeOwned>(&self, region: &str, arguments: &[&str], input: Option<&str>) -> anyhow::Result<T> {
        let arguments = [arguments, &["--region", region, "--output", "json"]].concat();
        let output = self.program.output(&arguments, input)?;
        // Some commands answer nothing.
        let output = if output.trim().is_empty() { "null" } else { &output };
        serde_json::from_str(output).with_context(|| format!("`{}` answered something else", line("aws", &arguments)))
    }

    /// The account that the caller's credentials are of.
    pub fn account(&self, region: &str) -> anyhow::Result<String> {
        #[derive(Deserialize)]
        struct Identity {
            #[serde(rename = "Account")]
            account: String,
        }
        Ok(self.ask::<Identity>(region, &["sts", "get-caller-identity"])?.account)
    }

    /// A stack; `None` if there is none of that name.
    pub fn stack(&self, region: &str, name: &str) -> anyhow::Result<Option<Deployed>> {
        let described: Described = match self.ask(region, &["cloudformation", "describe-stacks", "--stack-name", name])
        {
            Err(error) if error.to_string().contains("does not exist") => return Ok(None),
            described => described?,
        };
        let stack = described.stacks.into_iter().next().context("no stack")?;
        let outputs = stack.outputs.into_iter().map(|output| (output.output_key, output.output_value)).collect();
        Ok(Some(Deployed { status: stack.stack_status, outputs }))
    }

    pub fn delete_stack(&self, region: &str, name: &str) -> anyhow::Result<()> {
        self.program.show(&["cloudformation", "delete-stack", "--stack-name", name, "--region", region])?;
        self.program.show(&[
            "cloudformation",
            "wait",
            "stack-delete-complete",
            "--stack-name",
            name,
            "--region",
            region,
        ])
    }

    /// A secret's current value as JSON; `None` if it has no value yet. Whether the secret exists is another matter.
    pub fn secret(&self, region: &str, name: &str) -> anyhow::Result<Option<Current>> {
        let found: SecretValue = match self.ask(region, &["secretsmanager", "get-secret-value", "--secret-id", name]) {
            Err(error) if error.to_string().contains("ResourceNotFoundException") => return Ok(None),
            found => found?,
        };
        if found.secret_string.trim().is_empty() {
            return Ok(None);
        }
        // The parser's message could repeat a part of the value.
        let value =
            serde_json::from_str(&found.secret_string).map_err(|_| anyhow!("the value of {name} is not JSON"))?;
        Ok(Some(Current { version: found.version_id, value }))
    }

    /// The names of the secrets below a prefix.
    pub fn secrets(&self, region: &str, prefix: &str) -> anyhow::Result<BTreeSet<String>> {
        let below = format!("Key=name,Values={prefix}/");
        let listed: Listed = self.ask(region, &["secretsmanager", "list-secrets", "--filters", &below])?;
        Ok(listed.secret_list.into_iter().map(|secret| secret.name).collect())
    }

    /// The key that encrypts a secret; `None`: the account's.
    pub fn key_of_secret(&self, region: &str, name: &str) -> anyhow::Result<Option<String>> {
        let described: DescribedSecret =
            self.ask(region, &["secretsmanager", "describe-secret", "--secret-id", name])?;
        Ok(described.kms_key_id)
    }

    /// The id of a stack's resource.
    pub fn physical_id(&self, region: &str, stack: &str, resource: &str) -> anyhow::Result<String> {
        let of_stack = ["cloudformation", "describe-stack-resource", "--stack-name", stack];
        let asked =
            [&of_stack[..], &["--logical-resource-id", resource, "--query", "StackResourceDetail.PhysicalResourceId"]];
        self.ask(region, &asked.concat())
    }

    /// Invokes a function without a payload, and waits for its answer. An error of the function is an answer as well.
    pub fn invoke(&self, region: &str, function: &str) -> anyhow::Result<Value> {
        let invoke = ["lambda", "invoke", "--function-name", function, "--region", region, "/dev/stdout"];
        let output = self.program.output(&invoke, None)?;
        // The answer comes first, then what `aws` says about the call.
        let mut values = serde_json::Deserializer::from_str(&output).into_iter::<Value>();
        values.next().context("no answer")?.with_context(|| format!("{function} answered something else"))
    }

    /// Gives a secret a new value, unless somebody else has changed it since `old` was read.
    pub fn replace_secret(&self, region: &str, name: &str, old: Option<&Current>, value: &Value) -> anyhow::Result<()> {
        let put = ["secretsmanager", "put-secret-value", "--secret-id", name, "--secret-string", "file:///dev/stdin"];
        let value = value.to_string();
        let Some(old) = old else {
            return self.call::<Put>(region, &put, Some(&value)).map(drop);
        };
        let draft: Put = self.call(region, &[&put[..], &["--version-stages", DRAFT]].concat(), Some(&value))?;
        let mut moved = vec!["secretsmanager", "update-secret-version-stage", "--secret-id", name];
        moved.extend(["--version-stage", "AWSCURRENT", "--move-to-version-id", &draft.version_id]);
        moved.extend(["--remove-from-version-id", &old.version]);
        let moved = self.ask::<Value>(region, &moved);
        moved.map(drop).with_context(|| format!("somebody else changed {name} meanwhile; nothing was lost: try again"))
    }
}
