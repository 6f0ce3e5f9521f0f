//! `ivory tenant apply`.

use std::path::{Path, PathBuf};

use clap::Args;
use domain::routes::{GET_TENANT, INVITE_ADMIN, PROVISION_TENANT, UPDATE_TENANT};
use domain::{CustomDomain, FieldError, Patch, ProblemCode, ProvisionRequest, TenantChange};
use serde_json::{Map, Value, json};
use serde_saphyr::Options;

use crate::api::{Client, Request};
use crate::commands::{confirm, contents, fields};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::{note, plain, style, text};
use crate::run::{self, Wait};

/// Make tenants what files say: create, correct, resume, change, or leave them as they are.
///
/// A file holds YAML documents, one per tenant, with the fields of POST /v1/admin/tenants and, if wanted, `custom_domain`. All
/// of them are read and compared before anything is changed, and the differences are shown first. A tier or a domain that a
/// document does not name stays as it is. Another admin is invited. A tenant that is refused does not stop the others.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory tenant apply -f acme-bank.yaml
  ivory tenant apply -f acme-bank.yaml -f other-bank.yaml --yes --wait

A file:
  slug: acme-bank
  display_name: Acme Bank
  region: us-east-1
  tier: enterprise
  admin_email: admin@acmebank.com
  data_residency_verified: true")]
pub struct Apply {
    /// A file, or - for standard input.
    #[arg(short, long, value_name = "FILE", required = true)]
    file: Vec<PathBuf>,
    /// Do not ask. Needed where nobody can be asked.
    #[arg(long)]
    yes: bool,
    /// Show the differences only.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    wait: Wait,
}

/// The field that only a PATCH has.
const DOMAIN: &str = "custom_domain";

/// A tenant as a document wants it.
struct Wanted {
    request: ProvisionRequest,
    /// The fields of the POST.
    body: Map<String, Value>,
    domain: Patch<CustomDomain>,
}

/// What has to be done about one tenant.
struct Plan {
    wanted: Wanted,
    action: Action,
    /// The field, what it is, and what it is to be.
    changes: Vec<(&'static str, Value, Value)>,
    /// The version that was compared.
    etag: Option<String>,
    /// Whether the nine steps run for it, or are about to.
    runs: bool,
}

/// What became of it.
enum Outcome {
    /// Nothing was to be done, or nothing was tried.
    Untouched,
    /// It was done. Of a run, the API's answer.
    Applied(Option<Value>),
    /// It was refused, perhaps after a part of it.
    Failed(Error),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// There is none.
    Create,
    /// It is being provisioned, with other values.
    Correct,
    /// It failed.
    Resume,
    /// It is active, with other values.
    Change,
    /// It is as it should be, or on its way there.
    None,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Correct => "correct",
            Self::Resume => "resume",
            Self::Change => "change",
            Self::None => "none",
        }
    }
}

impl Apply {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let wanted = self.read()?;
        let client = context.client()?;
        let mut plans = Vec::new();
        for wanted in wanted {
            plans.push(plan(wanted, client).await?);
        }
        for plan in &plans {
            note(plan.shown().trim_end());
        }
        let anything = plans.iter().any(|plan| plan.action != Action::None);
        if anything && !self.dry_run && !self.yes {
            confirm("Apply? [y/N]", |typed| matches!(typed, "y" | "Y" | "yes"))?;
        }
        let mut outcomes = Vec::new();
        let mut goes_on = !self.dry_run;
        for plan in &plans {
            let outcome = if goes_on { plan.apply(client).await } else { Outcome::Untouched };
            // Without an API the others would only wait as long.
            goes_on &= !matches!(outcome, Outcome::Failed(Error::Unavailable(..) | Error::Interrupted(..)));
            outcomes.push(outcome);
        }
        let done: Vec<_> = plans.iter().zip(&outcomes).collect();
        let report = done.iter().map(|(plan, outcome)| plan.report(outcome)).collect();
        let printed = context.output.value(&report, "slug", |_| {
            let what = match (anything, self.dry_run) {
                (false, _) => "Nothing to do.",
                (true, true) => "Nothing was changed.",
                (true, false) => "Applied.",
            };
            if outcomes.iter().any(Outcome::is_bad) { String::new() } else { what.to_owned() }
        });
        let told = done.iter().map(|(plan, outcome)| plan.tell(outcome)).fold(Ok(()), Result::and);
        let ran = if goes_on { self.follow(&done, context).await } else { Ok(()) };
        told.and(ran).and(printed)
    }

    /// Waits for the runs, one after the other.
    async fn follow(&self, done: &[(&Plan, &Outcome)], context: &Context) -> Result<(), Error> {
        let mut verdict = Ok(());
        for (plan, _) in done.iter().filter(|(plan, outcome)| plan.runs && !matches!(outcome, Outcome::Failed(_))) {
            match run::end(&plan.wanted.request.slug, &self.wait, context).await {
                Err(error @ Error::Said(_)) => verdict = verdict.and(Err(error)),
                ended => ended?,
            }
        }
        verdict
    }

    /// Reads every document. All mistakes of a document are named at once.
    fn read(&self) -> Result<Vec<Wanted>, Error> {
        let mut wanted: Vec<Wanted> = Vec::new();
        for path in &self.file {
            let documents: Vec<Map<String, Value>> =
                serde_saphyr::from_multiple_with_options(&contents(path)?, strictly())
                    .map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
            for document in documents {
                let one = Wanted::parse(document).map_err(|errors| named(path, errors))?;
                if wanted.iter().any(|other| other.request.slug == one.request.slug) {
                    return Err(Error::Usage(format!("{}: {} is there twice", path.display(), one.request.slug)));
                }
                wanted.push(one);
            }
        }
        if wanted.is_empty() { Err(Error::Usage("there is no document".to_owned())) } else { Ok(wanted) }
    }
}

