//! `cargo xtask deploy`: the stacks in order, each with what the earlier ones hand to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};

use crate::aws::Aws;
use crate::bootstraps::{self, Architecture};
use crate::check;
use crate::cli::Deploy;
use crate::installation::{self, Installation, Stack};
use crate::network;
use crate::programs::{Program, git, line};
use crate::secrets::{self, Missing};
use crate::stack::Kind;

/// How often a stack that somebody else is changing is looked at.
const POLL: Duration = Duration::from_secs(10);

/// What the deployment stopped for. It goes on with the same command.
const SECRETS_NEEDED: u8 = 3;

/// The outputs of the stacks so far, by their label.
type Outputs = BTreeMap<String, BTreeMap<String, String>>;

pub fn run(deploy: &Deploy) -> anyhow::Result<ExitCode> {
    let root = installation::root()?;
    let installation = Installation::read(&root, &deploy.environment)?;
    let chosen = chosen(&installation, &deploy.only)?;
    report("cannot be deployed as samconfig.toml describes it", &check::problems(&installation))?;
    let examples = check::examples(&installation);
    if deploy.dry_run {
        return plan(&root, &installation, &chosen, deploy, &examples);
    }
    report("still has values of the example in samconfig.toml", &examples)?;
    let sam = Program::sam(&root)?;
    let aws = Aws::find(&root)?;
    let region = &installation.one(Kind::Main)?.region;
    installation.belongs_into(&aws.account(region)?)?;
    report("has a network that cannot work", &network::of_brought(&aws, &installation)?)?;
    if chosen.iter().any(|stack| stack.kind == Kind::Main) {
        build(&root, &installation, deploy.no_build)?;
    }
    let mut outputs = Outputs::new();
    for stack in &installation.stacks {
        let is_chosen = chosen.iter().any(|chosen| chosen.label == stack.label);
        if is_chosen {
            say!("\n==> {} ({} in {})", stack.label, stack.name, stack.region);
            if stack.kind == Kind::Main {
                let endpoint = |region: &str| endpoint(&outputs, region);
                let missing = secrets::missing(&aws, &installation, endpoint)?;
                if !missing.is_empty() {
                    return Ok(ask_for(&missing, region));
                }
            }
            make_ready(&aws, stack)?;
            let (parameters, missing) = parameters(&installation, stack, &outputs);
            report("needs a stack that is not there yet", &missing)?;
            let arguments = arguments(&installation, stack, &parameters, deploy);
            sam.show(&arguments.iter().map(String::as_str).collect::<Vec<_>>())?;
        }
        let Some(deployed) = aws.stack(&stack.region, &stack.name)? else {
            continue;
        };
        if is_chosen {
            after(&aws, &installation, stack.kind, &deployed.outputs)?;
        }
        outputs.insert(stack.label.clone(), deployed.outputs);
    }
    say_where(&installation, &outputs);
    Ok(ExitCode::SUCCESS)
}

fn chosen<'a>(installation: &'a Installation, only: &[String]) -> anyhow::Result<Vec<&'a Stack>> {
    for label in only {
        let labels: Vec<_> = installation.stacks.iter().map(|stack| stack.label.as_str()).collect();
        ensure!(labels.contains(&label.as_str()), "there is no stack {label:?}, only {}", labels.join(", "));
    }
    Ok(installation.stacks.iter().filter(|stack| only.is_empty() || only.contains(&stack.label)).collect())
}

fn report(what: &str, problems: &[String]) -> anyhow::Result<()> {
    if problems.is_empty() { Ok(()) } else { bail!("it {what}:\n  {}", problems.join("\n  ")) }
}

fn architecture(installation: &Installation) -> anyhow::Result<Architecture> {
    let main = installation.one(Kind::Main)?;
    Architecture::parse(main.parameters.get("Architecture").map_or("arm64", String::as_str))
}

