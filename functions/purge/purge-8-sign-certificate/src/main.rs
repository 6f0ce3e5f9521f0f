//! Starts step 8 of a purge.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    purge_kit::serve::<purge_8_sign_certificate::SignCertificate>().await
}