/// Only `true` confirms anything: not `yes`, not `on`.
fn strictly() -> Options {
    serde_saphyr::options! { strict_booleans: true }
}

/// Says which file the mistakes are in.
fn named(path: &Path, errors: Vec<FieldError>) -> Error {
    let place = |error: FieldError| FieldError { field: format!("{}: {}", path.display(), error.field), ..error };
    Error::Invalid(errors.into_iter().map(place).collect())
}

impl Wanted {
    fn parse(mut body: Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let domain: Map<_, _> = body.remove_entry("custom_domain").into_iter().collect();
        match (ProvisionRequest::parse(&body, &[]), TenantChange::parse(&domain, &[])) {
            (Ok(request), Ok(change)) => Ok(Self { request, body, domain: change.custom_domain }),
            (request, change) => {
                let errors = [request.err(), change.err()];
                Err(errors.into_iter().flatten().flatten().collect())
            }
        }
    }

    /// The values that can be changed, as they are to be.
    fn values(&self) -> Vec<(&'static str, Value)> {
        let mut values = vec![
            ("display_name", self.request.display_name.as_str().into()),
            ("admin_email", self.request.admin_email.as_str().into()),
        ];
        values.extend(self.request.tier.map(|tier| ("tier", tier.as_str().into())));
        match &self.domain {
            Patch::Keep => {}
            Patch::Clear => values.push(("custom_domain", Value::Null)),
            Patch::Set(domain) => values.push(("custom_domain", domain.as_str().into())),
        }
        values
    }
}

/// Compares a document with the tenant that there is.
async fn plan(wanted: Wanted, client: &Client) -> Result<Plan, Error> {
    let slug = &wanted.request.slug;
    let answer = match client.send(&Request::about(&GET_TENANT, slug), None).await {
        Ok(answer) => answer,
        Err(Error::Problem(problem, _)) if problem.code == ProblemCode::TenantNotFound.as_str() => {
            let region = ("region", wanted.request.region.as_str().into());
            let values = wanted.values().into_iter().chain([region]);
            let changes = values.filter(|(_, to)| !to.is_null()).map(|(field, to)| (field, Value::Null, to)).collect();
            return Ok(Plan { wanted, action: Action::Create, changes, etag: None, runs: true });
        }
        Err(error) => return Err(error),
    };
    let etag = answer.etag().map(str::to_owned);
    let record = answer.json()?;
    let region = wanted.request.region.as_str();
    if text(&record, "region") != region {
        let there = text(&record, "region");
        return Err(Error::Refused(format!("{slug} is in {there} for good, and the file says {region}")));
    }
    let differs = |(field, to): (&'static str, Value)| {
        let from = record[field].clone();
        (from != to).then_some((field, from, to))
    };
    let changes: Vec<_> = wanted.values().into_iter().filter_map(differs).collect();
    let action = match (text(&record, "provisioning_state"), changes.is_empty()) {
        ("failed", _) => Action::Resume,
        ("provisioning", false) => Action::Correct,
        ("active", false) => Action::Change,
        ("provisioning" | "active", true) => Action::None,
        (state, _) => return Err(Error::Refused(format!("{slug} is {state}; a file cannot change that"))),
    };
    let runs = text(&record, "provisioning_state") != "active";
    Ok(Plan { wanted, action, changes, etag, runs })
}

impl Plan {
    /// The differences, for people.
    fn shown(&self) -> String {
        let slug = &self.wanted.request.slug;
        let value =
            |value: &Value| value.as_str().map_or_else(|| "nothing".to_owned(), |text| format!("{:?}", plain(text)));
        let line = |(field, from, to): &(&str, Value, Value)| match from {
            Value::Null => format!("  {field}: {}\n", value(to)),
            from => format!("  {field}: {} → {}\n", value(from), value(to)),
        };
        let what = match self.action {
            Action::None => "is as the file says",
            action => action.as_str(),
        };
        let lines: String = self.changes.iter().map(line).collect();
        format!("{} {what}\n{lines}", style::strong(slug))
    }

    fn report(&self, outcome: &Outcome) -> Value {
        let (accepted, error) = match outcome {
            Outcome::Applied(accepted) => (accepted.as_ref(), None),
            Outcome::Failed(error) => (None, Some(error.to_string())),
            Outcome::Untouched => (None, None),
        };
        let change = |(field, from, to): &(&str, Value, Value)| json!({ "field": field, "from": from, "to": to });
        json!({
            "slug": self.wanted.request.slug, "action": self.action.as_str(),
            "changes": self.changes.iter().map(change).collect::<Vec<_>>(),
            "applied": matches!(outcome, Outcome::Applied(_)),
            "run": accepted.map(|accepted| &accepted["run"]),
            "not_applied": accepted.map(late).unwrap_or_default(),
            "error": error,
        })
    }

