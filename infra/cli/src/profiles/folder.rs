//! The configuration folder: `$XDG_CONFIG_HOME/ivory`, else `~/.config/ivory`.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{LOCAL, ProfileName};
use crate::error::Error;

/// The folder. It need not exist.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The caller's own.
    pub fn find() -> Result<Self, Error> {
        let configured = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = configured.or_else(|| std::env::home_dir().map(|home| home.join(".config")));
        let folder = folder.ok_or_else(|| Error::Usage("there is no home folder; set XDG_CONFIG_HOME".to_owned()))?;
        Ok(Self(folder.join("ivory")))
    }

    pub(super) fn profile(&self, name: &ProfileName) -> PathBuf {
        self.profiles().join(format!("{name}.toml"))
    }

    /// Names the current profile.
    pub(super) fn marker(&self) -> PathBuf {
        self.0.join("current")
    }

    fn profiles(&self) -> PathBuf {
        self.0.join("profiles")
    }

    /// The names of all profiles, sorted.
    pub fn names(&self) -> Result<Vec<ProfileName>, Error> {
        let entries = match fs::read_dir(self.profiles()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("read", &self.profiles(), &error)),
        };
        let files = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = files.filter_map(|file| file.strip_suffix(".toml")?.parse().ok()).collect();
        names.sort();
        Ok(names)
    }

    /// The profile that is used if nothing else is said: the one chosen last, else the local cloud's.
    pub fn current(&self) -> Result<Option<ProfileName>, Error> {
        let marker = self.marker();
        let damaged =
            |_| Error::Unforeseen(format!("{} is damaged; ivory profile use NAME mends it", marker.display()));
        let chosen = Self::text(&marker)?.map(|text| text.trim().parse().map_err(damaged)).transpose()?;
        let local = || LOCAL.parse().ok().filter(|name| self.profile(name).exists());
        Ok(chosen.or_else(local))
    }

    /// Makes a profile the current one.
    pub fn choose(&self, name: &ProfileName) -> Result<(), Error> {
        Self::replace(&self.marker(), &format!("{name}\n"))
    }

    /// A file's text. `None`: there is no such file.
    pub(super) fn text(path: &Path) -> Result<Option<String>, Error> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", path, &error)),
        }
    }

    /// Puts a file in its place at once. Only its owner can read it: a new temporary file has mode 600.
    pub(super) fn replace(path: &Path, text: &str) -> Result<(), Error> {
        let written = || {
            let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
            private_folder(folder)?;
            let mut file = NamedTempFile::new_in(folder)?;
            file.write_all(text.as_bytes())?;
            file.persist(path)?;
            Ok(())
        };
        written().map_err(|error| failed("write", path, &error))
    }

    /// Deletes a file; false if there was none.
    pub(super) fn delete(path: &Path) -> Result<bool, Error> {
        match fs::remove_file(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed("delete", path, &error)),
        }
    }
}

/// Makes a folder into which nobody else may put a profile.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::Unforeseen(format!("cannot {what} {}: {error}", path.display()))
}
