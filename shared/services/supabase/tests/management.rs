//! The client of the Management API against answers of the documented shapes.

mod replay;

use std::time::Duration;

use domain::{CauseCode, Failure, FailureKind};
use http_kit::{ConnectError, TransportError};
use replay::{Replay, Reply, reply};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use supabase::{
    AuthChanges, AuthSettings, Error, HealthStatus, KeyKind, Logins, Mail, Management, Offer, Plan, ProjectRef,
    ProjectStatus, Service, Smtp,
};

const TOKEN: &str = "sbp_canary_token";
const PASSWORD: &str = "canary-db-pass";
const REF: &str = "abcdefghijklmnopqrst";

fn project_ref() -> ProjectRef {
    REF.parse().expect("a ref")
}

fn client(url: &str) -> Management {
    Management::new(url, TOKEN.into(), "ivory-org").expect("a slug")
}

async fn against(replies: impl IntoIterator<Item = Reply>) -> (Replay, Management) {
    let server = Replay::start(replies).await;
    let management = client(&server.url);
    (server, management)
}

fn project(name: &str) -> Value {
    json!({"id": REF, "ref": REF, "organization_id": "ivory-org", "organization_slug": "ivory-org", "name": name,
        "region": "eu-central-1", "created_at": "2026-11-21T09:12:02Z", "status": "COMING_UP"})
}

fn listed(name: &str) -> Value {
    json!({"ref": REF, "name": name, "cloud_provider": "AWS", "region": "eu-central-1", "is_branch": false,
        "status": "ACTIVE_HEALTHY", "inserted_at": "2026-11-21T09:12:02Z", "databases": []})
}

fn page(projects: &[Value], count: usize, offset: usize) -> Value {
    json!({"projects": projects, "pagination": {"count": count, "limit": 100, "offset": offset}})
}

#[tokio::test]
async fn a_project_is_created_without_deprecated_fields() {
    let (server, management) = against([reply(201, project("acme-1"))]).await;
    let created = management.create_project("acme-1", "eu-central-1", &PASSWORD.into()).await.expect("created");
    assert_eq!((created.project_ref, created.status), (project_ref(), ProjectStatus::ComingUp));
    let asked = server.asked_once();
    assert_eq!(asked.line, "POST /v1/projects");
    assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(
        asked.body,
        json!({"name": "acme-1", "organization_slug": "ivory-org", "db_pass": PASSWORD,
            "region_selection": {"type": "specific", "code": "eu-central-1"}})
    );
}

