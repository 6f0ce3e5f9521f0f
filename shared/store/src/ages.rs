//! How old what is not finished is.

use std::time::Duration;

use crate::{Store, StoreError};

/// Since when the oldest of what is not finished was asked for; zero if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    /// The attempt of a tenant that is being provisioned.
    pub run: Duration,
    /// A promise of the outbox.
    pub promise: Duration,
}

impl Store {
    /// The ages of the oldest run and of the oldest promise.
    pub async fn ages(&self) -> Result<Ages, StoreError> {
        let rows = self.read(include_str!("../sql/ages.sql"), &[]).await?;
        let Some(row) = rows.first() else { return Ok(Ages::default()) };
        let age = |column| {
            let seconds: Option<f64> = row.try_get(column)?;
            Ok::<_, StoreError>(Duration::try_from_secs_f64(seconds.unwrap_or_default()).unwrap_or_default())
        };
        Ok(Ages { run: age("run_secs")?, promise: age("promise_secs")? })
    }
}
