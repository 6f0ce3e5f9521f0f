//! How long a deployment waits for others, and how long others may have to wait for it.

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Client;

use crate::StoreError;

/// How long a deployment goes on trying. The function has 240 s, and CloudFormation waits for 300 s.
const TRYING: Duration = Duration::from_secs(150);
/// The pause between two tries. Shorter than the time-outs for a silent session.
const PAUSE: Duration = Duration::from_secs(2);

/// The longest statement, and with it the end of the last try.
const STATEMENT: Duration = Duration::from_mins(1);

/// The limits of a session that changes the schema, whatever becomes of its client. While it waits for a table, every
/// other statement on that table queues behind it, and those of the functions have 2 s: so the wait is short, and is
/// repeated. A client that was killed or frozen is silent, and a silent session ends with all its locks.
const LIMITS: &str = "
SET lock_timeout = '1s';
SET statement_timeout = '60s';
SET idle_in_transaction_session_timeout = '10s';
SET idle_session_timeout = '10s';
SET client_connection_check_interval = '2s'";

/// Until when a deployment goes on trying.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    until: Instant,
}

impl Patience {
    /// The longest time from a deployment's start to its end.
    pub const LONGEST: Duration = TRYING.saturating_add(STATEMENT);

    /// A deployment that starts now.
    #[must_use]
    pub fn of_deployment() -> Self {
        Self::of(TRYING)
    }

    /// As long as this, from now.
    #[must_use]
    pub fn of(time: Duration) -> Self {
        Self { until: Instant::now() + time }
    }

    /// When the last try has to be over.
    pub(crate) fn end(self) -> Instant {
        self.until + STATEMENT
    }

    /// Waits before the next try. `false` if there is none.
    pub(crate) async fn allows_another_try(self) -> bool {
        let next = Instant::now() + PAUSE;
        if next > self.until {
            return false;
        }
        tokio::time::sleep_until(next).await;
        true
    }
}

/// Limits what the session may wait for.
pub(crate) async fn limit(client: &Client) -> Result<(), StoreError> {
    Ok(client.batch_execute(LIMITS).await?)
}
