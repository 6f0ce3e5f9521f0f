//! `ivory profile`.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::Error;
use crate::output::{Table, note, text};
use crate::profiles::{Folder, ProfileName};

/// Show profiles, or choose one.
#[derive(Subcommand)]
pub enum Profile {
    /// Show all profiles.
    #[command(after_help = "\
Examples:
  ivory profile list
  ivory profile list -o name")]
    List,
    /// Use a profile from now on.
    #[command(after_help = "\
Examples:
  ivory profile use prod
  ivory profile use local")]
    Use {
        /// The profile.
        name: ProfileName,
    },
}

impl Profile {
    pub fn run(&self, context: &Context) -> Result<(), Error> {
        let folder = Folder::find()?;
        if let Self::Use { name } = self {
            if folder.place(name)?.is_none() {
                return Err(Error::Refused(format!("there is no profile {name}; ivory login makes one")));
            }
            folder.choose(name)?;
        }
        let current = folder.current()?;
        let mut profiles = Vec::new();
        for name in folder.names()? {
            let place = folder.place(&name).unwrap_or_else(|error| {
                note(error);
                None
            });
            if let Some((url, kept_in)) = place {
                let current = current.as_ref() == Some(&name);
                profiles.push(
                    json!({ "name": name.as_str(), "url": url.as_str(), "current": current, "kept_in": kept_in }),
                );
            }
        }
        let profiles = Value::Array(profiles);
        context.output.value(&profiles, "name", |_| {
            let mut table = Table::new(["", "profile", "url", "kept in"]);
            for profile in profiles.as_array().into_iter().flatten() {
                let mark = if profile["current"] == true { "*" } else { "" };
                table.row([mark, text(profile, "name"), text(profile, "url"), text(profile, "kept_in")]);
            }
            table.render()
        })
    }
}
