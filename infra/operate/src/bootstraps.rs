//! The functions' programs in target/lambda: whether they are what the stack will be told they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The newest glibc that Lambda's provided.al2023 has. A program that was linked with a newer one does not start there.
const GLIBC_OF_LAMBDA: (u32, u32) = (2, 34);

/// The name of the section in which `cargo auditable` lists a program's crates, so that whoever holds the program can look
/// up their advisories.
const CRATES: &[u8] = b".dep-v0\0";

/// The variable in which a build learns what its programs call themselves, in answers and in logs.
pub const VERSION: &str = "IVORY_VERSION";

/// The release and the commit: `0.1.0+4fe1c2d0a9b1`.
pub fn version(commit: &str) -> String {
    format!("{}+{}", env!("CARGO_PKG_VERSION"), commit.get(..12).unwrap_or(commit))
}

/// What `cargo xtask deploy` writes beside the programs it built: of which commit they are, and their digests.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    commit: String,
    programs: BTreeMap<String, String>,
}

/// The processor a program is for, as the template's `Architecture` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    Arm64,
    X86,
}

impl Architecture {
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        match text {
            "arm64" => Ok(Self::Arm64),
            "x86_64" => Ok(Self::X86),
            _ => bail!("Architecture is {text:?}, neither arm64 nor x86_64"),
        }
    }

    /// The arguments of `cargo` that build the functions, each with the list of its crates.
    pub const fn build(self) -> &'static [&'static str] {
        match self {
            Self::Arm64 => &["auditable", "lambda", "build", "--release", "--arm64"],
            Self::X86 => &["auditable", "lambda", "build", "--release", "--x86-64"],
        }
    }

    /// `e_machine` of an ELF file: `EM_AARCH64`, `EM_X86_64`.
    const fn machine(self) -> u16 {
        match self {
            Self::Arm64 => 0xB7,
            Self::X86 => 0x3E,
        }
    }
}

/// The names of the functions that the template deploys.
pub fn deployed(root: &Path) -> anyhow::Result<Vec<String>> {
    let template = fs::read_to_string(root.join("template.yaml")).context("reading template.yaml")?;
    let lines = template.lines().filter_map(|line| line.trim().strip_prefix("CodeUri: target/lambda/"));
    Ok(lines.map(|name| name.trim_end_matches('/').to_owned()).collect())
}

/// What is wrong with the programs: missing, for another processor, linked with too new a library.
pub fn problems(root: &Path, architecture: Architecture) -> anyhow::Result<Vec<String>> {
    let (mut problems, mut missing) = (Vec::new(), Vec::new());
    for name in deployed(root)? {
        match fs::read(program(root, &name)) {
            Ok(content) => {
                let wrong = unfit(&content, architecture);
                problems.extend(wrong.map(|wrong| format!("target/lambda/{name}/bootstrap {wrong}")));
            }
            Err(_) => missing.push(name),
        }
    }
    if !missing.is_empty() {
        problems.push(format!("target/lambda lacks the programs of {}", missing.join(", ")));
    }
    Ok(problems)
}

fn program(root: &Path, name: &str) -> PathBuf {
    root.join("target/lambda").join(name).join("bootstrap")
}

/// Why Lambda could not start this program.
fn unfit(content: &[u8], architecture: Architecture) -> Option<String> {
    // The ELF header: magic, class (2: 64 bits), byte order (1: little), and the machine at offset 18.
    let header = content.get(..20).filter(|header| header.starts_with(b"\x7fELF\x02\x01"));
    let Some(header) = header else { return Some("is not a 64-bit ELF program".to_owned()) };
    let machine = u16::from_le_bytes([header[18], header[19]]);
    if machine != architecture.machine() {
        return Some(format!("is for another processor (machine {machine:#x}) than Architecture says"));
    }
    let (major, minor) = newest_glibc(content);
    if (major, minor) > GLIBC_OF_LAMBDA {
        return Some(format!("needs glibc {major}.{minor}, and Lambda has 2.34: build with `cargo lambda`"));
    }
    let lists_its_crates = content.windows(CRATES.len()).any(|window| window == CRATES);
    (!lists_its_crates).then(|| "does not list its crates: build with `cargo auditable`".to_owned())
}

