//! Requests tenants through the API and follows them.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{Answer, Cloud};

/// The time for a tenant to become active while some others are provisioned.
const LIVE: Duration = Duration::from_mins(2);

/// How often a status is read.
const POLL: Duration = Duration::from_millis(250);

/// Ids of the nine steps.
pub const STEPS: [&str; 9] = ["step_1", "step_2", "step_3", "step_4", "step_5", "step_6", "step_7", "step_8", "step_9"];

/// A tenant's `provisioning_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the API's")]
pub enum State {
    Provisioning,
    Active,
    Failed,
    Deprovisioned,
}

/// The answer of the status route, as far as tests use it.
#[derive(Clone, Deserialize)]
#[expect(missing_docs, reason = "the names are the API's")]
pub struct Status {
    pub tenant_id: Uuid,
    pub provisioning_state: State,
    pub completed_steps: Vec<String>,
    pub failed_steps: Vec<String>,
    pub last_error: Option<String>,
    pub attempt: i32,
    pub steps: Vec<Value>,
}

impl fmt::Debug for Status {
    /// Shows only what explains a failed test.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant_id, provisioning_state, completed_steps, last_error, attempt, .. } = self;
        write!(f, "{tenant_id}: {provisioning_state:?}, attempt {attempt}, {completed_steps:?} completed, ")?;
        let troubled = |step: &&Value| !step["cause"].is_null() || !step["waiting_for"].is_null();
        f.debug_list().entries(self.steps.iter().filter(troubled)).finish()?;
        write!(f, ", last error {last_error:?}")
    }
}

impl Status {
    /// Parses an answer. Fails unless it is a 200.
    fn of(answer: &Answer) -> Result<Self> {
        Ok(serde_json::from_value(answer.expect(200)?)?)
    }

    /// One step's entry, by its number.
    #[must_use]
    pub fn step(&self, number: usize) -> &Value {
        &self.steps[number - 1]
    }

    /// The cause of the failed step. Fails unless exactly one step failed.
    pub fn cause(&self) -> Result<&Value> {
        let [failed] = self.failed_steps.as_slice() else { bail!("not one failed step: {self:?}") };
        let step = self.steps.iter().find(|step| step["id"] == failed.as_str());
        step.map(|step| &step["cause"]).filter(|cause| cause.is_object()).with_context(|| format!("no cause: {self:?}"))
    }
}

/// A new slug.
#[must_use]
pub fn unique(name: &str) -> String {
    format!("{name}-{}", &Uuid::new_v4().simple().to_string()[..8])
}

/// Whether this is RFC 3339 in UTC with `Z` and six fractional digits.
#[must_use]
pub fn is_timestamp(value: &Value) -> bool {
    let shape = b"dddd-dd-ddTdd:dd:dd.ddddddZ";
    value.as_str().is_some_and(|text| {
        let like = |(byte, like): (u8, &u8)| if *like == b'd' { byte.is_ascii_digit() } else { byte == *like };
        text.len() == shape.len() && text.bytes().zip(shape).all(like)
    })
}

impl Cloud {
    /// A valid request for a tenant. The fields of `overrides` replace its own; null removes a field.
    #[must_use]
    pub fn order(slug: &str, overrides: &Value) -> Value {
        let mut order = Map::new();
        let defaults = json!({
            "slug": slug,
            "display_name": format!("Test {slug}"),
            "region": "us-east-1",
            "tier": "enterprise",
            "admin_email": format!("admin@{slug}.example.com"),
            "data_residency_verified": true,
        });
        for fields in [&defaults, overrides] {
            for (name, value) in fields.as_object().into_iter().flatten() {
                order.insert(name.clone(), value.clone());
            }
        }
        order.retain(|_, value| !value.is_null());
        Value::Object(order)
    }

    /// Sends `POST /v1/admin/tenants`. Any answer is returned.
    pub async fn provision(&self, slug: &str, overrides: Value) -> Result<Answer> {
        self.send(self.admin(Method::POST, "/v1/admin/tenants").json(&Self::order(slug, &overrides))).await
    }

