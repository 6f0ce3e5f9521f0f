//! One tenant that fails, is repaired and becomes active. The effects are counted in the outside systems.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use e2e::{Cloud, Faults, STEPS, State, Status, is_timestamp, unique};
use fault_proxy::client::{Call, Match, On};
use serde_json::{Value, json};
use uuid::Uuid;

/// The time for a run without retries, or for the rest of a run.
pub const RUN: Duration = Duration::from_mins(2);

/// A tenant that goes through a failure.
pub struct Scenario<'a> {
    pub cloud: &'a Cloud,
    pub faults: &'a Faults,
    pub slug: String,
}

impl<'a> Scenario<'a> {
    pub fn new(cloud: &'a Cloud, faults: &'a Faults, name: &str) -> Self {
        Self { cloud, faults, slug: unique(name) }
    }

    pub fn email(&self) -> String {
        format!("admin@{}.example.com", self.slug)
    }

    /// Checks that the run ends at step `number` with this cause, and that the API says so.
    pub async fn fails(&self, number: usize, code: &str) -> Result<Status> {
        let status = self.cloud.wait_until(&self.slug, State::Failed, RUN).await?;
        assert_eq!(status.failed_steps, [STEPS[number - 1]], "{status:?}");
        assert_eq!(status.completed_steps, STEPS[..number - 1], "{status:?}");
        let cause = status.cause()?;
        assert_eq!(cause["code"], code, "{cause}");
        ensure!(matches!(cause["owner"].as_str(), Some("caller" | "provider" | "quota" | "platform")), "{cause}");
        let hint = cause["hint"].as_str().filter(|hint| !hint.is_empty()).context("no hint")?;
        ensure!(!hint.contains(['{', '<']), "a gap, or a thing without its name: {hint}");
        assert_eq!(status.last_error, Some(format!("step_{number}: {code}: {hint}")));
        assert_eq!(status.step(number)["state"], "failed");
        Ok(status)
    }

    /// The same as [`Scenario::fails`], and checks everything the API says about the nine steps.
    pub async fn fails_for(&self, number: usize, code: &str, owner: &str) -> Result<Status> {
        let status = self.fails(number, code).await?;
        assert_eq!(status.cause()?["owner"], owner, "{status:?}");
        for step in &status.steps[..number] {
            ensure!(step["attempts"].as_u64().is_some_and(|attempts| attempts > 0), "{step}");
            ensure!(is_timestamp(&step["started_at"]) && is_timestamp(&step["finished_at"]), "{step}");
            ensure!(step["started_at"].as_str() <= step["finished_at"].as_str(), "{step}");
            ensure!(step["waiting_for"].is_null() && step["next_retry_at"].is_null(), "{step}");
        }
        for step in &status.steps[number..] {
            ensure!(step["state"] == "pending" && step["cause"].is_null() && step["started_at"].is_null(), "{step}");
        }
        Ok(status)
    }

    /// Checks that the API gives the cause and the time of the next try while the step is retried.
    pub async fn retries(&self, number: usize, code: &str, owner: &str) -> Result<Status> {
        let told = |status: &Status| {
            let step = status.step(number);
            step["cause"]["code"] == code && is_timestamp(&step["next_retry_at"])
        };
        let status = self.cloud.wait_for(&self.slug, RUN, told).await?;
        let step = status.step(number);
        assert_eq!((status.provisioning_state, &status.last_error), (State::Provisioning, &None));
        assert_eq!((&step["state"], &step["cause"]["owner"]), (&json!("running"), &json!(owner)));
        ensure!(step["cause"]["retryable"] == true && step["cause"]["hint"].is_string(), "{step}");
        ensure!(step["attempts"].as_u64().is_some_and(|attempts| attempts > 0), "{step}");
        ensure!(is_timestamp(&step["started_at"]) && step["finished_at"].is_null(), "{step}");
        Ok(status)
    }

