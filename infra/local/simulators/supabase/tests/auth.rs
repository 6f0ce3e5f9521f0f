//! A project's Auth: invitations are real mails, users are in the project's real database, refusals are as recorded.

mod common;

use std::time::Duration;

use common::{DB_PASS, Project, World, answer, log_in, postgres_url};
use reqwest::Method;
use serde_json::{Value, json};

async fn start(name: &str) -> (World, Project) {
    let world = World::start(postgres_url(), |_| {}).await;
    let project = world.create(name).await;
    (world, project)
}

/// The link in an invitation, as a mail program opens it.
fn link(body: &Value) -> String {
    let body = body.as_str().unwrap();
    let start = body.find("href=\"").expect("a link") + "href=\"".len();
    let end = start + body[start..].find('"').unwrap();
    body[start..end].replace("&amp;", "&")
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn an_invitation_is_a_mail_and_a_row_and_only_its_last_link_works() {
    let (world, project) = start("invites").await;
    world.configure_mail(&project).await;
    let redirect = "/invite?redirect_to=https%3A%2F%2Fbank.example.com%2Fwelcome";
    let body = json!({"email": "Ada@Example.com", "data": {"tenant_id": "t1"}});
    let invited = world.as_admin(Method::POST, &project, redirect, Some(body)).await.expect(200);
    assert_eq!(invited["email"], "ada@example.com");
    assert_eq!(invited["user_metadata"], json!({"tenant_id": "t1"}));
    assert_eq!(invited["app_metadata"], json!({"provider": "email", "providers": ["email"]}));
    assert_eq!(invited["identities"][0]["identity_data"]["sub"], invited["id"]);
    assert!(invited["invited_at"].as_str().unwrap().ends_with('Z'));
    assert!(invited.get("email_confirmed_at").is_none());

    let client = log_in(&world, &project, DB_PASS).await.unwrap();
    let row = client.query_one("SELECT id::text, invited_at IS NOT NULL FROM auth.users", &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), invited["id"].as_str().unwrap());
    assert!(row.get::<_, bool>(1));

    let off_list = "/invite?redirect_to=https%3A%2F%2Fevil.example.com%2F";
    let again =
        world.as_admin(Method::POST, &project, off_list, Some(json!({"email": "ADA@example.com"}))).await.expect(200);
    assert_eq!(again["id"], invited["id"]);
    let mails = world.mails().await;
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0]["To"], "ada@example.com");
    assert_eq!(mails[0]["From"], r#""Ivory Cloud" <cloud@example.com>"#);
    assert_eq!(mails[0]["Subject"], "You have been invited");
    let (old, new) = (link(&mails[0]["Body"]), link(&mails[1]["Body"]));
    assert!(old.ends_with("&type=invite&redirect_to=https://bank.example.com/welcome"), "{old}");
    assert!(new.ends_with("&redirect_to=https://bank.example.com"), "{new}");

    let dead = answer(world.request(Method::GET, &old)).await;
    assert!(dead.header("location").unwrap().contains("error_code=otp_expired"), "{dead:?}");
    let accepted = answer(world.request(Method::GET, &new)).await;
    assert_eq!(accepted.status, 303);
    assert!(accepted.header("location").unwrap().starts_with("https://bank.example.com#access_token="), "{accepted:?}");
    let refused = world.invite(&project, "ada@example.com").await;
    assert_eq!(refused.header("x-sb-error-code"), Some("email_exists"));
    let message = "A user with this email address has already been registered";
    assert_eq!(refused.expect(422), json!({"code": 422, "error_code": "email_exists", "msg": message}));
    assert_eq!(world.mails().await.len(), 2);
    assert_eq!(world.counts(&project).await["calls"]["invite"], 3);
    world.delete(&project).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn a_new_configuration_is_applied_after_it_was_left_alone() {
    let world = World::start(postgres_url(), |settings| settings.clock_scale = 0.4).await;
    let project = world.create("reloads").await;
    let path = format!("/projects/{}/config/auth", project.reference);
    let applied = async || {
        let settings = world.auth(Method::GET, &project, "/settings").header("apikey", &project.publishable);
        answer(settings).await.expect(200)["disable_signup"] == true
    };
    world.configure_mail(&project).await;
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!applied().await, "a further write starts the time again");
        world.invite(&project, "ada@example.com").await.expect(400);
        world.api(Method::PATCH, &path, Some(json!({"jwt_exp": 3600}))).await.expect(200);
    }
    assert_eq!(world.get(&path).await.expect(200)["disable_signup"], true, "the Management API shows it at once");
    while !applied().await {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    world.invite(&project, "ada@example.com").await.expect(200);

    let reloads = format!("{}/admin/projects/{}/reloads", world.admin, project.reference);
    answer(world.request(Method::PUT, &reloads).json(&json!({"on": false}))).await.expect(200);
    world.api(Method::PATCH, &path, Some(json!({"disable_signup": false}))).await.expect(200);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(applied().await, "Auth does not notice the change");
    answer(world.request(Method::PUT, &reloads).json(&json!({"on": true}))).await.expect(200);
    assert!(!applied().await);
    world.delete(&project).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn settings_of_mails_need_a_mail_server() {
    let (world, project) = start("smtp-required").await;
    let path = format!("/projects/{}/config/auth", project.reference);
    let refused = world.api(Method::PATCH, &path, Some(json!({"rate_limit_email_sent": 100}))).await.expect(401);
    assert_eq!(refused["message"], "Custom SMTP required to configure: RATE_LIMIT_EMAIL_SENT");
    world.configure_mail(&project).await;
    world.api(Method::PATCH, &path, Some(json!({"rate_limit_email_sent": 100}))).await.expect(200);
    world.delete(&project).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn a_mail_that_cannot_be_sent_leaves_no_user() {
    let (world, project) = start("mail-failures").await;
    let stranger = world.invite(&project, "ada@example.com").await;
    assert_eq!(stranger.header("x-sb-error-code"), Some("email_address_not_authorized"));
    let stranger = stranger.expect(400);
    assert_eq!(stranger["msg"], "Email address \"ada@example.com\" cannot be used as it is not authorized");
    world.invite(&project, "team@example.com").await.expect(200);

    world.configure_mail(&project).await;
    let path = format!("/projects/{}/config/auth", project.reference);
    for broken in [json!({"smtp_pass": "wrong"}), json!({"smtp_port": "1"})] {
        world.api(Method::PATCH, &path, Some(broken)).await.expect(200);
        let failed = world.invite(&project, "ada@example.com").await.expect(500);
        assert_eq!(failed["error_code"], "unexpected_failure");
        assert_eq!(failed["msg"], "Error sending invite email");
        assert!(failed["error_id"].is_string());
    }
    let users = world.as_admin(Method::GET, &project, "/admin/users?filter=ada", None).await;
    assert_eq!(users.header("x-total-count"), Some("0"));
    assert_eq!(users.header("link"), Some(r#"</admin/users?filter=ada&page=0>; rel="last""#));
    assert_eq!(users.expect(200), json!({"users": [], "aud": ""}));
    assert!(world.mails().await.is_empty());

    world.configure_mail(&project).await;
    world.api(Method::PATCH, &path, Some(json!({"rate_limit_email_sent": 1}))).await.expect(200);
    let limited = world.invite(&project, "ada@example.com").await.expect(429);
    assert_eq!(limited["error_code"], "over_email_send_rate_limit");
    world.delete(&project).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn credentials_are_checked_as_in_the_gateway_and_auth() {
    let (world, project) = start("credentials").await;
    let invite = || world.auth(Method::POST, &project, "/invite").json(&json!({"email": "nope"}));
    let refused = async |request: reqwest::RequestBuilder| {
        let answer = answer(request).await;
        let code = answer.body["error_code"].as_str().or(answer.body["message"].as_str()).unwrap().to_owned();
        (answer.status.as_u16(), code)
    };
    let code = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(refused(invite()).await, code(401, "No API key found in request"));
    assert_eq!(refused(invite().header("apikey", "sb_secret_x")).await, code(401, "Invalid API key"));
    let keyed = || invite().header("apikey", &project.secret);
    assert_eq!(refused(keyed()).await, code(401, "no_authorization"));
    assert_eq!(refused(keyed().bearer_auth(&project.publishable)).await, code(403, "bad_jwt"));
    assert_eq!(refused(keyed().bearer_auth("garbage")).await, code(403, "bad_jwt"));
    assert_eq!(refused(keyed().bearer_auth(&project.anon)).await, code(403, "not_admin"));
    let other = world.create("credentials-other").await;
    assert_eq!(refused(keyed().bearer_auth(&other.service_role)).await, code(403, "bad_jwt"));
    let browser = keyed().bearer_auth(&project.secret).header("user-agent", "Mozilla/5.0 (X11)");
    assert_eq!(refused(browser).await, code(401, "Forbidden use of secret API key in browser"));
    let publishable = invite().header("apikey", &project.publishable).bearer_auth(&project.publishable);
    assert_eq!(refused(publishable).await, code(403, "not_admin"));
    assert_eq!(refused(keyed().bearer_auth(&project.secret)).await, code(400, "validation_failed"));
    let legacy = invite().header("apikey", &project.anon).bearer_auth(&project.service_role);
    assert_eq!(refused(legacy).await, code(400, "validation_failed"));

    let dated = keyed().bearer_auth(&project.secret).header("X-Supabase-Api-Version", "2024-01-01");
    let dated = answer(dated).await;
    assert_eq!(dated.header("x-sb-error-code"), Some("validation_failed"));
    let message = "Unable to validate email address: invalid format";
    assert_eq!(dated.expect(400), json!({"code": "validation_failed", "message": message}));
    let bad = world.auth(Method::POST, &project, "/invite").header("apikey", &project.secret);
    let bad = answer(bad.bearer_auth(&project.secret).body("{")).await.expect(400);
    assert_eq!(bad["msg"], "Could not parse request body as JSON: unexpected end of JSON input");
    let missing = world.as_admin(Method::POST, &project, "/invite", Some(json!({}))).await.expect(400);
    assert_eq!(missing["msg"], "An email address is required");
    let method = world.as_admin(Method::PATCH, &project, "/invite", None).await;
    assert_eq!(method.expect(405), "");
    world.delete(&other).await;
    world.delete(&project).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn an_administrator_lists_confirms_and_deletes_users() {
    let (world, project) = start("users").await;
    let path = "/admin/generate_link";
    for email in ["ada@example.com", "bob@example.com"] {
        let asked = json!({"type": "invite", "email": email, "redirect_to": "https://elsewhere.example.com"});
        let made = world.as_admin(Method::POST, &project, path, Some(asked)).await.expect(200);
        assert_eq!(made["verification_type"], "invite");
        assert_eq!(made["redirect_to"], "http://localhost:3000");
        assert_eq!(made["hashed_token"].as_str().unwrap().len(), 56);
        let link = made["action_link"].as_str().unwrap();
        assert!(link.contains(made["hashed_token"].as_str().unwrap()), "{link}");
    }
    assert!(world.mails().await.is_empty(), "a link is not a mail");
    let unknown = json!({"type": "carrier_pigeon", "email": "ada@example.com"});
    world.as_admin(Method::POST, &project, path, Some(unknown)).await.expect(400);

    let page = world.as_admin(Method::GET, &project, "/admin/users?page=1&per_page=1", None).await;
    assert_eq!(page.header("x-total-count"), Some("2"));
    assert!(page.header("link").unwrap().contains(r#"rel="next""#));
    let page = page.expect(200);
    assert_eq!(page["users"][0]["email"], "bob@example.com");
    assert_eq!(page["users"][0]["identities"], json!(null));
    world.as_admin(Method::GET, &project, "/admin/users?page=0", None).await.expect(400);
    // As supabase-py asks.
    let all = world.as_admin(Method::GET, &project, "/admin/users?page=&per_page=", None).await.expect(200);
    assert_eq!(all["users"].as_array().unwrap().len(), 2);

    let user = format!("/admin/users/{}", page["users"][0]["id"].as_str().unwrap());
    let confirmed =
        world.as_admin(Method::PUT, &project, &user, Some(json!({"email_confirm": true}))).await.expect(200);
    assert_eq!(confirmed["user_metadata"], json!({"email_verified": true}));
    assert!(confirmed["email_confirmed_at"].is_string());
    assert!(world.as_admin(Method::GET, &project, &user, None).await.expect(200)["confirmed_at"].is_string());
    world.as_admin(Method::PUT, &project, &user, Some(json!({"email": "x@example.com"}))).await.expect(400);
    let again = json!({"type": "invite", "email": "bob@example.com"});
    world.as_admin(Method::POST, &project, path, Some(again)).await.expect(422);

    assert_eq!(world.as_admin(Method::DELETE, &project, &user, None).await.expect(200), json!({}));
    let gone = world.as_admin(Method::DELETE, &project, &user, None).await.expect(404);
    assert_eq!(gone, json!({"code": 404, "error_code": "user_not_found", "msg": "User not found"}));
    world.as_admin(Method::GET, &project, "/admin/users/nope", None).await.expect(404);

    let health = world.as_admin(Method::GET, &project, "/health", None).await.expect(200);
    assert_eq!(health["name"], "GoTrue");
    let settings = world.as_admin(Method::GET, &project, "/settings", None).await.expect(200);
    assert_eq!(settings["external"].as_object().unwrap().len(), 26);
    assert_eq!(settings["disable_signup"], false);
    world.delete(&project).await;
}

/// The token in a mail whose template shows nothing else.
async fn token(world: &World) -> String {
    world.mails().await.last().unwrap()["Body"].as_str().unwrap().trim().to_owned()
}

async fn show_tokens_only(world: &World, project: &Project) {
    let token = "{{ .TokenHash }}";
    let templates = json!({"mailer_templates_invite_content": token, "mailer_templates_recovery_content": token});
    let path = format!("/projects/{}/config/auth", project.reference);
    world.api(Method::PATCH, &path, Some(templates)).await.expect(200);
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn a_page_exchanges_a_token_once_without_any_key() {
    let (world, project) = start("exchanges").await;
    world.configure_mail(&project).await;
    show_tokens_only(&world, &project).await;
    world.invite(&project, "ada@example.com").await.expect(200);
    let token = token(&world).await;
    let verify = |body: Value| answer(world.auth(Method::POST, &project, "/verify").json(&body));
    for (bad, text) in [
        (json!({"token_hash": token}), "Verify requires a verification type"),
        (json!({"type": "invite"}), "Verify requires either a token or a token hash"),
        (
            json!({"type": "invite", "token_hash": token, "email": "ada@example.com"}),
            "Only the token_hash and type should be provided",
        ),
        (json!({"type": "pigeon", "token_hash": token}), "Invalid email verification type"),
    ] {
        assert_eq!(verify(bad).await.expect(400)["msg"], text);
    }
    // Of another kind.
    assert_eq!(verify(json!({"type": "recovery", "token_hash": token})).await.expect(403)["error_code"], "otp_expired");
    let asked = json!({"type": "invite", "token_hash": token});
    let accepted = verify(asked.clone()).await;
    assert_eq!(accepted.header("access-control-allow-origin"), Some("*"));
    let session = accepted.expect(200);
    assert_eq!((&session["user"]["email"], &session["token_type"]), (&json!("ada@example.com"), &json!("bearer")));
    assert!(session["user"]["email_confirmed_at"].is_string() && session["refresh_token"].is_string());
    let used = verify(asked).await.expect(403);
    assert_eq!(
        (&used["error_code"], &used["msg"]),
        (&json!("otp_expired"), &json!("Email link is invalid or has expired"))
    );
    let asked = answer(world.auth(Method::OPTIONS, &project, "/verify")).await;
    assert!(asked.header("access-control-allow-headers").unwrap().contains("Content-Type"));
    world.delete(&project).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn links_live_for_an_hour_unless_the_configuration_says_otherwise() {
    let (world, project) = start("expires").await;
    world.configure_mail(&project).await;
    show_tokens_only(&world, &project).await;
    let client = log_in(&world, &project, DB_PASS).await.unwrap();
    let path = format!("/projects/{}/config/auth", project.reference);
    for (seconds, minutes, status) in [(None, 59, 200), (None, 61, 403), (Some(86_400), 61, 200)] {
        if let Some(seconds) = seconds {
            world.api(Method::PATCH, &path, Some(json!({"mailer_otp_exp": seconds}))).await.expect(200);
        }
        let email = format!("u{minutes}-{status}@example.com");
        world.invite(&project, &email).await.expect(200);
        let passes = "UPDATE auth.users SET confirmation_sent_at = confirmation_sent_at - make_interval(mins => $1)";
        client.execute(passes, &[&minutes]).await.unwrap();
        let asked = json!({"type": "invite", "token_hash": token(&world).await});
        answer(world.auth(Method::POST, &project, "/verify").json(&asked)).await.expect(status);
    }
    world.delete(&project).await;
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL"]
async fn a_user_gets_one_recovery_mail_a_minute_and_none_of_it_while_banned() {
    let world = World::start(postgres_url(), |settings| settings.clock_scale = 0.02).await;
    let project = world.create("recovers").await;
    world.configure_mail(&project).await;
    show_tokens_only(&world, &project).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let user = world.invite(&project, "ada@example.com").await.expect(200);
    let recover = |email: &str| {
        let request = world.auth(Method::POST, &project, "/recover").header("apikey", &project.publishable);
        answer(request.json(&json!({"email": email})))
    };
    assert_eq!(recover("nobody@example.com").await.expect(200), json!({}));
    assert_eq!(recover("ada@example.com").await.expect(200), json!({}));
    let soon = recover("ada@example.com").await.expect(429);
    assert_eq!(soon["error_code"], "over_email_send_rate_limit");
    assert!(soon["msg"].as_str().unwrap().starts_with("For security purposes, you can only request this after "));
    // An invitation is not limited in this way.
    world.invite(&project, "ada@example.com").await.expect(200);
    tokio::time::sleep(Duration::from_millis(1300)).await;
    recover("ada@example.com").await.expect(200);
    assert_eq!(world.mails().await.len(), 4);

    let user = format!("/admin/users/{}", user["id"].as_str().unwrap());
    let ban = async |duration: &str| {
        world.as_admin(Method::PUT, &project, &user, Some(json!({"ban_duration": duration}))).await
    };
    ban("soon").await.expect(400);
    ban("876000h").await.expect(200);
    let asked = json!({"type": "recovery", "token_hash": token(&world).await});
    let verify = || answer(world.auth(Method::POST, &project, "/verify").json(&asked));
    assert_eq!(verify().await.expect(403)["error_code"], "user_banned");
    ban("none").await.expect(200);
    // A recovery confirms the address as well.
    assert!(verify().await.expect(200)["user"]["email_confirmed_at"].is_string());
    world.delete(&project).await;
}
