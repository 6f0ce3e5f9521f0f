//! Calls every route, in a way that can be repeated, and checks how long the answer takes.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, Cloud, Faults, Lakehouse, unique};
use fault_proxy::client::{HeaderMatch, Match, RuleId, UpstreamState, When};
use futures_util::future::try_join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::time::Instant;

/// Every answer arrives within this time, during every outage.
pub const ANSWERED: Duration = Duration::from_secs(5);

/// The two ways in which a system can be down.
pub const DOWN: [UpstreamState; 2] = [UpstreamState::Refuse, UpstreamState::Silent];

/// A route and the status that it answers while everything works.
pub type Route = (&'static str, u16);

/// All routes but the health of the lakehouse, which has its own answers, and those that depend on nothing: the console, and
/// those that say who calls. (`POST` finds an active tenant.)
pub const ROUTES: [Route; 27] = [
    ("provision-tenant", 409),
    ("list-tenants", 200),
    ("get-tenant", 200),
    ("get-tenant-status", 200),
    ("update-tenant", 200),
    ("deactivate-tenant", 204),
    ("retry-tenant", 409),
    // The tenant is active.
    ("restore-tenant", 409),
    ("hold-tenant", 200),
    // No hold is on the one that was deactivated.
    ("release-tenant-hold", 204),
    ("get-purge-plan", 200),
    // The tenant is active.
    ("purge-tenant", 409),
    ("approve-purge", 409),
    // Nobody asked for one.
    ("get-purge", 404),
    // The tenant was deactivated, so no mail is sent.
    ("invite-admin", 409),
    ("invalidate-tenant-cache", 200),
    ("list-systems", 200),
    ("list-tenant-resources", 200),
    ("check-tenant", 200),
    // The tenant was deactivated, so nothing is repaired.
    ("repair-tenant", 409),
    ("list-tenant-audit", 200),
    ("list-audit", 200),
    ("upsert-catalog", 201),
    ("get-catalog", 200),
    ("list-catalogs", 200),
    ("register-sync-target", 201),
    ("list-sync-targets", 200),
];

/// The routes that take an `Idempotency-Key`.
pub const KEYED: [&str; 5] =
    ["provision-tenant", "update-tenant", "invalidate-tenant-cache", "upsert-catalog", "register-sync-target"];

/// Two tenants: one is active, and one was deactivated.
pub struct World<'a> {
    pub cloud: &'a Cloud,
    lakehouse: Lakehouse,
    retired: String,
}

impl<'a> World<'a> {
    /// Creates the tenants and a catalog, and starts a process for every route.
    pub async fn new(cloud: &'a Cloud) -> Result<Self> {
        let retired = unique("retired");
        cloud.accepted(&retired, json!({ "tier": "pilot" })).await?;
        cloud.deactivate(&retired).await?.no_content()?;
        let (slug, tenant_id) = cloud.live("steady", json!({ "tier": "pilot" })).await?;
        let world = Self { cloud, lakehouse: Lakehouse::of(cloud, tenant_id, &slug).await?, retired };
        world.lakehouse.upsert(&json!({})).await?.expect(201)?;
        world.all_work().await?;
        Ok(world)
    }

    fn request(&self, route: &str) -> Result<RequestBuilder> {
        let tenant = format!("/v1/admin/tenants/{}", self.lakehouse.slug);
        let lakehouse = |method, path: &str| self.lakehouse.request(method, path);
        Ok(match route {
            "provision-tenant" => {
                let order = Cloud::order(&self.lakehouse.slug, &json!({ "tier": "pilot" }));
                self.cloud.admin(Method::POST, "/v1/admin/tenants").json(&order)
            }
            "list-systems" => self.cloud.admin(Method::GET, "/v1/admin/systems"),
            "list-tenant-resources" => self.cloud.admin(Method::GET, &format!("{tenant}/resources")),
            "check-tenant" => self.cloud.admin(Method::POST, &format!("{tenant}/check")),
            "repair-tenant" => {
                let path = format!("/v1/admin/tenants/{}/repair", self.retired);
                self.cloud.admin(Method::POST, &path).json(&json!({ "resources": ["cache"] }))
            }
            "list-tenant-audit" => self.cloud.admin(Method::GET, &format!("{tenant}/audit?limit=1")),
            "list-audit" => self.cloud.admin(Method::GET, "/v1/admin/audit?limit=1"),
            "list-tenants" => self.cloud.admin(Method::GET, "/v1/admin/tenants?limit=1"),
            "get-tenant" => self.cloud.admin(Method::GET, &tenant),
            "get-tenant-status" => self.cloud.admin(Method::GET, &format!("{tenant}/status")),
            "update-tenant" => self.cloud.admin(Method::PATCH, &tenant).json(&json!({ "display_name": "Steady" })),
            "deactivate-tenant" => self.cloud.admin(Method::DELETE, &format!("/v1/admin/tenants/{}", self.retired)),
            "retry-tenant" => self.cloud.admin(Method::POST, &format!("{tenant}/retry")),
            "restore-tenant" => self.cloud.admin(Method::POST, &format!("{tenant}/restore")),
            "hold-tenant" => {
                self.cloud.admin(Method::PUT, &format!("{tenant}/hold")).json(&json!({ "reason": "outage" }))
            }
            "release-tenant-hold" => {
                self.cloud.admin(Method::DELETE, &format!("/v1/admin/tenants/{}/hold", self.retired))
            }
            "get-purge-plan" => self.cloud.admin(Method::GET, &format!("{tenant}/purge-plan")),
            "purge-tenant" | "approve-purge" => {
                let path = if route == "purge-tenant" { "purge" } else { "purge/approval" };
                let confirmed = json!({ "confirm": self.lakehouse.slug });
                self.cloud.admin(Method::POST, &format!("{tenant}/{path}")).json(&confirmed)
            }
            "get-purge" => self.cloud.admin(Method::GET, &format!("/v1/admin/purges/{}", self.lakehouse.tenant_id)),
            "invite-admin" => self.cloud.admin(Method::POST, &format!("/v1/admin/tenants/{}/invitation", self.retired)),
            "invalidate-tenant-cache" => self.cloud.admin(Method::POST, &format!("{tenant}/cache/invalidate")),
            "upsert-catalog" => lakehouse(Method::POST, &self.lakehouse.path()).json(&self.lakehouse.order(&json!({}))),
            "get-catalog" => lakehouse(Method::GET, &self.lakehouse.path()),
            "list-catalogs" => lakehouse(Method::GET, "/v1/admin/lakehouse/catalogs?limit=1"),
            "register-sync-target" => {
                let target = self.lakehouse.target(&json!({}));
                lakehouse(Method::POST, "/v1/admin/lakehouse/sync-targets").json(&target)
            }
            "list-sync-targets" => {
                let path = format!("/v1/admin/lakehouse/sync-targets?tenant_id={}", self.lakehouse.tenant_id);
                lakehouse(Method::GET, &path)
            }
            _ => anyhow::bail!("this test has no route {route}"),
        })
    }