/// Builds the functions, or looks whether those that are there are of this commit.
fn build(root: &Path, installation: &Installation, no_build: bool) -> anyhow::Result<()> {
    let architecture = architecture(installation)?;
    let commit = commit(root)?;
    if !no_build {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let version = bootstraps::version(&commit);
        say!("$ {}={version} {}", bootstraps::VERSION, line("cargo", architecture.build()));
        let mut command = Command::new(cargo);
        command.args(architecture.build()).current_dir(root).env(bootstraps::VERSION, version);
        let status = command.status().context("starting cargo")?;
        ensure!(status.success(), "the build failed (it needs cargo-lambda and cargo-auditable)");
        bootstraps::note(root, &commit)?;
    }
    report("has programs that Lambda could not start", &bootstraps::problems(root, architecture)?)?;
    bootstraps::verify(root, &commit)
}

/// The commit that is deployed. With changes that are not committed, nobody could say later what runs.
fn commit(root: &Path) -> anyhow::Result<String> {
    let changed = git(root, &["status", "--porcelain", "--untracked-files=no", "--", ":!samconfig.toml"])?;
    ensure!(changed.is_empty(), "there are changes that are not committed:\n{changed}");
    git(root, &["rev-parse", "HEAD"])
}

/// Waits for a deployment that still runs, and clears away a first one that failed: CloudFormation takes no second try
/// for such a stack.
fn make_ready(aws: &Aws, stack: &Stack) -> anyhow::Result<()> {
    loop {
        let Some(deployed) = aws.stack(&stack.region, &stack.name)? else { return Ok(()) };
        match deployed.status.as_str() {
            "ROLLBACK_COMPLETE" => return aws.delete_stack(&stack.region, &stack.name),
            "UPDATE_ROLLBACK_FAILED" => bail!(
                "{} could not be rolled back; when its cause is mended: {}",
                stack.name,
                line(
                    "aws",
                    &[
                        "cloudformation",
                        "continue-update-rollback",
                        "--stack-name",
                        &stack.name,
                        "--region",
                        &stack.region
                    ]
                )
            ),
            "ROLLBACK_FAILED" | "DELETE_FAILED" => bail!(
                "{} is {}: delete it by hand; a database needs its deletion protection switched off first",
                stack.name,
                deployed.status
            ),
            // A change set that nobody has executed.
            "REVIEW_IN_PROGRESS" => return Ok(()),
            status if status.ends_with("_IN_PROGRESS") => {
                say!("  waits: {} is {status}", stack.name);
                sleep(POLL);
            }
            _ => return Ok(()),
        }
    }
}

/// The arguments of `sam`.
fn arguments(
    installation: &Installation,
    stack: &Stack,
    parameters: &BTreeMap<String, String>,
    deploy: &Deploy,
) -> Vec<String> {
    let mut arguments = vec!["deploy".to_owned()];
    let config_file = &deploy.environment.config_file;
    if config_file != Path::new("samconfig.toml") {
        arguments.extend(["--config-file".to_owned(), config_file.display().to_string()]);
    }
    arguments.extend(["--config-env".to_owned(), format!("{}-{}", installation.environment, stack.label)]);
    arguments.extend(["--region".to_owned(), stack.region.clone(), "--no-confirm-changeset".to_owned()]);
    if let Some(bucket) = &deploy.s3_bucket {
        arguments.extend(["--no-resolve-s3".to_owned(), "--s3-bucket".to_owned(), bucket.clone()]);
    }
    if let Some(profile) = installation.signing_profile.as_ref().filter(|_| stack.kind == Kind::Main) {
        arguments.push("--signing-profiles".to_owned());
        arguments.extend(stack.template.functions.iter().map(|function| format!("{function}={profile}")));
    }
    if !parameters.is_empty() {
        arguments.push("--parameter-overrides".to_owned());
        arguments.extend(parameters.iter().map(|(name, value)| format!("{name}={value}")));
    }
    arguments
}

/// What samconfig.toml gives, and what other stacks hand over; and which outputs are not there yet. These are shown by
/// name.
fn parameters(
    installation: &Installation,
    stack: &Stack,
    outputs: &Outputs,
) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut parameters, mut missing) = (stack.parameters.clone(), Vec::new());
    for handed in stack.kind.receives() {
        let from: Vec<_> = installation.of(handed.from).collect();
        if from.is_empty() || parameters.contains_key(handed.parameter) {
            continue;
        }
        let mut values = Vec::new();
        for from in from {
            let output = outputs.get(&from.label).and_then(|outputs| outputs.get(handed.output));
            values.push(output.cloned().unwrap_or_else(|| {
                missing.push(format!("{} of {}", handed.output, from.name));
                format!("<{} of {}>", handed.output, from.name)
            }));
        }
        parameters.insert(handed.parameter.to_owned(), values.join(","));
    }
    if stack.kind == Kind::Main {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        parameters.insert("Deployment".to_owned(), seconds.to_string());
    }
    (parameters, missing)
}

