//! The share of a core that a function's memory buys, as a quota of the kernel's scheduler.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail};

/// Lambda gives a whole core at this much memory, and less in proportion.
const MEMORY_OF_A_CORE: f64 = 1769.0;
/// How often a process gets its share anew.
const PERIOD_US: f64 = 20_000.0;

/// The share that so much memory buys.
#[must_use]
pub fn of_memory(megabytes: u32) -> f64 {
    (f64::from(megabytes) / MEMORY_OF_A_CORE).min(1.0)
}

/// A control group whose processes get no more than their share. It is removed with this value.
#[derive(Debug)]
pub struct Quota {
    folder: PathBuf,
}

impl Drop for Quota {
    fn drop(&mut self) {
        // Once its last process is gone, which the kernel may take a moment for.
        for _ in 0..50 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        eprintln!("{} could not be removed", self.folder.display());
    }
}

impl Quota {
    /// Makes a group for this share of a core. The error says why none can be made here.
    pub fn of(share: f64) -> Result<Self> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let read = |path: &str| fs::read_to_string(path).with_context(|| format!("reading {path}"));
        let Some((own, version)) = own_group(&read("/proc/self/mounts")?, &read("/proc/self/cgroup")?) else {
            bail!("no cgroup of the processor's scheduler is mounted");
        };
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = own.join(format!("bench-{}-{number}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("a cgroup in {}", own.display()))?;
        let quota = Self { folder };
        quota.limit(&own, version, share).context("setting a cgroup's quota")?;
        Ok(quota)
    }

    fn limit(&self, own: &Path, version: Version, share: f64) -> Result<()> {
        let microseconds = (PERIOD_US * share).round();
        match version {
            Version::One => {
                fs::write(self.folder.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
                fs::write(self.folder.join("cpu.cfs_quota_us"), microseconds.to_string())?;
            }
            Version::Two => {
                if !self.folder.join("cpu.max").exists() {
                    fs::write(own.join("cgroup.subtree_control"), "+cpu")?;
                }
                fs::write(self.folder.join("cpu.max"), format!("{microseconds} {PERIOD_US}"))?;
            }
        }
        Ok(())
    }

    /// The file through which a process enters.
    #[must_use]
    pub fn entrance(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The group that this process is in, from `/proc/self/mounts` and `/proc/self/cgroup`. Where both versions are mounted,
/// the first one has the controller.
fn own_group(mounts: &str, memberships: &str) -> Option<(PathBuf, Version)> {
    let has_cpu = |list: &str| list.split(',').any(|part| part == "cpu");
    let below = |mount: &str, own: &str| Path::new(mount).join(own.trim_start_matches('/'));
    let first = mounts.lines().find_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
        [_, mount, "cgroup", options, ..] if has_cpu(options) => Some(mount),
        _ => None,
    });
    if let Some(mount) = first {
        let own = memberships.lines().find_map(|line| match line.splitn(3, ':').collect::<Vec<_>>()[..] {
            [_, controllers, own] if has_cpu(controllers) => Some(own),
            _ => None,
        });
        return own.map(|own| (below(mount, own), Version::One));
    }
    let second = mounts.lines().find_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
        [_, mount, "cgroup2", ..] => Some(mount),
        _ => None,
    });
    let own = memberships.lines().find_map(|line| line.strip_prefix("0::"));
    second.zip(own).map(|(mount, own)| (below(mount, own), Version::Two))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_buys_a_share_up_to_a_core() {
        assert!((of_memory(256) - 0.1447).abs() < 0.0001);
        assert!((of_memory(1769) - 1.0).abs() < f64::EPSILON);
        assert!((of_memory(10_240) - 1.0).abs() < f64::EPSILON);
    }

    /// Where none can be made, nothing is measured at a share either.
    #[test]
    fn two_groups_may_have_the_same_share() {
        let Ok(first) = Quota::of(0.5) else { return };
        let second = Quota::of(0.5).expect("another group");
        assert_ne!(first.entrance(), second.entrance());
    }

    #[test]
    fn the_group_is_found_in_both_versions() {
        let two = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
        let mixed = "cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0\ncgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n\
            cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let found = |path: &str, version| Some((PathBuf::from(path), version));
        assert_eq!(own_group(two, "0::/user.slice\n"), found("/sys/fs/cgroup/user.slice", Version::Two));
        assert_eq!(
            own_group(mixed, "4:cpuset:/a\n3:cpu,cpuacct:/b\n0::/c\n"),
            found("/sys/fs/cgroup/cpu,cpuacct/b", Version::One)
        );
        assert_eq!(own_group(mixed, "3:cpu,cpuacct:/\n"), found("/sys/fs/cgroup/cpu,cpuacct", Version::One));
        assert_eq!(own_group("tmpfs /tmp tmpfs rw 0 0\n", "0::/\n"), None);
    }
}