    /// Checks that the API says what the step waits for. A poll does not count as an attempt: there was one in each
    /// run.
    pub async fn waits(&self, number: usize, what: &str) -> Result<Status> {
        let status = self.cloud.wait_for(&self.slug, RUN, |status| status.step(number)["waiting_for"] == what).await?;
        let step = status.step(number);
        let found = (&step["state"], &step["attempts"], &step["cause"]);
        assert_eq!(found, (&json!("waiting"), &json!(status.attempt), &Value::Null));
        assert_eq!((status.provisioning_state, &status.last_error), (State::Provisioning, &None));
        Ok(status)
    }

    /// Checks that the tenant becomes active in this attempt, and that its status shows no earlier cause.
    pub async fn goes_live(&self, attempt: i32) -> Result<Status> {
        let status = self.cloud.wait_until(&self.slug, State::Active, RUN).await?;
        assert_eq!((status.attempt, &status.last_error), (attempt, &None), "{status:?}");
        assert_eq!((&status.completed_steps[..], status.failed_steps.len()), (&STEPS.map(str::to_owned)[..], 0));
        for step in &status.steps {
            ensure!(step["cause"].is_null() && step["waiting_for"].is_null(), "{step}");
            ensure!(step["next_retry_at"].is_null() && is_timestamp(&step["finished_at"]), "{step}");
        }
        assert_eq!(self.cloud.mails_to(&self.email()).await?.len(), 1);
        Ok(status)
    }

    /// Sends `POST` again, as the hints say.
    pub async fn again(&self) -> Result<Uuid> {
        self.cloud.accepted(&self.slug, json!({})).await
    }

    /// A new tenant. Its nth log-in to its database, which is that of step n + 2, waits while `change` happens to its
    /// project.
    pub async fn changed_at_log_in(&self, nth: u64, change: impl AsyncFnOnce(&str) -> Result<()>) -> Result<Uuid> {
        let pause = self.faults.hold("pooler", connection(nth)).await?;
        let tenant_id = self.cloud.accepted(&self.slug, json!({})).await?;
        self.faults.held(pause).await?;
        change(&self.cloud.environment(&self.slug).await?).await?;
        self.faults.mend(pause).await?;
        Ok(tenant_id)
    }

    /// How often the outside system counted a call for the tenant's only project.
    pub async fn calls(&self, tenant_id: Uuid, endpoint: &str) -> Result<u64> {
        let projects = self.cloud.projects(&self.slug, tenant_id).await?;
        let [project] = projects.as_slice() else { bail!("not exactly one project: {projects:?}") };
        Ok(project["calls"][endpoint].as_u64().unwrap_or(0))
    }

    /// Sends the same request again. It succeeds, every effect from step `number` on is requested exactly once, and
    /// none before.
    pub async fn resumes_at(&self, number: usize) -> Result<()> {
        let migrated = self.migrations().await?;
        // Effects that earlier tests left to the reconciler would be counted here.
        let others = "UPDATE control.outbox SET delivered_at = now() WHERE delivered_at IS NULL
                      AND tenant_id <> (SELECT tenant_id FROM control.tenants WHERE slug = $1)";
        self.cloud.control().await?.execute(others, &[&self.slug]).await?;
        self.faults.forget().await?;
        let tenant_id = self.cloud.accepted(&self.slug, json!({})).await?;
        let status = self.cloud.wait_until(&self.slug, State::Active, RUN).await?;
        assert_eq!((status.attempt, status.failed_steps.len(), &status.last_error), (2, 0, &None));
        let calls = self.faults.calls().await?;
        for effect in EFFECTS {
            let seen = calls.iter().filter(|call| effect.is(call)).count();
            let expected = effect.steps.iter().filter(|step| **step >= number).count();
            assert_eq!(seen, expected, "{} after step {number} failed", effect.name());
        }
        if number > 3 {
            assert_eq!(self.migrations().await?, migrated, "the migrations ran again");
        }
        self.exists_once(tenant_id).await
    }

