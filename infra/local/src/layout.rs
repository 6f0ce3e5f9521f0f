//! Where files are. Everything that this program writes is below `target/local/`, in folders that cargo does not use.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context as _;

/// The checkout.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The checkout `cargo xtask` was called in.
    pub fn find() -> anyhow::Result<Self> {
        // Set by `cargo run`. The compiled-in path serves a binary that was started by hand.
        let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&package).join("../..").canonicalize().context("looking for the checkout")?;
        Ok(Self { root })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of this package.
    pub fn infra(&self) -> PathBuf {
        self.root.join("infra/local")
    }

    fn local(&self) -> PathBuf {
        self.root.join("target/local")
    }

    /// The folder of the tools, which are installed once for all clouds.
    pub fn tools(&self) -> PathBuf {
        self.local().join("tools")
    }

    /// The functions' packages, for all clouds.
    pub fn packages(&self) -> PathBuf {
        self.local().join("packages")
    }

    /// The folder of one cloud. A second and third cloud of the same command are called `name.2` and `name.3`. No user
    /// can give a cloud such a name, and the lock of the first cloud covers them.
    pub fn cloud(&self, name: &str) -> CloudFolder {
        CloudFolder { state: self.local().join("cloud").join(name), local: self.local(), name: name.to_owned() }
    }
}

/// The folders and files of one cloud.
#[derive(Debug, Clone)]
pub struct CloudFolder {
    name: String,
    state: PathBuf,
    local: PathBuf,
}

impl CloudFolder {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The data of one service. It is removed at the next start.
    pub fn data(&self, service: &str) -> PathBuf {
        self.state.join("data").join(service)
    }

    pub fn log(&self, service: &str) -> PathBuf {
        self.state.join("logs").join(format!("{service}.log"))
    }

    /// Locked as long as any process of the cloud runs.
    pub fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }

    /// Which process guards the cloud.
    pub fn guard(&self) -> PathBuf {
        self.state.join("guard.json")
    }

    /// What `token`, `reload` and `logs` need to know about a running cloud.
    pub fn cloud(&self) -> PathBuf {
        self.state.join("cloud.json")
    }

    /// The copy of this program that the guard and the worker run from.
    pub fn program(&self) -> PathBuf {
        self.state.join("local-cloud")
    }

    /// The folder that `sam deploy` gets.
    pub fn staging(&self) -> PathBuf {
        self.local.join("sam").join(&self.name)
    }

    /// All addresses and credentials, as a file that a shell can source.
    pub fn env_file(&self) -> PathBuf {
        if self.name == "default" {
            self.local.join("env")
        } else {
            self.local.join("cloud").join(&self.name).join("env")
        }
    }

    pub fn create(&self) -> anyhow::Result<()> {
        private_dir(&self.state)
    }

    /// Removes what the last run left. The lock and the program stay, because they are in use.
    pub fn clear(&self) -> anyhow::Result<()> {
        self.forget()?;
        remove(&self.state.join("logs"))?;
        remove(&self.staging())?;
        fs::create_dir_all(self.state.join("logs"))?;
        Ok(fs::create_dir_all(self.state.join("data"))?)
    }

    /// Removes what is needed only while the cloud runs: data, credentials and addresses. The logs stay.
    pub fn forget(&self) -> anyhow::Result<()> {
        remove(&self.state.join("data"))?;
        remove(&self.env_file())?;
        remove(&self.cloud())
    }

    /// The same for this cloud and the other clouds of the command, `name.2` and so on. A cloud's tests leave thousands of
    /// files, so the clouds are removed side by side.
    pub fn forget_all(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let mut clouds = vec![self.clone()];
        for entry in fs::read_dir(self.local.join("cloud"))?.flatten() {
            let name = entry.file_name();
            let beside =
                name.to_str().filter(|name| name.strip_prefix(&self.name).is_some_and(|it| it.starts_with('.')));
            clouds.extend(beside.map(|name| workspace.cloud(name)));
        }
        thread::scope(|scope| {
            let threads: Vec<_> = clouds.iter().map(|cloud| scope.spawn(|| cloud.forget())).collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })
    }
}

fn remove(path: &Path) -> anyhow::Result<()> {
    let result = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Creates a folder that only its owner may enter.
pub fn private_dir(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("creating {}", path.display()))
}

/// Writes a file that only its owner may read, replacing an older one whole.
pub fn private_file(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let write = || {
        let draft = path.with_extension("new");
        if draft.exists() {
            fs::remove_file(&draft)?;
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(content)?;
        fs::rename(&draft, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}
