//! Builds `functions/api/ERRORS.md` from the tables of problems and causes.

use std::fmt::Write as _;

use anyhow::Result;
use domain::{CauseCode, Fact, Failure, ProblemCode, System, Warning};
use serde_json::{Value, json};

/// The document's path from the root.
pub const PATH: &str = "functions/api/ERRORS.md";

const PROBLEMS: &str = "\
# Errors

`cargo xtask errors` writes this document from the tables in `shared/domain/src/{problem,cause,verdict}.rs`.

A request that is not served gets a *problem*. A run of the pipeline that meets trouble has a *cause*, which the status route
shows. A code keeps its meaning. \"Mended by\" says who can do something about it:

- `caller`: whoever sent the request.
- `platform`: whoever runs this installation: a credential, a parameter, a network path.
- `provider`: the outside system itself.
- `quota`: whoever buys more from the provider: projects, mails, requests, shards.

## Problems

The body of every answer from 400 on is `application/problem+json` (RFC 9457). `detail` says more about this one time.
";

const CAUSES: &str = "
## Causes

`cause` of a step and of a tenant in the status route's answer; in the log and in execution history it is the same.

\"Retried\" says whether the pipeline tries again by itself while the run goes on. `retryable` of the JSON is for a client: the
same POST may succeed without anybody changing anything. Where it is `false`, do first what the hint says.

With `foreseen_at`, a check of the region found the cause before the step could meet it, and nothing was made
(`GET /v1/admin/systems`).
";

const WARNINGS: &str = "
## Warnings

`warnings` in the answer of `GET /v1/admin/systems`: what works, and should be known nevertheless. They stop nobody.

| Code | Hint |
|---|---|
";

/// Renders the document.
pub fn render() -> Result<String> {
    let mut text = PROBLEMS.to_owned();
    text += "\n| Code | Status | Meaning | Mended by | How |\n|---|---|---|---|---|\n";
    for code in ProblemCode::ALL {
        let (name, status, owner) = (code.as_str(), code.status(), code.owner().as_str());
        writeln!(text, "| `{name}` | {status} | {} | {owner} | {} |", code.meaning(), code.how())?;
    }
    text += &examples(ProblemCode::ALL.iter().map(|code| Ok(problem(*code))))?;
    text += CAUSES;
    for system in System::ALL {
        let codes = || CauseCode::ALL.iter().filter(|code| code.system() == *system);
        write!(text, "\n### {}\n\n", system.title())?;
        text += "| Code | Meaning | Mended by | Retried | Retryable | Hint |\n|---|---|---|---|---|---|\n";
        for code in codes() {
            let row = code.row();
            let (retried, retryable) = (yes(row.kind.is_retried()), yes(row.retryable));
            let (meaning, owner, hint) = (row.meaning.trim(), row.owner.as_str(), failure(*code)?.hint());
            writeln!(text, "| `{}` | {meaning} | {owner} | {retried} | {retryable} | {hint} |", row.code)?;
        }
        text += &examples(codes().map(|code| Ok(serde_json::to_value(failure(*code)?.cause())?)))?;
    }
    text += WARNINGS;
    for warning in Warning::ALL {
        writeln!(text, "| `{warning}` | {} |", warning.hint())?;
    }
    Ok(text)
}

const fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// Joins examples, one per line.
fn examples(values: impl Iterator<Item = Result<Value>>) -> Result<String> {
    let mut text = "\n```json\n".to_owned();
    for value in values {
        writeln!(text, "{}", value?)?;
    }
    Ok(text + "```\n")
}

fn problem(code: ProblemCode) -> Value {
    let mut body = json!({
        "type": format!("urn:ivory-control-plane:problem:{}", code.as_str()),
        "title": code.title(), "status": code.status(), "detail": code.how(), "code": code.as_str(),
        "request_id": "2f3c9b1e-0a4d-4f6a-9a57-0c8d9c1f2b3a",
    });
    let error = match code {
        ProblemCode::ValidationFailed => Some("is required"),
        ProblemCode::RegionNotConfigured => Some("is not configured in this installation"),
        _ => None,
    };
    if let Some(message) = error {
        body["errors"] = json!([{ "field": "region", "message": message }]);
    }
    body
}

/// The failure of a code, with a sample value if its hint has a placeholder.
fn failure(code: CauseCode) -> Result<Failure> {
    let named = |failure: Failure| {
        failure
            .naming(Fact::Region, "us-east-1")
            .naming(Fact::Graph, "client_acme-bank")
            .naming(Fact::Index, "client_acme-bank_v1")
            .naming(Fact::Alias, "client_acme-bank")
            .naming(Fact::Project, "xyzrefabc123")
    };
    if !code.row().hint.contains("{}") {
        return Ok(named(code.into()));
    }
    let detail = match code {
        CauseCode::ConfigurationInvalid => "STATE_MACHINE_ARN is not set",
        CauseCode::SecretMissing
        | CauseCode::SecretMalformed
        | CauseCode::SecretForbidden
        | CauseCode::SecretBeingDeleted
        | CauseCode::SecretNotRotated
        | CauseCode::SecretKeyUnusable => "ivory/control/stripe",
        CauseCode::ControlDatabaseUnprepared => "a log-in for the user of control/database",
        CauseCode::ControlDatabaseUserTaken => "postgres",
        CauseCode::MigrationLocked => "session 4711 of ivory_owner (ivory-migrations, idle)",
        CauseCode::MigrationBlocked => "session 4711 of postgres (pg_dump, state not visible)",
        CauseCode::CloudFormationUntrusted
        | CauseCode::ControlDatabaseUntrusted
        | CauseCode::TenantDatabaseUntrusted
        | CauseCode::SupabaseUntrusted
        | CauseCode::SupabaseAuthUntrusted
        | CauseCode::FalkorDbUntrusted
        | CauseCode::OpenSearchUntrusted
        | CauseCode::ValkeyUntrusted
        | CauseCode::SmtpUntrusted
        | CauseCode::StripeUntrusted
        | CauseCode::JwksUntrusted => {
            "no trusted authority issued its certificate (subject \"CN=host.example.com\", issuer \"CN=Example Root\")"
        }
        CauseCode::PurgeForeign | CauseCode::PurgeStillThere => "The graph client_acme-bank",
        CauseCode::PurgeCustomerUnpaid => "cus_abc123xyz",
        CauseCode::SeedMismatch => "11 roles instead of 12",
        CauseCode::OpenSearchConflict => "the index {index} has index.knn=false, expected true",
        CauseCode::EnvironmentElsewhere => "xyzrefabc123 in eu-central-1",
        CauseCode::EnvironmentAmbiguous => "xyzrefabc123, xyzrefabc124",
        CauseCode::BillingPriceMissing | CauseCode::BillingPriceOnce => "ivory_enterprise",
        CauseCode::SubscriptionItemsSeveral
        | CauseCode::SubscriptionPriceForeign
        | CauseCode::SubscriptionChangeRefused => "sub_1abc",
        CauseCode::MigrationDiverged => "version 3",
        CauseCode::MigrationConflict => "iam",
        CauseCode::CallersJwtMalformed => "jwt.jwks_uri is not a known field; did you mean jwks_url?",
        CauseCode::CallersConsumerMalformed => "reporting",
        _ => anyhow::bail!("the hint of {} has a gap, and there is no sample for it here", code.as_str()),
    };
    Ok(named(Failure::with_detail(code, detail)))
}
