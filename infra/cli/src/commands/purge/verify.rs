//! `ivory purge verify`.

use std::path::PathBuf;

use clap::Args;
use purge_certificate::{PublicKey, Verified, verify};
use serde_json::{Value, json};

use crate::commands::contents;
use crate::context::Context;
use crate::error::Error;
use crate::output::{Table, text};

/// Find out whether the certificate of a purge was changed, and by whose key it is signed. Nothing is asked for it. One that was
/// changed has exit code 6.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory purge verify certificate.json
  ivory purge verify certificate.json --key 3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")]
pub struct Verify {
    /// The certificate, or the API's answer with one in it, or - for standard input.
    file: PathBuf,
    /// The public key that the installation signs with, which you know from elsewhere than the file. Without it, whoever has the
    /// key in the file may have made all of it.
    #[arg(long, value_name = "HEX")]
    key: Option<PublicKey>,
}

impl Verify {
    pub fn run(&self, context: &Context) -> Result<(), Error> {
        let file: Value = serde_json::from_str(&contents(&self.file)?)
            .map_err(|error| Error::Usage(format!("{} is not JSON: {error}", self.file.display())))?;
        let verified = verify(&file, self.key.as_ref())
            .map_err(|fault| Error::Altered(format!("the certificate does not fit: {fault}")))?;
        let report = report(&verified);
        context.output.value(&report, "tenant_id", |output| {
            let signed = if verified.trusted {
                format!("{}, which you trust", verified.key.id())
            } else {
                format!("{}: without --key, anybody may have signed it", verified.key.id())
            };
            let slug = if report["slug_released"] == true { "free for another tenant" } else { "kept" };
            let record = Table::record([
                ("tenant", text(&report, "tenant_id").to_owned()),
                ("slug", format!("{}, {slug}", text(&report, "slug"))),
                ("issued", output.when(&report["issued_at"])),
                ("signed with", signed),
            ]);
            let mut items = Table::new(["what", "name", "became", "asked", "answered"]);
            for item in verified.content["items"].as_array().into_iter().flatten() {
                let [kind, name, outcome, answered] =
                    ["kind", "name", "outcome", "answered"].map(|name| text(item, name));
                items.row([kind, name, outcome, &output.when(&item["asked_at"]), answered]);
            }
            format!("{record}\n{}", items.render())
        })
    }
}

fn report(verified: &Verified) -> Value {
    let content = &verified.content;
    let count = |outcome: &str| {
        content["items"].as_array().map_or(0, |items| items.iter().filter(|item| item["outcome"] == outcome).count())
    };
    json!({
        "tenant_id": content["tenant_id"],
        "slug": content["slug"],
        "slug_released": content["slug_released"],
        "issued_at": content["issued_at"],
        "key_id": verified.key.id(),
        "public_key": verified.key.to_string(),
        "trusted": verified.trusted,
        "gone": count("gone"),
        "scheduled": count("scheduled"),
        "kept": count("kept"),
    })
}
