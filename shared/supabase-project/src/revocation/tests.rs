//! Promises against a real control database, and an API that knows one project.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::Response;
use domain::{ProvisionRequest, Step, TenantId};
use lambda_kit::{Budget, Read};
use secrets::SupabaseSecret;
use serde_json::{Value, json};
use store::{Author, Deactivation, Intent, NewTenant, ResourceKind, StepTask, Store};
use test_database::TestDatabase;
use uuid::Uuid;

use super::Revocation;
use crate::account::{SupabaseAccount, SupabaseSettings};

const REF: &str = "abcdefghijklmnopqrst";
const NAME: &str = "acme-0";
const KEYS: [Uuid; 2] = [Uuid::from_u128(1), Uuid::from_u128(2)];
const LONG: Duration = Duration::from_secs(30);

/// The project, and what was asked about it.
struct Project {
    status: Option<&'static str>,
    keys: Vec<Uuid>,
    legacy_enabled: bool,
    password: Option<String>,
    /// The call that is refused.
    refused: Option<String>,
    asked: Vec<String>,
}

impl Project {
    fn answer(&mut self, line: &str, body: &Value) -> (u16, Value) {
        self.asked.push(line.to_owned());
        let gone = (404, json!({"message": "not found"}));
        if self.refused.as_deref() == Some(line) {
            return (403, json!({"message": "no"}));
        }
        let project = json!({"ref": REF, "name": NAME, "region": "us-east-1", "status": self.status});
        let path = format!("/v1/projects/{REF}");
        let Some(rest) = line.split_once(&path).map(|(verb, rest)| format!("{verb}{rest}")) else {
            let found = Vec::from_iter(self.status.map(|_| project));
            return (200, json!({"pagination": {"count": found.len()}, "projects": found}));
        };
        if self.status.is_none() {
            return gone;
        }
        match rest.as_str() {
            "GET " => (200, project),
            "GET /api-keys" => {
                let legacy = json!({"name": "anon", "type": "legacy", "id": "anon"});
                let key = |id: &Uuid| json!({"name": "default", "type": "secret", "id": id});
                (200, std::iter::once(legacy).chain(self.keys.iter().map(key)).collect())
            }
            "PUT /api-keys/legacy?enabled=false" => {
                self.legacy_enabled = false;
                (200, json!({"enabled": false}))
            }
            "PATCH /database/password" => {
                self.password = body["password"].as_str().map(str::to_owned);
                (200, json!({"message": "ok"}))
            }
            other => match other.strip_prefix("DELETE /api-keys/").and_then(|id| id.parse().ok()) {
                Some(id) if self.keys.contains(&id) => {
                    self.keys.retain(|key| *key != id);
                    (200, json!({"name": "default", "id": id}))
                }
                _ => gone,
            },
        }
    }
}

async fn answer(State(project): State<Arc<Mutex<Project>>>, request: Request) -> Response<Body> {
    let line = format!("{} {}", request.method(), request.uri());
    let body = to_bytes(request.into_body(), usize::MAX).await.expect("a body");
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (status, answer) = project.lock().unwrap_or_else(PoisonError::into_inner).answer(&line, &body);
    Response::builder().status(status).body(answer.to_string().into()).expect("a response")
}

struct World {
    database: TestDatabase,
    store: Store,
    tenant_id: TenantId,
    project: Arc<Mutex<Project>>,
    revocation: Revocation,
}