    /// The same, but fails unless the answer is 202. Returns the tenant's id.
    pub async fn accepted(&self, slug: &str, overrides: Value) -> Result<Uuid> {
        let accepted = self.provision(slug, overrides).await?.expect(202)?;
        Ok(serde_json::from_value(accepted["tenant_id"].clone())?)
    }

    /// Provisions a new tenant and waits until it is active and announced. Returns its slug and its id.
    pub async fn live(&self, name: &str, overrides: Value) -> Result<(String, Uuid)> {
        let slug = unique(name);
        let tenant_id = self.accepted(&slug, overrides).await?;
        self.wait_until(&slug, State::Active, LIVE).await?;
        self.announced(&slug).await?;
        Ok((slug, tenant_id))
    }

    /// Sends `PATCH /v1/admin/tenants/{slug}`. Any answer is returned.
    pub async fn change(&self, slug: &str, change: Value) -> Result<Answer> {
        self.send(self.admin(Method::PATCH, &format!("/v1/admin/tenants/{slug}")).json(&change)).await
    }

    /// Sends `POST /v1/admin/tenants/{slug}/retry`. Any answer is returned.
    pub async fn retry(&self, slug: &str) -> Result<Answer> {
        self.send(self.admin(Method::POST, &format!("/v1/admin/tenants/{slug}/retry"))).await
    }

    /// Sends `POST /v1/admin/tenants/{slug}/restore`. Any answer is returned.
    pub async fn restore(&self, slug: &str) -> Result<Answer> {
        self.send(self.admin(Method::POST, &format!("/v1/admin/tenants/{slug}/restore"))).await
    }

    /// Sends `PUT /v1/admin/tenants/{slug}/hold`. Any answer is returned.
    pub async fn hold(&self, slug: &str, reason: &str) -> Result<Answer> {
        let request = self.admin(Method::PUT, &format!("/v1/admin/tenants/{slug}/hold"));
        self.send(request.json(&json!({ "reason": reason }))).await
    }

    /// Sends `DELETE /v1/admin/tenants/{slug}/hold`. Any answer is returned.
    pub async fn release(&self, slug: &str) -> Result<Answer> {
        self.send(self.admin(Method::DELETE, &format!("/v1/admin/tenants/{slug}/hold"))).await
    }

    /// Sends `POST /v1/admin/tenants/{slug}/purge`. Any answer is returned.
    pub async fn purge(&self, slug: &str, body: &Value) -> Result<Answer> {
        self.purge_call(slug, "purge", body).await
    }

    /// Sends `POST /v1/admin/tenants/{slug}/purge/approval` as the administrator that the tests are. Any answer is returned.
    pub async fn approve(&self, slug: &str) -> Result<Answer> {
        self.purge_call(slug, "purge/approval", &json!({ "confirm": slug })).await
    }

    /// The same with another API key.
    pub async fn approve_as(&self, slug: &str, key: &str) -> Result<Answer> {
        let request = self.request(Method::POST, &format!("/v1/admin/tenants/{slug}/purge/approval"));
        self.send(request.header("x-api-key", key).json(&json!({ "confirm": slug }))).await
    }

    /// Sends a body to one of the routes of a purge.
    pub async fn purge_call(&self, slug: &str, route: &str, body: &Value) -> Result<Answer> {
        self.send(self.admin(Method::POST, &format!("/v1/admin/tenants/{slug}/{route}")).json(body)).await
    }

    /// The version of a tenant's record, for `If-Match`.
    pub async fn tenant_version(&self, slug: &str) -> Result<String> {
        let answer = self.get(&format!("/v1/admin/tenants/{slug}")).await?;
        answer.expect(200)?;
        answer.header("etag").map(str::to_owned).context("no version")
    }

    /// Sends `DELETE /v1/admin/tenants/{slug}`. Any answer is returned.
    pub async fn deactivate(&self, slug: &str) -> Result<Answer> {
        self.send(self.admin(Method::DELETE, &format!("/v1/admin/tenants/{slug}"))).await
    }

