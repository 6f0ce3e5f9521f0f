//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// An installation on AWS.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Deploy an environment's stacks in order, each with what the earlier ones hand to it. It can be stopped and started
    /// again at any point.
    Deploy(Deploy),
    /// Look for what is wrong with an installation, before its first tenant finds out. Nothing is changed.
    Doctor(Doctor),
    /// Make, list and revoke API keys.
    Keys(Keys),
    /// List the crates that the functions are made of, as `CycloneDX` 1.5 in JSON.
    Sbom(Sbom),
}

/// Which installation.
#[derive(Debug, Clone, Args)]
pub struct Environment {
    /// Environment in samconfig.toml: dev, staging or prod.
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    pub name: String,
    /// Region of the control plane, if it is another one than samconfig.toml says.
    #[arg(long)]
    pub region: Option<String>,
    /// Another file instead of samconfig.toml.
    #[arg(long, default_value = "samconfig.toml")]
    pub config_file: PathBuf,
}

#[derive(Debug, Args)]
pub struct Deploy {
    #[command(flatten)]
    pub environment: Environment,
    /// Change nothing: check everything and print the commands.
    #[arg(long)]
    pub dry_run: bool,
    /// Take target/lambda as it is, built by `cargo xtask deploy` from this commit on this or another machine.
    #[arg(long)]
    pub no_build: bool,
    /// Only these stacks: network, secrets, database, cache, region-…, main, alarms.
    #[arg(long, value_name = "STACK", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Bucket for templates and code; without it, `sam` makes one.
    #[arg(long)]
    pub s3_bucket: Option<String>,
}

#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    pub environment: Environment,
    /// Print the findings as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Sbom {
    /// Write it to this file instead of standard output.
    #[arg(long)]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Keys {
    #[command(subcommand)]
    pub command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key, store its digest, and print the key. It is shown this once.
    New {
        #[command(flatten)]
        environment: Environment,
        /// Who gets it, as the audit log will name them.
        #[arg(long)]
        consumer: String,
        /// Groups of a new consumer: admin, auditor.
        #[arg(long, value_delimiter = ',')]
        groups: Vec<String>,
    },
    /// List consumers, their groups and the digests of their keys.
    List {
        #[command(flatten)]
        environment: Environment,
    },
    /// Read the consumers, keys and ACL groups of Kong, and print them as control/callers has them. Nothing is stored.
    Kong {
        /// What `deck gateway dump --format json` or Kong's Admin API says.
        file: PathBuf,
    },
    /// Take back a consumer's key. It stops working within a minute.
    Revoke {
        #[command(flatten)]
        environment: Environment,
        /// Whose key.
        #[arg(long)]
        consumer: String,
        /// The beginning of the key's digest, as `list` shows it; or `all`.
        #[arg(long)]
        key: String,
    },
}

#[cfg(test)]
mod tests {
    use crate::installation::root;

    use super::*;

    /// Every `cargo xtask deploy` and `cargo xtask keys` in a document.
    #[test]
    fn documented_commands_are_understood() {
        let mut found = 0;
        for document in
            ["README.md", "SECURITY.md", "infra/aws/README.md", "functions/ops/authorize-caller/PROVIDERS.md"]
        {
            let text = std::fs::read_to_string(root().expect("the checkout").join(document)).expect("read");
            let lines = text
                .lines()
                .flat_map(|line| line.split(['`', '#', '>']))
                .map(|part| part.trim().trim_start_matches("$ "));
            for line in lines.filter(|line| {
                ["deploy ", "doctor ", "keys ", "sbom "].iter().any(|it| line.starts_with(&format!("cargo xtask {it}")))
            }) {
                // The program's name stands for the first two words.
                Cli::try_parse_from(line.split_whitespace().skip(1))
                    .unwrap_or_else(|error| panic!("{document}: {line}: {error}"));
                found += 1;
            }
        }
        assert!(found > 5, "{found}");
    }
}
