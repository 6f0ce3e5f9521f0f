//! One resource, and what is written down of it.

use domain::{CauseCode, Failure, PurgeOutcome, PurgedItem, PurgedKind};
use jiff::Timestamp;
use lambda_kit::SecretEnd;
use store::PurgeLease;
use uuid::Uuid;

/// A resource that a step ends. What its system says of it is written at once: it was asked just now.
pub struct Thing<'a> {
    lease: &'a PurgeLease<'a>,
    kind: PurgedKind,
    name: String,
    external_id: Option<String>,
    ledger: Option<Uuid>,
}

impl<'a> Thing<'a> {
    /// A resource that is found by its name.
    #[must_use]
    pub fn of(lease: &'a PurgeLease<'a>, kind: PurgedKind, name: impl Into<String>) -> Self {
        Self { lease, kind, name: name.into(), external_id: None, ledger: None }
    }

    /// Adds its id in its system.
    #[must_use]
    pub fn with_id(mut self, external_id: impl Into<String>) -> Self {
        self.external_id = Some(external_id.into());
        self
    }

    /// Adds its row in the ledger, which is dead once the resource is gone.
    #[must_use]
    pub const fn in_ledger(mut self, row: Option<Uuid>) -> Self {
        self.ledger = row;
        self
    }

    /// Its system has it no more.
    pub async fn gone(&self, answered: &str) -> Result<(), Failure> {
        self.write(answered, PurgeOutcome::Gone, None, None).await
    }

    /// It is a secret, and this became of it once its deletion was asked for.
    pub async fn discarded(&self, end: SecretEnd) -> Result<(), Failure> {
        match end {
            SecretEnd::Gone => self.gone("no such secret").await,
            SecretEnd::Scheduled(until) => {
                let until = Timestamp::try_from(until).unwrap_or(Timestamp::MAX);
                self.write("it is scheduled for deletion", PurgeOutcome::Scheduled, None, Some(until)).await
            }
            SecretEnd::There => Err(self.still_there("The secret")),
        }
    }

    /// It stays.
    pub async fn kept(&self, answered: &str, why: &str) -> Result<(), Failure> {
        self.write(answered, PurgeOutcome::Kept, Some(why), None).await
    }

    async fn write(
        &self,
        answered: &str,
        outcome: PurgeOutcome,
        why: Option<&str>,
        until: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let item = PurgedItem {
            kind: self.kind,
            name: self.name.clone(),
            external_id: self.external_id.clone(),
            asked_at: Timestamp::now(),
            answered: answered.to_owned(),
            outcome,
            why: why.map(str::to_owned),
            until,
        };
        self.lease.write_item(&item, self.ledger).await
    }

    /// The failure of something that has its name and lacks the tenant's mark. `what`: what it is, as a sentence begins.
    #[must_use]
    pub fn foreign(&self, what: &str) -> Failure {
        Failure::with_detail(CauseCode::PurgeForeign, format!("{what} {}", self.name))
    }

    /// The failure of something that is there although its system accepted the deletion.
    #[must_use]
    pub fn still_there(&self, what: &str) -> Failure {
        Failure::with_detail(CauseCode::PurgeStillThere, format!("{what} {}", self.name))
    }
}
