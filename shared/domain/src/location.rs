//! Where a catalog's data lies, such that two spellings of one place are one location.
//!
//! A place that might be the same counts as the same: whoever is refused takes another prefix, and whoever is let in by
//! mistake reads another tenant's data. So the object store's endpoint does not tell two buckets of one name apart, since one
//! store has many endpoints. What only the outside knows, such as which bucket an access point leads to, is not known here.

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::credentials::{CONTAINER_SCHEMES, FOUND, decoded, in_text};
use crate::uri::authority;
use crate::words::Invalid;

/// The longest location that fits into an index of the database.
const LONGEST_INDEXED: usize = 2000;

/// A location: what holds the data, then each folder, each with a `/` after it. One lies in another if it begins with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(String);

impl Location {
    /// The location of a prefix in a warehouse. Whatever was stored has one, also what would be refused today.
    #[must_use]
    pub fn of(warehouse: &str, storage_prefix: &str) -> Self {
        let (scheme, rest) = warehouse.split_once(':').unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase();
        let rest = with_slashes(&scheme, rest.split(['?', '#']).next().unwrap_or_default());
        let rest = rest.as_str();
        let host = authority(rest).map(host);
        let path = rest.strip_prefix("//").map_or(rest, |rest| rest.split_once('/').map_or("", |(_, path)| path));
        let mut folders = folders(path);
        let mut location = holder(&scheme, host, &mut folders);
        folders.extend(self::folders(storage_prefix));
        for folder in climbed(folders) {
            location.push_str(&folder);
            location.push('/');
        }
        Self(location)
    }

    /// The location as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The location as text, if an index can hold it.
    #[must_use]
    pub fn indexed(&self) -> Option<&str> {
        Some(self.as_str()).filter(|text| text.len() <= LONGEST_INDEXED)
    }

    /// The location itself, and every location that it lies in.
    #[must_use]
    pub fn and_above(&self) -> Vec<&str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..=at]).collect()
    }

    /// Whether both are the same, or one lies in the other.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }
}

/// What follows the scheme, with two slashes in front of the host or bucket, however many were written. Of another scheme, one
/// slash stands before a path without a host.
fn with_slashes(scheme: &str, rest: &str) -> String {
    const OF_BUCKETS: [&str; 7] = ["s3", "s3a", "s3n", "gs", "gcs", "http", "https"];
    if OF_BUCKETS.contains(&scheme) || CONTAINER_SCHEMES.contains(&scheme) {
        format!("//{}", rest.trim_start_matches('/'))
    } else if rest.starts_with('/') && !rest.starts_with("//") {
        format!("//{rest}")
    } else {
        rest.to_owned()
    }
}

/// What holds the folders: a bucket, a container, a server, ending in `/`. Takes the first folder where it names the bucket or container.
fn holder(scheme: &str, host: Option<(String, String)>, folders: &mut Vec<String>) -> String {
    let Some((user, host)) = host else {
        // arn:aws:s3:::bucket/key
        let first = folders.first().cloned().unwrap_or_default();
        return match first.splitn(5, ':').collect::<Vec<_>>()[..] {
            [_, "s3", "", "", bucket] if scheme == "arn" => {
                let bucket = format!("s3://{}/", bucket.to_lowercase());
                folders.remove(0);
                bucket
            }
            // One slash or three, there is no server.
            _ if scheme == "file" => "file:///".to_owned(),
            _ => format!("{scheme}:"),
        };
    };
    let in_host =
        |host: &str, store: &str| host.strip_suffix(store).and_then(|rest| rest.strip_suffix('.')).map(str::to_owned);
    let (scheme, bucket) = match scheme {
        "s3" | "s3a" | "s3n" => ("s3", Some(host)),
        "gs" | "gcs" => ("gs", Some(host)),
        "file" => ("file", Some(String::new())),
        known if CONTAINER_SCHEMES.contains(&known) => {
            let account = azure(&host);
            return if user.is_empty() { format!("azure://{account}/") } else { format!("azure://{account}/{user}/") };
        }
        "http" | "https" if is_aws(&host) && host.split('.').any(is_s3) => {
            let labels: Vec<&str> = host.split('.').collect();
            let of_store = labels.iter().rposition(|label| is_s3(label)).unwrap_or_default();
            ("s3", Some(labels[..of_store].join(".")).filter(|bucket| !bucket.is_empty()))
        }
        "http" | "https" if host == GOOGLE => ("gs", None),
        "http" | "https" if in_host(&host, GOOGLE).is_some() => ("gs", in_host(&host, GOOGLE)),
        "http" | "https" if host.ends_with(".core.windows.net") => return format!("azure://{}/", azure(&host)),
        "http" | "https" => ("http", Some(host)),
        other => return format!("{other}://{host}/"),
    };
    let bucket =
        bucket.unwrap_or_else(|| if folders.is_empty() { String::new() } else { folders.remove(0).to_lowercase() });
    format!("{scheme}://{bucket}/")
}

