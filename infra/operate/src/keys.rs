//! `cargo xtask keys`.

use std::fs;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::aws::Aws;
use crate::callers::{Callers, digest};
use crate::cli::{Environment, Keys, KeysCommand};
use crate::installation::{self, Installation};
use crate::kong;
use crate::secrets;

pub fn run(keys: &Keys) -> anyhow::Result<ExitCode> {
    match &keys.command {
        KeysCommand::New { environment, consumer, groups } => {
            let key = format!("ivory_{}", secrets::password());
            change(environment, |callers| callers.add(consumer, groups, &key))?;
            // Alone on standard output, so that it can be piped into a password manager.
            say!("{key}");
            eprintln!(
                "The key of {consumer}, which is shown this once. It works within a minute; {}.",
                short(&digest(&key))
            );
        }
        KeysCommand::List { environment } => {
            let (aws, region, name) = open(environment)?;
            let callers = Callers::of(aws.secret(&region, &name)?.map(|current| current.value))?;
            for (consumer, groups, digests) in callers.list() {
                say!("{consumer} ({groups})");
                for digest in digests {
                    say!("  {}", short(&digest));
                }
            }
        }
        KeysCommand::Kong { file } => {
            let text = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
            let kong = serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", file.display()))?;
            let taken = kong::callers(&kong)?;
            say!("{}", serde_json::to_string_pretty(&taken.callers)?);
            for note in taken.notes {
                eprintln!("{note}");
            }
        }
        KeysCommand::Revoke { environment, consumer, key } => {
            let mut revoked = 0;
            change(environment, |callers| {
                revoked = callers.revoke(consumer, key)?;
                Ok(())
            })?;
            eprintln!("Took back {revoked} of {consumer}'s keys. Within a minute, nobody calls with them.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads who has keys, changes it, and writes it back unless somebody else did so meanwhile.
fn change(environment: &Environment, change: impl FnOnce(&mut Callers) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let (aws, region, name) = open(environment)?;
    let current = aws.secret(&region, &name)?;
    let mut callers = Callers::of(current.as_ref().map(|current| current.value.clone()))?;
    change(&mut callers)?;
    aws.replace_secret(&region, &name, current.as_ref(), callers.value())
}

fn open(environment: &Environment) -> anyhow::Result<(Aws, String, String)> {
    let root = installation::root()?;
    let installation = Installation::read(&root, environment)?;
    let (region, prefix) = secrets::place(&installation)?;
    Ok((Aws::find(&root)?, region.to_owned(), format!("{prefix}/control/callers")))
}

/// Enough of a digest to tell keys apart.
fn short(digest: &str) -> &str {
    digest.get(..23).unwrap_or(digest)
}
