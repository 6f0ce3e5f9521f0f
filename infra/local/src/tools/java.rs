//! The real `OpenSearch` with its k-NN plugin, from Maven artifacts: where a JDK and Maven are at hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokio::process::Command;

use super::{Stamp, quietly, sha256, which};
use crate::layout::Workspace;
use crate::progress;

/// First version of Java that `OpenSearch`'s and the launcher's classes run on.
const JAVA_NEEDED: u32 = 17;

/// A compiled launcher and the jars it needs.
pub struct OpenSearch {
    pub java: PathBuf,
    pub class_path: String,
}

/// Fetches and checks the jars; says why not where there is no JDK or Maven.
pub async fn install(workspace: &Workspace) -> anyhow::Result<Result<OpenSearch, String>> {
    let (java, javac) = match jdk().await {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    let sources = workspace.infra().join("opensearch");
    let folder = workspace.tools().join("opensearch");
    let (jars, classes) = (folder.join("target/lib"), folder.join("classes"));
    let inputs = ["pom.xml", "jars.sha256", "LocalNode.java"].map(|name| sources.join(name));
    let stamp = Stamp::new(workspace.tools().join("opensearch.stamp"), &inputs, &version_of(&java).await?)?;
    if !stamp.fits() {
        let Some(maven) = which("mvn") else { return Ok(Err("there is no Maven (mvn)".to_owned())) };
        let step = progress::step("OpenSearch: Maven artifacts");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&classes)?;
        // Maven builds beside its project file: a copy keeps the checkout clean.
        fs::copy(sources.join("pom.xml"), folder.join("pom.xml"))?;
        let mut command = Command::new(maven);
        command.args(["-B", "-q", "--strict-checksums", "package"]).current_dir(&folder);
        quietly(command, "mvn package").await?;
        check(&jars, &fs::read_to_string(sources.join("jars.sha256"))?)?;
        let mut command = Command::new(javac);
        command
            .arg("-cp")
            .arg(format!("{}/*", jars.display()))
            .arg("-d")
            .arg(&classes)
            .arg(sources.join("LocalNode.java"));
        quietly(command, "javac").await?;
        stamp.set()?;
        step.done("");
    }
    Ok(Ok(OpenSearch { java, class_path: format!("{}:{}/*", classes.display(), jars.display()) }))
}

/// A `java` and a `javac` of the same, new enough kit.
async fn jdk() -> Result<(PathBuf, PathBuf), String> {
    let home = std::env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin"));
    let find = |name: &str| match &home {
        Some(home) => Some(home.join(name)).filter(|file| file.is_file()),
        None => which(name),
    };
    let (Some(java), Some(javac)) = (find("java"), find("javac")) else {
        return Err(format!("there is no JDK (java and javac, {JAVA_NEEDED} or newer)"));
    };
    let version = version_of(&java).await.map_err(|error| format!("java does not run: {error:#}"))?;
    match version.split('.').next().and_then(|major| major.parse::<u32>().ok()) {
        Some(major) if major >= JAVA_NEEDED => Ok((java, javac)),
        _ => Err(format!("java is {version}, and {JAVA_NEEDED} is needed")),
    }
}

async fn version_of(java: &Path) -> anyhow::Result<String> {
    let mut command = Command::new(java);
    command.args(["-XshowSettings:properties", "-version"]).stdin(std::process::Stdio::null());
    let output = command.output().await.context("starting java")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let version = said.lines().find_map(|line| line.trim().strip_prefix("java.version = "));
    Ok(version.context("java does not say its version")?.to_owned())
}

/// Every jar is listed and has the listed digest, and nothing else is there: Maven itself only compares what it fetched
/// with what the same repository says about it.
fn check(jars: &Path, listed: &str) -> anyhow::Result<()> {
    let mut expected: BTreeMap<&str, &str> =
        listed.lines().filter_map(|line| line.split_once("  ").map(|(digest, name)| (name, digest))).collect();
    for entry in fs::read_dir(jars)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a jar's name is not text")?;
        match expected.remove(name) {
            Some(digest) if digest == sha256(&path)? => (),
            Some(_) => bail!("{name} is not the file that was expected: its SHA-256 differs"),
            None => bail!("{name} is not in jars.sha256"),
        }
    }
    if let Some(name) = expected.keys().next() {
        bail!("{name} is in jars.sha256 but was not fetched");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_an_unknown_and_a_missing_jar_are_refused() {
        let folder = std::env::temp_dir().join(format!("xtask-jars-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.jar"), "a").unwrap();
        let good = format!("{}  a.jar\n", sha256(&folder.join("a.jar")).unwrap());
        let missing = format!("{good}{}  b.jar\n", "0".repeat(64));
        let verdicts = [good.clone(), String::new(), missing, good.replace("a.jar", "b.jar")]
            .map(|list| check(&folder, &list).is_ok());
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(verdicts, [true, false, false, false]);
    }
}
