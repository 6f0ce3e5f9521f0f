//! Every hour: writes the last seal of the audit log down in a bucket with object lock. From then on nobody can change the rows up to it
//! unseen, not even who owns the database.

use audit_anchors::AuditAnchors;
use domain::Failure;
use lambda_kit::needs;
use lambda_kit::operation::Operation;
use serde::Serialize;
use serde_json::{Value, json};
use store::ControlReader;

/// What one invocation did.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The last row that the anchor vouches for. Null: there is nothing to anchor, or no bucket for it.
    seq: Option<i64>,
    /// Until when the anchor cannot be removed.
    locked_until: Option<String>,
}

needs! {
    /// Anchors the audit log.
    pub struct AnchorAudit {
        store: ControlReader,
        anchors: AuditAnchors,
    }
}

impl Operation for AnchorAudit {
    const NAME: &'static str = "anchor-audit";
    type Event = Value;
    type Answer = Report;
    type Error = lambda_runtime::Error;

    /// The same seal again is no second anchor. After an error the next hour's anchor vouches for the same rows.
    async fn invoke(&self, _: Value, _: &str) -> Result<Report, lambda_runtime::Error> {
        if !self.anchors.are_wanted() {
            tracing::info!("AuditAnchorBucket is not set; seals are not anchored");
            return Ok(Report::default());
        }
        let Some(last) = self.store.last_seal().await.map_err(Failure::from)? else { return Ok(Report::default()) };
        let anchor =
            json!({ "seq": last.seq, "seal": last.seal.to_string(), "sealed_at": format!("{:.6}", last.sealed_at) });
        // Names in the order of the seals.
        let locked = self.anchors.write(&format!("audit/{:012}.json", last.seq), &format!("{anchor}\n")).await?;
        tracing::info!(seq = last.seq, locked_until = locked.until, "anchored");
        Ok(Report { seq: Some(last.seq), locked_until: Some(locked.until) })
    }
}