/// What a new stack makes known.
fn after(aws: &Aws, installation: &Installation, kind: Kind, outputs: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let output = |name: &str| outputs.get(name).with_context(|| format!("the {kind} stack has no output {name}"));
    match kind {
        Kind::Secrets => secrets::make(aws, installation),
        Kind::Database => {
            secrets::complete_databases(aws, installation, output("FunctionsHost")?, output("InstanceHost")?)
        }
        Kind::Cache => secrets::complete_valkey(aws, installation, output("ValkeyAddress")?),
        Kind::Network | Kind::Region | Kind::Main | Kind::Alarms => Ok(()),
    }
}

fn endpoint(outputs: &Outputs, region: &str) -> Option<String> {
    outputs.get(&format!("region-{region}"))?.get("SearchEndpoint").cloned()
}

/// Says which secrets have no value, and how they get one.
fn ask_for(missing: &[Missing], region: &str) -> ExitCode {
    say!("  These secrets have no value yet. Put each one, then run the same command again:\n");
    for Missing { name, shape } in missing {
        say!(
            "  aws secretsmanager put-secret-value --region {region} --secret-id {name} --secret-string file:///dev/stdin <<'JSON'"
        );
        say!("  {shape}\n  JSON");
    }
    ExitCode::from(SECRETS_NEEDED)
}

fn say_where(installation: &Installation, outputs: &Outputs) {
    say!("");
    for (label, name, what) in
        [("main", "ApiUrl", "The API is at"), ("network", "NatAddresses", "The functions call vendors from")]
    {
        if let Some(value) = outputs.get(label).and_then(|outputs| outputs.get(name)) {
            say!("{what} {value}");
        }
    }
    say!("A first API key: cargo xtask keys new --env {} --consumer NAME --groups admin", installation.environment);
}

/// Prints what would be done. AWS is asked, if there are credentials, and nothing is changed.
fn plan(
    root: &Path,
    installation: &Installation,
    chosen: &[&Stack],
    deploy: &Deploy,
    examples: &[String],
) -> anyhow::Result<ExitCode> {
    let region = &installation.one(Kind::Main)?.region;
    let aws = Aws::find(root).and_then(|aws| Ok((aws.account(region)?, aws)));
    let mut problems = Vec::new();
    match &aws {
        Ok((account, aws)) => match installation.belongs_into(account) {
            Ok(()) => problems.extend(network::of_brought(aws, installation)?),
            Err(error) => problems.push(error.to_string()),
        },
        Err(_) => say!("# AWS was not asked: there are no credentials. Outputs of stacks are shown by name."),
    }
    let architecture = architecture(installation)?;
    let unfit = bootstraps::problems(root, architecture)?;
    if unfit.is_empty() {
        say!("# target/lambda holds {} programs that fit", bootstraps::deployed(root)?.len());
    } else if deploy.no_build {
        problems.extend(unfit);
    }
    for example in examples {
        say!("# still to be replaced: {example}");
    }
    if !deploy.no_build {
        say!("{}", line("cargo", architecture.build()));
    }
    let mut outputs = Outputs::new();
    for stack in &installation.stacks {
        if let Ok((_, aws)) = &aws
            && let Some(deployed) = aws.stack(&stack.region, &stack.name)?
        {
            outputs.insert(stack.label.clone(), deployed.outputs);
        }
        if chosen.iter().any(|chosen| chosen.label == stack.label) {
            let (parameters, _) = parameters(installation, stack, &outputs);
            let arguments = arguments(installation, stack, &parameters, deploy);
            say!("{}", line("sam", &arguments.iter().map(String::as_str).collect::<Vec<_>>()));
        }
    }
    report("would fail", &problems)?;
    Ok(ExitCode::SUCCESS)
}
