//! Which names indexes and aliases may have.

use crate::error::{Detail, Problem, Result};

/// `Strings.INVALID_FILENAME_CHARS`, in the order the server lists them.
const NOT_IN_FILE_NAMES: [char; 10] = [' ', '"', '*', '\\', '<', '|', ',', '>', '/', '?'];
const MAX_BYTES: usize = 255;

pub(crate) fn check_index(name: &str) -> Result<()> {
    let lowercase = || (name.to_lowercase() != name).then(|| "must be lowercase".to_owned());
    match common_flaw(name).or_else(lowercase) {
        None => Ok(()),
        Some(flaw) => Err(invalid_index(name, &format!(", {flaw}"))),
    }
}

/// Aliases may have capital letters.
pub(crate) fn check_alias(name: &str) -> Result<()> {
    match common_flaw(name) {
        None => Ok(()),
        Some(flaw) => {
            let reason = format!("Invalid alias name [{name}]: {flaw}");
            Err(Problem::new(400, Detail::new("invalid_alias_name_exception", reason)))
        }
    }
}

/// What a name to look for must not be, as opposed to a name to create.
pub(crate) fn check_expression(name: &str) -> Result<()> {
    if name.starts_with('_') { Err(invalid_index(name, ", must not start with '_'.")) } else { Ok(()) }
}

pub(crate) fn invalid_index(name: &str, flaw: &str) -> Problem {
    let detail = Detail::new("invalid_index_name_exception", format!("Invalid index name [{name}]{flaw}"));
    Problem::new(400, detail.with("index", name).with("index_uuid", "_na_"))
}

fn common_flaw(name: &str) -> Option<String> {
    if name.is_empty() {
        Some("must not be empty".to_owned())
    } else if name.contains(NOT_IN_FILE_NAMES) {
        let listed = NOT_IN_FILE_NAMES.map(String::from).join(", ");
        Some(format!("must not contain the following characters [{listed}]"))
    } else if name.contains('#') {
        Some("must not contain '#'".to_owned())
    } else if name.contains(':') {
        Some("must not contain ':'".to_owned())
    } else if name.starts_with(['_', '-', '+']) {
        Some("must not start with '_', '-', or '+'".to_owned())
    } else if name.len() > MAX_BYTES {
        Some(format!("index name is too long, ({} > {MAX_BYTES})", name.len()))
    } else if name == "." || name == ".." {
        Some("must not be '.' or '..'".to_owned())
    } else {
        None
    }
}