    /// Says what was not done as it was wanted.
    fn tell(&self, outcome: &Outcome) -> Result<(), Error> {
        if !outcome.is_bad() {
            return Ok(());
        }
        note(style::strong(&self.wanted.request.slug));
        Err(Error::Said(match outcome {
            Outcome::Failed(error) => {
                error.explain();
                error.exit()
            }
            Outcome::Applied(accepted) => {
                accepted.iter().for_each(run::not_applied);
                Exit::Refused
            }
            Outcome::Untouched => Exit::Done,
        }))
    }

    async fn apply(&self, client: &Client) -> Outcome {
        let done = match self.action {
            Action::None => return Outcome::Untouched,
            Action::Create | Action::Correct | Action::Resume => self.run(client).await,
            Action::Change => self.change(client).await.map(|()| None),
        };
        match done {
            Ok(accepted) => Outcome::Applied(accepted),
            // Another `apply` compares again; no key of a request is of use for it.
            Err(error) => Outcome::Failed(error.without_key()),
        }
    }

    /// Has the tenant made, with the values of the document.
    async fn run(&self, client: &Client) -> Result<Option<Value>, Error> {
        let only_the_domain = self.changes.iter().all(|(field, ..)| *field == DOMAIN);
        let mut accepted = None;
        if self.action != Action::Correct || !only_the_domain {
            let request = Request::new(&PROVISION_TENANT).with(self.wanted.body.clone());
            accepted = Some(client.send(&request, None).await?.json()?);
        }
        // A POST has no domain. It has made another version, and nobody else's domain is taken by a PATCH without one.
        self.patch(&[DOMAIN], None, client).await?;
        Ok(accepted)
    }

    /// Changes a live tenant, if it still is as it was compared.
    async fn change(&self, client: &Client) -> Result<(), Error> {
        let Some(etag) = &self.etag else {
            return Err(Error::Unforeseen(
                "the API says no version of the tenant, so it could be overwritten".to_owned(),
            ));
        };
        self.patch(&["display_name", "tier", DOMAIN], Some(etag), client).await?;
        self.invite(client).await
    }

    async fn patch(&self, wanted: &[&str], etag: Option<&str>, client: &Client) -> Result<(), Error> {
        let changes = self.changes.iter().filter(|(field, ..)| wanted.contains(field));
        let body: Map<_, _> = changes.map(|(field, _, to)| ((*field).to_owned(), to.clone())).collect();
        if body.is_empty() {
            return Ok(());
        }
        let request = Request::about(&UPDATE_TENANT, &self.wanted.request.slug).with(body).if_match(etag);
        client.send(&request, None).await.map(drop)
    }

    async fn invite(&self, client: &Client) -> Result<(), Error> {
        let Some((_, _, admin)) = self.changes.iter().find(|(field, ..)| *field == "admin_email") else {
            return Ok(());
        };
        let body = fields([("admin_email", Some(admin.clone()))]);
        let request = Request::about(&INVITE_ADMIN, &self.wanted.request.slug).with(body);
        client.send(&request, None).await.map(drop)
    }
}

impl Outcome {
    /// Whether something was not done as it was wanted.
    fn is_bad(&self) -> bool {
        match self {
            Self::Failed(_) => true,
            Self::Applied(accepted) => accepted.as_ref().is_some_and(|accepted| !late(accepted).is_empty()),
            Self::Untouched => false,
        }
    }
}

/// The fields that came too late.
fn late(accepted: &Value) -> Vec<&str> {
    accepted["not_applied"].as_array().into_iter().flatten().map(|late| text(late, "field")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(yaml: &str) -> Result<Wanted, Vec<FieldError>> {
        Wanted::parse(serde_saphyr::from_str(yaml).unwrap())
    }

    const ACME: &str = "{slug: acme-bank, display_name: Acme, region: us-east-1, admin_email: a@acme.com";

    #[test]
    fn the_confirmation_of_residency_is_never_implied() {
        let errors = parse(&format!("{ACME}}}")).err().unwrap();
        assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["data_residency_verified"]);
        assert!(parse(&format!("{ACME}, data_residency_verified: true}}")).is_ok());
    }

    #[test]
    fn every_mistake_of_a_document_is_named() {
        let yaml = format!("{ACME}, data_residency_verified: true, custom_domain: no_host, teir: pilot}}");
        let errors = parse(&yaml).err().unwrap();
        assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["teir", "custom_domain"]);
    }

    #[test]
    fn what_a_document_does_not_name_stays() {
        let wanted = parse(&format!("{ACME}, data_residency_verified: true}}")).ok().unwrap();
        assert_eq!(
            wanted.values().iter().map(|(field, _)| *field).collect::<Vec<_>>(),
            ["display_name", "admin_email"]
        );
    }
}
