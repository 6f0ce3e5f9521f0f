//! Who is in a deployment's way.

use tokio_postgres::{GenericClient, Row};

use crate::StoreError;

/// How many sessions are named.
const NAMED: usize = 3;

/// The sessions that hold an advisory lock.
pub(crate) async fn of_lock(client: &impl GenericClient, lock: i64) -> Result<String, StoreError> {
    let rows = client.query(include_str!("../sql/lock_holders.sql"), &[&lock]).await?;
    described(&rows)
}

/// The sessions that use tables of the control database, the longest first as far as that can be seen.
pub(crate) async fn of_tables(client: &impl GenericClient) -> Result<String, StoreError> {
    let rows = client.query(include_str!("../sql/table_holders.sql"), &[]).await?;
    described(&rows)
}

/// The session's process, its user, what it calls itself, and its state if the role may see that.
fn described(rows: &[Row]) -> Result<String, StoreError> {
    let mut all = Vec::new();
    for row in rows.iter().take(NAMED) {
        let (pid, user): (i32, &str) = (row.try_get("pid")?, row.try_get("user")?);
        let (application, state): (&str, &str) = (row.try_get("application")?, row.try_get("state")?);
        all.push(format!("session {pid} of {} ({}, {})", plain(user), plain(application), plain(state)));
    }
    if all.is_empty() {
        return Ok("a session that has just ended".to_owned());
    }
    if let Some(more) = rows.len().checked_sub(NAMED).filter(|more| *more > 0) {
        all.push(format!("{more} more"));
    }
    Ok(all.join(", "))
}

/// A name that somebody else chose, without anything but plain characters.
fn plain(name: &str) -> String {
    name.chars().take(40).map(|c| if c.is_ascii_alphanumeric() || " ._/@-".contains(c) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_somebody_chose_stays_one_short_word_of_a_text() {
        assert_eq!(plain("pg_dump"), "pg_dump");
        assert_eq!(plain("a\n\"b'é"), "a??b??");
        assert_eq!(plain(&"x".repeat(100)).len(), 40);
    }
}
