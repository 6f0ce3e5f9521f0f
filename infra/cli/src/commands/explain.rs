//! `ivory explain`: the tables that `functions/api/ERRORS.md` is made of.

use clap::Args;
use domain::{CauseCode, Failure, ProblemCode, Warning};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::Error;
use crate::output::{Table, text};

/// A name is taken for a known one if so many of its letters are the same (from 0 to 1).
const ALIKE: f64 = 0.8;

/// Explain the code of a problem, a cause or a warning: what it means, who can mend it, and how. Nothing is asked for it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory explain opensearch_conflict
  ivory explain immutable_field -o json")]
pub struct Explain {
    /// The code, as a problem, a cause or `ivory systems` names it.
    code: String,
}

impl Explain {
    pub fn run(&self, context: &Context) -> Result<(), Error> {
        let known = self.problem().or_else(|| self.cause()).or_else(|| self.warning());
        let known = known.ok_or_else(|| self.unknown())?;
        context.output.value(&known, "code", |_| {
            let field = |name| text(&known, name).to_owned();
            let status = known["status"].as_u64().map(|status| status.to_string());
            let yes = |name: &str| known[name].as_bool().map(|yes| if yes { "yes" } else { "no" }.to_owned());
            Table::record([
                ("code", field("code")),
                ("is a", field("kind")),
                ("about", field("about")),
                ("status", status.unwrap_or_default()),
                ("means", field("meaning")),
                ("mended by", field("owner")),
                ("how", field("how")),
                ("retried by itself", yes("retried").unwrap_or_default()),
                ("worth a retry as it is", yes("retryable").unwrap_or_default()),
            ])
        })
    }

    fn problem(&self) -> Option<Value> {
        let code = ProblemCode::ALL.iter().find(|code| code.as_str() == self.code)?;
        Some(json!({
            "code": code.as_str(), "kind": "problem", "about": code.title(), "status": code.status(),
            "meaning": code.meaning(), "owner": code.owner().as_str(), "how": code.how(),
        }))
    }

    fn cause(&self) -> Option<Value> {
        let code = CauseCode::named(&self.code)?;
        let row = code.row();
        Some(json!({
            "code": row.code, "kind": "cause", "about": row.system.title().trim(), "meaning": row.meaning.trim(),
            "owner": row.owner.as_str(), "how": Failure::with_detail(code, "…").hint(),
            "retried": row.kind.is_retried(), "retryable": row.retryable,
        }))
    }

    fn warning(&self) -> Option<Value> {
        let warning = Warning::ALL.iter().find(|warning| warning.as_str() == self.code)?;
        Some(json!({ "code": warning.as_str(), "kind": "warning", "owner": "platform", "how": warning.hint() }))
    }

    fn unknown(&self) -> Error {
        let known = ProblemCode::ALL.iter().map(|code| code.as_str());
        let known = known.chain(CauseCode::ALL.iter().map(|code| code.as_str()));
        let known = known.chain(Warning::ALL.iter().map(|warning| warning.as_str()));
        let scored = known.map(|code| (strsim::jaro_winkler(code, &self.code), code));
        let nearest = scored.max_by(|one, other| one.0.total_cmp(&other.0)).filter(|(score, _)| *score >= ALIKE);
        let meant = nearest.map(|(_, code)| format!("; did you mean {code}?")).unwrap_or_default();
        Error::Usage(format!("there is no code {}{meant}", self.code))
    }
}
