//! A checkout of its own, with an environment in which the local AWS can be deployed to.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, unique};
use serde_json::json;
use tokio::process::Command;
use tokio::time::sleep;

/// The bucket of the local AWS for code. One that `sam` makes itself refuses calls without TLS.
const BUCKET: &str = "ivory-code";
/// How long a new API may need until its first answer.
const FIRST_ANSWER: Duration = Duration::from_mins(1);

/// The checkout and the names of its installation.
pub struct Site {
    root: PathBuf,
    /// The first part of its secrets' names, which is also the main stack's name.
    pub prefix: String,
    programs: String,
}

/// What a command did.
pub struct Done {
    pub code: i32,
    /// Its standard output.
    pub output: String,
    /// Everything it said.
    pub text: String,
}

impl Site {
    /// Copies what is deployed, commits it, and describes an environment `dev` of what the local AWS can make.
    pub async fn new(cloud: &Cloud) -> Result<Self> {
        let prefix = unique("inst");
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let sam = PathBuf::from(variable("TEST_SAM")?);
        let programs = format!("{}:{}", sam.parent().context("no folder")?.display(), variable("TEST_CHECKS")?);
        let root = std::env::temp_dir().join(&prefix);
        let site = Self { root, prefix, programs };
        for folder in ["infra/aws", "infra/operate", "statemachine"] {
            fs::create_dir_all(site.root.join(folder))?;
        }
        for folder in ["infra/aws", "statemachine"] {
            for entry in fs::read_dir(checkout.join(folder))? {
                let path = entry?.path();
                // A folder there is for the operator's web server.
                if path.is_dir() {
                    continue;
                }
                fs::copy(&path, site.root.join(folder).join(path.file_name().context("no name")?))?;
            }
        }
        let template = fs::read_to_string(checkout.join("template.yaml"))?;
        site.write("template.yaml", &template)?;
        let samconfig = fs::read_to_string(checkout.join("samconfig.toml"))?;
        site.write("samconfig.toml", &site.described(&samconfig))?;
        site.programs_of(&template, &checkout)?;
        for arguments in [&["init", "--quiet"][..], &["add", "."]] {
            site.git(arguments).await?;
        }
        site.commit().await?;
        site.note(&template).await?;
        site.prepare_database(cloud).await?;
        Ok(site)
    }

    /// A checkout whose environment `dev` is the cloud's own installation, of which only secrets and main stack are stacks.
    pub fn of_cloud(cloud: &Cloud) -> Result<Self> {
        let (sam, root) = (PathBuf::from(variable("TEST_SAM")?), std::env::temp_dir().join(unique("doctor")));
        let programs = format!("{}:{}", sam.parent().context("no folder")?.display(), variable("TEST_CHECKS")?);
        let site = Self { root, prefix: cloud.secret_prefix()?, programs };
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        for folder in ["infra/aws", "infra/operate"] {
            fs::create_dir_all(site.root.join(folder))?;
        }
        for file in ["template.yaml", "infra/aws/secrets.yaml", "infra/aws/region.yaml"] {
            fs::copy(checkout.join(file), site.root.join(file))?;
        }
        Ok(site)
    }

    /// Describes the environment anew.
    pub fn describe(&self, samconfig: &str) -> Result<()> {
        self.write("samconfig.toml", samconfig)
    }

    /// The environment `dev` of the example, with the names of this installation and without what cannot be had here.
    fn described(&self, samconfig: &str) -> String {
        let mut kept = "version = 0.1\n\n".to_owned();
        for section in samconfig.split_inclusive("\n\n") {
            let absent = ["[dev-network.", "[dev-database.", "[dev-cache.", "[dev-alarms."];
            if section.contains("[dev") && !absent.iter().any(|name| section.contains(name)) {
                kept.push_str(section);
            }
        }
        let kept = kept.replace("ivory-dev", &self.prefix).replace("\"123456789012\"", "\"000000000000\"");
        let kept = kept.replace(".example/", ".test/");
        // The programs are built for this machine.
        kept.replace("    \"LogRetentionDays=14\",\n", "    \"LogRetentionDays=14\",\n    \"Architecture=x86_64\",\n")
    }

