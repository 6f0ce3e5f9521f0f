//! What an application does on its first day, and what stays closed to it.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use clients::{Language, Page, Programs, Section};
use e2e::{Cloud, Issuer, Lakehouse};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::{OnceCell, Semaphore};
use url::Url;
use uuid::Uuid;

/// How many programs run at once. They compute more than they wait.
const AT_ONCE: usize = 3;

type Variables = Vec<(&'static str, String)>;

/// Every system has a section in each language of its official clients.
#[test]
fn the_page_shows_every_client() {
    use Language::{JavaScript, Python};
    let sections = Page::of_checkout().sections();
    let shown: Vec<_> = sections.iter().map(|it| (it.heading.as_str(), it.language, it.is_for_platform)).collect();
    let expected = [
        ("What you are given", Python, false),
        ("What you are given", JavaScript, false),
        ("Database", Python, false),
        ("Database", JavaScript, false),
        ("Users", Python, false),
        ("Users", JavaScript, false),
        ("Graph", Python, false),
        ("Graph", JavaScript, false),
        ("Vector index", Python, false),
        ("Vector index", JavaScript, false),
        ("LangChain", Python, false),
        ("LlamaIndex", Python, false),
        ("The event of a new tenant", Python, true),
        ("The event of a new tenant", JavaScript, true),
        ("Billing", Python, true),
        ("Lakehouse", Python, true),
    ];
    assert_eq!(shown, expected);
}

#[tokio::test]
#[ignore = "needs API_URL, CLIENTS_PYTHON, CLIENTS_NODE and CLIENTS_NODE_MODULES"]
async fn every_line_of_the_page_works() -> Result<()> {
    let (world, programs) = (World::shared().await?, Programs::from_env()?);
    let (application, platform) = (world.application(), world.platform().await?);
    let slots = Semaphore::new(AT_ONCE);
    let sections = Page::of_checkout().sections();
    let run = async |section: &Section| {
        let _slot = slots.acquire().await?;
        let variables = if section.is_for_platform { &platform } else { &application };
        programs.run(section.language, &section.code, variables).await.with_context(|| section.to_string())
    };
    let failed = join_all(sections.iter().map(run)).await.into_iter().filter_map(Result::err);
    let failed: Vec<_> = failed.map(|error| format!("{error:#}")).collect();
    ensure!(failed.is_empty(), "{}", failed.join("\n\n"));
    Ok(())
}

#[tokio::test]
#[ignore = "needs API_URL, CLIENTS_PYTHON, CLIENTS_NODE and CLIENTS_NODE_MODULES"]
async fn what_belongs_to_others_stays_closed() -> Result<()> {
    let world = World::shared().await?;
    let mut variables = world.application();
    variables.push(("NEIGHBOUR", world.neighbour.clone()));
    variables.push(("VALKEY_ADDRESS", without_credentials(&variable("VALKEY_URL")?)?.into()));
    let code = Page::of_checkout().continued_by(include_str!("../python/closed.py"));
    Programs::from_env()?.run(Language::Python, &code, &variables).await
}

/// A tenant whose application runs here, and another one. No `Debug`, because it holds credentials.
struct World {
    cloud: Cloud,
    tenant: String,
    tenant_id: Uuid,
    neighbour: String,
    variables: Variables,
}

impl World {
    async fn shared() -> Result<Arc<Self>> {
        static WORLD: OnceCell<Arc<World>> = OnceCell::const_new();
        WORLD.get_or_try_init(async || Self::new().await.map(Arc::new)).await.cloned()
    }

    async fn new() -> Result<Self> {
        let cloud = Cloud::from_env()?;
        let live = |name| cloud.live(name, json!({}));
        let ((tenant, tenant_id), (neighbour, _)) = tokio::try_join!(live("clients"), live("neighbour"))?;
        let prefix = cloud.secret_prefix()?;
        let machine = variable("STATE_MACHINE_ARN")?;
        let mut arn = machine.split(':').skip(3);
        let (region, account) = arn.next().zip(arn.next()).context("no ARN")?;
        let policy = Page::of_checkout().policy(region, account, &prefix, &tenant_id.to_string());
        serde_json::from_str::<Value>(&policy).context("the page's policy is no JSON")?;
        let (key_id, key) = cloud.aws.user(&tenant, &policy).await?;
        let mut falkordb = without_credentials(&variable("FALKORDB_URL_US_EAST_1")?)?.to_string();
        falkordb = falkordb.replacen("redis", "falkor", 1);
        let variables = vec![
            ("API_URL", cloud.api_url.clone()),
            ("API_KEY", cloud.auditor_key.clone()),
            ("TENANT", tenant.clone()),
            ("SECRET_PREFIX", prefix),
            ("DATABASE_CA", variable("POSTGRES_CA_FILE")?),
            ("FALKORDB_URL", falkordb),
            ("OPENSEARCH_URL", variable("OPENSEARCH_URL")?),
            ("AWS_ENDPOINT_URL", variable("AWS_ENDPOINT_URL")?),
            ("AWS_REGION", region.to_owned()),
            ("AWS_DEFAULT_REGION", region.to_owned()),
            ("AWS_ACCESS_KEY_ID", key_id),
            ("AWS_SECRET_ACCESS_KEY", key),
        ];
        Ok(Self { cloud, tenant, tenant_id, neighbour, variables })
    }

    /// What a tenant's application is given.
    fn application(&self) -> Variables {
        self.variables.clone()
    }

    /// What a service of the platform has, and a catalog of the tenant's.
    async fn platform(&self) -> Result<Variables> {
        let lakehouse = Lakehouse::of(&self.cloud, self.tenant_id, &self.tenant).await?;
        let catalog = json!({
            "catalog_uri": variable("IOMETE_URL")?,
            "warehouse": "s3://ivory-lakehouse/warehouse",
            "storage_prefix": format!("{}/", self.tenant),
        });
        lakehouse.upsert(&catalog).await?.expect(201)?;
        let token = Issuer::of(&self.cloud).await?.tenant(&self.tenant_id.to_string())?;
        Ok(vec![
            ("API_URL", self.cloud.api_url.clone()),
            ("API_KEY", self.cloud.auditor_key.clone()),
            ("TENANT", self.tenant.clone()),
            ("TENANT_TOKEN", token),
            ("ICEBERG_TOKEN", variable("IOMETE_TOKEN")?),
            ("STRIPE_URL", variable("STRIPE_API_URL")?),
            ("STRIPE_SECRET_KEY", variable("STRIPE_SECRET_KEY")?),
            ("VALKEY_URL", variable("VALKEY_URL")?),
        ])
    }
}

fn without_credentials(url: &str) -> Result<Url> {
    let mut url = Url::parse(url)?;
    url.set_username("").ok().context("a URL without a host")?;
    url.set_password(None).ok().context("a URL without a host")?;
    Ok(url)
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set"))
}
