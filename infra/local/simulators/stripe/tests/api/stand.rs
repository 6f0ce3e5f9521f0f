//! A running stand-in and a client with the right key.

use std::time::Duration;

use clap::Parser as _;
use http_kit::Answer;
use serde_json::Value;
use simulator::StandIn;
use stripe_simulator::Settings;

/// Not a secret, because the stand-in runs only during a test.
pub const KEY: &str = "sk_test_of_the_tests";
pub const LIVE_KEY: &str = "sk_live_of_the_tests";

pub struct Stand {
    pub url: String,
    pub client: reqwest::Client,
    pub simulator: StandIn,
}

impl Stand {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::parse_from(["stripe-simulator", "--secret-key", KEY]);
        adjust(&mut settings);
        let simulator = stripe_simulator::start(settings).await.expect("a free port");
        let url = simulator.url("api").expect("an API").to_owned();
        Self { url, client: http_kit::client(Duration::from_secs(5)), simulator }
    }

    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(KEY)
            .header("Stripe-Version", "2026-07-29.dahlia")
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(reqwest::Method::GET, path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        send(self.request(reqwest::Method::DELETE, path)).await
    }

    pub async fn post(&self, path: &str, form: &str) -> Answer {
        send(self.form(path, form)).await
    }

    pub async fn post_with_key(&self, key: &str, path: &str, form: &str) -> Answer {
        send(self.form(path, form).header("Idempotency-Key", key)).await
    }

    pub fn form(&self, path: &str, form: &str) -> reqwest::RequestBuilder {
        self.request(reqwest::Method::POST, path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form.to_owned())
    }

    /// The id of a new customer with an address.
    pub async fn customer(&self) -> String {
        id(&self.post("/v1/customers", "email=ops%40acme.example&name=Acme").await)
    }
}

pub async fn send(request: reqwest::RequestBuilder) -> Answer {
    http_kit::send(request).await.expect("an answer")
}

/// The body of an answer with this status.
#[track_caller]
pub fn json(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status.as_u16(), status, "{:?}", answer.body);
    assert!(answer.header("request-id").is_some_and(|id| id.starts_with("req_")), "every answer has an id");
    answer.json().expect("JSON")
}

#[track_caller]
pub fn id(answer: &Answer) -> String {
    json(answer, 200)["id"].as_str().expect("an id").to_owned()
}

/// Code, parameter and message of an error with this status.
#[track_caller]
pub fn error(answer: &Answer, status: u16) -> (String, String, String) {
    let body = json(answer, status);
    let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    (text("code"), text("param"), text("message"))
}

#[track_caller]
pub fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().expect("a list").iter().filter_map(|row| row["id"].as_str()).collect()
}
