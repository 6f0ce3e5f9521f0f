//! `ivory purge plan`.

use clap::Args;
use domain::routes::GET_PURGE_PLAN;
use domain::{CustomerPolicy, DataPolicy, Slug};
use serde_json::Value;

use crate::api::Request;
use crate::cli::one_of;
use crate::context::Context;
use crate::error::Error;
use crate::output::{Output, Table, plain, text};

/// Show what a purge would delete and what it would keep, when it may begin, and on whose bill everything is until then.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory purge plan acme-bank
  ivory purge plan acme-bank --customer delete -o json | jq '.resources[] | select(.reversible | not)'")]
pub struct Plan {
    /// The tenant's slug.
    #[arg(value_name = "TENANT")]
    tenant: Slug,
    #[command(flatten)]
    policies: Policies,
}

/// What is deleted and what is kept.
#[derive(Clone, Args)]
pub struct Policies {
    /// The customer at Stripe: kept with its invoices, or deleted for good, which an open invoice forbids.
    #[arg(long, value_parser = one_of(CustomerPolicy::ALL, CustomerPolicy::as_str))]
    customer: Option<CustomerPolicy>,
    /// The data in the tenant's namespace of the lakehouse: dropped, or kept and named in the certificate.
    #[arg(long, value_parser = one_of(DataPolicy::ALL, DataPolicy::as_str))]
    data: Option<DataPolicy>,
}

impl Policies {
    /// The fields of a request.
    pub fn fields(&self) -> [(&'static str, Option<Value>); 2] {
        let word = |word: &'static str| Value::from(word);
        [
            ("customer", self.customer.map(|policy| word(policy.as_str()))),
            ("data", self.data.map(|policy| word(policy.as_str()))),
        ]
    }
}

impl Plan {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let Policies { customer, data } = self.policies;
        let request = Request::about(&GET_PURGE_PLAN, &self.tenant)
            .asking("customer", customer.map(CustomerPolicy::as_str))
            .asking("data", data.map(DataPolicy::as_str));
        let plan = context.read(&request).await?;
        context.output.value(&plan, "slug", |output| shown(&plan, output))
    }
}

fn shown(plan: &Value, output: &Output) -> String {
    let mut table = Table::new(["step", "what", "name", "then", "undone", "until then"]);
    for resource in plan["resources"].as_array().into_iter().flatten() {
        let then = match (text(resource, "action"), text(resource, "why")) {
            (action, "") => action.to_owned(),
            (action, why) => format!("{action}: {why}"),
        };
        let undone = if resource["reversible"] == true { "by a restore" } else { "never" };
        let [step, kind, name, cost] = ["step", "kind", "name", "cost"].map(|field| text(resource, field));
        table.row([step, kind, name, &then, undone, cost]);
    }
    let may = match text(plan, "obstacle") {
        "" => "It may begin now.".to_owned(),
        "retrieval_period" => {
            format!("It may begin {}: the data can be retrieved until then.", output.when(&plan["retrieval_until"]))
        }
        obstacle => format!("It cannot begin now: {} (ivory explain {} says more).", plain(obstacle), plain(obstacle)),
    };
    let mut needs = String::new();
    if plan["needs_reason"] == true {
        needs.push_str("\nIt needs --reason until its tier's retrieval period is over.");
    }
    if plan["needs_approval"] == true {
        needs.push_str("\nIt needs another consumer's approval.");
    }
    let (no_return, kept) = (plain(text(plan, "point_of_no_return")), &plan["kept"]);
    let kept: Vec<_> = kept.as_array().into_iter().flatten().filter_map(Value::as_str).map(plain).collect();
    format!(
        "{}\n{may}{needs}\nThe point of no return is {no_return}.\nIn any case it keeps {}.",
        table.render(),
        kept.join(", ")
    )
}
