//! What the last check of each system found.

use std::time::Duration;

use domain::{Cause, Checked, Region, Tier, Verdict, Warning};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::steps::json;
use crate::tenants::parsed;
use crate::{Reader, Store, StoreError};

/// How long a verdict counts. The check comes every five minutes, so three of them have to fail before its word is too
/// old to stop anybody.
pub const VERDICT_COUNTS_FOR: Duration = Duration::from_mins(15);

/// A verdict as it was recorded.
#[derive(Clone, Debug)]
pub struct RecordedVerdict {
    /// What was found.
    pub verdict: Verdict,
    /// When the check began.
    pub checked_at: Timestamp,
    /// How long ago that was, by the database's clock.
    pub age: Duration,
}

impl RecordedVerdict {
    /// Whether it still counts.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.age < VERDICT_COUNTS_FOR
    }
}

impl TryFrom<&Row> for RecordedVerdict {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let cause: Option<Value> = row.try_get("cause")?;
        let cause: Option<Cause> =
            cause.map(serde_json::from_value).transpose().map_err(|_| StoreError::Broken("cause".to_owned()))?;
        let (region, tier): (Option<&str>, Option<&str>) = (row.try_get("region")?, row.try_get("tier")?);
        let known = |text: &str| StoreError::Broken(text.to_owned());
        let warnings: Vec<&str> = row.try_get("warnings")?;
        let verdict = Verdict {
            system: parsed::<Checked>(row, "system")?,
            region: region.map(str::parse::<Region>).transpose().map_err(|_| known("region"))?,
            tier: tier.map(str::parse::<Tier>).transpose().map_err(|_| known("tier"))?,
            cause,
            stops: row.try_get("stops")?,
            // A later release may have written others.
            warnings: warnings.into_iter().filter_map(|text| text.parse::<Warning>().ok()).collect(),
        };
        let age: f64 = row.try_get("age_secs")?;
        let age = Duration::try_from_secs_f64(age).unwrap_or_default();
        Ok(Self { verdict, checked_at: row.try_get("checked_at")?, age })
    }
}

impl Reader {
    /// Every verdict.
    pub async fn verdicts(&self) -> Result<Vec<RecordedVerdict>, StoreError> {
        let rows = self.read(include_str!("../sql/read/verdicts.sql"), &[]).await?;
        rows.iter().map(RecordedVerdict::try_from).collect()
    }
}

impl Store {
    /// Records all verdicts of a check that began some time ago, in one statement.
    pub async fn record_verdicts(&self, verdicts: &[Verdict], began: Duration) -> Result<(), StoreError> {
        let counts = VERDICT_COUNTS_FOR.as_secs_f64();
        self.query(
            include_str!("../sql/verdicts_record.sql"),
            &[(&json(&verdicts)?, Type::JSONB), (&began.as_secs_f64(), Type::FLOAT8), (&counts, Type::FLOAT8)],
        )
        .await
        .map(drop)
    }

    /// The verdicts that concern tenants of this region and tier. One that stops them comes first.
    pub async fn verdicts_for(&self, region: Region, tier: Tier) -> Result<Vec<RecordedVerdict>, StoreError> {
        let rows = self
            .read(
                include_str!("../sql/verdicts_for.sql"),
                &[(&region.as_str(), Type::TEXT), (&tier.as_str(), Type::TEXT)],
            )
            .await?;
        rows.iter().map(RecordedVerdict::try_from).collect()
    }
}
