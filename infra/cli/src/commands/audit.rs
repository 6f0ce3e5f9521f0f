//! `ivory audit`.

use std::path::PathBuf;

use audit_chain::{Anchor, Scope, Verified, objects, verify};
use clap::{Args, Subcommand};
use domain::AuditWord;
use domain::routes::{LIST_AUDIT, LIST_TENANT_AUDIT};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Page, contents};
use crate::api::Request;
use crate::cli::{Limit, TenantRef};
use crate::context::Context;
use crate::error::Error;
use crate::output::{Table, text};

/// Who changed what.
#[derive(Subcommand)]
pub enum Audit {
    /// List what was changed, the newest first.
    List(List),
    /// Find out whether rows of the audit log were changed. Nothing is asked for it.
    Verify(Verify),
}

/// List what was changed, the newest first: of all tenants, or of one.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory audit list --tenant acme-bank --since 24h
  ivory audit list -o json > audit.json")]
pub struct List {
    /// Only about this tenant: its slug, or its id, which leads to its rows also after its end.
    #[arg(long)]
    tenant: Option<TenantRef>,
    /// Only what they did. A consumer without its key's digest means all its keys.
    #[arg(long)]
    actor: Option<AuditWord>,
    /// Only this action, such as tenant.update.
    #[arg(long)]
    action: Option<AuditWord>,
    /// Only since then: how long ago (10m, 24h), or a time (RFC 3339).
    #[arg(long, value_name = "AGO|TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only before then.
    #[arg(long, value_name = "AGO|TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// Only what this request did: an answer's X-Request-Id.
    #[arg(long, value_name = "ID")]
    request_id: Option<AuditWord>,
    #[command(flatten)]
    page: Page,
}

/// Find out whether rows of the audit log were changed: each row against its digest and its seal, the seals against each other,
/// and against the anchors. Nothing is asked for it. The first row that does not fit is named, with exit code 6.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory audit list -o json | ivory audit verify -
  ivory audit verify audit.json --anchors anchors/*.json")]
pub struct Verify {
    /// Rows as `ivory audit list -o json` prints them, or - for standard input.
    file: PathBuf,
    /// Anchors: the objects in the bucket that they are written to.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    anchors: Vec<PathBuf>,
    /// The rows are only some of the log: a tenant's, or those of a time. Otherwise none may be missing.
    #[arg(long)]
    part: bool,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let ago = || Timestamp::now().checked_sub(text.parse::<Limit>().ok()?.0).ok();
    let moment = text.parse().ok().or_else(ago);
    // The API writes years with four digits.
    let sound = moment.filter(|moment: &Timestamp| (1..=9999).contains(&moment.to_zoned(TimeZone::UTC).year()));
    sound.ok_or_else(|| "must be how long ago it was, such as 24h, or a time (RFC 3339)".to_owned())
}

impl Audit {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Verify(verify) => verify.run(context),
        }
    }
}

impl List {
    async fn run(&self, context: &Context) -> Result<(), Error> {
        let request = match &self.tenant {
            Some(tenant) => Request::about(&LIST_TENANT_AUDIT, tenant),
            None => Request::new(&LIST_AUDIT),
        };
        let time = |moment: Option<Timestamp>| moment.map(|moment| format!("{moment:.6}"));
        let request = request
            .asking("actor", self.actor.as_ref().map(AuditWord::as_str))
            .asking("action", self.action.as_ref().map(AuditWord::as_str))
            .asking("since", time(self.since))
            .asking("until", time(self.until))
            .asking("request_id", self.request_id.as_ref().map(AuditWord::as_str));
        let rows = self.page.all(request, context).await?;
        context.output.value(&rows, "id", |output| {
            let mut table = Table::new(["when", "who", "did", "to", "request"]);
            for row in rows.as_array().into_iter().flatten() {
                let [who, did, to, request] =
                    ["actor", "action", "tenant_id", "request_id"].map(|name| text(row, name));
                table.row([&output.when(&row["at"]), who, did, to, request]);
            }
            table.render()
        })
    }
}

impl Verify {
    fn run(&self, context: &Context) -> Result<(), Error> {
        let unreadable = |path: &PathBuf, error: String| Error::Usage(format!("{} {error}", path.display()));
        let rows = objects(&contents(&self.file)?).map_err(|error| unreadable(&self.file, error.to_string()))?;
        let mut anchors = Vec::new();
        for path in &self.anchors {
            anchors.extend(Anchor::read(&contents(path)?).map_err(|error| unreadable(path, error.to_string()))?);
        }
        let scope = if self.part { Scope::Part } else { Scope::Whole };
        let verified = verify(&rows, &anchors, scope).map_err(|misfit| Error::Altered(misfit.to_string()))?;
        let report = report(&verified);
        context.output.value(&report, "rows", |output| {
            let Verified { rows, gaps, erased, .. } = verified;
            let (waiting, oldest) = (verified.unsealed.0, output.when(&report["unsealed"]["oldest"]));
            let sealed = verified.sealed.map_or("none".to_owned(), |(first, last)| format!("{first} to {last}"));
            let anchored = verified
                .anchored
                .map_or("nothing: without anchors, who owns the database could have made all anew".to_owned(), |seq| {
                    format!("row {seq} and all before it")
                });
            Table::record([
                ("rows", format!("{rows}, and each fits")),
                ("sealed", sealed),
                ("anchored", anchored),
                (
                    "not sealed yet",
                    if waiting == 0 { String::new() } else { format!("{waiting}, the oldest {oldest}") },
                ),
                ("gaps", if gaps == 0 { String::new() } else { gaps.to_string() }),
                ("addresses erased", if erased == 0 { String::new() } else { erased.to_string() }),
            ])
        })
    }
}

fn report(verified: &Verified) -> Value {
    json!({
        "rows": verified.rows,
        "sealed": verified.sealed.map(|(first, last)| json!({ "first": first, "last": last })),
        "anchored": verified.anchored,
        "unsealed": { "rows": verified.unsealed.0, "oldest": verified.unsealed.1 },
        "gaps": verified.gaps,
        "addresses_erased": verified.erased,
    })
}