impl World {
    /// A tenant that was deactivated after step 1 had asked for its project, and had the answer or not.
    async fn start(answered: bool) -> Self {
        let project = Project {
            status: Some("ACTIVE_HEALTHY"),
            keys: KEYS.to_vec(),
            legacy_enabled: true,
            password: None,
            refused: None,
            asked: Vec::new(),
        };
        let project = Arc::new(Mutex::new(project));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let api_url = format!("http://{}", listener.local_addr().expect("bound"));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&project));
        tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        let secret = || SupabaseSecret {
            access_token: "sbp_canary".into(),
            organization_slug: "ivory-org".to_owned(),
            database_ca_pem: None,
        };
        let account = SupabaseAccount {
            secret: Read::from_fn(move |()| std::future::ready(Ok(secret()))),
            settings: SupabaseSettings { api_url },
        };

        let database = TestDatabase::control().await;
        let (store, tenant_id) = (database.store(), TenantId(Uuid::now_v7()));
        let body = json!({"slug": "acme", "display_name": "Acme", "region": "us-east-1", "admin_email": "a@acme.com",
            "data_residency_verified": true});
        let request = ProvisionRequest::parse(body.as_object().expect("an object"), &[]).expect("valid");
        let author = Author { actor: "test", address: None, request_id: "r" };
        let new = NewTenant { tenant_id, request: &request, correlation_id: "c", author };
        let tenant = store.insert_tenant(new).await.expect("answers").expect("free");
        let task = StepTask { tenant_id, attempt: tenant.attempt, step: Step::CreateEnvironment };
        let lease = store.begin_step(task, "step", LONG, LONG).await.expect("free");
        let intent = Intent::named(ResourceKind::SupabaseProject, NAME, Duration::from_secs(5));
        let asked_for = lease.intend(intent).await.expect("in time");
        if answered {
            lease.confirm(&asked_for, REF).await.expect("in time");
        }
        lease.release().await.expect("answers");
        let payload = json!({});
        let invalidation = (Uuid::now_v7(), &payload);
        let deactivation = Deactivation { tenant_id, version: None, invalidation, revoke_access: true, author };
        store.deactivate_tenant(deactivation).await.expect("answers").expect("not off yet");
        Self { database, store, tenant_id, project, revocation: Revocation { account } }
    }

    fn project<T>(&self, with: impl FnOnce(&mut Project) -> T) -> T {
        with(&mut self.project.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One pass of the reconciler when everything is due: how many promises it kept, and what it asked.
    async fn pass(&self) -> (usize, Vec<String>) {
        self.execute("UPDATE control.outbox SET next_attempt_at = clock_timestamp() WHERE delivered_at IS NULL").await;
        let kept = self.revocation.revoke_due(&self.store, "pass", Budget::of(LONG)).await.expect("answers");
        (kept, self.project(|project| std::mem::take(&mut project.asked)))
    }

    async fn execute(&self, sql: &str) {
        self.database.connect().await.batch_execute(sql).await.expect("answers");
    }

    /// Why the promise is still open; `None` if it is not.
    async fn open(&self) -> Option<String> {
        let sql = "SELECT last_error FROM control.outbox WHERE kind = 'revoke_access' AND delivered_at IS NULL";
        let row = self.database.connect().await.query_opt(sql, &[]).await.expect("answers");
        row.map(|row| row.get::<_, Option<String>>(0).unwrap_or_default())
    }

    /// The projects that the audit log names, one entry for each row.
    async fn audited(&self) -> Vec<Value> {
        let sql = "SELECT after -> 'projects' FROM control.audit_log WHERE action = 'tenant.revoke_access' AND tenant_id = $1";
        let rows = self.database.connect().await.query(sql, &[&self.tenant_id.0]).await.expect("answers");
        rows.iter().map(|row| row.get(0)).collect()
    }
}

fn call(verb: &str, rest: &str) -> String {
    format!("{verb} /v1/projects/{REF}{rest}")
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn access_is_revoked_although_each_call_is_refused_once() {
    let world = World::start(true).await;
    let whole = [
        call("GET", ""),
        call("GET", "/api-keys"),
        call("DELETE", &format!("/api-keys/{}", KEYS[0])),
        call("DELETE", &format!("/api-keys/{}", KEYS[1])),
        call("PUT", "/api-keys/legacy?enabled=false"),
        call("PATCH", "/database/password"),
    ];
    for refused in &whole {
        world.project(|project| project.refused = Some(refused.clone()));
        let (kept, asked) = world.pass().await;
        assert_eq!((kept, asked.last()), (0, Some(refused)), "nothing is asked after a refusal");
        assert_eq!(world.open().await.as_deref(), Some("supabase_forbidden"), "{refused}");
        assert!(world.audited().await.is_empty());
    }
    world.project(|project| {
        assert_eq!((&project.keys, project.legacy_enabled, &project.password), (&Vec::new(), false, &None));
        project.refused = None;
    });
    let (kept, asked) = world.pass().await;
    assert_eq!((kept, asked), (1, [&whole[..2], &whole[4..]].concat()));
    let password = world.project(|project| project.password.clone()).expect("set");
    assert!(password.len() >= 32 && password.bytes().all(|b| b.is_ascii_alphanumeric()));
    assert_eq!(world.open().await, None);
    assert_eq!(world.audited().await, [json!([REF])]);
    assert_eq!(world.pass().await, (0, Vec::new()), "once");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn each_tenant_gets_another_password() {
    let mut passwords = Vec::new();
    for _ in 0..2 {
        let world = World::start(true).await;
        let (kept, asked) = world.pass().await;
        assert_eq!((kept, asked.len()), (1, 6));
        passwords.push(world.project(|project| project.password.clone()).expect("set"));
    }
    assert_ne!(passwords[0], passwords[1]);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_project_that_is_gone_needs_nothing() {
    for status in [None, Some("REMOVED")] {
        let world = World::start(true).await;
        world.project(|project| project.status = status);
        assert_eq!(world.pass().await, (1, vec![call("GET", "")]));
        assert_eq!(world.audited().await, [json!([])]);
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_project_that_is_coming_up_is_waited_for() {
    let world = World::start(true).await;
    world.project(|project| project.status = Some("COMING_UP"));
    assert_eq!(world.pass().await, (0, vec![call("GET", "")]));
    assert_eq!(world.open().await.as_deref(), Some("environment_not_ready"));
    world.project(|project| project.status = Some("ACTIVE_HEALTHY"));
    assert_eq!(world.pass().await.0, 1);
    assert!(world.project(|project| project.keys.is_empty() && project.password.is_some()));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_project_whose_creation_was_not_answered_is_found_by_its_name() {
    let world = World::start(false).await;
    let status = world.project(|project| project.status.take());
    assert_eq!(world.pass().await.0, 0);
    assert_eq!(world.open().await.as_deref(), Some("environment_not_visible"), "it may still appear");
    world.project(|project| project.status = status);
    assert_eq!(world.pass().await.0, 1);
    assert!(world.project(|project| project.keys.is_empty() && project.password.is_some()));
    assert_eq!(world.audited().await, [json!([REF])]);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_tenant_that_was_brought_back_keeps_its_access() {
    let world = World::start(true).await;
    world.execute("UPDATE control.tenants SET provisioning_state = 'active', is_active = true").await;
    assert_eq!(world.pass().await, (1, Vec::new()), "nobody is asked");
    assert_eq!((world.open().await, world.audited().await), (None, Vec::new()));
}
