//! The commands of the runbook are run as they stand. Only the names of its examples become those of this cloud.

#![allow(clippy::disallowed_methods, reason = "a test takes its programs from the environment")]

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, State, calls, unique, with_faults};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::pattern::Pattern;

const RUNBOOK: &str = include_str!("../../../../infra/RUNBOOK.md");

const RUN: Duration = Duration::from_mins(2);

/// What the local cloud has nothing for. The arguments of these commands are checked all the same, by a test of the contracts.
const ELSEWHERE: [(&str, &str); 7] = [
    ("cargo xtask ", "the tests of an installation run doctor and deploy on one of their own"),
    ("aws cloudformation continue-update-rollback ", "the tests of an installation bring a stack into that state"),
    ("aws deploy ", "the local AWS moves an alias without CodeDeploy"),
    ("aws xray ", "the local AWS keeps no traces"),
    ("aws service-quotas ", "the local AWS has no quotas"),
    ("aws opensearch ", "the local search node is no domain of an account"),
    ("aws rds ", "the local Postgres is no instance of an account"),
];

/// The lines after a prompt.
fn commands() -> Vec<&'static str> {
    RUNBOOK.lines().filter_map(|line| line.trim_start().strip_prefix("$ ")).collect()
}

/// The statements for `psql`.
fn statements() -> Vec<&'static str> {
    let fenced = RUNBOOK.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next());
    fenced.map(str::trim).collect()
}

/// A tenant that failed in step 7, one that waits for its database, and what else the examples name.
struct Examples {
    names: Vec<(&'static str, String)>,
    failed: String,
    /// The names of the executions of both.
    executions: [String; 2],
    /// A secret that is scheduled for deletion.
    secret: String,
}

impl Examples {
    /// `began` is when the first of what is searched for was logged, at the earliest.
    async fn new(
        cloud: &Cloud,
        failed: String,
        executions: [String; 2],
        request_id: String,
        began: SystemTime,
    ) -> Result<Self> {
        let aws = &cloud.aws;
        let secret = format!("{}/control/{}", cloud.secret_prefix()?, unique("mislaid"));
        let value = json!({ "Name": secret, "SecretString": "{}" });
        aws.json("secretsmanager", "secretsmanager.CreateSecret", value).await?;
        aws.json("secretsmanager", "secretsmanager.DeleteSecret", json!({ "SecretId": secret })).await?;
        let environment = aws.environment_of("provision-tenant").await?;
        let text = |name: &str| environment[name].as_str().map(str::to_owned).with_context(|| name.to_owned());
        let began = began.duration_since(UNIX_EPOCH)?.as_millis();
        let route = aws.function("get-tenant").await?;
        let alias = ["lambda", "get-alias", "--function-name", &route, "--name", "live", "--query", "FunctionVersion"];
        let version: String = serde_json::from_str(&run(cloud, &format!("aws {}", alias.join(" "))).await?.output)?;
        let mut names = vec![
            ("arn:aws:states:us-east-1:123456789012:stateMachine:ivory", text("STATE_MACHINE_ARN")?),
            ("--stack-name ivory", format!("--stack-name {}", cloud.secret_prefix()?)),
            ("2f3c9b1e-0a4d-4f6a-9a57-0c8d9c1f2b3a", request_id),
            ("acme-bank", failed.clone()),
            ("1769853600000", began.to_string()),
            ("ivory-ReconcileTenantsFunction-EXAMPLE", aws.function("reconcile-tenants").await?),
            ("ivory-GetTenantFunction-EXAMPLE", route),
            ("--function-version 7", format!("--function-version {version}")),
            ("ivory/control/stripe", secret.clone()),
        ];
        // A test of an installation may have left groups of the same names, in a stack of its own.
        let stack = cloud.secret_prefix()?;
        let groups = aws.log_groups().await?;
        for (example, name) in [
            ("ivory-ApiLogGroup-EXAMPLE", "ApiLogGroup"),
            ("ivory-StepsLogGroup-EXAMPLE", "StepsLogGroup"),
            ("ivory-OpsLogGroup-EXAMPLE", "OpsLogGroup"),
            ("ivory-AccessLogGroup-EXAMPLE", "AccessLogGroup"),
        ] {
            let mut groups = groups.iter().filter_map(|group| group["logGroupName"].as_str());
            let own = groups.find(|group| group.contains(&*stack) && group.contains(name));
            names.push((example, own.context(name)?.to_owned()));
        }
        Ok(Self { names, failed, executions, secret })
    }

