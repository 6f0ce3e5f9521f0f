//! Lambda's Runtime API for one process, and as much of Secrets Manager as a function asks at its start.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::signature::is_signed;

/// The credentials that the process has, as a function's role gives them.
pub const KEY_ID: &str = "ASIAIOSFODNN7EXAMPLE";
/// The same.
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// The most that a function may answer.
const LARGEST_ANSWER: usize = 6 * 1024 * 1024;
/// What is left of an invocation's time when it begins.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A secret of the account.
#[derive(Clone, Debug)]
pub struct StoredSecret {
    /// Its full name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What the process said.
#[derive(Debug)]
pub enum Said {
    /// It is ready for an event, which is given to it through this channel. While it is not, the process waits.
    Ready(Instant, oneshot::Sender<Bytes>),
    /// It answered the event that it was given.
    Answered(Instant, Bytes),
    /// It could not start, or could not handle the event, and says why.
    Failed(String),
}

/// The API of one process. It ends with this value.
#[derive(Debug)]
pub struct Emulator {
    /// Where it listens.
    pub address: SocketAddr,
    said: mpsc::UnboundedReceiver<Said>,
    serving: JoinHandle<()>,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Emulator {
    /// Starts an API whose account has one secret.
    pub async fn start(secret: StoredSecret) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let (sender, said) = mpsc::unbounded_channel();
        let api = Arc::new(Api { said: sender, secret, invocations: Mutex::default() });
        let serving = tokio::spawn(async move { axum::serve(listener, router(api)).await.unwrap_or_default() });
        Ok(Self { address, said, serving })
    }

    /// The next thing that the process says.
    pub async fn next(&mut self) -> Result<Said> {
        self.said.recv().await.context("the emulator has ended")
    }
}

struct Api {
    said: mpsc::UnboundedSender<Said>,
    secret: StoredSecret,
    invocations: Mutex<Invocations>,
}

#[derive(Default)]
struct Invocations {
    /// How many there were.
    begun: u64,
    /// The one that waits for its answer.
    open: Option<String>,
}

fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
        .route("/2018-06-01/runtime/init/error", post(failed))
        .route("/", post(secrets_manager))
        .layer(DefaultBodyLimit::max(LARGEST_ANSWER))
        .with_state(api)
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let (give, given) = oneshot::channel();
    api.say(Said::Ready(Instant::now(), give));
    let Ok(event) = given.await else {
        // There are no more events. Lambda freezes the process here.
        return std::future::pending().await;
    };
    let mut invocations = api.invocations.lock().await;
    invocations.begun += 1;
    let id = format!("8476a536-e9f4-11e8-9739-{:012x}", invocations.begun);
    invocations.open = Some(id.clone());
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + TIME_LIMIT;
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:bench".to_owned()),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0".to_owned(),
        ),
    ];
    (headers, event).into_response()
}

async fn answered(State(api): State<Arc<Api>>, Path(id): Path<String>, answer: Bytes) -> Response {
    let at = Instant::now();
    if api.invocations.lock().await.open.take_if(|open| *open == id).is_none() {
        let error = json!({ "errorType": "InvalidRequestID", "errorMessage": "Invalid request ID" });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    api.say(Said::Answered(at, answer));
    accepted()
}

async fn failed(State(api): State<Arc<Api>>, why: Bytes) -> Response {
    api.say(Said::Failed(String::from_utf8_lossy(&why).into_owned()));
    accepted()
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, Json(json!({ "status": "OK" }))).into_response()
}

async fn secrets_manager(State(api): State<Arc<Api>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let refused = |what: &str| (StatusCode::BAD_REQUEST, Json(json!({ "__type": what }))).into_response();
    if header("x-amz-target") != Some("secretsmanager.GetSecretValue") {
        return refused("UnknownOperationException");
    }
    if !header("authorization").is_some_and(|given| is_signed(SECRET_KEY, given, header, &body)) {
        return refused("InvalidSignatureException");
    }
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let StoredSecret { name, value } = &api.secret;
    if asked["SecretId"] != *name {
        return refused("ResourceNotFoundException");
    }
    let answer = json!({
        "ARN": format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-AbCdEf"),
        "Name": name,
        "VersionId": "a1b2c3d4-5678-90ab-cdef-111111111111",
        "SecretString": value,
        "VersionStages": ["AWSCURRENT"],
        "CreatedDate": 1_523_477_145.713,
    });
    ([("content-type", "application/x-amz-json-1.1")], answer.to_string()).into_response()
}

impl Api {
    fn say(&self, said: Said) {
        // Nobody listens any more if the run is over.
        let _ = self.said.send(said);
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};
    use hyper::client::conn::http1::{SendRequest, handshake};
    use hyper_util::rt::TokioIo;
    use tokio::net::TcpStream;

    use super::*;
    use crate::signature::Scope;