const GOOGLE: &str = "storage.googleapis.com";

fn is_aws(host: &str) -> bool {
    host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn")
}

fn is_s3(label: &str) -> bool {
    label == "s3" || label.starts_with("s3-")
}

/// An account's name, whichever of its interfaces is asked.
fn azure(host: &str) -> String {
    host.replacen(".blob.core.", ".dfs.core.", 1)
}

/// User and host of an authority, without the port that the scheme has anyway: a port of another service is kept.
fn host(authority: &str) -> (String, String) {
    let plain = alike(authority).to_lowercase();
    let (user, host) = plain.rsplit_once('@').unwrap_or(("", &plain));
    let known = [":80", ":443", ":"].into_iter().find_map(|port| host.strip_suffix(port));
    (user.to_owned(), known.unwrap_or(host).trim_end_matches('.').to_owned())
}

/// A text decoded, and in the one form of everything that looks the same.
fn alike(text: &str) -> String {
    ComposingNormalizerBorrowed::new_nfkc().normalize(&decoded(text)).into_owned()
}

/// The folders of a path, without those that lead nowhere, and without white space that somebody may cut off.
fn folders(path: &str) -> Vec<String> {
    let alike = alike(path);
    let folders = alike.split(['/', '\\']).map(str::trim);
    folders.filter(|folder| !matches!(*folder, "" | ".")).map(str::to_owned).collect()
}

/// The folders where a path ends that climbs.
fn climbed(path: Vec<String>) -> Vec<String> {
    let mut folders = Vec::with_capacity(path.len());
    for folder in path {
        if folder == ".." {
            folders.pop();
        } else {
            folders.push(folder);
        }
    }
    folders
}

/// Refuses the address of a warehouse whose path can be read in two ways.
pub(crate) fn check_warehouse(warehouse: &str) -> Result<(), Invalid> {
    let rest = warehouse.split_once(':').unwrap_or_default().1;
    let path = rest.strip_prefix("//").map_or(rest, |rest| rest.split_once('/').map_or("", |(_, path)| path));
    if rest.contains(['?', '#']) || is_ambiguous(path) {
        return Err(Invalid("must not contain .., encoded slashes, back slashes, a query or a fragment"));
    }
    Ok(())
}

/// Refuses a prefix that is no place below its warehouse.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), Invalid> {
    if in_text(prefix) {
        return Err(FOUND);
    }
    let alike = alike(prefix);
    let has_scheme = |text: &str| text.split('/').next().is_some_and(|first| first.contains(':'));
    let absolute = alike.starts_with('/') || has_scheme(&alike) || has_scheme(prefix);
    let folders = folders(prefix);
    if absolute || alike.contains(['?', '#']) || is_ambiguous(prefix) || folders.is_empty() {
        return Err(Invalid(
            "must be a relative path such as tenants/acme/, without .., encoded slashes, back slashes, ? and #",
        ));
    }
    Ok(())
}

