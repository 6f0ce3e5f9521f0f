//! The stand-in over HTTP, as a client meets it.

mod client;
mod gate;
mod namespaces;
mod specification;

use std::time::Duration;

use http_kit::Answer;
use iomete_simulator::Config;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Not a secret: the stand-in lives as long as a test.
const TOKEN: &str = "token-of-the-tests";
const WAREHOUSE: &str = "s3://lakehouse/warehouse";

/// A stand-in, and a client with the right token.
struct Stand {
    /// Of the catalog.
    url: String,
    /// Of the namespaces, below the catalog's; by the prefix in its configuration.
    namespaces: String,
    http: reqwest::Client,
}

impl Stand {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/catalogs/ivory", listener.local_addr().expect("bound"));
        let config = Config { token: TOKEN.into(), catalog: "ivory".to_owned(), warehouse: WAREHOUSE.to_owned() };
        tokio::spawn(iomete_simulator::serve(listener, config));
        let mut stand = Self { url, namespaces: String::new(), http: http_kit::client(Duration::from_secs(5)) };
        let config = body(&stand.get("/v1/config").await, 200);
        let prefix = config["overrides"]["prefix"].as_str().expect("a prefix");
        stand.namespaces = format!("/v1/{prefix}/namespaces");
        stand
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(TOKEN)
    }

    async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// A call on the namespaces, or on what is below them.
    async fn call(&self, method: Method, below: &str) -> Answer {
        send(self.request(method, &format!("{}{below}", self.namespaces))).await
    }

    async fn post(&self, below: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, &format!("{}{below}", self.namespaces)).json(body)).await
    }

    async fn create(&self, levels: &[&str]) {
        body(&self.post("", &json!({ "namespace": levels })).await, 200);
    }
}

async fn send(request: RequestBuilder) -> Answer {
    http_kit::send(request).await.expect("an answer")
}

/// The body of an answer with this status.
#[track_caller]
fn body(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status.as_u16(), status, "{:?}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json().expect("JSON")
}

/// The type of an error with this status.
#[track_caller]
fn error(answer: &Answer, status: u16) -> String {
    let body = body(answer, status);
    assert_eq!(body["error"]["code"], status);
    assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
    body["error"]["type"].as_str().expect("a type").to_owned()
}
