//! `ivory tenant invite`.

use clap::Args;
use domain::routes::INVITE_ADMIN;
use domain::{InvitationRequest, Slug};

use crate::api::Request;
use crate::cli::Change;
use crate::commands::{fields, options};
use crate::context::Context;
use crate::error::Error;
use crate::output::{Table, text};

/// Send the admin another mail: an invitation, or a recovery mail to somebody who has accepted one.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ivory tenant invite acme-bank
  ivory tenant invite acme-bank --admin treasurer@acmebank.com")]
pub struct Invite {
    /// The tenant's slug.
    #[arg(value_name = "TENANT")]
    tenant: Slug,
    /// The tenant's admin from now on, instead of the present one.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
    #[command(flatten)]
    change: Change,
}

impl Invite {
    pub async fn run(&self, context: &Context) -> Result<(), Error> {
        let body = fields([("admin_email", self.admin.as_deref().map(Into::into))]);
        InvitationRequest::parse(&body).map_err(options)?;
        let request = Request::about(&INVITE_ADMIN, &self.tenant).with(body);
        let Some(answer) = context.change(&request, &self.change).await? else { return Ok(()) };
        let mail = answer.json()?;
        context.output.value(&mail, "admin_email", |output| {
            Table::record([
                ("mail", text(&mail, "kind").to_owned()),
                ("to", text(&mail, "admin_email").to_owned()),
                ("sent", output.when(&mail["sent_at"])),
            ])
        })
    }
}
