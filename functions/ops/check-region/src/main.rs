//! Starts the check of the regions.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_kit::operation::serve::<check_region::CheckRegion>().await
}
