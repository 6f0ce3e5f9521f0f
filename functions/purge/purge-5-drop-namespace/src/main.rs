//! Starts step 5 of a purge.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    purge_kit::serve::<purge_5_drop_namespace::DropNamespace>().await
}
