//! Starts the anchoring of the audit log.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_kit::operation::serve::<anchor_audit::AnchorAudit>().await
}