    /// Checks that the outside systems hold one of everything after both runs.
    async fn exists_once(&self, tenant_id: Uuid) -> Result<()> {
        let projects = self.cloud.projects(&self.slug, tenant_id).await?;
        assert_eq!(projects.len(), 1);
        assert_eq!(projects[0]["calls"]["create_project"], 1);
        assert_eq!(projects[0]["calls"]["invite"], 1);
        assert_eq!(self.cloud.mails_to(&self.email()).await?.len(), 1);
        let billed = (self.cloud.customers(tenant_id).await?.len(), self.cloud.subscriptions(tenant_id).await?.len());
        assert_eq!(billed, (1, 1));
        assert_eq!(self.cloud.announced(&self.slug).await?.len(), 1);
        Ok(())
    }

    /// The times at which the tenant's database was migrated; empty if it does not exist yet.
    async fn migrations(&self) -> Result<Vec<String>> {
        let record = self.cloud.tenant(&self.slug).await?;
        let Some(project_ref) = record["supabase_project_ref"].as_str() else { return Ok(Vec::new()) };
        let database = self.cloud.tenant_database(project_ref).await?;
        let there = "SELECT to_regclass('public.refinery_schema_history') IS NOT NULL";
        if !database.query_one(there, &[]).await?.get::<_, bool>(0) {
            return Ok(Vec::new());
        }
        let applied = "SELECT applied_on::text FROM public.refinery_schema_history ORDER BY version";
        Ok(database.query(applied, &[]).await?.iter().map(|row| row.get(0)).collect())
    }
}

/// A call to an outside system that a step makes.
struct Effect {
    upstream: &'static str,
    method: &'static str,
    /// The end of the path, or of the AWS target. If empty, all match.
    end: &'static str,
    /// The steps that make the call, each as often as it makes it.
    steps: &'static [usize],
}

/// The calls that are counted. For step 1 this is only the project, because the tenant's secret is created before it.
const EFFECTS: &[Effect] = &[
    effect("supabase", "POST", "/v1/projects", &[1]),
    effect("supabase", "GET", "/api-keys", &[2]),
    effect("aws", "POST", "secretsmanager.PutSecretValue", &[2]),
    effect("pooler", "CONNECT", "", &[3, 4, 5]),
    effect("supabase", "PATCH", "/config/auth", &[5]),
    effect("supabase", "POST", "/auth/v1/invite", &[5]),
    // The root node and its index. The constraint is created by another command.
    effect("falkordb-us-east-1", "GRAPH.QUERY", "", &[6, 6]),
    effect("falkordb-us-east-1", "ACL SETUSER", "", &[6]),
    effect("opensearch-us-east-1", "PUT", "_v1", &[7]),
    // Each step removes two keys. Step 9 removes them after the activation.
    effect("valkey", "UNLINK", "", &[8, 8, 9, 9]),
    // In these tests billing fails at the subscription, after the customer was created.
    effect("stripe", "POST", "/v1/customers", &[8]),
    effect("stripe", "POST", "/v1/subscriptions", &[9]),
    effect("valkey", "EVALSHA", "", &[9]),
];

const fn effect(upstream: &'static str, method: &'static str, end: &'static str, steps: &'static [usize]) -> Effect {
    Effect { upstream, method, end, steps }
}

impl Effect {
    fn is(&self, call: &Call) -> bool {
        let place = call.target.as_deref().or(call.path.as_deref()).unwrap_or_default();
        call.upstream == self.upstream && call.method == self.method && place.ends_with(self.end)
    }

    fn name(&self) -> String {
        format!("{} {} {}", self.upstream, self.method, self.end)
    }
}

/// The nth connection to the tenant's database.
pub fn connection(nth: u64) -> Match {
    Match { on: Some(On::Connect), ..Match::default() }.nth(nth)
}

/// The body of a refusal by Supabase.
pub fn forbidden() -> String {
    let body: Value = json!({ "message": "Forbidden resource" });
    body.to_string()
}
