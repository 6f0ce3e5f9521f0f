//! `GET /v1/admin/tenants/{slug}` by hand, of the same public crates as our functions and without anything of ours: what
//! the work itself costs. AWS's SDK is not one of them; the one request that it would make is signed here. With a secret
//! that names no authority, Postgres is reached without TLS.

use std::env;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bench::signature::Scope;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Error, Request, RequestExt as _, Response, service_fn};
use rustls::crypto::ring::kx_group::SECP256R1;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize, Serializer};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

const SQL: &str = "SELECT tenant_id, slug, display_name, region, tier, supabase_url, supabase_project_ref, \
    falkordb_graph_name, custom_domain, admin_email, provisioning_state, is_active, provisioned_at, error_message, \
    stripe_customer_id, updated_at, activated_at, version, restored_at, hold_reason, hold_at, hold_by FROM control.tenants WHERE slug = $1";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = Mutex::new(connect().await?);
    lambda_http::run(service_fn(async |request: Request| answer(&client, &request).await)).await
}

#[derive(Deserialize)]
struct Secret {
    host: String,
    dbname: String,
    username: String,
    password: String,
    ca_pem: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretValue {
    secret_string: String,
}

async fn secret() -> Result<Secret, Error> {
    let body = format!("{{\"SecretId\":\"{}/control/database-read\"}}", env::var("SECRET_PREFIX")?);
    let endpoint = env::var("AWS_ENDPOINT_URL")?;
    let host = endpoint.trim_start_matches("http://");
    let (region, token) = (env::var("AWS_REGION")?, env::var("AWS_SESSION_TOKEN")?);
    let at = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let headers = [
        ("content-type", "application/x-amz-json-1.1"),
        ("host", host),
        ("x-amz-date", &at),
        ("x-amz-security-token", &token),
        ("x-amz-target", "secretsmanager.GetSecretValue"),
    ];
    let scope = Scope { at: &at, region: &region, service: "secretsmanager" };
    let (key_id, key) = (env::var("AWS_ACCESS_KEY_ID")?, env::var("AWS_SECRET_ACCESS_KEY")?);
    let authorization = scope.authorization(&key_id, &key, &headers, body.as_bytes());
    let mut request = hyper::Request::post("/").header("authorization", authorization);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let (mut sender, connection) = handshake(TokioIo::new(TcpStream::connect(host).await?)).await?;
    tokio::spawn(connection);
    let answer = sender.send_request(request.body(Full::new(bytes::Bytes::from(body)))?).await?;
    let answer = answer.into_body().collect().await?.to_bytes();
    let SecretValue { secret_string } = serde_json::from_slice(&answer)?;
    Ok(serde_json::from_str(&secret_string)?)
}

/// The address is known from the deployment, so the server's process starts while the secret is read.
async fn connect() -> Result<Client, Error> {
    let dialling = TcpStream::connect(env::var("DATABASE_ADDRESS")?);
    let (stream, secret) = tokio::join!(dialling, secret());
    let (stream, secret) = (stream?, secret?);
    stream.set_nodelay(true)?;
    let mut config = Config::new();
    config.dbname(&secret.dbname).user(&secret.username).password(&secret.password);
    let Some(authorities) = secret.ca_pem else {
        let (client, connection) = config.ssl_mode(SslMode::Disable).connect_raw(stream, NoTls).await?;
        tokio::spawn(connection);
        return Ok(client);
    };
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
        roots.add(authority?)?;
    }
    // Postgres 17 takes only P-256.
    let provider = CryptoProvider { kx_groups: vec![SECP256R1], ..ring::default_provider() };
    let tls = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tls = MakeRustlsConnect::new(tls);
    let tls = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls, &secret.host)?;
    let (client, connection) = config.ssl_mode(SslMode::Require).connect_raw(stream, tls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A time in UTC, with six digits.
struct Moment(Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.6}", self.0))
    }
}

#[derive(Serialize)]
struct Record<'a> {
    tenant_id: Uuid,
    slug: &'a str,
    display_name: &'a str,
    region: &'a str,
    tier: &'a str,
    supabase_url: Option<&'a str>,
    supabase_project_ref: Option<&'a str>,
    falkordb_graph_name: Option<&'a str>,
    custom_domain: Option<&'a str>,
    admin_email: &'a str,
    provisioning_state: &'a str,
    is_active: bool,
    provisioned_at: Moment,
    error_message: Option<&'a str>,
    stripe_customer_id: Option<&'a str>,
    created_at: Moment,
    updated_at: Moment,
    activated_at: Option<Moment>,
    restored_at: Option<Moment>,
    hold: Option<Hold<'a>>,
    /// It is live: only a deprovisioned one is looked up among the purges.
    purge: Option<()>,
}

#[derive(Serialize)]
struct Hold<'a> {
    reason: &'a str,
    at: Moment,
    by: &'a str,
}

