//! An invocation of a step's function outside the cloud. The function runs in a process of the test. The test's own
//! runtime API gives it one event, with a deadline that the test chooses. An invocation in the cloud would be killed at
//! its time-out, before its lease ends.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::Step;
use e2e::Cloud;
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use crate::victim;

/// How the invocation ended, as it would have told Step Functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With an output.
    Done(Value),
    /// With an error of this name, e.g. `Step.Busy`.
    Failed(String),
}

/// A running invocation. Dropping it kills its process.
pub struct Invocation {
    _process: Child,
    pid: Pid,
    ended: oneshot::Receiver<Ended>,
    runtime: JoinHandle<()>,
}

/// The state of the runtime API.
struct RuntimeApi {
    request_id: Uuid,
    deadline: SystemTime,
    event: Value,
    given: Mutex<bool>,
    end: Mutex<Option<oneshot::Sender<Ended>>>,
}

impl Invocation {
    /// Starts an invocation of a step's function whose deadline is `limit` from now.
    pub async fn start(cloud: &Cloud, step: Step, tenant_id: Uuid, attempt: i32, limit: Duration) -> Result<Self> {
        let (end, ended) = oneshot::channel();
        let api = Arc::new(RuntimeApi {
            request_id: Uuid::new_v4(),
            deadline: SystemTime::now() + limit,
            event: json!({ "tenant_id": tenant_id, "attempt": attempt }),
            given: Mutex::new(false),
            end: Mutex::new(Some(end)),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let runtime = tokio::spawn(async {
            // Ends when the task is aborted.
            let _ = axum::serve(listener, router(api)).await;
        });
        let mut command = Command::new(program(step)?);
        command.env_clear();
        let deployed = cloud.aws.environment_of(step.function()).await?;
        for (name, value) in deployed.as_object().into_iter().flatten() {
            command.env(name, value.as_str().unwrap_or_default());
        }
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"] {
            command.env(name, std::env::var(name).with_context(|| name.to_owned())?);
        }
        command.env("AWS_ENDPOINT_URL", std::env::var("FAULT_PROXY_AWS_URL").context("FAULT_PROXY_AWS_URL")?);
        command.env("AWS_LAMBDA_RUNTIME_API", address.to_string());
        command.env("AWS_LAMBDA_FUNCTION_NAME", step.function()).env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
        command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let process = command.spawn()?;
        let pid = process.id().and_then(|id| Pid::from_raw(id.cast_signed())).context("the process has ended")?;
        Ok(Self { _process: process, pid, ended, runtime })
    }

    /// The function's process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Freezes the process.
    pub fn stall(&self) -> Result<()> {
        victim::signal(self.pid, Signal::STOP)
    }

    /// Lets the process go on.
    pub fn let_go(&self) -> Result<()> {
        victim::signal(self.pid, Signal::CONT)
    }

    /// Waits for the invocation's end.
    pub async fn ended(&mut self, limit: Duration) -> Result<Ended> {
        Ok(timeout(limit, &mut self.ended).await.context("the invocation does not end")??)
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        self.runtime.abort();
    }
}

/// The function's program, which is in the folder of this one.
fn program(step: Step) -> Result<PathBuf> {
    let mut folder = std::env::current_exe()?;
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    Ok(folder.join(step.function()))
}

/// As <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.
fn router(api: Arc<RuntimeApi>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .with_state(api)
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> Response {
    let given = std::mem::replace(&mut *api.given.lock().unwrap_or_else(PoisonError::into_inner), true);
    if given {
        std::future::pending::<()>().await;
    }
    let deadline = api.deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string();
    let headers = [
        ("lambda-runtime-aws-request-id", api.request_id.to_string()),
        ("lambda-runtime-deadline-ms", deadline),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:test".to_owned()),
    ];
    (headers, Json(api.event.clone())).into_response()
}

/// The runtime client sends JSON without a content type.
async fn response(State(api): State<Arc<RuntimeApi>>, Path(_): Path<Uuid>, output: Bytes) -> StatusCode {
    api.end(Ended::Done(json(&output)))
}

async fn error(State(api): State<Arc<RuntimeApi>>, Path(_): Path<Uuid>, error: Bytes) -> StatusCode {
    api.end(Ended::Failed(json(&error)["errorType"].as_str().unwrap_or_default().to_owned()))
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

impl RuntimeApi {
    fn end(&self, ended: Ended) -> StatusCode {
        if let Some(end) = self.end.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // The receiver may be gone already.
            let _ = end.send(ended);
        }
        StatusCode::ACCEPTED
    }
}
