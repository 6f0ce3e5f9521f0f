//! The client against replies that a test cannot get from a running node, and its credentials, which the node does not
//! check.

use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::Router;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use domain::{CauseCode, Failure};
use opensearch::{Auth, Dimension, Engine, Ensured, Error, IndexSpec, OpenSearch};
use tokio::net::TcpListener;

const SPEC: IndexSpec<'_> = IndexSpec {
    index: "client_acme_v1",
    alias: "client_acme",
    engine: Engine::Lucene,
    dimension: Dimension::new(8).expect("valid"),
    replicas: 0,
};
/// This text must never be shown. It stands for a password, and for texts in replies that may repeat one.
const SECRET: &str = "hunter2";

type Reply = (u16, &'static str);

const MISSING: Reply = (404, r#"{"error":"alias [client_acme] missing","status":404}"#);
const CREATED: Reply = (200, r#"{"acknowledged":true,"shards_acknowledged":true,"index":"client_acme_v1"}"#);
const SHOWN: Reply = (200, r#"{"client_acme_v1":{"aliases":{"client_acme":{"is_write_index":true}}}}"#);

/// A server that answers each request with the next reply and keeps the headers of the requests.
struct Server {
    endpoint: String,
    heads: Arc<Mutex<Vec<Parts>>>,
}

impl Server {
    async fn start(replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}/base/", listener.local_addr().expect("bound"));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (seen, replies) = (Arc::clone(&heads), replies.to_vec());
        let router = Router::new().fallback(move |head: Parts| async move {
            let mut seen = seen.lock().expect("no test has panicked with it");
            let (status, body) = replies.get(seen.len()).copied().unwrap_or((418, "one request too many"));
            seen.push(head);
            (StatusCode::from_u16(status).expect("a status"), body)
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, heads }
    }

    fn client(&self, auth: Auth) -> OpenSearch {
        OpenSearch::new(&self.endpoint, auth).expect("an endpoint")
    }

    fn heads(&self) -> Vec<Parts> {
        std::mem::take(&mut *self.heads.lock().expect("no test has panicked with it"))
    }
}

fn basic() -> Auth {
    Auth::Basic { username: "user".to_owned(), password: SECRET.into() }
}

fn signed() -> Auth {
    let credentials = SharedCredentialsProvider::new(Credentials::new("AKIDEXAMPLE", SECRET, None, None, "test"));
    Auth::SigV4 { region: "eu-central-1".to_owned(), credentials }
}

/// The result of the creation if it gets this reply.
async fn refused(status: u16, body: &'static str) -> Error {
    let server = Server::start(&[MISSING, (status, body)]).await;
    server.client(basic()).ensure_knn_index(&SPEC).await.expect_err(body)
}

#[tokio::test]
async fn refusals_have_codes_and_their_texts_are_never_shown() {
    for (status, body, code, retryable) in [
        // The user or the password is wrong; AWS does not accept the signature.
        (401, "Unauthorized", "unauthorized", false),
        (403, r#"{"message":"The security token included in the request is invalid."}"#, "unauthorized", false),
        // IAM, in front of a managed domain: the role's policy or the domain's (aws/serverless-application-model #3704
        // and others).
        (
            403,
            r#"{"Message":"User: arn:aws:sts::123456789012:assumed-role/hunter2/step is not authorized to perform: es:ESHttpPut because no identity-based policy allows the es:ESHttpPut action"}"#,
            "access_policy",
            false,
        ),
        (
            403,
            r#"{"Message":"User: anonymous is not authorized to perform: es:ESHttpPut because no resource-based policy allows the es:ESHttpPut action"}"#,
            "access_policy",
            false,
        ),
        // The security plugin (its `SecurityFilter`): a role without the right, a user without a role, a role that was
        // asked for and is not mapped.
        (
            403,
            r#"{"error":{"root_cause":[{"type":"security_exception","reason":"no permissions for [indices:admin/create] and User [name=hunter2, backend_roles=[ivory], requestedTenant=null]"}],"type":"security_exception","reason":"no permissions for [indices:admin/create] and User [name=hunter2, backend_roles=[ivory], requestedTenant=null]"},"status":403}"#,
            "permission_missing",
            false,
        ),
        (
            403,
            r#"{"error":{"root_cause":[{"type":"security_exception","reason":"no permissions for [] and User [name=arn:aws:iam::123456789012:role/hunter2, backend_roles=[arn:aws:iam::123456789012:role/hunter2], requestedTenant=null]"}],"type":"security_exception","reason":"no permissions for [] and User [name=arn:aws:iam::123456789012:role/hunter2, backend_roles=[arn:aws:iam::123456789012:role/hunter2], requestedTenant=null]"},"status":403}"#,
            "permission_missing",
            false,
        ),
        (
            403,
            r#"{"error":{"root_cause":[{"type":"security_exception","reason":"No mapping for User [name=hunter2, backend_roles=[], requestedTenant=null] on roles [ivory]"}],"type":"security_exception","reason":"No mapping for User [name=hunter2, backend_roles=[], requestedTenant=null] on roles [ivory]"},"status":403}"#,
            "permission_missing",
            false,
        ),
        // As recorded. A managed domain blocks new indices while its disks or its memory are nearly full.
        (
            403,
            r#"{"error":{"root_cause":[{"type":"index_create_block_exception","reason":"blocked by: [FORBIDDEN/10/cluster create-index blocked (api)];"}],"type":"index_create_block_exception","reason":"blocked by: [FORBIDDEN/10/cluster create-index blocked (api)];"},"status":403}"#,
            "no_room",
            true,
        ),
        (
            429,
            r#"{"error":{"root_cause":[{"type":"cluster_block_exception","reason":"index [client_acme_v1] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"}],"type":"cluster_block_exception","reason":"index [client_acme_v1] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"},"status":429}"#,
            "no_room",
            true,
        ),
        // The block of an operator. On the node it would affect all other tests.
        (
            403,
            r#"{"error":{"root_cause":[{"type":"cluster_block_exception","reason":"index [client_acme_v1] blocked by: [FORBIDDEN/6/cluster read-only (api)];"}],"type":"cluster_block_exception","reason":"index [client_acme_v1] blocked by: [FORBIDDEN/6/cluster read-only (api)];"},"status":403}"#,
            "blocked",
            true,
        ),
        // As recorded; a managed domain's limit follows the memory of its nodes.
        (
            400,
            r#"{"error":{"root_cause":[{"type":"validation_exception","reason":"Validation Failed: 1: this action would add [2] total shards, but this cluster currently has [1000]/[1000] maximum shards open;"}],"type":"validation_exception","reason":"Validation Failed: 1: this action would add [2] total shards, but this cluster currently has [1000]/[1000] maximum shards open;"},"status":400}"#,
            "shard_limit",
            false,
        ),
        // As recorded, with two zones and no replica.
        (
            400,
            r#"{"error":{"root_cause":[{"type":"validation_exception","reason":"Validation Failed: 1: expected total copies needs to be a multiple of total awareness attributes [2];"}],"type":"validation_exception","reason":"Validation Failed: 1: expected total copies needs to be a multiple of total awareness attributes [2];"},"status":400}"#,
            "replicas",
            false,
        ),
        // Replies of a cluster under load, a cluster without a manager, and a load balancer.
        (429, "", "rate_limited", true),
        (
            429,
            r#"{"error":{"root_cause":[{"type":"rejected_execution_exception","reason":"rejected execution of hunter2"}],"type":"rejected_execution_exception","reason":"rejected execution of hunter2"},"status":429}"#,
            "rate_limited",
            true,
        ),
        (
            503,
            r#"{"error":{"root_cause":[{"type":"cluster_manager_not_discovered_exception","reason":null}],"type":"cluster_manager_not_discovered_exception","reason":null},"status":503}"#,
            "unavailable",
            true,
        ),
        (500, r#"{"error":{"type":"illegal_state_exception","reason":"hunter2"}}"#, "unavailable", true),
        (502, "hunter2", "unavailable", true),
        // Replies of a cluster with another version or other plugins.
        (
            400,
            r#"{"error":{"type":"mapper_parsing_exception","reason":"Invalid engine: hunter2"},"status":400}"#,
            "refused",
            false,
        ),
        (302, "hunter2", "refused", false),
    ] {
        let failure = Failure::from(refused(status, body).await);
        assert_eq!(failure.code().as_str(), format!("opensearch_{code}"), "{status} {body}");
        assert_eq!(failure.cause().retryable, retryable, "{status} {body}");
        assert!(!format!("{failure} {failure:?}").contains(SECRET), "{status} {body}");
    }
}

#[tokio::test]
async fn an_accepted_index_must_also_be_visible() {
    let server = Server::start(&[MISSING, CREATED, MISSING]).await;
    assert_eq!(server.client(basic()).ensure_knn_index(&SPEC).await, Err(Error::NotVisible));
}

#[tokio::test]
async fn an_undocumented_answer_is_not_a_success() {
    for body in ["", "<html>", "[]", r#"{"client_acme_v1":{}}"#] {
        let server = Server::start(&[(200, body)]).await;
        assert_eq!(server.client(basic()).ensure_knn_index(&SPEC).await, Err(Error::Unexpected), "{body}");
    }
}

#[tokio::test]
async fn each_request_is_authenticated() {
    for (auth, expected) in [
        (basic(), "Basic dXNlcjpodW50ZXIy"),
        (signed(), "/eu-central-1/es/aws4_request, SignedHeaders=host;x-amz-date,"),
    ] {
        let server = Server::start(&[MISSING, CREATED, SHOWN]).await;
        let opensearch = server.client(auth);
        assert_eq!(opensearch.ensure_knn_index(&SPEC).await, Ok(Ensured::Created));
        let heads = server.heads();
        let requests: Vec<_> = heads.iter().map(|head| format!("{} {}", head.method, head.uri)).collect();
        let look = "GET /base/_alias/client_acme";
        assert_eq!(requests, [look, "PUT /base/client_acme_v1", look]);
        for head in &heads {
            // A request with a body signs its content type as well.
            let authorization = authorization(&head.headers).replace("SignedHeaders=content-type;", "SignedHeaders=");
            assert!(authorization.contains(expected), "{authorization}");
        }
        assert!(!format!("{opensearch:?}").contains(SECRET));
    }
}

fn authorization(headers: &HeaderMap) -> &str {
    headers[header::AUTHORIZATION].to_str().expect("text")
}

#[test]
fn only_plain_http_endpoints_are_accepted() {
    for endpoint in ["", "x", "ftp://x", "mailto:x", "https://u:p@x", "https://x?y"] {
        assert_eq!(OpenSearch::new(endpoint, basic()).expect_err(endpoint), Error::BadEndpoint);
    }
}

#[test]
fn serverless_collections_are_refused_before_a_request() {
    for endpoint in
        ["https://abc123.eu-central-1.aoss.amazonaws.com", "https://abc123.cn-north-1.aoss.amazonaws.com.cn"]
    {
        assert_eq!(OpenSearch::new(endpoint, basic()).expect_err(endpoint), Error::Serverless);
    }
    for endpoint in ["https://search-aoss.eu-central-1.es.amazonaws.com", "https://aoss.example.com"] {
        assert!(OpenSearch::new(endpoint, basic()).is_ok(), "{endpoint}");
    }
}

/// What a node says to a rehearsal that is refused for nothing but its unreadable filter (recorded from 2.19.1).
const ONLY_REHEARSED: Reply = (
    400,
    r#"{"error":{"type":"illegal_argument_exception","reason":"failed to parse filter for alias [client_acme]"},"status":400}"#,
);
const NO_INDEX: Reply =
    (404, r#"{"error":{"type":"index_not_found_exception","reason":"no such index"},"status":404}"#);
const NO_PERMISSION: Reply =
    (403, r#"{"error":{"type":"security_exception","reason":"no permissions for []"},"status":403}"#);

#[tokio::test]
async fn a_rehearsal_finds_each_right_that_is_missing() {
    let rehearsed = async |replies: &[Reply]| {
        let server = Server::start(replies).await;
        server.client(basic()).rehearse(&SPEC).await.map_err(|error| Failure::from(error).code())
    };
    let right = [MISSING, ONLY_REHEARSED, NO_INDEX, NO_INDEX];
    assert_eq!(rehearsed(&right).await, Ok(()));
    for number in 0..right.len() {
        let mut replies = right;
        replies[number] = NO_PERMISSION;
        assert_eq!(rehearsed(&replies).await, Err(CauseCode::OpenSearchPermissionMissing), "{number}");
    }
    for (reply, code) in [
        // Recorded from 2.19.1 without the plugin's setting.
        (
            (
                400,
                r#"{"error":{"type":"illegal_argument_exception","reason":"unknown setting [index.knn] please check"}}"#,
            ),
            CauseCode::OpenSearchNoKnn,
        ),
        (
            (
                400,
                r#"{"error":{"type":"validation_exception","reason":"Validation Failed: 1: this action would add [1] total shards, but this cluster currently has [1]/[1] maximum shards open;"}}"#,
            ),
            CauseCode::OpenSearchShardLimit,
        ),
        (CREATED, CauseCode::OpenSearchUnexpectedAnswer),
    ] {
        assert_eq!(rehearsed(&[MISSING, reply]).await, Err(code), "{reply:?}");
    }
}

#[tokio::test]
async fn the_right_to_delete_is_tried_on_what_nobody_has() {
    const READ_ONLY: Reply = (403, r#"{"error":{"type":"cluster_block_exception","reason":"blocked"},"status":403}"#);
    const DELETED: Reply = (200, r#"{"acknowledged":true}"#);
    for (reply, expected) in [
        (NO_INDEX, Ok(Some(true))),
        (NO_PERMISSION, Ok(Some(false))),
        (READ_ONLY, Err(Error::Blocked)),
        // There was one.
        (DELETED, Err(Error::Unexpected)),
    ] {
        let server = Server::start(&[reply]).await;
        assert_eq!(server.client(basic()).may_delete(&SPEC).await, expected, "{reply:?}");
        let heads = server.heads();
        assert_eq!((heads[0].method.as_str(), heads[0].uri.path()), ("DELETE", "/base/client_acme_v1"));
    }
}

#[tokio::test]
async fn the_right_to_delete_of_another_function_is_not_tried() {
    let server = Server::start(&[]).await;
    assert_eq!(server.client(signed()).may_delete(&SPEC).await, Ok(None));
    assert!(server.heads().is_empty());
}
