//! One tenant that fails, is mended and goes live, with the outside systems as witnesses.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Cloud, Faults, STEPS, State, Status, unique};
use fault_proxy::client::Call;
use serde_json::{Value, json};
use uuid::Uuid;

/// A run without retries, or its rest.
pub const RUN: Duration = Duration::from_mins(2);

/// A tenant on its way through a failure.
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

    /// The run ends at step `number` with this cause, and the API says so.
    pub async fn fails(&self, number: usize, code: &str) -> Result<Status> {
        let status = self.cloud.wait_until(&self.slug, State::Failed, RUN).await?;
        assert_eq!(status.failed_steps, [STEPS[number - 1]], "{status:?}");
        assert_eq!(status.completed_steps, STEPS[..number - 1], "{status:?}");
        let cause = status.cause()?;
        assert_eq!(cause["code"], code, "{cause}");
        ensure!(matches!(cause["owner"].as_str(), Some("caller" | "provider" | "quota" | "platform")), "{cause}");
        let hint = cause["hint"].as_str().filter(|hint| !hint.is_empty()).context("no hint")?;
        assert_eq!(status.last_error, Some(format!("step_{number}: {code}: {hint}")));
        assert_eq!(status.step(number)["state"], "failed");
        Ok(status)
    }

    /// The same request once more goes through, with every effect from `number` on asked for exactly once and none
    /// before it.
    pub async fn resumes_at(&self, number: usize) -> Result<()> {
        let migrated = self.migrations().await?;
        // What earlier tests left to the reconciler would be counted here.
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

    /// Over both runs, by the outside systems' own account, there is one of everything.
    async fn exists_once(&self, tenant_id: Uuid) -> Result<()> {
        let projects = self.cloud.projects(&self.slug, tenant_id).await?;
        assert_eq!(projects.len(), 1);
        assert_eq!(projects[0]["calls"]["create_project"], 1);
        assert_eq!(projects[0]["calls"]["invite"], 1);
        assert_eq!(self.cloud.mails_to(&self.email()).await?.len(), 1);
        let billed = (self.cloud.customers(tenant_id).await?.len(), self.cloud.subscriptions(tenant_id).await?.len());
        assert_eq!(billed, (1, 1));
        assert_eq!(self.cloud.events_of(&self.slug).await?.len(), 1);
        Ok(())
    }

    /// When the tenant's database was migrated; nothing where there is none yet.
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

/// What a step asks an outside system for.
struct Effect {
    upstream: &'static str,
    method: &'static str,
    /// End of the path, or of the AWS target; empty: any.
    end: &'static str,
    /// The steps that ask for it, each as often as it stands here.
    steps: &'static [usize],
}

/// What counts. Of step 1 only the project, since the tenant's secret is there before it.
const EFFECTS: &[Effect] = &[
    effect("supabase", "POST", "/v1/projects", &[1]),
    effect("supabase", "GET", "/api-keys", &[2]),
    effect("aws", "POST", "secretsmanager.PutSecretValue", &[2]),
    effect("pooler", "CONNECT", "", &[3, 4, 5]),
    effect("supabase", "PATCH", "/config/auth", &[5]),
    effect("supabase", "POST", "/auth/v1/invite", &[5]),
    // The root node and its index; the constraint is a command of its own.
    effect("falkordb-us-east-1", "GRAPH.QUERY", "", &[6, 6]),
    effect("falkordb-us-east-1", "ACL SETUSER", "", &[6]),
    effect("opensearch", "PUT", "_v1", &[7]),
    // Two keys each time: step 9's are the ones after activation.
    effect("valkey", "UNLINK", "", &[8, 8, 9, 9]),
    // Billing breaks at the subscription, when the customer is there.
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

/// The body of a refusal by Supabase.
pub fn forbidden() -> String {
    let body: Value = json!({ "message": "Forbidden resource" });
    body.to_string()
}