/// Every way in which a creation fails: its cause, and whether its outcome is unknown.
#[tokio::test]
async fn every_refusal_has_its_cause() {
    let limit = "The following organization members have reached their maximum limits for the number of active free \
        projects within organizations where they are an administrator or owner: jane";
    let taken = "Project with name acme-1 already exists in your organization.";
    let overdue = "There are overdue invoices in the organization(s) of jane";
    let says = |text: &str| json!({ "message": text });
    let cases = [
        (401, says("Unauthorized"), CauseCode::SupabaseUnauthorized, false),
        (401, says("JWT could not be decoded"), CauseCode::SupabaseUnauthorized, false),
        (401, json!({}), CauseCode::SupabaseUnauthorized, false),
        // A 401 that is not about the token.
        (401, says("Custom SMTP required to configure: SMTP_SENDER_NAME"), CauseCode::SupabaseInvalidRequest, false),
        (403, says("Forbidden resource"), CauseCode::SupabaseForbidden, false),
        (400, says(taken), CauseCode::SupabaseNameTaken, false),
        (409, says(taken), CauseCode::SupabaseNameTaken, false),
        (400, says(limit), CauseCode::SupabaseProjectLimit, false),
        (403, says(limit), CauseCode::SupabaseProjectLimit, false),
        // Public report of what the free plan answers.
        (
            402,
            says("Configuring leaked password protection via HaveIBeenPwned.org is available on Pro Plans and up."),
            CauseCode::SupabasePlanTooSmall,
            false,
        ),
        (402, says(overdue), CauseCode::SupabaseOverdueInvoices, false),
        (400, says("region is not valid"), CauseCode::SupabaseInvalidRequest, false),
        (404, says("Not Found"), CauseCode::SupabaseNotFound, false),
        (429, says("ThrottlerException: Too Many Requests"), CauseCode::SupabaseRateLimited, false),
        (502, json!("<html>bad gateway"), CauseCode::SupabaseServerError, true),
        (201, json!({"ref": "../etc"}), CauseCode::SupabaseUnexpectedAnswer, true),
        (302, json!(null), CauseCode::SupabaseUnexpectedAnswer, true),
    ];
    for (status, body, code, unknown) in cases {
        let (_server, management) = against([reply(status, &body).header("cf-ray", "8f2a-FRA")]).await;
        let error = management.create_project("acme-1", "eu-central-1", &PASSWORD.into()).await.expect_err("refused");
        assert_eq!(error.outcome_unknown(), unknown, "{code:?}");
        let shown = format!("{error} {error:?}");
        let failure = Failure::from(error);
        assert_eq!(failure.code(), code, "{status} {body}");
        assert_eq!(failure.provider_request_id(), Some("8f2a-FRA"), "{code:?}");
        for secret in [TOKEN, PASSWORD, "jane", "acme-1"] {
            assert!(!shown.contains(secret) && !format!("{failure:?}").contains(secret), "{code:?} shows {secret}");
        }
    }
}

#[tokio::test]
async fn a_refused_connection_had_no_effect() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let error = client(&url).create_project("a", "eu-central-1", &PASSWORD.into()).await.expect_err("refused");
    assert_eq!(error, Error::Transport(TransportError::Connect(ConnectError::Refused)));
    assert!(!error.outcome_unknown());
}

#[tokio::test]
async fn only_the_exact_name_is_found() {
    let others = [listed("acme-10"), listed("Acme-1"), listed("acme-1"), listed("xacme-1")];
    let (server, management) = against([reply(200, page(&others, 4, 0))]).await;
    let found = management.find_projects_named("acme-1").await.expect("a list");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].region.as_str(), found[0].status), ("eu-central-1", ProjectStatus::ActiveHealthy));
    let line = server.asked_once().line;
    let expected = "GET /v1/organizations/ivory-org/projects?search=acme-1&sort=created_asc&limit=100&offset=0";
    assert_eq!(line, expected);
}

#[tokio::test]
async fn every_page_is_read() {
    let full = vec![listed("acme-10"); 100];
    let last = [listed("acme-1"), listed("acme-1")];
    let (server, management) = against([reply(200, page(&full, 102, 0)), reply(200, page(&last, 102, 100))]).await;
    assert_eq!(management.find_projects_named("acme-1").await.expect("a list").len(), 2);
    let lines: Vec<_> = server.asked().into_iter().map(|asked| asked.line).collect();
    assert!(lines.len() == 2 && lines[0].ends_with("&offset=0") && lines[1].ends_with("&offset=100"), "{lines:?}");
}

#[tokio::test]
async fn reading_a_list_that_shrinks_or_never_ends_stops() {
    let one = || reply(200, page(&[listed("acme-1")], 1000, 0));
    let (_server, management) = against([one(), reply(200, page(&[], 1000, 1))]).await;
    assert_eq!(management.find_projects_named("acme-1").await.expect("a list").len(), 1);
    let (server, management) = against(std::iter::repeat_with(one).take(60)).await;
    let error = management.find_projects_named("acme-1").await.expect_err("an endless list");
    assert!(matches!(error, Error::UnexpectedAnswer(_)), "{error}");
    assert_eq!(server.asked().len(), 50);
}