    const NEXT: &str = "/2018-06-01/runtime/invocation/next";

    struct Runtime(SendRequest<Full<Bytes>>);

    impl Runtime {
        async fn of(emulator: &Emulator) -> Self {
            let stream = TcpStream::connect(emulator.address).await.expect("it listens");
            let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP");
            tokio::spawn(connection);
            Self(sender)
        }

        async fn call(
            &mut self,
            method: &str,
            path: &str,
            headers: &[(&str, &str)],
            body: &str,
        ) -> (u16, HeaderMap, Value) {
            let mut request = axum::http::Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let request = request.body(Full::new(Bytes::from(body.to_owned()))).expect("a request");
            let answer = self.0.send_request(request).await.expect("an answer");
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            let body = answer.into_body().collect().await.expect("a body").to_bytes();
            (status, headers, serde_json::from_slice(&body).unwrap_or_default())
        }
    }

    async fn emulator() -> Emulator {
        Emulator::start(StoredSecret { name: "ivory/a".to_owned(), value: "{\"b\":1}".to_owned() })
            .await
            .expect("started")
    }

    /// The invocation's id, after the process took its event.
    async fn invoked(emulator: &mut Emulator, runtime: &mut Runtime) -> String {
        let give = async {
            let Said::Ready(_, give) = emulator.next().await.expect("said") else { panic!("it asks first") };
            give.send(Bytes::from_static(b"{\"n\":1}")).expect("it waits");
        };
        let ((status, headers, event), ()) = tokio::join!(runtime.call("GET", NEXT, &[], ""), give);
        assert_eq!((status, event), (200, json!({ "n": 1 })));
        let header = |name: &str| headers[name].to_str().expect("text").to_owned();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        assert!(header("lambda-runtime-deadline-ms").parse::<u128>().expect("a number") > now);
        header("lambda-runtime-aws-request-id")
    }

    #[tokio::test]
    async fn an_event_is_answered_once_and_under_its_own_id() {
        let mut emulator = emulator().await;
        let mut runtime = Runtime::of(&emulator).await;
        let first = invoked(&mut emulator, &mut runtime).await;
        let path = |id: &str| format!("/2018-06-01/runtime/invocation/{id}/response");
        let (status, _, error) = runtime.call("POST", &path("another"), &[], "{}").await;
        assert_eq!((status, &error["errorType"]), (400, &json!("InvalidRequestID")));
        assert_eq!(runtime.call("POST", &path(&first), &[], "{\"a\":1}").await.0, 202);
        assert_eq!(runtime.call("POST", &path(&first), &[], "{}").await.0, 400);
        let Said::Answered(_, answer) = emulator.next().await.expect("said") else { panic!("it answered") };
        assert_eq!(answer, "{\"a\":1}");
        assert_ne!(invoked(&mut emulator, &mut runtime).await, first);
    }

    #[tokio::test]
    async fn what_failed_is_told() {
        let mut emulator = emulator().await;
        let mut runtime = Runtime::of(&emulator).await;
        for path in ["/2018-06-01/runtime/init/error", "/2018-06-01/runtime/invocation/1/error"] {
            assert_eq!(runtime.call("POST", path, &[], "no database").await.0, 202);
            let Said::Failed(why) = emulator.next().await.expect("said") else { panic!("{path}") };
            assert_eq!(why, "no database");
        }
    }

    #[tokio::test]
    async fn only_whoever_signs_reads_the_secret() {
        let emulator = emulator().await;
        let mut runtime = Runtime::of(&emulator).await;
        let target = ("x-amz-target", "secretsmanager.GetSecretValue");
        let signed = |body: &str, key: &str| {
            let scope = Scope { at: "20260324T100000Z", region: "us-east-1", service: "secretsmanager" };
            scope.authorization(KEY_ID, key, &[("x-amz-date", scope.at), target], body.as_bytes())
        };
        for (body, key, expected) in [
            ("{\"SecretId\":\"ivory/a\"}", SECRET_KEY, (200, "SecretString", "{\"b\":1}")),
            ("{\"SecretId\":\"ivory/b\"}", SECRET_KEY, (400, "__type", "ResourceNotFoundException")),
            ("{\"SecretId\":\"ivory/a\"}", "another", (400, "__type", "InvalidSignatureException")),
        ] {
            let authorization = signed(body, key);
            let headers = [target, ("x-amz-date", "20260324T100000Z"), ("authorization", &authorization)];
            let (status, _, answer) = runtime.call("POST", "/", &headers, body).await;
            let (expected_status, member, value) = expected;
            assert_eq!((status, &answer[member]), (expected_status, &json!(value)), "{body}");
        }
        let (status, _, answer) = runtime.call("POST", "/", &[], "{}").await;
        assert_eq!((status, &answer["__type"]), (400, &json!("UnknownOperationException")));
    }
}
