//! A running stand-in and a client with the right token.

use std::time::Duration;

use clap::Parser as _;
use http_kit::Answer;
use iomete_simulator::Settings;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use simulator::StandIn;

/// Not a secret, because the stand-in runs only during a test.
pub const TOKEN: &str = "token-of-the-tests";
pub const WAREHOUSE: &str = "s3://lakehouse/warehouse";

pub struct Stand {
    /// URL of the catalog.
    pub url: String,
    /// Path of the namespaces below the catalog, with the prefix of its configuration.
    pub namespaces: String,
    pub http: reqwest::Client,
    _stand_in: StandIn,
}

impl Stand {
    pub async fn start() -> Self {
        let settings = Settings::parse_from(["iomete-simulator", "--token", TOKEN, "--warehouse", WAREHOUSE]);
        let stand_in = iomete_simulator::start(settings).await.expect("a free port");
        let url = format!("{}/catalogs/ivory", stand_in.url("api").expect("an API"));
        let http = http_kit::client(Duration::from_secs(5));
        let mut stand = Self { url, namespaces: String::new(), http, _stand_in: stand_in };
        let config = body(&stand.get("/v1/config").await, 200);
        let prefix = config["overrides"]["prefix"].as_str().expect("a prefix");
        stand.namespaces = format!("/v1/{prefix}/namespaces");
        stand
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(TOKEN)
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// Calls the namespaces or something below them.
    pub async fn call(&self, method: Method, below: &str) -> Answer {
        send(self.request(method, &format!("{}{below}", self.namespaces))).await
    }

    pub async fn post(&self, below: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, &format!("{}{below}", self.namespaces)).json(body)).await
    }

    pub async fn create(&self, levels: &[&str]) {
        body(&self.post("", &json!({ "namespace": levels })).await, 200);
    }
}

pub async fn send(request: RequestBuilder) -> Answer {
    http_kit::send(request).await.expect("an answer")
}

/// The body of an answer with this status.
#[track_caller]
pub fn body(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status.as_u16(), status, "{:?}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json().expect("JSON")
}

/// The type of an error with this status.
#[track_caller]
pub fn error(answer: &Answer, status: u16) -> String {
    let body = body(answer, status);
    assert_eq!(body["error"]["code"], status);
    assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
    body["error"]["type"].as_str().expect("a type").to_owned()
}