    /// Gives the main stack a parameter.
    pub fn configure(&self, parameter: &str, value: &str) -> Result<()> {
        let text = fs::read_to_string(self.root.join("samconfig.toml"))?;
        let line = "    \"Architecture=x86_64\",\n";
        ensure!(text.contains(line), "{text}");
        self.write("samconfig.toml", &text.replace(line, &format!("{line}    \"{parameter}={value}\",\n")))
    }

    /// A release whose deployment fails late: it has a resource that nobody makes.
    pub fn break_template(&self) -> Result<String> {
        let template = fs::read_to_string(self.root.join("template.yaml"))?;
        let broken = "\n  Broken:\n    Type: Custom::Broken\n    DependsOn: ProvisionTenantStateMachine\n    Properties:\n      \
                      ServiceToken: !GetAtt GetTenantFunction.Arn\n      ServiceTimeout: 1\n\nOutputs:\n";
        self.write("template.yaml", &template.replacen("\nOutputs:\n", broken, 1))?;
        Ok(template)
    }

    pub fn mend_template(&self, template: &str) -> Result<()> {
        self.write("template.yaml", template)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(fs::write(self.root.join(name), text)?)
    }

    /// Puts this machine's programs where `cargo lambda build` puts the shipped ones.
    fn programs_of(&self, template: &str, checkout: &Path) -> Result<()> {
        for name in functions(template) {
            let package = self.root.join("target/lambda").join(&name);
            fs::create_dir_all(&package)?;
            let built = std::env::current_exe()?.ancestors().nth(2).context("no folder")?.join(&name);
            let built = if built.is_file() { built } else { checkout.join("target/local").join(&name) };
            let bootstrap = package.join("bootstrap");
            fs::copy(&built, &bootstrap).with_context(|| built.display().to_string())?;
            // The name of the section that `cargo auditable` makes.
            OpenOptions::new().append(true).open(&bootstrap)?.write_all(b".dep-v0\0")?;
        }
        self.write(".gitignore", "target\n")
    }

    /// Notes of which commit the programs are, as a build does.
    async fn note(&self, template: &str) -> Result<()> {
        let mut programs = serde_json::Map::new();
        for name in functions(template) {
            let content = fs::read(self.root.join("target/lambda").join(&name).join("bootstrap"))?;
            let digest = ring::digest::digest(&ring::digest::SHA256, &content);
            programs.insert(name, json!(hex::encode(digest)));
        }
        let commit = self.git(&["rev-parse", "HEAD"]).await?;
        let made = json!({ "commit": commit.trim(), "programs": programs });
        self.write("target/lambda/made.json", &made.to_string())
    }

    async fn commit(&self) -> Result<()> {
        let author = ["-c", "user.name=operator", "-c", "user.email=operator@bank.example"];
        self.git(&[&author[..], &["commit", "--quiet", "--all", "--message", "An installation"]].concat())
            .await
            .map(drop)
    }

