//! A stand-in that uses the Postgres of `TEST_POSTGRES_URL`, a mailbox, and a client for both.

// Each test program uses only a part of this.
#![allow(dead_code)]

pub mod schema;

use std::net::SocketAddr;

use clap::Parser as _;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use simulator::StandIn;
use supabase_simulator::{Settings, mailbox};

pub const TOKEN: &str = "sbp_0123456789abcdef0123456789abcdef01234567";
pub const DB_PASS: &str = "it's a \"quoted\" pass\\word";
pub const SMTP_PASSWORD: &str = "smtp-password";

/// The Postgres whose databases become the projects'.
pub fn postgres_url() -> String {
    std::env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL is set")
}

pub struct World {
    client: reqwest::Client,
    pub base: String,
    pub admin: String,
    smtp: SocketAddr,
    mailbox: StandIn,
    _stand_in: StandIn,
}

/// An answer, read completely.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }
}

impl World {
    /// Projects are healthy at once, unless the settings are changed.
    pub async fn start(url: String, change: impl FnOnce(&mut Settings)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut settings = Settings::parse_from([
            "supabase-simulator",
            "--access-token",
            TOKEN,
            "--postgres-url",
            &url,
            "--organization",
            "local-org",
            "--polls-until-healthy",
            "0",
            "--team-email",
            "team@example.com",
            "--clock-scale",
            "0",
        ]);
        change(&mut settings);
        let stand_in = supabase_simulator::start(settings).await.unwrap();
        let settings = mailbox::Settings::parse_from(["mailbox", "--user", "sender", "--password", SMTP_PASSWORD]);
        let mailbox = mailbox::start(settings).await.unwrap();
        let smtp = mailbox.url("smtp").unwrap().strip_prefix("smtp://").unwrap().parse().unwrap();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let url = |name| stand_in.url(name).unwrap().to_owned();
        Self { client, base: url("api"), admin: url("admin"), smtp, mailbox, _stand_in: stand_in }
    }

    pub fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// The Management API with the right token.
    pub async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method, &format!("{}/v1{path}", self.base)).bearer_auth(TOKEN);
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.api(Method::GET, path, None).await
    }

    pub async fn create(&self, name: &str) -> Project {
        let body = json!({
            "name": name,
            "organization_slug": "local-org",
            "db_pass": DB_PASS,
            "region_selection": {"type": "specific", "code": "eu-central-1"},
        });
        let created = self.api(Method::POST, "/projects", Some(body)).await.expect(201);
        self.project(created["ref"].as_str().unwrap()).await
    }

    /// A project's keys, as a client of the Management API gets them.
    pub async fn project(&self, reference: &str) -> Project {
        let keys = self.get(&format!("/projects/{reference}/api-keys?reveal=true")).await.expect(200);
        let key = |kind: &str, name: &str| {
            let key = keys.as_array().unwrap().iter().find(|key| key["type"] == kind && key["name"] == name).unwrap();
            key["api_key"].as_str().unwrap().to_owned()
        };
        Project {
            reference: reference.to_owned(),
            secret: key("secret", "default"),
            publishable: key("publishable", "default"),
            anon: key("legacy", "anon"),
            service_role: key("legacy", "service_role"),
        }
    }

    pub async fn delete(&self, project: &Project) {
        self.api(Method::DELETE, &format!("/projects/{}", project.reference), None).await.expect(200);
    }

    /// All mails, oldest first.
    pub async fn mails(&self) -> Vec<Value> {
        let all = format!("{}/?limit=1000", self.mailbox.url("http").unwrap());
        let mails = answer(self.request(Method::GET, &all)).await.expect(200);
        mails.as_array().unwrap().iter().rev().cloned().collect()
    }

    /// Tells the project to send through the mailbox.
    pub async fn configure_mail(&self, project: &Project) {
        let settings = json!({
            "site_url": "https://bank.example.com",
            "uri_allow_list": "https://bank.example.com/**,https://*.allowed.example.com/welcome",
            "disable_signup": true,
            "smtp_host": self.smtp.ip().to_string(),
            "smtp_port": self.smtp.port().to_string(),
            "smtp_user": "sender",
            "smtp_pass": SMTP_PASSWORD,
            "smtp_admin_email": "cloud@example.com",
            "smtp_sender_name": "Ivory Cloud",
        });
        let path = format!("/projects/{}/config/auth", project.reference);
        self.api(Method::PATCH, &path, Some(settings)).await.expect(200);
    }

    /// Auth of a project, without any credential.
    pub fn auth(&self, method: Method, project: &Project, path: &str) -> RequestBuilder {
        self.request(method, &format!("{}/projects/{}/auth/v1{path}", self.base, project.reference))
    }

    /// Auth of a project with its secret key.
    pub async fn as_admin(&self, method: Method, project: &Project, path: &str, body: Option<Value>) -> Answer {
        let mut request =
            self.auth(method, project, path).header("apikey", &project.secret).bearer_auth(&project.secret);
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }

    pub async fn invite(&self, project: &Project, email: &str) -> Answer {
        self.as_admin(Method::POST, project, "/invite", Some(json!({"email": email}))).await
    }

    /// A project's entry at the admin port.
    pub async fn counts(&self, project: &Project) -> Value {
        let listing = answer(self.request(Method::GET, &format!("{}/admin/projects", self.admin))).await.expect(200);
        let projects = listing["projects"].as_array().unwrap();
        projects.iter().find(|entry| entry["ref"] == project.reference.as_str()).unwrap().clone()
    }
}

#[derive(Debug, Clone)]
pub struct Project {
    pub reference: String,
    pub secret: String,
    pub publishable: String,
    pub anon: String,
    pub service_role: String,
}

pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, headers, body }
}

/// A session in the project's database, at the address of the pooler's configuration.
pub async fn log_in(
    world: &World,
    project: &Project,
    password: &str,
) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let rows = world.get(&format!("/projects/{}/config/database/pooler", project.reference)).await.expect(200);
    let row = rows.as_array().unwrap().iter().find(|row| row["pool_mode"] == "session").unwrap().clone();
    let mut config = tokio_postgres::Config::new();
    config
        .host(row["db_host"].as_str().unwrap())
        .port(row["db_port"].as_u64().unwrap().try_into().unwrap())
        .dbname(row["db_name"].as_str().unwrap())
        .user(row["db_user"].as_str().unwrap())
        .password(password);
    // These tests are about who may log in, not about TLS.
    let (client, connection) =
        config.ssl_mode(tokio_postgres::config::SslMode::Disable).connect(tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
