//! `ivory auth check`.

use std::collections::BTreeSet;

use clap::Subcommand;
use domain::routes::{Credential, GET_CALLER, GET_LAKEHOUSE_CALLER};
use serde_json::{Value, json};

use super::words;
use crate::api::{Client, Request};
use crate::context::Context;
use crate::error::Error;
use crate::output::{Output, Table, text};
use crate::profiles::Account;

/// See what the credentials at hand may do.
#[derive(Subcommand)]
pub enum Auth {
    /// Ask the API who the key and the token belong to, and which commands they may run.
    #[command(after_help = "\
Examples:
  ivory auth check
  IVORY_URL=https://api.example.com IVORY_API_KEY=… ivory auth check -o json")]
    Check,
}

pub async fn run(context: &Context) -> Result<(), Error> {
    let account = context.account()?;
    let (report, refused) = check(&context.client_of(account.clone())?, &account).await?;
    show(&report, &context.output)?;
    refused.map_or(Ok(()), Err)
}

/// What the API says about each credential, and the first refusal.
pub async fn check(client: &Client, account: &Account) -> Result<(Value, Option<Error>), Error> {
    if account.token().is_err() {
        account.api_key()?;
    }
    let (mut refused, mut operations) = (None, BTreeSet::new());
    let mut who = async |is_there: bool, request: Request| -> Result<Value, Error> {
        if !is_there {
            return Ok(Value::Null);
        }
        match client.send(&request, None).await {
            Ok(answer) => {
                let holder = answer.json()?;
                let named = holder["operations"].as_array().into_iter().flatten();
                operations.extend(named.filter_map(|name| name.as_str().map(str::to_owned)));
                Ok(holder)
            }
            Err(Error::Problem(problem, key)) if matches!(problem.status, 401 | 403) => {
                let said = json!({ "code": problem.code, "detail": problem.detail, "request_id": problem.request_id });
                refused.get_or_insert(Error::Problem(problem, key));
                Ok(said)
            }
            Err(error) => Err(error),
        }
    };
    let api_key = who(account.api_key().is_ok(), Request::new(&GET_CALLER)).await?;
    let token = who(account.token().is_ok(), Request::new(&GET_LAKEHOUSE_CALLER)).await?;
    let commands = words::ALL.iter().filter(|command| command.credential() != Credential::None).map(|command| {
        let allowed = command.routes.iter().all(|route| operations.contains(route.name));
        json!({ "command": command.typed, "credential": command.credential().as_str(), "allowed": allowed })
    });
    let report = json!({
        "url": account.url.as_str(), "profile": account.profile.as_ref().map(ToString::to_string),
        "api_key": api_key, "token": token, "commands": commands.collect::<Vec<_>>(),
    });
    Ok((report, refused))
}

/// Prints what [`check`] found.
pub fn show(report: &Value, output: &Output) -> Result<(), Error> {
    output.value(report, "url", |output| {
        let (key, token) = (&report["api_key"], &report["token"]);
        let head = Table::record([
            ("url", text(report, "url").to_owned()),
            ("profile", text(report, "profile").to_owned()),
            ("API key", holder(key, "groups", output)),
            ("token", holder(token, "roles", output)),
        ]);
        let mut table = Table::new(["command", "needs", "allowed"]).with_states(2);
        for command in report["commands"].as_array().into_iter().flatten() {
            let needs = if command["credential"] == Credential::ApiKey.as_str() { "API key" } else { "token" };
            table.row([text(command, "command"), needs, if command["allowed"] == true { "yes" } else { "no" }]);
        }
        format!("{head}\n{}", table.render())
    })
}

fn holder(holder: &Value, groups: &str, output: &Output) -> String {
    if holder.is_null() {
        return "none".to_owned();
    }
    let code = text(holder, "code");
    if !code.is_empty() {
        return format!("refused: {}", text(holder, "detail"));
    }
    let listed: Vec<_> = holder[groups].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let until = output.when(&holder["expires_at"]);
    let until = if until.is_empty() { until } else { format!(", until {until}") };
    format!("{} ({}){until}", text(holder, "name"), listed.join(", "))
}