/// Whether some read another place in it than others: one that climbs, or one with more folders once it is decoded.
fn is_ambiguous(path: &str) -> bool {
    let alike = decoded(path);
    let slashes = |text: &str| text.matches('/').count();
    alike.contains('\\') || slashes(&alike) != slashes(path) || folders(path).iter().any(|folder| folder == "..")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_place_are_one_location() {
        for (location, spellings) in [
            (
                "s3://ivory/tenants/acme/",
                &[
                    ("s3://ivory/", "tenants/acme/"),
                    ("s3://ivory", "tenants/acme"),
                    ("S3://ivory//", "tenants//acme//"),
                    ("s3a://ivory/", "./tenants/./acme"),
                    ("s3n://IVORY/tenants", "acme"),
                    ("s3://ivory/tenants/", "acme/"),
                    ("s3://ivory/%74enants", "%61cme"),
                    ("s3://ivory/", "tenants/%2561cme"),
                    ("s3://ivory/", "tenants\\acme"),
                    ("s3://ivory/", " tenants/acme%20/"),
                    ("s3://ivory/", "other/../tenants/acme"),
                    ("s3://ivory/", "../tenants/acme"),
                    ("s3://ivory/?x=1#y", "tenants/acme"),
                    ("s3://ivory:443/", "tenants/acme"),
                    ("https://ivory.s3.amazonaws.com/", "tenants/acme/"),
                    ("https://ivory.s3.us-east-1.amazonaws.com/tenants", "acme/"),
                    ("https://s3.us-east-1.amazonaws.com/ivory", "tenants/acme/"),
                    ("http://s3-eu-west-1.amazonaws.com:80/ivory/tenants/", "acme"),
                    ("https://s3.cn-north-1.amazonaws.com.cn/ivory", "tenants/acme/"),
                    ("s3:ivory/tenants", "acme"),
                    ("s3:/ivory", "tenants/acme"),
                    ("s3:///ivory", "tenants/acme"),
                    ("arn:aws:s3:::ivory/tenants", "acme"),
                    ("arn:aws:s3:::ivory", "tenants/acme"),
                ][..],
            ),
            (
                "s3://my.s3.data/a/",
                &[("https://my.s3.data.s3.us-east-1.amazonaws.com/", "a"), ("s3://my.s3.data", "a")][..],
            ),
            (
                "gs://ivory/acme/",
                &[
                    ("gs://ivory/", "acme"),
                    ("https://storage.googleapis.com/ivory/", "acme"),
                    ("https://ivory.storage.googleapis.com/", "acme"),
                ],
            ),
            (
                "azure://ivory.dfs.core.windows.net/lake/acme/",
                &[
                    ("abfss://lake@ivory.dfs.core.windows.net/", "acme"),
                    ("abfs://lake@IVORY.dfs.core.windows.net", "acme/"),
                    ("wasbs://lake@ivory.blob.core.windows.net/acme", "."),
                    ("https://ivory.blob.core.windows.net/lake/", "acme"),
                    ("https://ivory.dfs.core.windows.net/lake", "acme"),
                ],
            ),
            ("file:///srv/acme/", &[("file:///srv", "acme"), ("file:/srv/", "acme"), ("file://localhost/srv", "acme")]),
            ("hdfs:///a/b/", &[("hdfs:///a", "b"), ("hdfs:/a/", "b")]),
            ("hdfs://name:8020/a/b/", &[("hdfs://name:8020/a", "b"), ("hdfs://NAME:8020/", "a/b")]),
            ("http://minio:9000/ivory/a/", &[("https://minio:9000/ivory", "a"), ("http://MINIO:9000/ivory/", "a/")]),
            ("s3://ivory/b\u{fc}cher/", &[("s3://ivory/", "bu\u{308}cher"), ("s3://ivory/", "b%C3%BCcher")]),
        ] {
            for (warehouse, prefix) in spellings {
                assert_eq!(Location::of(warehouse, prefix).as_str(), location, "{warehouse} {prefix}");
            }
        }
    }

    #[test]
    fn a_location_lies_in_another_by_whole_folders() {
        let at = |prefix: &str| Location::of("s3://ivory/", prefix);
        for (one, other) in [("a/b", "a/b/"), ("a", "a/b/c"), ("a/b/c", "a"), ("a", "a//b")] {
            assert!(at(one).overlaps(&at(other)) && at(other).overlaps(&at(one)), "{one} {other}");
        }
        for (one, other) in [("a/b", "a/bc"), ("a/b", "a/c"), ("a/b", "b"), ("acme", "acme-bank"), ("A", "a")] {
            assert!(!at(one).overlaps(&at(other)) && !at(other).overlaps(&at(one)), "{one} {other}");
        }
        assert!(!at("a").overlaps(&Location::of("s3://ivory-2/", "a")));
        assert!(!at("a").overlaps(&Location::of("gs://ivory/", "a")));
        assert_eq!(at("a/b").and_above(), ["s3:/", "s3://", "s3://ivory/", "s3://ivory/a/", "s3://ivory/a/b/"]);
    }

    proptest! {
        /// Whoever concatenates the parts and cuts them at slashes finds no place in both that is not found here.
        #[test]
        fn what_a_store_would_mix_up_overlaps(
            one in prop::collection::vec("[ab.%2e]{1,4}", 1..5),
            more in prop::collection::vec("[ab]{1,3}", 0..3),
        ) {
            let (short, long) = (one.join("/"), [one.clone(), more].concat().join("/"));
            prop_assert!(Location::of("s3://ivory/", &short).overlaps(&Location::of("s3a://ivory", &long)));
        }

        #[test]
        fn an_accepted_prefix_stays_in_its_warehouse(prefix in "([ab.]|/|\\\\|%2[eEfF]|%25|:|\\?){0,12}") {
            if check_prefix(&prefix).is_ok() {
                let (warehouse, location) = (Location::of("s3://ivory/w", ""), Location::of("s3://ivory/w", &prefix));
                prop_assert!(location.as_str().starts_with(warehouse.as_str()) && location != warehouse, "{:?}", location);
            }
        }

        #[test]
        fn every_text_has_a_location(warehouse in any::<String>(), prefix in any::<String>()) {
            let location = Location::of(&warehouse, &prefix);
            prop_assert!(location.overlaps(&location));
        }
    }
}