impl<'a> Record<'a> {
    fn of(row: &'a Row) -> Self {
        let state: &str = row.get(10);
        Self {
            tenant_id: row.get(0),
            slug: row.get(1),
            display_name: row.get(2),
            region: row.get(3),
            tier: row.get(4),
            supabase_url: row.get(5),
            supabase_project_ref: row.get(6),
            falkordb_graph_name: row.get(7),
            custom_domain: row.get::<_, Option<&str>>(8).filter(|_| state != "deprovisioned"),
            admin_email: row.get(9),
            provisioning_state: state,
            is_active: row.get(11),
            provisioned_at: Moment(row.get(12)),
            error_message: row.get(13),
            stripe_customer_id: row.get(14),
            created_at: Moment(row.get(12)),
            updated_at: Moment(row.get(15)),
            activated_at: row.get::<_, Option<Timestamp>>(16).map(Moment),
            restored_at: row.get::<_, Option<Timestamp>>(18).map(Moment),
            hold: row.get::<_, Option<Timestamp>>(20).map(|at| Hold {
                reason: row.get(19),
                at: Moment(at),
                by: row.get(21),
            }),
            purge: None,
        }
    }
}

/// What our function logs of an answer: CloudWatch makes metrics of it, and a reader finds everything of the request.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: Moment,
    level: &'a str,
    version: &'a str,
    #[serde(rename = "Latency")]
    latency: f64,
    #[serde(rename = "Errors")]
    errors: u8,
    #[serde(rename = "ColdStart")]
    cold_start: bool,
    status: u16,
    message: &'a str,
    span: Span<'a>,
}

#[derive(Serialize)]
struct Span<'a> {
    function: &'a str,
    request_id: &'a str,
    correlation_id: &'a str,
    method: &'a str,
    path: &'a str,
    slug: &'a str,
    tenant_id: Option<Uuid>,
    caller: &'a str,
}

/// The beginning of the line: which of its fields are metrics.
const METRICS: &str = r#"{"_aws":{"CloudWatchMetrics":[{"Namespace":"IvoryControlPlane","Dimensions":[["service","function_name"]],"Metrics":[{"Name":"Latency","Unit":"Milliseconds"},{"Name":"Errors","Unit":"Count"},{"Name":"ColdStart","Unit":"Count"}]}],"Timestamp":"#;
const DIMENSIONS: &str = r#"},"service":"ivory","function_name":"get-tenant","#;
const VERSION: &str = env!("CARGO_PKG_VERSION");

async fn answer(client: &Mutex<Client>, request: &Request) -> Result<Response<Body>, Error> {
    static FIRST: AtomicBool = AtomicBool::new(true);
    let (began, cold_start) = (Instant::now(), FIRST.swap(false, Ordering::Relaxed));
    let context = request.request_context_ref();
    let Some(RequestContext::ApiGatewayV1(context)) = context else { return Err("not of API Gateway".into()) };
    let field = |name: &str| context.authorizer.fields.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    let allowed = field("groups").split(',').any(|group| ["admin", "auditor"].contains(&group));
    let slug = request.path_parameters_ref().and_then(|parameters| parameters.first("tenant")).unwrap_or_default();
    let mut found = None;
    if field("credential") == "api_key" && allowed {
        let mut client = client.lock().await;
        if client.is_closed() {
            *client = connect().await?;
        }
        found = Some(client.query_typed(SQL, &[(&slug, Type::TEXT)]).await?);
    }
    let request_id = context.request_id.as_deref().unwrap_or_default();
    let answer = Response::builder().header("x-request-id", request_id).header("x-ivory-version", VERSION);
    let answer = answer.header("cache-control", "no-store").header("content-type", "application/json");
    let (status, answer) = match found.as_deref() {
        Some([row, ..]) => {
            let body = serde_json::to_string(&Record::of(row))?;
            (200, answer.header("etag", format!("\"{}\"", row.get::<_, i64>(17))).body(body.into())?)
        }
        Some([]) => (404, answer.status(404).body("{\"status\":404,\"code\":\"tenant_not_found\"}".into())?),
        None => (403, answer.status(403).body("{\"status\":403,\"code\":\"forbidden\"}".into())?),
    };
    let now = Timestamp::now();
    let line = Line {
        timestamp: Moment(now),
        level: "INFO",
        version: VERSION,
        latency: began.elapsed().as_secs_f64() * 1e3,
        errors: 0,
        cold_start,
        status,
        message: "answered",
        span: Span {
            function: "get-tenant",
            request_id,
            correlation_id: request_id,
            method: request.method().as_str(),
            path: context.path.as_deref().unwrap_or_default(),
            slug,
            tenant_id: found.as_deref().and_then(|rows| rows.first()).map(|row| row.get(0)),
            caller: field("actor"),
        },
    };
    let mut output = Vec::with_capacity(1024);
    write!(output, "{METRICS}{}{DIMENSIONS}", now.as_millisecond())?;
    output.extend_from_slice(&serde_json::to_vec(&line)?[1..]);
    output.push(b'\n');
    std::io::stdout().write_all(&output)?;
    Ok(answer)
}