    /// Sends `POST /v1/admin/tenants/{slug}/check`. Any answer is returned.
    pub async fn check(&self, slug: &str) -> Result<Answer> {
        self.send(self.admin(Method::POST, &format!("/v1/admin/tenants/{slug}/check"))).await
    }

    /// Sends `POST /v1/admin/tenants/{slug}/repair`. Any answer is returned.
    pub async fn repair(&self, slug: &str, resources: &[&str]) -> Result<Answer> {
        let body = json!({ "resources": resources });
        self.send(self.admin(Method::POST, &format!("/v1/admin/tenants/{slug}/repair")).json(&body)).await
    }

    /// Sends `POST /v1/admin/tenants/{slug}/invitation`. Any answer is returned.
    pub async fn invite_again(&self, slug: &str, body: Value) -> Result<Answer> {
        self.send(self.admin(Method::POST, &format!("/v1/admin/tenants/{slug}/invitation")).json(&body)).await
    }

    /// The same, with an idempotency key.
    pub async fn invite_again_as(&self, slug: &str, body: Value, key: &str) -> Result<Answer> {
        let request = self.admin(Method::POST, &format!("/v1/admin/tenants/{slug}/invitation"));
        self.send(request.header("idempotency-key", key).json(&body)).await
    }

    /// Invokes the reconciler, as the schedule does every minute, until the condition holds. Another reconciler may be
    /// doing the work.
    pub async fn reconcile_until(&self, done: impl AsyncFn() -> Result<bool>) -> Result<()> {
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            self.aws.invoke("reconcile-tenants", &json!({})).await?;
            if done().await? {
                return Ok(());
            }
            ensure!(Instant::now() < end, "the condition does not hold after many reconcilers");
            sleep(POLL).await;
        }
    }

    /// Has the regions checked, as the schedule does every five minutes.
    pub async fn check_regions(&self) -> Result<()> {
        self.aws.invoke("check-region", &json!({})).await.map(drop)
    }

    /// `GET /v1/admin/tenants/{slug}`.
    pub async fn tenant(&self, slug: &str) -> Result<Value> {
        self.get(&format!("/v1/admin/tenants/{slug}")).await?.expect(200)
    }

    /// `GET /v1/admin/tenants/{slug}/status`.
    pub async fn status(&self, slug: &str) -> Result<Status> {
        Status::of(&self.ask_status(slug).await?)
    }

    async fn ask_status(&self, slug: &str) -> Result<Answer> {
        self.get(&format!("/v1/admin/tenants/{slug}/status")).await
    }

    /// Waits until the tenant is in that state. Fails at another final state, or after `limit`.
    pub async fn wait_until(&self, slug: &str, state: State, limit: Duration) -> Result<Status> {
        let status = self.wait_for(slug, limit, |status| status.provisioning_state != State::Provisioning).await?;
        ensure!(status.provisioning_state == state, "{slug} is not {state:?}: {status:?}");
        Ok(status)
    }

    /// Waits until the tenant's status meets the condition.
    pub async fn wait_for(&self, slug: &str, limit: Duration, wanted: impl Fn(&Status) -> bool) -> Result<Status> {
        let end = Instant::now() + limit;
        loop {
            let status = Status::of(&Answer::served(end, || self.ask_status(slug)).await?)?;
            if wanted(&status) {
                return Ok(status);
            }
            ensure!(Instant::now() < end, "{slug} took longer than {limit:?}: {status:?}");
            sleep(POLL).await;
        }
    }

    /// The Supabase reference of a tenant's project, which exists once step 1 is completed.
    pub async fn environment(&self, slug: &str) -> Result<String> {
        let completed = |status: &Status| status.completed_steps.iter().any(|step| step == "step_1");
        self.wait_for(slug, Duration::from_mins(1), completed).await?;
        let tenant = self.tenant(slug).await?;
        Ok(tenant["supabase_project_ref"].as_str().context("step 1 left no reference")?.to_owned())
    }
}
