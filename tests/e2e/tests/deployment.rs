//! The migrations, called again as CloudFormation calls them during a deployment.

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, unique};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Passwords, long enough to be looked for by the test that looks for secrets.
const ROTATED: &str = "a-password-rotated-by-rds";
const FORGOTTEN: &str = "a-password-that-nobody-knows";

/// Deploys, and returns what CloudFormation is told.
async fn deploy(cloud: &Cloud) -> Result<Value> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let event = json!({
        "RequestType": "Update",
        "ResponseURL": format!("http://{}/", listener.local_addr()?),
        "StackId": "stack", "RequestId": "request", "LogicalResourceId": "ControlSchema",
    });
    let (_, told) = tokio::try_join!(cloud.aws.invoke("migrate-control", &event), told(listener))?;
    ensure!(told["RequestId"] == "request", "{told}");
    Ok(told)
}

/// The body of the one request that is sent there.
async fn told(listener: TcpListener) -> Result<Value> {
    let (mut client, _) = listener.accept().await?;
    let mut request = Vec::new();
    loop {
        let mut chunk = [0; 1024];
        let length = client.read(&mut chunk).await?;
        ensure!(length > 0, "the request ends early");
        request.extend_from_slice(&chunk[..length]);
        let text = std::str::from_utf8(&request)?;
        let Some((_, body)) = text.split_once("\r\n\r\n") else { continue };
        // The answer is one JSON object, so it is complete as soon as it can be read.
        if let Ok(told) = serde_json::from_str(body) {
            client.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
            return Ok(told);
        }
    }
}

/// Gives a role of the control database another password.
async fn set_password(cloud: &Cloud, role: &str, password: &str) -> Result<()> {
    let database = cloud.control_as_superuser().await?;
    let sql = "SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)";
    let statement: String = database.query_one(sql, &[&role, &password]).await?.get(0);
    Ok(database.batch_execute(&statement).await?)
}

#[tokio::test]
#[ignore = "needs API_URL"]
async fn a_repeated_deployment_needs_no_master_and_mends_a_password_with_it() -> Result<()> {
    let cloud = Cloud::from_env()?;
    let first = deploy(&cloud).await?;
    ensure!(first["Status"] == "SUCCESS" && first["Data"]["Version"].is_string(), "{first}");

    // RDS rotated the master's password, and somebody changed those of the functions' users in the database only.
    let arn = cloud.master_secret_arn()?;
    let mut master = cloud.aws.secret(&arn).await?;
    let master_name = master["username"].clone();
    set_password(&cloud, master_name.as_str().context("no username")?, ROTATED).await?;
    master["password"] = json!(ROTATED);
    cloud.aws.put_secret(&arn, &master).await?;
    for name in ["database", "database-read"] {
        let known = cloud.aws.secret(&format!("{}/control/{name}", cloud.secret_prefix()?)).await?;
        set_password(&cloud, known["username"].as_str().context("no username")?, FORGOTTEN).await?;
    }

    let mended = deploy(&cloud).await?;
    ensure!(mended["Status"] == "SUCCESS" && mended["Data"] == first["Data"], "{mended}");
    // New processes, which have no connection yet: one that only reads, and one that writes.
    cloud.aws.restart("list-tenants").await?;
    cloud.get("/v1/admin/tenants").await?.expect(200)?;
    cloud.aws.restart("deactivate-tenant").await?;
    cloud.deactivate(&unique("absent")).await?.problem(404, "tenant_not_found")?;
    for text in cloud.aws.log_events().await? {
        ensure!(!text.contains(ROTATED) && !text.contains(FORGOTTEN), "{text}");
    }
    Ok(())
}