    /// Calls a route once and checks the time.
    pub async fn call(&self, route: &str) -> Result<Answer> {
        in_time(self.cloud, self.request(route)?).await.with_context(|| route.to_owned())
    }

    /// The same with a new `Idempotency-Key`.
    pub async fn call_keyed(&self, route: &str) -> Result<Answer> {
        let request = self.request(route)?.header("idempotency-key", unique("outage"));
        in_time(self.cloud, request).await.with_context(|| route.to_owned())
    }

    /// Checks that all these routes work at the first call, called at the same time.
    pub async fn work(&self, routes: &[Route]) -> Result<()> {
        let works = async |&(route, status): &Route| {
            let answer = self.call(route).await?;
            ensure!(answer.status == status, "{route} does not work: {answer:?}");
            anyhow::Ok(())
        };
        try_join_all(routes.iter().map(works)).await.map(drop)
    }

    /// Checks that every route works.
    pub async fn all_work(&self) -> Result<()> {
        self.work(&ROUTES).await
    }

    /// Makes every route start a new process at its next call.
    pub async fn restart(&self) -> Result<()> {
        try_join_all(ROUTES.map(async |(route, _)| self.cloud.aws.restart(route).await)).await.map(drop)
    }

    /// Checks that all these routes answer 503 with a `Retry-After`, called at the same time.
    pub async fn are_unavailable(&self, routes: &[Route]) -> Result<()> {
        try_join_all(routes.iter().map(async |(route, _)| unavailable(&self.call(route).await?))).await.map(drop)
    }
}

/// Sends a request and checks how long the answer takes.
pub async fn in_time(cloud: &Cloud, request: RequestBuilder) -> Result<Answer> {
    let asked = Instant::now();
    let answer = cloud.send(request).await?;
    ensure!(asked.elapsed() < ANSWERED, "took {:?}: {answer:?}", asked.elapsed());
    Ok(answer)
}

/// Checks that this is the contract's answer of a route that is unavailable.
pub fn unavailable(answer: &Answer) -> Result<()> {
    answer.later(503, "unavailable", "5")
}

/// The routes of the list that are in `named`, or those that are not.
pub fn routes(of: &[Route], named: &[&str], wanted: bool) -> Vec<Route> {
    of.iter().copied().filter(|(route, _)| named.contains(route) == wanted).collect()
}

/// The ways in which an AWS service can be down.
#[derive(Clone, Copy, Debug)]
pub enum Down {
    /// Connections are cut.
    Cut,
    /// Calls are not answered.
    Silent,
    /// Every call fails.
    Failing,
}

/// All ways.
pub const WAYS: [Down; 3] = [Down::Cut, Down::Silent, Down::Failing];

/// Takes an AWS service down. `service` is the start of its targets. If `body` is given, only calls whose body matches
/// fail.
pub async fn take_down(faults: &Faults, service: &str, body: Option<&str>, way: Down) -> Result<RuleId> {
    let header = Some(HeaderMatch { name: "x-amz-target".to_owned(), regex: format!("^{service}\\.") });
    let calls = Match { header, body_regex: body.map(str::to_owned), ..Match::default() };
    match way {
        Down::Cut => faults.cut("aws", calls, When::Before).await,
        Down::Silent => faults.hold("aws", calls).await,
        Down::Failing => faults.answer("aws", calls, 500, "{}").await,
    }
}
