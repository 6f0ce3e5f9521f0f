//! The stand-in over HTTP, as a client meets it.

mod client;
mod customers;
mod gate;
mod idempotency;
mod shape;
mod subscriptions;

use std::time::Duration;

use http_kit::Answer;
use secrecy::SecretString;
use serde_json::Value;
use stripe_simulator::{Config, Simulator};
use tokio::net::TcpListener;

/// Not a secret: the stand-in lives as long as a test.
const KEY: &str = "sk_test_of_the_tests";

/// A stand-in, and a client with the right key.
struct Stand {
    simulator: Simulator,
    url: String,
    client: reqwest::Client,
}

impl Stand {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(SecretString::from(KEY));
        adjust(&mut config);
        let simulator = Simulator::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let serving = simulator.clone();
        tokio::spawn(async move { serving.serve(listener).await });
        Self { simulator, url, client: http_kit::client(Duration::from_secs(5)) }
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(KEY)
            .header("Stripe-Version", "2026-07-29.dahlia")
    }

    async fn get(&self, path: &str) -> Answer {
        send(self.request(reqwest::Method::GET, path)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        send(self.request(reqwest::Method::DELETE, path)).await
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        send(self.form(path, form)).await
    }

    async fn post_with_key(&self, key: &str, path: &str, form: &str) -> Answer {
        send(self.form(path, form).header("Idempotency-Key", key)).await
    }

    fn form(&self, path: &str, form: &str) -> reqwest::RequestBuilder {
        self.request(reqwest::Method::POST, path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form.to_owned())
    }

    /// The id of a new customer with an address.
    async fn customer(&self) -> String {
        id(&self.post("/v1/customers", "email=ops%40acme.example&name=Acme").await)
    }
}

async fn send(request: reqwest::RequestBuilder) -> Answer {
    http_kit::send(request).await.expect("an answer")
}

/// The body of an answer with this status.
#[track_caller]
fn json(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status.as_u16(), status, "{:?}", answer.body);
    assert!(answer.header("request-id").is_some_and(|id| id.starts_with("req_")), "every answer has an id");
    answer.json().expect("JSON")
}

#[track_caller]
fn id(answer: &Answer) -> String {
    json(answer, 200)["id"].as_str().expect("an id").to_owned()
}

/// Code, parameter and message of an error with this status.
#[track_caller]
fn error(answer: &Answer, status: u16) -> (String, String, String) {
    let body = json(answer, status);
    let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    (text("code"), text("param"), text("message"))
}

#[track_caller]
fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().expect("a list").iter().filter_map(|row| row["id"].as_str()).collect()
}
