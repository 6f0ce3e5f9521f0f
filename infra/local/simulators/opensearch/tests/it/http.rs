//! The smallest client that sends a path exactly as written: `/..` and `/a*b` are names here.

use opensearch_simulator::Config;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const JSON: &str = "application/json";

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }
}

/// Starts a stand-in and returns its `host:port`.
pub(crate) async fn start(config: Config) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(opensearch_simulator::serve(listener, config));
    address
}

/// Sends one request; `headers` are whole lines.
pub(crate) async fn send(address: &str, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let headers: String = headers.iter().flat_map(|header| [header, "\r\n"]).collect();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    let mut socket = TcpStream::connect(address).await.expect("a connection");
    socket.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let content_type = lines
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.to_owned());
    Answer { status: status.expect("a status"), content_type: content_type.unwrap_or_default(), body: body.to_owned() }
}

/// Sends a request with a JSON body, or without one.
pub(crate) async fn call(address: &str, method: &str, path: &str, body: &str) -> Answer {
    let content_type = format!("Content-Type: {JSON}");
    let headers: &[&str] = if body.is_empty() { &[] } else { &[&content_type] };
    send(address, method, path, headers, body).await
}
