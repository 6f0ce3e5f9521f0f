//! The templates as other people's tools read them: checkov, which knows what auditors ask for, and parliament, which knows
//! AWS's actions, resources and conditions. What they find is mended, or waived here with the reason.

#![allow(clippy::disallowed_methods, reason = "a test takes its interpreters from the environment")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use contracts::root;
use serde::Deserialize;

/// A finding that is left as it is: where, what, and why. `*` stands for the beginning of other names.
struct Waiver {
    resource: &'static str,
    finding: &'static str,
    #[expect(dead_code, reason = "people read it")]
    reason: &'static str,
}

const fn waived(resource: &'static str, finding: &'static str, reason: &'static str) -> Waiver {
    Waiver { resource, finding, reason }
}

const CHECKOV: &[Waiver] = &[
    waived(
        "*Function",
        "CKV_AWS_115",
        "a new account's whole concurrency is 10, so none can be reserved for one function",
    ),
    waived("*Function", "CKV_AWS_116", "callers wait for every function but the scheduled ones, which run again soon"),
    waived("*Function", "CKV_AWS_173", "no secret is in an environment variable"),
    waived(
        "NetworkPolicy",
        "CKV_AWS_111",
        "Lambda needs these actions on every resource; the function's code is denied them",
    ),
    waived("ApiAccountRole", "CKV_AWS_111", "AWS documents these rights on every resource for the gateway's one role"),
    waived(
        "IdempotencyTable",
        "CKV_AWS_119",
        "it is encrypted with DynamoDB's key; what it holds for a day has no secret",
    ),
    waived("Api", "CKV_AWS_120", "an answer belongs to its caller, so none is kept for others"),
    waived("Api", "CKV_AWS_73", "a parameter says whether it is traced, and by default it is"),
    waived("Database", "CKV_AWS_118", "Performance Insights shows the load"),
    waived("Database", "CKV_AWS_161", "the functions log in through RDS Proxy, with a password from Secrets Manager"),
    waived("Domain", "CKV_AWS_84", "the domain's own logs need a policy of the account's logs; its metrics need none"),
    waived("Domain", "CKV_AWS_317", "only two roles reach the domain, and theirs are audited by the control plane"),
];

const PARLIAMENT: &[Waiver] = &[
    waived(
        "ProvisionTenantRole",
        "RESOURCE_MISMATCH",
        "states:DescribeExecution takes an execution of a standard workflow too",
    ),
    waived(
        "RetryTenantRole",
        "RESOURCE_MISMATCH",
        "states:DescribeExecution takes an execution of a standard workflow too",
    ),
    waived(
        "RestoreTenantRole",
        "RESOURCE_MISMATCH",
        "states:DescribeExecution takes an execution of a standard workflow too",
    ),
    waived(
        "PurgeTenantRole",
        "RESOURCE_MISMATCH",
        "states:DescribeExecution takes an execution of a standard workflow too",
    ),
    waived(
        "ApprovePurgeRole",
        "RESOURCE_MISMATCH",
        "states:DescribeExecution takes an execution of a standard workflow too",
    ),
    waived(
        "ReconcileTenantsRole",
        "RESOURCE_MISMATCH",
        "states:DescribeExecution takes an execution of a standard workflow too",
    ),
    waived(
        "ApiAccountRole",
        "RESOURCE_STAR",
        "AWS documents these rights on every resource for the gateway's one role",
    ),
    waived("NetworkPolicy", "RESOURCE_STAR", "Lambda needs these actions on every resource"),
    waived(
        "NetworkPolicy",
        "UNKNOWN_CONDITION_FOR_ACTION",
        "lambda:SourceFunctionArn is there for every action that a function calls",
    ),
];

/// Fails on a finding that is not waived, and on a waiver of nothing.
fn compare(findings: &BTreeSet<(String, String)>, waivers: &[Waiver]) {
    let fits = |waiver: &Waiver, (resource, finding): &(String, String)| {
        let named = match waiver.resource.strip_prefix('*') {
            Some(end) => resource.ends_with(end),
            None => resource == waiver.resource,
        };
        named && finding == waiver.finding
    };
    let open: Vec<_> = findings.iter().filter(|finding| !waivers.iter().any(|waiver| fits(waiver, finding))).collect();
    assert!(open.is_empty(), "neither mended nor waived: {open:#?}");
    for waiver in waivers {
        let used = findings.iter().any(|finding| fits(waiver, finding));
        assert!(used, "{} of {} is waived and was not found", waiver.finding, waiver.resource);
    }
}

fn checks(program: &str) -> Result<PathBuf> {
    Ok(PathBuf::from(std::env::var("TEST_CHECKS").context("TEST_CHECKS")?).join(program))
}

#[test]
#[ignore = "needs TEST_CHECKS"]
fn checkov_finds_nothing_else() -> Result<()> {
    #[derive(Deserialize)]
    struct Report {
        results: Results,
        summary: Summary,
    }
    #[derive(Deserialize)]
    struct Results {
        failed_checks: Vec<Failed>,
    }
    #[derive(Deserialize)]
    struct Failed {
        check_id: String,
        resource: String,
    }
    #[derive(Deserialize)]
    struct Summary {
        passed: usize,
        parsing_errors: usize,
    }
    let mut findings = BTreeSet::new();
    for what in [["--file", "template.yaml"], ["--directory", "infra/aws"]] {
        let mut command = Command::new(checks("checkov")?);
        command.args(what).args(["--framework", "cloudformation", "--skip-download", "--quiet", "--output", "json"]);
        let output = command.current_dir(root()?).output().context("starting checkov")?;
        let report: Report = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        ensure!(report.summary.parsing_errors == 0 && report.summary.passed > 30, "{what:?} was not read");
        for failed in report.results.failed_checks {
            let resource = failed.resource.rsplit('.').next().unwrap_or_default().to_owned();
            findings.insert((resource, failed.check_id));
        }
    }
    compare(&findings, CHECKOV);
    Ok(())
}

#[test]
#[ignore = "needs TEST_CHECKS"]
fn parliament_finds_nothing_else() -> Result<()> {
    let python = std::env::var("TEST_PYTHON").context("TEST_PYTHON")?;
    let transformed =
        Command::new(python).args(["-B", "python/transform.py"]).arg(root()?.join("template.yaml")).output()?;
    ensure!(transformed.status.success(), "{}", String::from_utf8_lossy(&transformed.stderr));
    let mut command = Command::new(checks("python")?);
    command.args(["-B", "python/policies.py"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("starting parliament")?;
    child.stdin.take().context("no input")?.write_all(&transformed.stdout)?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Vec<(String, String, String, String)> = serde_json::from_slice(&output.stdout)?;
    compare(&found.into_iter().map(|(resource, _, issue, _)| (resource, issue)).collect(), PARLIAMENT);
    Ok(())
}