    async fn git(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("git").args(arguments).current_dir(&self.root).output().await?;
        ensure!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// A database for its control plane, which belongs to the master, as RDS makes it.
    async fn prepare_database(&self, cloud: &Cloud) -> Result<()> {
        let master = cloud.aws.secret(&cloud.master_secret_arn()?).await?;
        let master = master["username"].as_str().context("no username")?;
        let sql = format!("CREATE DATABASE \"{}\" OWNER \"{master}\"", self.prefix);
        Ok(cloud.control_as_superuser().await?.batch_execute(&sql).await?)
    }

    /// Puts the operator's values: this cloud's stand-ins, and two users of the database that nobody has made yet.
    pub async fn put_secrets(&self, cloud: &Cloud) -> Result<()> {
        let known = cloud.secret_prefix()?;
        for name in ["stripe", "supabase", "iomete", "smtp", "valkey"] {
            let value = cloud.aws.secret(&format!("{known}/control/{name}")).await?;
            cloud.aws.put_secret(&format!("{}/control/{name}", self.prefix), &value).await?;
        }
        let region = cloud.aws.secret(&format!("{known}/regions/us-east-1")).await?;
        cloud.aws.put_secret(&format!("{}/regions/us-east-1", self.prefix), &region).await?;
        for name in ["database", "database-read", "database-owner"] {
            let mut value = cloud.aws.secret(&format!("{known}/control/{name}")).await?;
            value["dbname"] = json!(self.prefix);
            value["username"] = json!(format!("{}_{}", self.prefix, name.replace('-', "_")));
            value["password"] = json!(unique("password-of-a-user"));
            cloud.aws.put_secret(&format!("{}/control/{name}", self.prefix), &value).await?;
        }
        Ok(())
    }

    /// Runs `cargo xtask` with the environment `dev`, in this checkout.
    pub async fn xtask(&self, arguments: &[&str]) -> Result<Done> {
        let program = std::env::current_exe()?.ancestors().nth(2).context("no folder")?.join("operate");
        let mut all = arguments.to_vec();
        all.extend(["--env", "dev"]);
        if arguments.contains(&"deploy") {
            all.extend(["--s3-bucket", BUCKET]);
        }
        self.run(&program, &all).await
    }

    /// Deletes a stack as the documents say.
    pub async fn delete(&self, label: &str) -> Result<()> {
        let name = if label == "main" { self.prefix.clone() } else { format!("{}-{label}", self.prefix) };
        let sam = PathBuf::from(variable("TEST_SAM")?);
        let done = self.run(&sam, &["delete", "--stack-name", &name, "--region", "us-east-1", "--no-prompts"]).await?;
        ensure!(done.code == 0, "{}", done.text);
        Ok(())
    }

    async fn run(&self, program: &Path, arguments: &[&str]) -> Result<Done> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.root).stdin(Stdio::null());
        command.env("CARGO_MANIFEST_DIR", self.root.join("infra/operate"));
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.programs)).env("SAM_CLI_TELEMETRY", "0");
        let output = command.output().await.with_context(|| program.display().to_string())?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let text = format!("{arguments:?}\n{stdout}{}", String::from_utf8_lossy(&output.stderr));
        Ok(Done { code: output.status.code().unwrap_or(-1), output: stdout, text })
    }

    /// Where the installation's API is.
    pub async fn api_url(&self) -> Result<String> {
        let query = "Stacks[0].Outputs[?OutputKey=='ApiId'].OutputValue";
        let arguments = ["cloudformation", "describe-stacks", "--stack-name", &self.prefix, "--query", query];
        let aws = PathBuf::from(variable("TEST_CHECKS")?).join("aws");
        let described = self.run(&aws, &[&arguments[..], &["--output", "text"]].concat()).await?;
        ensure!(described.code == 0, "{}", described.text);
        // Only the cloud's own API has a port of its own.
        Ok(format!("{}/_aws/execute-api/{}", variable("AWS_ENDPOINT_URL")?, described.output.trim()))
    }

    /// Waits until a list of tenants is answered with this status.
    pub async fn expect(&self, cloud: &Cloud, api: &str, key: &str, status: u16) -> Result<()> {
        let until = Instant::now() + FIRST_ANSWER;
        loop {
            let answer = cloud.http.get(format!("{api}/v1/admin/tenants")).header("x-api-key", key).send().await?;
            let (found, text) = (answer.status(), answer.text().await?);
            if found == status {
                return Ok(());
            }
            ensure!(Instant::now() < until, "{found} instead of {status}: {text}");
            sleep(Duration::from_secs(1)).await;
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn functions(template: &str) -> Vec<String> {
    let lines = template.lines().filter_map(|line| line.trim().strip_prefix("CodeUri: target/lambda/"));
    lines.map(|name| name.trim_end_matches('/').to_owned()).collect()
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| name.to_owned())
}
