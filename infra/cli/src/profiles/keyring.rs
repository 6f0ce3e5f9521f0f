//! The system's keyring: the Secret Service of a desktop, the keychain of macOS. A server has none.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use keyring::Entry;

use super::ProfileName;
use crate::error::Error;
use crate::output::note;

const SERVICE: &str = "ivory";

/// Says `off` where credentials are to stay in files.
const SWITCH: &str = "IVORY_KEYRING";

/// Nobody waits longer for a keyring that asks nobody to unlock it.
const LIMIT: Duration = Duration::from_secs(20);

/// Does something with a profile's entry. `None`: there is no keyring, or it does not answer.
fn with<T: Send + 'static>(
    name: &ProfileName,
    act: fn(&Entry, &str) -> keyring::Result<T>,
    text: &str,
) -> Option<keyring::Result<T>> {
    let switch = std::env::var(SWITCH).unwrap_or_default().to_lowercase();
    if matches!(switch.as_str(), "off" | "0" | "no" | "false") {
        return None;
    }
    let (answer, answered) = mpsc::channel();
    let (name, text) = (name.to_string(), text.to_owned());
    // The thread ends with the program, if not before.
    thread::spawn(move || {
        let done = Entry::new(SERVICE, &name).map(|entry| act(&entry, &text));
        let _ = answer.send(done.ok());
    });
    answered.recv_timeout(LIMIT).unwrap_or_else(|_| {
        note(format_args!("the keyring does not answer; {SWITCH}=off keeps to files"));
        None
    })
}

/// Keeps a text; false if there is no keyring that takes it.
pub fn set(name: &ProfileName, text: &str) -> bool {
    matches!(with(name, Entry::set_password, text), Some(Ok(())))
}

/// The text. `None`: the keyring has none.
pub fn get(name: &ProfileName) -> Result<Option<String>, Error> {
    let why = match with(name, |entry, _| entry.get_password(), "") {
        Some(Ok(text)) => return Ok(Some(text)),
        Some(Err(keyring::Error::NoEntry)) => return Ok(None),
        Some(Err(error)) => error.to_string(),
        None => "it cannot be asked".to_owned(),
    };
    Err(Error::NoCredential(format!("the credentials of profile {name} are in the keyring: {why}")))
}

/// Deletes the text, if there is one. Whatever is wrong with the keyring, it is no reason to keep the profile.
pub fn delete(name: &ProfileName) {
    with(name, |entry, _| entry.delete_credential(), "");
}