#[tokio::test]
async fn a_name_is_encoded() {
    let (server, management) = against([reply(200, page(&[], 0, 0))]).await;
    assert!(management.find_projects_named("a&limit=1#ä ").await.expect("a list").is_empty());
    assert!(server.asked_once().line.contains("?search=a%26limit%3D1%23%C3%A4+&sort="));
}

#[tokio::test]
async fn an_organisation_cannot_change_the_path() {
    for slug in ["", "../x", "a/b", "a?b", "ä"] {
        let error = Management::new("http://127.0.0.1:1", TOKEN.into(), slug).expect_err(slug);
        assert_eq!(Failure::from(error).kind(), FailureKind::Internal);
    }
}

#[tokio::test]
async fn a_missing_project_is_not_an_error() {
    let missing = json!({"message": "Project not found"});
    let (server, management) = against([reply(200, project("acme-1")), reply(404, missing)]).await;
    assert_eq!(management.project(&project_ref()).await.expect("there").expect("some").name, "acme-1");
    assert_eq!(management.project(&project_ref()).await, Ok(None));
    assert!(server.asked().iter().all(|asked| asked.line == format!("GET /v1/projects/{REF}")));
}

#[tokio::test]
async fn health_covers_every_service() {
    let body = json!([
        {"name": "pooler", "healthy": false, "status": "UNHEALTHY", "error": "{\"error\":\"not found\"}"},
        {"name": "auth", "healthy": true, "status": "ACTIVE_HEALTHY",
            "info": {"name": "GoTrue", "version": "v2", "description": ""}},
        {"name": "db", "healthy": false, "status": "COMING_UP"},
        {"name": "realtime", "healthy": false, "status": "NAPPING"}
    ]);
    let (server, management) = against([reply(200, body)]).await;
    let health = management.health(&project_ref()).await.expect("an answer");
    let expected =
        [HealthStatus::ActiveHealthy, HealthStatus::ComingUp, HealthStatus::Unhealthy, HealthStatus::Unknown];
    assert_eq!(health.iter().map(|one| one.service).collect::<Vec<_>>(), Service::ALL);
    assert_eq!(health.iter().map(|one| one.status).collect::<Vec<_>>(), expected);
    assert_eq!(health.iter().filter(|one| one.is_healthy()).count(), 1);
    let query = "services=auth&services=db&services=pooler&services=rest&timeout_ms=5000";
    assert_eq!(server.asked_once().line, format!("GET /v1/projects/{REF}/health?{query}"));
}

async fn keys(rows: Value) -> Result<(String, String), Error> {
    let (server, management) = against([reply(200, rows)]).await;
    let keys = management.api_keys(&project_ref()).await;
    assert_eq!(server.asked_once().line, format!("GET /v1/projects/{REF}/api-keys?reveal=true"));
    let text = |key: &SecretString| key.expose_secret().to_owned();
    keys.map(|keys| {
        assert!(!format!("{keys:?}").contains("sb_"));
        (text(&keys.publishable), text(&keys.secret))
    })
}

#[tokio::test]
async fn new_keys_come_before_legacy_ones_and_pairs_are_not_mixed() {
    let anon = json!({"name": "anon", "api_key": "eyA", "type": "legacy"});
    let service = json!({"name": "service_role", "api_key": "eyS"});
    let publishable = json!({"name": "default", "api_key": "sb_publishable_1", "type": "publishable"});
    let other = json!({"name": "backup", "api_key": "sb_secret_0", "type": "secret"});
    let secret = json!({"name": "default", "api_key": "sb_secret_1", "type": "secret"});
    let hidden = json!({"name": "default", "api_key": "sb_secret_1····", "type": "secret"});
    let none = json!({"name": "default", "api_key": null, "type": "secret"});
    let pair = |a: &str, b: &str| Ok((a.to_owned(), b.to_owned()));
    let new = pair("sb_publishable_1", "sb_secret_1");
    let legacy = pair("eyA", "eyS");
    assert_eq!(keys(json!([anon, service, publishable, other, secret])).await, new);
    assert_eq!(keys(json!([publishable, other])).await, pair("sb_publishable_1", "sb_secret_0"));
    assert_eq!(keys(json!([anon, service])).await, legacy);
    assert_eq!(keys(json!([anon, service, publishable, none])).await, legacy);
    assert_eq!(keys(json!([anon, service, publishable, hidden])).await, legacy);
    assert_eq!(keys(json!([anon, publishable])).await, Err(Error::KeysMissing));
    assert_eq!(keys(json!([])).await, Err(Error::KeysMissing));
    assert_eq!(Failure::from(Error::KeysMissing).kind(), FailureKind::Transient);
}