    /// The command with the names of this cloud.
    fn put_into(&self, command: &str) -> String {
        self.names.iter().fold(command.to_owned(), |line, (example, name)| line.replace(example, name))
    }
}

/// What a command did.
struct Done {
    is_well: bool,
    output: String,
    /// Everything it said.
    text: String,
}

/// Runs a line in a shell, as a person does.
async fn run(cloud: &Cloud, line: &str) -> Result<Done> {
    let programs = std::env::current_exe()?.ancestors().nth(2).context("no folder")?.to_owned();
    let aws = PathBuf::from(std::env::var("TEST_CHECKS").context("TEST_CHECKS")?);
    let path = format!("{}:{}:{}", programs.display(), aws.display(), std::env::var("PATH")?);
    let home = tempfile::tempdir()?;
    let mut command = Command::new("sh");
    command.args(["-c", line]).stdin(Stdio::null()).env("PATH", path).env("HOME", home.path());
    command.env("IVORY_URL", &cloud.api_url).env("IVORY_API_KEY", &cloud.admin_key);
    let done = command.output().await?;
    let output = String::from_utf8_lossy(&done.stdout).into_owned();
    let text = format!("{output}{}", String::from_utf8_lossy(&done.stderr));
    Ok(Done { is_well: done.status.success(), output, text })
}

/// What a search of the logs has to find. The local AWS knows no patterns of JSON, so the pattern is taken out of the command, and
/// what it takes of the lines is decided here.
async fn search(cloud: &Cloud, line: &str, wanted: Option<&str>) -> Result<()> {
    let (command, pattern) = line.split_once(" --filter-pattern ").context("no pattern")?;
    let pattern = Pattern::parse(pattern)?;
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let done = run(cloud, command).await?;
        ensure!(done.is_well, "{line}: {}", done.text);
        let found: Value = serde_json::from_str(&done.output).with_context(|| line.to_owned())?;
        let messages = found["events"].as_array().into_iter().flatten().filter_map(|event| event["message"].as_str());
        let mut taken = messages.filter(|text| serde_json::from_str(text).is_ok_and(|line| pattern.takes(&line)));
        match wanted {
            // What AWS logs itself is not logged here.
            None => return Ok(()),
            Some(wanted) if taken.any(|line| line.contains(wanted)) => return Ok(()),
            Some(wanted) => ensure!(Instant::now() < end, "{line}: no line with {wanted}"),
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Runs one command and looks at what it says.
async fn check(cloud: &Cloud, example: &str, examples: &Examples) -> Result<()> {
    let line = examples.put_into(example);
    let [failed, waiting] = &examples.executions;
    if example.starts_with("aws logs ") {
        let wanted = match example {
            _ if example.contains("AccessLogGroup") || example.contains("platform.report") => None,
            _ if example.contains("$.span.request_id") => Some("get-tenant"),
            _ if example.contains("$.span.slug") => Some("opensearch"),
            _ => Some("ERROR"),
        };
        return search(cloud, &line, wanted).await;
    }
    let says = match example.split_whitespace().take(3).collect::<Vec<_>>()[..] {
        ["ivory", "health", ..] => "\"status\"",
        ["ivory", "systems", ..] => "opensearch",
        ["ivory", "tenant", "list" | "status"] => &examples.failed,
        ["ivory", "explain", _] => "opensearch_unauthorized",
        ["aws", "cloudformation", "describe-stacks"] => "OutputKey",
        ["aws", "stepfunctions", "list-executions"] if example.ends_with("FAILED") => failed,
        ["aws", "stepfunctions", "list-executions"] => waiting,
        ["aws", "cloudwatch", "get-metric-statistics"] => "Datapoints",
        ["aws", "events", "list-rules"] => "rate(",
        ["aws", "lambda", "invoke"] => "\"StatusCode\": 200",
        ["aws", "lambda", "get-account-settings"] => "ConcurrentExecutions",
        ["aws", "lambda", "list-versions-by-function"] => "$LATEST",
        ["aws", "lambda", "update-alias"] => "\"live\"",
        ["aws", "secretsmanager", "describe-secret"] => "DeletedDate",
        ["aws", "secretsmanager", "restore-secret"] => &examples.secret,
        _ => anyhow::bail!("nobody said here what this shows: {example}"),
    };
    let done = run(cloud, &line).await?;
    ensure!(done.is_well && done.output.contains(says), "{line}: no {says}: {}", done.text);
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL, FAULT_PROXY_URL and TEST_CHECKS"]
async fn each_command_shows_what_the_runbook_says() -> Result<()> {
    with_faults(async |cloud, faults| {
        let (began, failed, waits) = (SystemTime::now(), unique("acme"), unique("slow"));
        let refuse = calls::index(&failed);
        faults.answer("opensearch-us-east-1", refuse, 403, "{}").await?;
        let id = cloud.accepted(&failed, json!({ "tier": "pilot" })).await?;
        let waiting = cloud.accepted(&waits, json!({ "tier": "pilot" })).await?;
        let project_ref = cloud.environment(&waits).await?;
        cloud.impose(&project_ref, "COMING_UP").await?;
        cloud.wait_until(&failed, State::Failed, RUN).await?;
        // A promise that was tried in vain a hundred times is an error of the reconciler.
        let control = cloud.control().await?;
        let stuck = "INSERT INTO control.outbox (id, tenant_id, kind, payload, attempts, next_attempt_at)
                     VALUES (gen_random_uuid(), $1, 'invalidate_cache', '{}', 100, clock_timestamp() + interval '1 hour')";
        control.execute(stuck, &[&id]).await?;
        cloud.aws.invoke("reconcile-tenants", &json!({})).await?;
        control.execute("DELETE FROM control.outbox WHERE tenant_id = $1 AND attempts >= 100", &[&id]).await?;
        let answer = cloud.get(&format!("/v1/admin/tenants/{failed}")).await?;
        let request_id = answer.header("x-request-id").context("no id")?.to_owned();

        let executions = [format!("{id}-1"), format!("{waiting}-1")];
        let examples = Examples::new(cloud, failed, executions, request_id, began).await?;
        let here = commands().into_iter().filter(|line| !ELSEWHERE.iter().any(|(start, _)| line.starts_with(start)));
        let mut complaints = Vec::new();
        for example in here {
            if let Err(error) = check(cloud, example, &examples).await {
                complaints.push(format!("{error:#}"));
            }
        }
        assert_eq!(complaints, Vec::<String>::new());
        // It came back whole.
        assert_eq!(cloud.aws.secret(&examples.secret).await?, json!({}));
        let away = json!({ "SecretId": examples.secret, "ForceDeleteWithoutRecovery": true });
        cloud.aws.json("secretsmanager", "secretsmanager.DeleteSecret", away).await?;
        cloud.impose(&project_ref, "ACTIVE_HEALTHY").await?;
        cloud.wait_until(&waits, State::Active, RUN).await.map(drop)
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn each_statement_is_answered_by_the_control_database() -> Result<()> {
    let control = Cloud::from_env()?.control().await?;
    let statements = statements();
    assert!(statements.len() >= 3, "{statements:?}");
    for statement in statements {
        control.simple_query(statement).await.with_context(|| statement.to_owned())?;
    }
    Ok(())
}

#[test]
fn each_exception_is_a_command_of_the_runbook() {
    for (start, why) in ELSEWHERE {
        assert!(
            commands().iter().any(|line| line.starts_with(start)),
            "no command is left that begins with {start}: {why}"
        );
    }
}
