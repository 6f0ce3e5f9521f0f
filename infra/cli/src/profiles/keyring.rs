//! The system's keyring: the Secret Service of a desktop, the keychain of macOS. A server has none.

use keyring::Entry;

use super::ProfileName;
use crate::error::Error;

const SERVICE: &str = "ivory";

/// Says `off` where credentials are to stay in files.
const SWITCH: &str = "IVORY_KEYRING";

fn entry(name: &ProfileName) -> Option<Entry> {
    if std::env::var_os(SWITCH).is_some_and(|value| value == "off") {
        return None;
    }
    Entry::new(SERVICE, name.as_str()).ok()
}

/// Keeps a text; false if there is no keyring that takes it.
pub fn set(name: &ProfileName, text: &str) -> bool {
    entry(name).is_some_and(|entry| entry.set_password(text).is_ok())
}

/// The text. `None`: the keyring has none.
pub fn get(name: &ProfileName) -> Result<Option<String>, Error> {
    let locked = |why: String| {
        Err(Error::NoCredential(format!(
            "the keyring, which has the credentials of profile {name}, does not answer: {why}"
        )))
    };
    let Some(entry) = entry(name) else { return locked("there is none".to_owned()) };
    match entry.get_password() {
        Ok(text) => Ok(Some(text)),
        Err(keyring::Error::NoEntry) => Ok(None),
        Err(error) => locked(error.to_string()),
    }
}

/// Deletes the text, if there is one.
pub fn delete(name: &ProfileName) {
    if let Some(entry) = entry(name) {
        // Whatever is wrong with the keyring, it is no reason to keep the profile.
        let _ = entry.delete_credential();
    }
}