#[tokio::test]
async fn keys_are_deleted_by_their_ids_and_legacy_ones_disabled() {
    let (first, second) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    let listed = json!([{"name": "anon", "id": "anon", "type": "legacy"}, {"name": "service_role"},
        {"name": "default", "id": first, "type": "publishable", "api_key": "sb_publishable_1"},
        {"name": "ci", "id": second, "type": "secret", "api_key": "sb_secret_1····"}]);
    let key = json!({"name": "default", "id": first, "type": "publishable"});
    let gone = || reply(404, json!({"message": "Not found"}));
    let legacy = |enabled: bool| reply(200, json!({ "enabled": enabled }));
    let unnamed = json!([{"name": "ci", "id": null, "type": "secret"}]);
    let replies = [
        reply(200, listed),
        reply(200, key),
        gone(),
        legacy(false),
        gone(),
        legacy(true),
        reply(403, json!({"message": "no"})),
        reply(403, json!({"message": "no"})),
        reply(200, unnamed),
    ];
    let (server, management) = against(replies).await;
    let project = project_ref();
    assert_eq!(management.api_key_ids(&project).await, Ok(vec![first, second]));
    assert_eq!(management.delete_api_key(&project, first).await, Ok(()));
    assert_eq!(management.delete_api_key(&project, second).await, Ok(()), "it is gone");
    assert_eq!(management.disable_legacy_keys(&project).await, Ok(()));
    assert_eq!(management.disable_legacy_keys(&project).await, Ok(()), "the endpoint is gone");
    let asked: Vec<_> = server.asked().into_iter().map(|asked| asked.line).collect();
    let path = format!("/v1/projects/{REF}/api-keys");
    let expected = [
        format!("GET {path}"),
        format!("DELETE {path}/{first}"),
        format!("DELETE {path}/{second}"),
        format!("PUT {path}/legacy?enabled=false"),
        format!("PUT {path}/legacy?enabled=false"),
    ];
    assert_eq!(asked, expected, "and no key is revealed");

    let still = management.disable_legacy_keys(&project).await;
    assert!(matches!(still, Err(Error::UnexpectedAnswer(_))), "{still:?}");
    for refused in [management.disable_legacy_keys(&project).await, management.delete_api_key(&project, first).await] {
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    }
    let unnamed = management.api_key_ids(&project).await;
    assert!(matches!(unnamed, Err(Error::UnexpectedAnswer(_))), "a key that cannot be deleted: {unnamed:?}");
}

