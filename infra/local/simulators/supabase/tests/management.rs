//! The Management API with a real Postgres.

mod common;

use std::time::Duration;

use common::schema::Specification;
use common::{DB_PASS, TOKEN, World, answer, log_in, postgres_url};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

fn body(name: &str) -> Value {
    json!({
        "name": name,
        "organization_slug": "local-org",
        "db_pass": DB_PASS,
        "region_selection": {"type": "specific", "code": "us-east-1"},
    })
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn a_project_comes_up_service_by_service_and_is_a_real_database() {
    let url = postgres_url();
    let world = World::start(url, |settings| settings.polls_until_healthy = 3).await;
    let project = world.create("acme-bank").await;
    let path = format!("/projects/{}", project.reference);
    assert!(log_in(&world, &project, DB_PASS).await.is_err(), "log-ins are refused until the pooler is up");
    let early = world.invite(&project, "ada@example.com").await;
    assert_eq!(early.status, 503);

    let first = world.get(&path).await.expect(200);
    assert_eq!(first["status"], "COMING_UP");
    assert_eq!(first["region"], "eu-central-1");
    let health = format!("{path}/health?services=db&services=auth,pooler");
    let second = world.get(&health).await.expect(200);
    assert_eq!(second[0], json!({"name": "db", "healthy": true, "status": "ACTIVE_HEALTHY"}));
    assert_eq!(second[1]["info"]["name"], "GoTrue");
    assert_eq!(second[2]["status"], "UNHEALTHY");
    assert_eq!(second[2]["error"], r#"{"error":"not found"}"#);
    let third = world.get(&health).await.expect(200);
    assert!(third.as_array().unwrap().iter().all(|service| service["status"] == "ACTIVE_HEALTHY"), "{third}");
    assert_eq!(world.get(&path).await.expect(200)["status"], "ACTIVE_HEALTHY");

    let client = log_in(&world, &project, DB_PASS).await.unwrap();
    let row = client.query_one("SELECT current_user::text, count(*) FROM auth.users GROUP BY 1", &[]).await;
    assert!(row.is_err(), "no users, no row");
    client.batch_execute("CREATE SCHEMA iam; CREATE TABLE iam.t (user_id uuid REFERENCES auth.users)").await.unwrap();
    client.batch_execute("CREATE TABLE public.t (id int); GRANT SELECT ON public.t TO authenticated").await.unwrap();
    client.batch_execute("DELETE FROM auth.users").await.unwrap();
    assert!(client.batch_execute("DROP TABLE auth.users CASCADE").await.is_err());

    let changed =
        world.api(Method::PATCH, &format!("{path}/database/password"), Some(json!({"password": "another"}))).await;
    changed.expect(200);
    assert!(log_in(&world, &project, DB_PASS).await.is_err());
    log_in(&world, &project, "another").await.unwrap();

    let deleted = world.api(Method::DELETE, &path, None).await.expect(200);
    assert_eq!(deleted["ref"], project.reference.as_str());
    assert!(client.batch_execute("SELECT 1").await.is_err(), "its sessions are gone");
    let gone = world.api(Method::DELETE, &path, None).await;
    assert_eq!(gone.expect(404), json!({"message": "Project not found"}));
    let counts = world.counts(&project).await;
    assert_eq!(counts["deleted"], true);
    assert_eq!(counts["calls"]["create_project"], 1);
    assert_eq!(counts["calls"]["get_health"], 2);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn a_request_that_is_not_specified_is_refused() {
    let url = postgres_url();
    let world = World::start(url, |_| {}).await;
    let with = |field: &str, value: Value| {
        let mut body = body("strict");
        body[field] = value;
        body
    };
    let mut missing = body("strict");
    missing.as_object_mut().unwrap().remove("db_pass");
    let refused = [
        (missing, "db_pass"),
        (with("name", json!("a.b")), "name should not contain a . string"),
        (with("name", json!("")), "name"),
        (with("name", json!("x".repeat(257))), "name"),
        (with("db_pass", json!("abc")), "db_pass must be longer than or equal to 4 characters"),
        (with("region", json!("us-east-1")), "only one of region or region_selection"),
        (with("region_selection", json!({"type": "specific", "code": "us-middle-1"})), "us-middle-1"),
        (with("region_selection", json!({"type": "specific", "code": "us-east-1", "x": 1})), "unknown field"),
        (with("region_selection", Value::Null), "region_selection is required"),
        (with("desired_instance_size", json!("huge")), "huge"),
        (with("release_channel", json!("ga")), "release_channel"),
    ];
    for (body, reason) in refused {
        let message = world.api(Method::POST, "/projects", Some(body)).await.expect(400);
        assert!(message["message"].as_str().unwrap().contains(reason), "{message} should mention {reason}");
    }
    let foreign = with("organization_slug", json!("other"));
    world.api(Method::POST, "/projects", Some(foreign)).await.expect(403);
    world.get("/organizations/other/projects").await.expect(403);
    world.get("/projects?page=1").await.expect(400);
    world.get("/projects/nope").await.expect(404);
    world.get("/nothing").await.expect(404);

    let url = format!("{}/v1/projects", world.base);
    let unauthorized = answer(world.request(Method::GET, &url)).await;
    assert_eq!(unauthorized.expect(401), json!({"message": "Unauthorized"}));
    answer(world.request(Method::GET, &url).bearer_auth("sbp_wrong")).await.expect(401);
    let plain = world.request(Method::POST, &url).bearer_auth(TOKEN).body(body("strict").to_string());
    answer(plain).await.expect(400);
    assert_eq!(world.get("/projects").await.expect(200), json!([]));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn a_name_is_taken_once_by_simultaneous_requests_and_before_it_is_listed() {
    let url = postgres_url();
    let world = World::start(url, |settings| settings.visible_after_ms = 1_500).await;
    let requests = (0..8).map(|_| world.api(Method::POST, "/projects", Some(body("only-one"))));
    let mut created = Vec::new();
    for answer in futures_util::future::join_all(requests).await {
        if answer.status == 201 {
            created.push(answer.body);
        } else {
            let message = answer.expect(400);
            assert!(
                message["message"].as_str().unwrap().ends_with("already exists in your organization."),
                "{message}"
            );
        }
    }
    let [only] = created.as_slice() else { panic!("one project, not {}", created.len()) };
    let project = world.project(only["ref"].as_str().unwrap()).await;
    let listing = "/organizations/local-org/projects?search=ONLY&limit=1";
    assert_eq!(world.get(listing).await.expect(200)["pagination"]["count"], 0);
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    assert_eq!(world.get(listing).await.expect(200)["projects"][0]["ref"], only["ref"]);
    assert_eq!(world.counts(&project).await["calls"]["create_project"], 8);
    world.delete(&project).await;
    assert_eq!(world.get("/projects").await.expect(200), json!([]));
    let again = world.create("only-one").await;
    world.delete(&again).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn a_project_is_created_although_the_client_hangs_up() {
    let url = postgres_url();
    let world = World::start(url, |_| {}).await;
    let body = body("abandoned").to_string();
    let head = format!(
        "POST /v1/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(world.base.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    drop(stream);
    let listed = async {
        loop {
            let projects = world.get("/projects").await.expect(200);
            if let Some(reference) = projects[0]["ref"].as_str() {
                break reference.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let reference = tokio::time::timeout(Duration::from_secs(20), listed).await.expect("listed in the end");
    let project = world.project(&reference).await;
    log_in(&world, &project, DB_PASS).await.unwrap();
    world.delete(&project).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn the_listing_is_paged_searched_and_sorted() {
    let url = postgres_url();
    let world = World::start(url, |_| {}).await;
    let mut projects = Vec::new();
    for name in ["b-acme", "a-acme", "c-other"] {
        projects.push(world.create(name).await);
    }
    let names = async |query: &str| {
        let page = world.get(&format!("/organizations/local-org/projects?{query}")).await.expect(200);
        let names =
            page["projects"].as_array().unwrap().iter().map(|project| project["name"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>().join(" "), page["pagination"]["count"].clone())
    };
    assert_eq!(names("").await, ("a-acme b-acme c-other".into(), json!(3)));
    assert_eq!(names("search=acme&offset=1&limit=1").await, ("b-acme".into(), json!(2)));
    assert_eq!(names("sort=created_desc").await.0, "c-other a-acme b-acme");
    assert_eq!(names("statuses=INACTIVE").await.1, json!(0));
    let foreign = json!({"name": "d-acme", "region": "us-east-1"});
    let seeded = answer(world.request(Method::POST, &format!("{}/admin/projects", world.admin)).json(&foreign)).await;
    projects.push(world.project(seeded.expect(201)["ref"].as_str().unwrap()).await);
    assert_eq!(names("search=acme").await.1, json!(3));
    for project in &projects {
        world.delete(project).await;
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn a_failed_project_stays_failed() {
    let url = postgres_url();
    let world = World::start(url, |settings| settings.polls_until_healthy = 1).await;
    let project = world.create("doomed").await;
    let fate = format!("{}/admin/projects/{}/status", world.admin, project.reference);
    answer(world.request(Method::PUT, &fate).json(&json!({"status": "INIT_FAILED"}))).await.expect(200);
    for _ in 0..3 {
        let path = format!("/projects/{}", project.reference);
        assert_eq!(world.get(&path).await.expect(200)["status"], "INIT_FAILED");
        assert_eq!(world.get(&format!("{path}/health?services=db")).await.expect(200)[0]["status"], "UNHEALTHY");
    }
    answer(world.request(Method::PUT, &fate).json(&json!({"status": "BROKEN"}))).await.expect(422);
    world.delete(&project).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn log_ins_are_refused_while_a_project_is_down() {
    let url = postgres_url();
    let world = World::start(url, |_| {}).await;
    let project = world.create("sleeper").await;
    let client = log_in(&world, &project, DB_PASS).await.unwrap();
    let fate = format!("{}/admin/projects/{}/status", world.admin, project.reference);
    answer(world.request(Method::PUT, &fate).json(&json!({"status": "INACTIVE"}))).await.expect(200);
    assert!(client.batch_execute("SELECT 1").await.is_err(), "its sessions are gone");
    world.get(&format!("/projects/{}", project.reference)).await.expect(200);
    assert!(log_in(&world, &project, DB_PASS).await.is_err());
    answer(world.request(Method::PUT, &fate).json(&json!({"status": "ACTIVE_HEALTHY"}))).await.expect(200);
    log_in(&world, &project, DB_PASS).await.unwrap();
    world.delete(&project).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn replaced_keys_are_refused() {
    let url = postgres_url();
    let world = World::start(url, |_| {}).await;
    let old = world.create("rekeyed").await;
    world.as_admin(Method::GET, &old, "/admin/users", None).await.expect(200);
    let keys = format!("{}/admin/projects/{}/keys", world.admin, old.reference);
    answer(world.request(Method::POST, &keys)).await.expect(200);
    world.as_admin(Method::GET, &old, "/admin/users", None).await.expect(401);
    let new = world.project(&old.reference).await;
    world.as_admin(Method::GET, &new, "/admin/users", None).await.expect(200);
    world.delete(&new).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn deleted_keys_vanish_and_disabled_legacy_keys_are_refused() {
    let url = postgres_url();
    let world = World::start(url, |_| {}).await;
    let project = world.create("revoked").await;
    let path = format!("/projects/{}/api-keys", project.reference);
    let settings = async |key: &str| {
        answer(world.auth(Method::GET, &project, "/settings").header("apikey", key)).await.status.as_u16()
    };
    let keys = [&project.publishable, &project.secret, &project.anon, &project.service_role];
    for key in keys {
        assert_eq!(settings(key).await, 200);
    }
    let listed = world.get(&path).await.expect(200);
    let ids: Vec<String> = listed.as_array().unwrap()[2..].iter().map(|key| text(&key["id"])).collect();
    assert_eq!(ids.len(), 2);
    world.api(Method::DELETE, &format!("{path}/default"), None).await.expect(400);
    world.api(Method::DELETE, &format!("{path}/{}?force=true", ids[0]), None).await.expect(400);
    world.api(Method::DELETE, &format!("/projects/nope/api-keys/{}", ids[0]), None).await.expect(404);
    let hidden = world.api(Method::DELETE, &format!("{path}/{}?reason=off", ids[1]), None).await.expect(200);
    assert_eq!((text(&hidden["id"]), &hidden["type"]), (ids[1].clone(), &json!("secret")));
    assert!(!text(&hidden["api_key"]).contains(&project.secret));
    world.as_admin(Method::GET, &project, "/admin/users", None).await.expect(401);
    assert_eq!(settings(&project.publishable).await, 200, "the other one is still there");
    world.api(Method::DELETE, &format!("{path}/{}", ids[0]), None).await.expect(200);
    world.api(Method::DELETE, &format!("{path}/{}", ids[0]), None).await.expect(404);
    let names: Vec<String> =
        world.get(&path).await.expect(200).as_array().unwrap().iter().map(|key| text(&key["name"])).collect();
    assert_eq!(names, ["anon", "service_role"]);

    let secret = json!({"type": "secret", "name": "default", "secret_jwt_template": {"role": "service_role"}});
    for refused in [
        json!({"type": "secret", "name": "default"}),
        json!({"type": "legacy", "name": "default"}),
        json!({"type": "publishable", "name": "d"}),
        json!({"type": "publishable", "name": "1default"}),
        json!({"type": "publishable", "name": "default", "force": true}),
    ] {
        world.api(Method::POST, &path, Some(refused)).await.expect(400);
    }
    let hidden = world.api(Method::POST, &path, Some(secret.clone())).await.expect(201);
    assert!(text(&hidden["api_key"]).contains('·') && !ids.contains(&text(&hidden["id"])), "{hidden}");
    world.api(Method::POST, &path, Some(secret)).await.expect(400);
    let shown = world.get(&format!("{path}?reveal=true")).await.expect(200);
    let made = shown.as_array().unwrap().iter().find(|key| key["type"] == "secret").unwrap();
    assert_eq!(made["id"], hidden["id"]);
    assert_ne!(text(&made["api_key"]), project.secret);
    assert_eq!(settings(&text(&made["api_key"])).await, 200);
    assert_eq!(settings(&project.secret).await, 401, "the one before stays revoked");

    let legacy = format!("{path}/legacy");
    assert_eq!(world.get(&legacy).await.expect(200), json!({"enabled": true}));
    for refused in [legacy.clone(), format!("{legacy}?enabled=0"), format!("{legacy}?enabled=false&force=1")] {
        world.api(Method::PUT, &refused, None).await.expect(400);
    }
    assert_eq!(settings(&project.anon).await, 200);
    for _ in 0..2 {
        let disabled = world.api(Method::PUT, &format!("{legacy}?enabled=false"), None).await.expect(200);
        assert_eq!(disabled, json!({"enabled": false}));
    }
    for key in keys {
        assert_eq!(settings(key).await, 401);
    }
    world.api(Method::PUT, &format!("{legacy}?enabled=true"), None).await.expect(200);
    assert_eq!(settings(&project.anon).await, 200, "only the legacy ones can be given back");
    world.delete(&project).await;
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn seeded_projects_may_share_a_name_and_listings_may_be_delayed() {
    let url = postgres_url();
    let world = World::start(url, |_| {}).await;
    let first = world.create("twin").await;
    let seed = async |seed: Value| {
        answer(world.request(Method::POST, &format!("{}/admin/projects", world.admin)).json(&seed)).await
    };
    seed(json!({"name": "twin", "region": "us-east-1"})).await.expect(409);
    let delay = json!({"visible_after_ms": 1_500});
    answer(world.request(Method::PUT, &format!("{}/admin/listing", world.admin)).json(&delay)).await.expect(204);
    let second = seed(json!({"name": "twin", "region": "us-east-1", "duplicate": true})).await.expect(201);
    let second = world.project(second["ref"].as_str().unwrap()).await;
    let listing = "/organizations/local-org/projects?search=twin";
    assert_eq!(world.get(listing).await.expect(200)["pagination"]["count"], 1);
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    assert_eq!(world.get(listing).await.expect(200)["pagination"]["count"], 2);
    for project in [&first, &second] {
        world.delete(project).await;
    }
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn requests_are_limited_if_configured() {
    let url = postgres_url();
    let world = World::start(url, |settings| settings.requests_per_minute = 2).await;
    let first = world.get("/organizations/local-org").await;
    assert_eq!(first.header("x-ratelimit-limit"), Some("2"));
    assert_eq!(first.header("x-ratelimit-remaining"), Some("1"));
    assert_eq!(world.get("/organizations/local-org").await.header("x-ratelimit-remaining"), Some("0"));
    let third = world.get("/organizations/local-org").await;
    assert_eq!(third.header("x-ratelimit-remaining"), Some("0"));
    assert!(third.header("x-ratelimit-reset").unwrap().parse::<u64>().unwrap() <= 60);
    assert_eq!(third.expect(429), json!({"message": "ThrottlerException: Too Many Requests"}));
    world.get("/organizations/local-org/projects").await.expect(200);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and SUPABASE_MANAGEMENT_SPEC"]
async fn every_answer_has_the_specified_shape() {
    let url = postgres_url();
    let specification = Specification::load();
    let world = World::start(url, |settings| settings.polls_until_healthy = 3).await;
    let created = world.api(Method::POST, "/projects", Some(body("shapes"))).await.expect(201);
    let check = |path: &str, method: &str, status: &str, body: &Value| {
        let complaints = specification.complaints(path, method, status, body);
        assert!(complaints.is_empty(), "{method} {path}: {complaints:#?}");
    };
    check("/v1/projects", "post", "201", &created);
    let project = world.project(created["ref"].as_str().unwrap()).await;
    let services = "services=auth,db,db_postgres_user,pooler,realtime,rest,storage,pg_bouncer";
    let reads = [
        ("/v1/projects", ""),
        ("/v1/projects/available-regions", "?organization_slug=local-org"),
        ("/v1/projects/{ref}", ""),
        ("/v1/projects/{ref}/health", &format!("?{services}")),
        ("/v1/projects/{ref}/health", &format!("?{services}")),
        ("/v1/projects/{ref}/api-keys", ""),
        ("/v1/projects/{ref}/api-keys", "?reveal=true"),
        ("/v1/projects/{ref}/api-keys/legacy", ""),
        ("/v1/projects/{ref}/config/database/pooler", ""),
        ("/v1/projects/{ref}/config/auth", ""),
        ("/v1/organizations", ""),
        ("/v1/organizations/{slug}", ""),
        ("/v1/organizations/{slug}/projects", ""),
    ];
    for (path, query) in reads {
        let concrete = path.replace("{ref}", &project.reference).replace("{slug}", "local-org");
        let concrete = concrete.strip_prefix("/v1").unwrap();
        check(path, "get", "200", &world.get(&format!("{concrete}{query}")).await.expect(200));
    }
    let path = format!("/projects/{}", project.reference);
    let configured = world.api(Method::PATCH, &format!("{path}/config/auth"), Some(json!({"jwt_exp": 60}))).await;
    check("/v1/projects/{ref}/config/auth", "patch", "200", &configured.expect(200));
    let password =
        world.api(Method::PATCH, &format!("{path}/database/password"), Some(json!({"password": "abcd"}))).await;
    check("/v1/projects/{ref}/database/password", "patch", "200", &password.expect(200));
    let legacy = world.api(Method::PUT, &format!("{path}/api-keys/legacy?enabled=false"), None).await;
    check("/v1/projects/{ref}/api-keys/legacy", "put", "200", &legacy.expect(200));
    let keys = world.get(&format!("{path}/api-keys")).await.expect(200);
    let key = format!("{path}/api-keys/{}", keys[3]["id"].as_str().unwrap());
    let deleted = world.api(Method::DELETE, &key, None).await.expect(200);
    check("/v1/projects/{ref}/api-keys/{id}", "delete", "200", &deleted);
    let secret = json!({"type": "secret", "name": "default", "secret_jwt_template": {"role": "service_role"}});
    let made = world.api(Method::POST, &format!("{path}/api-keys"), Some(secret)).await.expect(201);
    check("/v1/projects/{ref}/api-keys", "post", "201", &made);
    check("/v1/projects/{ref}", "delete", "200", &world.api(Method::DELETE, &path, None).await.expect(200));
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn the_free_plan_refuses_no_leaked_passwords() {
    let url = postgres_url();
    let world = World::start(url, |settings| settings.plan = "free".to_owned()).await;
    assert_eq!(world.get("/organizations/local-org").await.expect(200)["plan"], "free");
    let project = world.create("thrifty").await;
    let path = format!("/projects/{}/config/auth", project.reference);
    let change = json!({"password_hibp_enabled": true, "password_min_length": 12});
    world.api(Method::PATCH, &path, Some(change)).await.expect(402);
    assert_eq!(world.get(&path).await.expect(200)["password_min_length"], 6, "all or nothing");
    world.api(Method::PATCH, &path, Some(json!({"password_hibp_enabled": false}))).await.expect(200);
    world.api(Method::PATCH, &path, Some(json!({"password_min_length": 5}))).await.expect(400);
    world.delete(&project).await;
}
