//! Starts the reconciler.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_kit::operation::serve::<reconcile_tenants::ReconcileTenants>().await
}