#[tokio::test]
async fn a_key_is_made_anew_and_found_again_by_its_kind() {
    let id = uuid::Uuid::from_u128(7);
    let legacy = json!({"name": "service_role", "id": "service_role", "type": "legacy"});
    let key = |kind: &str| json!({"name": "default", "id": id, "type": kind, "api_key": "sb_····"});
    let replies = [
        reply(200, json!([legacy])),
        reply(201, key("secret")),
        reply(200, json!([legacy, key("secret")])),
        reply(200, json!([legacy, key("secret")])),
        reply(201, key("publishable")),
        reply(201, json!({"name": "default", "id": null, "type": "secret"})),
        reply(403, json!({"message": "no"})),
    ];
    let (server, management) = against(replies).await;
    let project = project_ref();
    assert_eq!(management.api_key_of(&project, KeyKind::Secret).await, Ok(None));
    assert_eq!(management.create_api_key(&project, KeyKind::Secret).await, Ok(id));
    assert_eq!(management.api_key_of(&project, KeyKind::Secret).await, Ok(Some(id)));
    assert_eq!(management.api_key_of(&project, KeyKind::Publishable).await, Ok(None));
    assert_eq!(management.create_api_key(&project, KeyKind::Publishable).await, Ok(id));
    let unnamed = management.create_api_key(&project, KeyKind::Secret).await.expect_err("without an id");
    assert!(matches!(unnamed, Error::UnexpectedAnswer(_)) && unnamed.outcome_unknown(), "{unnamed:?}");
    let refused = management.create_api_key(&project, KeyKind::Secret).await.expect_err("refused");
    assert!(matches!(refused, Error::Forbidden(_)) && !refused.outcome_unknown(), "{refused:?}");

    let asked = server.asked();
    let path = format!("/v1/projects/{REF}/api-keys");
    let lines: Vec<_> = asked.iter().map(|asked| asked.line.clone()).collect();
    let (get, post) = (format!("GET {path}"), format!("POST {path}"));
    assert_eq!(lines, [&get, &post, &get, &get, &post, &post, &post].map(String::clone), "and no key is revealed");
    let secret = json!({"type": "secret", "name": "default", "secret_jwt_template": {"role": "service_role"}});
    assert_eq!(asked[1].body, secret);
    assert_eq!(asked[4].body, json!({"type": "publishable", "name": "default"}));
}

fn pooler(database_type: &str, pool_mode: &str, port: u16) -> Value {
    json!({"identifier": REF, "database_type": database_type, "is_using_scram_auth": true,
        "db_user": format!("postgres.{REF}"), "db_host": "aws-1-eu-central-1.pooler.supabase.com", "db_port": port,
        "db_name": "postgres", "connection_string": "postgres://…", "connectionString": "postgres://…",
        "default_pool_size": null, "max_client_conn": null, "pool_mode": pool_mode})
}

#[tokio::test]
async fn only_the_session_pooler_of_the_primary_is_used() {
    let session = json!([
        pooler("READ_REPLICA", "session", 5431),
        pooler("PRIMARY", "transaction", 6543),
        pooler("PRIMARY", "session", 5432)
    ]);
    let transaction = json!([pooler("PRIMARY", "transaction", 6543)]);
    let dedicated = json!([pooler("PRIMARY", "transaction", 7000)]);
    let replica = json!([pooler("READ_REPLICA", "session", 5432)]);
    let replies = [session, transaction, dedicated, replica].map(|rows| reply(200, rows));
    let (server, management) = against(replies).await;
    let found = management.session_pooler(&project_ref()).await.expect("a session pooler");
    assert_eq!((found.host.as_str(), found.port), ("aws-1-eu-central-1.pooler.supabase.com", 5432));
    assert_eq!((found.user, found.dbname.as_str()), (format!("postgres.{REF}"), "postgres"));
    assert_eq!(server.asked_once().line, format!("GET /v1/projects/{REF}/config/database/pooler"));
    let beside = management.session_pooler(&project_ref()).await.expect("the shared pooler accepts sessions too");
    assert_eq!((beside.host.as_str(), beside.port), ("aws-1-eu-central-1.pooler.supabase.com", 5432));
    assert_eq!(management.session_pooler(&project_ref()).await, Err(Error::NoSessionPooler));
    assert_eq!(management.session_pooler(&project_ref()).await, Err(Error::PoolerMissing));
    assert_eq!(Failure::from(Error::NoSessionPooler).kind(), FailureKind::Rejected);
    assert_eq!(Failure::from(Error::PoolerMissing).kind(), FailureKind::Transient);
}

