//! The account, its quotas and the stacks.

use serde::Deserialize;

use super::Finding;
use crate::aws::Aws;
use crate::installation::Installation;
use crate::stack::Kind;

/// A run holds one function at a time, a caller's request two (the authorizer and the route).
const ENOUGH_CONCURRENCY: u32 = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    account_limit: Limit,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Limit {
    concurrent_executions: u32,
}

pub fn check(aws: &Aws, installation: &Installation) -> anyhow::Result<Vec<Finding>> {
    let region = &installation.one(Kind::Main)?.region;
    let account = aws.account(region)?;
    installation.belongs_into(&account)?;
    let mut findings = vec![Finding::fine(format!("account {account}"))];
    for stack in &installation.stacks {
        let what = format!("stack {} in {}", stack.name, stack.region);
        findings.push(match aws.stack(&stack.region, &stack.name)? {
            None => Finding::failure(
                what,
                format!("is not deployed: cargo xtask deploy --env {}", installation.environment),
            ),
            Some(deployed) if is_whole(&deployed.status) => Finding::fine(what),
            Some(deployed) => Finding::failure(
                what,
                format!(
                    "is {}: cargo xtask deploy --env {} says what to do",
                    deployed.status, installation.environment
                ),
            ),
        });
    }
    let settings: Settings = aws.ask(region, &["lambda", "get-account-settings"])?;
    let concurrency = settings.account_limit.concurrent_executions;
    findings.push(if concurrency < ENOUGH_CONCURRENCY {
        Finding::warning(
            "Lambda concurrency",
            format!("the account runs {concurrency} functions at once; ask for 1000 under Service Quotas, Lambda"),
        )
    } else {
        Finding::fine(format!("Lambda concurrency {concurrency}"))
    });
    Ok(findings)
}

/// Whether the stack is as its template says.
fn is_whole(status: &str) -> bool {
    matches!(status, "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" | "IMPORT_COMPLETE")
}
