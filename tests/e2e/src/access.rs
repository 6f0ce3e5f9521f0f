//! What gives access to a tenant's data, used as the tenant's application uses it.

use anyhow::{Context as _, Result};
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Answer, Cloud};

/// The keys of a project whose access was never revoked.
pub const ALL_KEYS: [&str; 4] = ["legacy anon", "legacy service_role", "publishable default", "secret default"];

/// Reads a tenant's graph.
pub async fn read_graph(connection: &mut MultiplexedConnection, slug: &str) -> Result<redis::Value> {
    let mut query = redis::cmd("GRAPH.RO_QUERY");
    Ok(query.arg(format!("client_{slug}")).arg("MATCH (n) RETURN count(n)").query_async(connection).await?)
}

/// What gives access to a tenant's project. No `Debug`, because it holds all of it.
pub struct Access {
    /// The project.
    pub project_ref: String,
    /// The tenant's secret.
    pub secret: Value,
    /// All keys that the project has, by their kind and name.
    pub keys: Vec<(String, String)>,
}

impl Access {
    /// As it is now.
    pub async fn of(cloud: &Cloud, slug: &str, tenant_id: Uuid) -> Result<Self> {
        let project_ref = cloud.environment(slug).await?;
        let secret = cloud.tenant_secret(tenant_id).await?;
        let listed = cloud.supabase(&format!("/v1/projects/{project_ref}/api-keys?reveal=true")).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("no text");
        let key =
            |row: &Value| Ok((format!("{} {}", text(&row["type"])?, text(&row["name"])?), text(&row["api_key"])?));
        let keys = listed.as_array().context("no list")?.iter().map(key).collect::<Result<_>>()?;
        Ok(Self { project_ref, secret, keys })
    }

    /// Which of the keys the project's Auth takes, and whether its database takes the password.
    pub async fn good(&self, cloud: &Cloud) -> Result<(Vec<&str>, bool)> {
        let mut taken = Vec::new();
        for (name, key) in &self.keys {
            if cloud.try_key(&self.project_ref, key).await? != 401 {
                taken.push(name.as_str());
            }
        }
        Ok((taken, cloud.tenant_database_by_secret(&self.secret).await.is_ok()))
    }
}

impl Cloud {
    /// The tenant's secret, as its application reads it.
    pub async fn tenant_secret(&self, tenant_id: Uuid) -> Result<Value> {
        self.aws.secret(&format!("{}/tenants/{tenant_id}", self.secret_prefix()?)).await
    }

    /// Logs in to the tenant's graph as the tenant's application does, and reads it.
    pub async fn graph_user(&self, slug: &str, tenant_id: Uuid) -> Result<MultiplexedConnection> {
        self.graph_user_by(slug, &self.tenant_secret(tenant_id).await?).await
    }

    /// The same with a secret that may be another one by now.
    pub async fn graph_user_by(&self, slug: &str, secret: &Value) -> Result<MultiplexedConnection> {
        let password = secret["graph_pass"].as_str().context("no password")?;
        let mut connection = self.falkordb_as("us-east-1", &format!("client_{slug}"), password).await?;
        read_graph(&mut connection, slug).await?;
        Ok(connection)
    }

    /// Deactivates a tenant while the installation wants keys and password revoked. The function that other tests call is
    /// started anew, so the test must be [`crate::alone`].
    pub async fn deactivate_and_revoke(&self, slug: &str) -> Result<Answer> {
        const FUNCTION: &str = "deactivate-tenant";
        let before = self.aws.environment_of(FUNCTION).await?;
        let mut revoking = before.clone();
        revoking["REVOKE_ACCESS_ON_DELETE"] = json!("true");
        self.aws.set_environment_of(FUNCTION, &revoking).await?;
        let answer = self.deactivate(slug).await;
        self.aws.set_environment_of(FUNCTION, &before).await?;
        answer
    }
}
