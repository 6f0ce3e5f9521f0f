//! A key that is made new, against a real control database and an API that knows one project.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Response};
use domain::{CauseCode, ProvisionRequest, Step, TenantId};
use serde_json::{Value, json};
use store::{Author, Lease, NewTenant, ResourceKind, StepTask, Store};
use supabase::{KeyKind, Management, ProjectRef};
use test_database::TestDatabase;
use uuid::Uuid;

use super::renew_key;

const REF: &str = "abcdefghijklmnopqrst";
const LONG: Duration = Duration::from_secs(30);

/// What becomes of the next request for a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Served,
    /// It has its effect, and nobody learns that.
    MadeUnheard,
    /// It has none, and nobody learns that.
    Unheard,
    Refused,
}

/// The project's keys, and how many were asked for.
struct Project {
    keys: Vec<(String, Uuid)>,
    asked_for: usize,
    fate: Fate,
}

impl Project {
    fn answer(&mut self, method: &Method, body: &Value) -> (u16, Value) {
        let shown = |kind: &str, id: &Uuid| json!({"name": "default", "type": kind, "id": id});
        if method == Method::GET {
            let legacy = json!({"name": "anon", "type": "legacy", "id": "anon"});
            let keys = self.keys.iter().map(|(kind, id)| shown(kind, id));
            return (200, std::iter::once(legacy).chain(keys).collect());
        }
        self.asked_for += 1;
        let (kind, id) = (body["type"].as_str().expect("a type").to_owned(), Uuid::new_v4());
        let fate = std::mem::replace(&mut self.fate, Fate::Served);
        if matches!(fate, Fate::Served | Fate::MadeUnheard) {
            self.keys.push((kind.clone(), id));
        }
        match fate {
            Fate::Served => (201, shown(&kind, &id)),
            Fate::MadeUnheard | Fate::Unheard => (500, json!({"message": "no"})),
            Fate::Refused => (403, json!({"message": "no"})),
        }
    }
}

async fn answer(State(project): State<Arc<Mutex<Project>>>, request: Request) -> Response<Body> {
    let method = request.method().clone();
    let body = to_bytes(request.into_body(), usize::MAX).await.expect("a body");
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (status, answer) = project.lock().unwrap_or_else(PoisonError::into_inner).answer(&method, &body);
    Response::builder().status(status).body(answer.to_string().into()).expect("a response")
}

struct World {
    _database: TestDatabase,
    store: Store,
    task: StepTask,
    project: Arc<Mutex<Project>>,
    management: Management,
}

impl World {
    async fn start() -> Self {
        let project = Arc::new(Mutex::new(Project { keys: Vec::new(), asked_for: 0, fate: Fate::Served }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&project));
        tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        let database = TestDatabase::control().await;
        let (store, tenant_id) = (database.store(), TenantId(Uuid::now_v7()));
        let body = json!({"slug": "acme", "display_name": "Acme", "region": "us-east-1", "admin_email": "a@acme.com",
            "data_residency_verified": true});
        let request = ProvisionRequest::parse(body.as_object().expect("an object"), &[]).expect("valid");
        let author = Author { actor: "test", address: None, request_id: "r" };
        let new = NewTenant { tenant_id, request: &request, correlation_id: "c", author };
        let tenant = store.insert_tenant(new).await.expect("answers").expect("free");
        let task = StepTask { tenant_id, attempt: tenant.attempt, step: Step::AwaitEnvironment };
        let management = Management::new(&url, "sbp_canary".into(), "ivory-org").expect("a slug");
        Self { _database: database, store, task, project, management }
    }

    fn project<T>(&self, with: impl FnOnce(&mut Project) -> T) -> T {
        with(&mut self.project.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One invocation: why it failed, if it did.
    async fn renews(&self, fate: Fate) -> Option<CauseCode> {
        self.project(|project| project.fate = fate);
        let lease = self.lease().await;
        let reference = ProjectRef::try_from(REF.to_owned()).expect("a ref");
        let renewed = renew_key(&lease, &self.management, &reference, KeyKind::Secret, ResourceKind::SecretKey).await;
        lease.release().await.expect("answers");
        renewed.err().map(|failure| failure.code())
    }

    async fn lease(&self) -> Lease<'_> {
        self.store.begin_step(self.task, "step", LONG, LONG).await.expect("free")
    }

    /// The ledger's live row: its number and its id, and how many keys were asked for so far.
    async fn found(&self) -> (Option<(i32, Option<String>)>, usize) {
        let lease = self.lease().await;
        let row = lease.resource(ResourceKind::SecretKey).await.expect("answers");
        lease.release().await.expect("answers");
        (row.map(|row| (row.generation, row.external_id)), self.project(|project| project.asked_for))
    }

    /// The project's one key.
    fn only_key(&self) -> Option<String> {
        self.project(|project| match project.keys.as_slice() {
            [(kind, id)] if kind == "secret" => Some(id.to_string()),
            _ => None,
        })
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_key_is_made_once() {
    let world = World::start().await;
    for _ in 0..2 {
        assert_eq!(world.renews(Fate::Served).await, None);
        let key = world.only_key();
        assert!(key.is_some());
        assert_eq!(world.found().await, (Some((1, key)), 1));
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_key_whose_answer_was_lost_is_found() {
    let world = World::start().await;
    assert_eq!(world.renews(Fate::Unheard).await, Some(CauseCode::SupabaseServerError));
    assert_eq!(world.found().await, (Some((1, None)), 1), "it may still come");
    assert_eq!(world.renews(Fate::MadeUnheard).await, Some(CauseCode::SupabaseServerError));
    assert_eq!(world.renews(Fate::Served).await, None);
    let key = world.only_key();
    assert!(key.is_some());
    assert_eq!(world.found().await, (Some((1, key)), 2), "found, and not asked for again");
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_key_that_was_refused_or_revoked_is_another_one() {
    let world = World::start().await;
    assert_eq!(world.renews(Fate::Refused).await, Some(CauseCode::SupabaseForbidden));
    assert_eq!(world.found().await, (None, 1));
    assert_eq!(world.renews(Fate::Served).await, None);
    let first = world.only_key();
    assert_eq!(world.found().await, (Some((2, first.clone())), 2));
    world.project(|project| project.keys.clear());
    assert_eq!(world.renews(Fate::Served).await, None);
    let second = world.only_key();
    assert_ne!(second, first);
    assert_eq!(world.found().await, (Some((3, second)), 3));
}