/// The newest version of glibc that a program names, as `GLIBC_2.34`.
fn newest_glibc(content: &[u8]) -> (u32, u32) {
    const MARK: &[u8] = b"GLIBC_";
    let starts = content.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    let versions = starts.filter_map(|(start, _)| {
        let rest = &content[start + MARK.len()..];
        let end = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
        let (major, minor) = std::str::from_utf8(&rest[..end]).ok()?.split_once('.')?;
        Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
    });
    versions.max().unwrap_or_default()
}

/// Notes of which commit the programs are.
pub fn note(root: &Path, commit: &str) -> anyhow::Result<()> {
    let made = Made { commit: commit.to_owned(), programs: digests(root)? };
    fs::write(root.join("target/lambda/made.json"), serde_json::to_vec_pretty(&made)?)?;
    Ok(())
}

/// Fails if the programs are not the ones that were built from this commit.
pub fn verify(root: &Path, commit: &str) -> anyhow::Result<()> {
    let made = fs::read(root.join("target/lambda/made.json"))
        .context("target/lambda/made.json is missing, which `cargo xtask deploy` writes after its build")?;
    let made: Made = serde_json::from_slice(&made).context("target/lambda/made.json")?;
    if made.commit != commit {
        bail!("target/lambda was built from commit {}, and this is {commit}", made.commit);
    }
    if made.programs != digests(root)? {
        bail!("the programs in target/lambda were changed after they were built");
    }
    Ok(())
}

fn digests(root: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let digest = |name: String| {
        let path = program(root, &name);
        let content = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok((name, hex::encode(Sha256::digest(content))))
    };
    deployed(root)?.into_iter().map(digest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u16, rest: &[u8]) -> Vec<u8> {
        let mut content = b"\x7fELF\x02\x01\x01".to_vec();
        content.resize(18, 0);
        content.extend(machine.to_le_bytes());
        content.extend(rest);
        content
    }

    #[test]
    fn a_program_has_to_fit_lambda() {
        let fits = elf(0xB7, b"..GLIBC_2.17\0GLIBC_2.34\0GLIBC_PRIVATE\0.dep-v0\0");
        assert_eq!(unfit(&fits, Architecture::Arm64), None);
        assert!(unfit(&fits, Architecture::X86).expect("unfit").contains("another processor"));
        let newer = elf(0x3E, b"GLIBC_2.4\0GLIBC_2.39\0");
        assert!(unfit(&newer, Architecture::X86).expect("unfit").contains("glibc 2.39"));
        assert!(unfit(&elf(0x3E, b""), Architecture::X86).expect("unfit").contains("cargo auditable"));
        assert!(unfit(b"#!/bin/sh\n", Architecture::X86).expect("unfit").contains("ELF"));
    }

    #[test]
    fn a_version_names_release_and_commit() {
        let version = version("4fe1c2d0a9b1e6f7a8b9c0d1e2f3a4b5c6d7e8f9");
        assert_eq!(version, concat!(env!("CARGO_PKG_VERSION"), "+4fe1c2d0a9b1"));
    }

    #[test]
    fn programs_are_of_the_commit_they_were_built_from() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        fs::create_dir_all(root.join("target/lambda/get-tenant")).expect("folders");
        fs::write(root.join("template.yaml"), "      CodeUri: target/lambda/get-tenant/\n").expect("written");
        assert_eq!(problems(root, Architecture::X86).expect("read").len(), 1);
        fs::write(program(root, "get-tenant"), elf(0x3E, CRATES)).expect("written");
        assert_eq!(problems(root, Architecture::X86).expect("read"), Vec::<String>::new());
        assert!(verify(root, "c1").expect_err("no note").to_string().contains("missing"));
        note(root, "c1").expect("noted");
        verify(root, "c1").expect("the same");
        assert!(verify(root, "c2").expect_err("another commit").to_string().contains("c1"));
        fs::write(program(root, "get-tenant"), elf(0x3E, b"x.dep-v0\0")).expect("written");
        assert!(verify(root, "c1").expect_err("changed").to_string().contains("changed"));
    }
}