#[tokio::test]
async fn a_password_is_set_and_a_project_deleted_once_or_twice() {
    let done = reply(200, json!({"message": "ok"}));
    let deleted = reply(200, json!({"id": 1, "ref": REF, "name": "acme-1"}));
    let gone = reply(404, json!({"message": "Project not found"}));
    let (server, management) = against([done, deleted, gone, reply(403, json!({"message": "no"}))]).await;
    management.set_database_password(&project_ref(), &PASSWORD.into()).await.expect("set");
    management.delete_project(&project_ref()).await.expect("deleted");
    management.delete_project(&project_ref()).await.expect("gone");
    let error = management.delete_project(&project_ref()).await.expect_err("forbidden");
    assert!(matches!(error, Error::Forbidden(_)), "{error}");
    let asked = server.asked();
    assert_eq!(asked[0].line, format!("PATCH /v1/projects/{REF}/database/password"));
    assert_eq!(asked[0].body, json!({"password": PASSWORD}));
    assert_eq!(asked[1].line, format!("DELETE /v1/projects/{REF}"));
}

fn settings() -> AuthSettings {
    AuthSettings {
        site_url: "https://acme.example".into(),
        uri_allow_list: vec!["https://acme.example/**".into(), "https://app.example/welcome".into()],
        smtp: Smtp {
            host: "smtp.example".into(),
            port: 587,
            user: "mailer".into(),
            pass: "canary-smtp".into(),
            admin_email: "no-reply@ivory.example".into(),
            sender_name: "Ivory".into(),
        },
        disable_signup: true,
        links_live_for: Duration::from_hours(24),
        logins: Logins { shortest_password: 12, refuse_leaked: true, authenticator_apps: true },
        invitation: Mail { subject: "Invited".into(), content: "<a href=\"x\">{{ .TokenHash }}</a>".into() },
        recovery: Mail { subject: "Recovered".into(), content: "{{ .TokenHash }}".into() },
    }
}

/// The configuration that the API shows for [`settings`]. Passwords are shown as digests.
fn shown() -> Value {
    json!({"site_url": "https://acme.example",
        "uri_allow_list": "https://acme.example/**,https://app.example/welcome", "smtp_host": "smtp.example",
        "smtp_port": "587", "smtp_user": "mailer", "smtp_pass": "a digest",
        "smtp_admin_email": "no-reply@ivory.example", "smtp_sender_name": "Ivory", "disable_signup": true,
        "mailer_otp_exp": 86_400, "password_min_length": 12, "password_hibp_enabled": true,
        "mfa_totp_enroll_enabled": true, "mfa_totp_verify_enabled": true, "mailer_subjects_invite": "Invited", "mailer_subjects_recovery": "Recovered",
        "mailer_templates_invite_content": "<a href=\"x\">{{ .TokenHash }}</a>",
        "mailer_templates_recovery_content": "{{ .TokenHash }}", "jwt_exp": 3600})
}

#[tokio::test]
async fn only_what_differs_is_changed_in_auth() {
    let mut other = shown();
    other["smtp_port"] = json!("25");
    other["disable_signup"] = json!(null);
    let echo = json!({"smtp_pass": "echo"});
    let (server, management) = against([reply(200, other), reply(200, echo), reply(200, shown())]).await;
    let changes = management.auth_changes(&project_ref(), &settings()).await.expect("a configuration");
    assert_eq!(changes.names(), "disable_signup,smtp_port");
    management.configure_auth(&project_ref(), &changes).await.expect("configured");
    let asked = server.asked();
    assert_eq!(asked[0].line, format!("GET /v1/projects/{REF}/config/auth"));
    assert_eq!(asked[1].line, format!("PATCH /v1/projects/{REF}/config/auth"));
    assert_eq!(asked[1].body, json!({"disable_signup": true, "smtp_port": "587"}));

    let changes = management.auth_changes(&project_ref(), &settings()).await.expect("a configuration");
    assert!(changes.is_empty(), "{}", changes.names());
    assert!(!format!("{:?}", settings()).contains("canary"));
    assert!(!format!("{management:?}").contains(TOKEN));
}

#[tokio::test]
async fn a_new_project_gets_all_settings() {
    let (server, management) = against([reply(200, json!({"jwt_exp": 3600})), reply(200, json!({}))]).await;
    let changes = management.auth_changes(&project_ref(), &settings()).await.expect("a configuration");
    let changes = changes.with_password(&settings().smtp);
    management.configure_auth(&project_ref(), &changes).await.expect("configured");
    let mut expected = shown();
    expected["smtp_pass"] = json!("canary-smtp");
    expected.as_object_mut().expect("an object").remove("jwt_exp");
    assert_eq!(server.asked()[1].body, expected);
    assert!(AuthChanges::is_shown_by_auth(&changes.names()));
}

#[test]
fn names_tell_who_shows_a_change() {
    for (names, by_management, by_auth) in
        [("smtp_pass", false, false), ("smtp_pass,smtp_port", true, false), ("disable_signup,smtp_pass", true, true)]
    {
        let found = (AuthChanges::is_shown_by_management(names), AuthChanges::is_shown_by_auth(names));
        assert_eq!(found, (by_management, by_auth), "{names}");
    }
}

#[tokio::test]
async fn urls_with_a_comma_are_not_sent() {
    let (server, management) = against([reply(200, shown()), reply(200, shown())]).await;
    let site = AuthSettings { site_url: "https://a,https://b".into(), ..settings() };
    let list = AuthSettings { uri_allow_list: vec!["https://a,https://b".into()], ..settings() };
    for bad in [site, list] {
        let error = management.auth_changes(&project_ref(), &bad).await.err().expect("a comma");
        assert!(matches!(error, Error::BadArgument(_)), "{error}");
    }
    assert!(server.asked().iter().all(|asked| asked.line.starts_with("GET ")));
}

/// A server that closes the first connection after reading the request, and answers on the second.
#[tokio::test]
async fn a_broken_read_is_read_again_and_a_broken_creation_is_not() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let management = client(&format!("http://{}", listener.local_addr().expect("bound")));
    tokio::spawn(async move {
        for answer in
            ["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", ""]
        {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    assert_eq!(management.project(&project_ref()).await, Ok(None));
    let error = management.create_project("a", "eu-central-1", &PASSWORD.into()).await.expect_err("closed");
    assert_eq!(error, Error::Transport(TransportError::Broken));
    assert!(error.outcome_unknown());
}

#[tokio::test]
async fn what_the_organisation_may_have_is_read_without_asking_for_it() {
    for (name, plan) in [("free", Plan::Free), ("pro", Plan::Paid), ("team", Plan::Paid), ("new", Plan::Paid)] {
        let (server, management) = against([reply(200, json!({ "plan": name })), reply(200, page(&[], 0, 0))]).await;
        assert_eq!(management.organization().await, Ok(plan), "{name}");
        let asked: Vec<_> = server.asked().into_iter().map(|asked| asked.line).collect();
        assert_eq!(asked, ["GET /v1/organizations/ivory-org", "GET /v1/organizations/ivory-org/projects?limit=1"]);
    }
    let region = |code: &str| json!({"name": code, "code": code, "type": "specific", "provider": "AWS"});
    let mut strained = region("eu-west-1");
    strained["status"] = json!("capacity");
    let offered = json!({"recommendations": {"smartGroup": {}, "specific": []},
        "all": {"smartGroup": [], "specific": [region("eu-central-1"), strained]}});
    for (code, offer) in [("eu-central-1", Offer::Open), ("eu-west-1", Offer::Strained), ("us-east-1", Offer::None)] {
        let (server, management) = against([reply(200, &offered)]).await;
        assert_eq!(management.region(code).await, Ok(offer));
        assert_eq!(server.asked_once().line, "GET /v1/projects/available-regions?organization_slug=ivory-org");
    }
}
