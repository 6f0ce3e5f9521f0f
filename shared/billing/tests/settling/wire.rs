//! A connection to Stripe's stand-in. It loses chosen requests and answers, and records all requests.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    Request,
    /// It takes effect, and its answer is lost.
    Answer,
    /// It is refused.
    Refusal,
    /// It has no effect, and its answer repeats an old error.
    Replay,
}

const REFUSAL: &str = "HTTP/1.1 400 Bad Request\r\nRequest-Id: req_refused\r\nContent-Length: 42\r\nConnection: close\r\n\r\n{\"error\":{\"type\":\"invalid_request_error\"}}";
const REPLAY: &str = "HTTP/1.1 500 Internal Server Error\r\nIdempotent-Replayed: true\r\nContent-Length: 31\r\nConnection: close\r\n\r\n{\"error\":{\"type\":\"api_error\"}}\n";

#[derive(Default)]
struct State {
    faults: Vec<(String, Fault)>,
    meanwhile: Vec<(String, String)>,
    seen: Vec<String>,
}

#[derive(Clone)]
pub struct Wire {
    pub url: String,
    upstream: String,
    state: Arc<Mutex<State>>,
}

impl Wire {
    /// A wire to the server at `upstream`, `http://127.0.0.1:…`.
    pub async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let wire = Self {
            url: format!("http://{}", listener.local_addr().expect("bound")),
            upstream: upstream.trim_start_matches("http://").trim_end_matches('/').to_owned(),
            state: Arc::default(),
        };
        let carrier = wire.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let carrier = carrier.clone();
                tokio::spawn(async move { carrier.carry(socket).await });
            }
        });
        wire
    }

    /// The next request that starts with this text, e.g. `POST /v1/customers `, fails as given.
    pub fn fault(&self, request: &str, fault: Fault) {
        self.state.lock().expect("no panic").faults.push((request.to_owned(), fault));
    }

    /// Before the next request that starts with this text arrives, another one does.
    pub fn meanwhile(&self, request: &str, other: String) {
        self.state.lock().expect("no panic").meanwhile.push((request.to_owned(), other));
    }

    /// Removes faults that no request met.
    pub fn mend(&self) {
        self.state.lock().expect("no panic").faults.clear();
    }

    /// First lines of the requests since the last call.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().expect("no panic").seen)
    }

    /// Sends one request without faults and without recording it.
    pub async fn direct(&self, request: &str) -> io::Result<Vec<u8>> {
        self.forward(request.as_bytes()).await
    }

    async fn carry(&self, mut socket: TcpStream) -> io::Result<()> {
        let request = read_request(&mut socket).await?;
        let text = String::from_utf8_lossy(&request).into_owned();
        let (fault, other) = {
            let mut state = self.state.lock().expect("no panic");
            state.seen.push(text.lines().next().unwrap_or_default().to_owned());
            let found = state.faults.iter().position(|(start, _)| text.starts_with(start));
            let fault = found.map(|at| state.faults.remove(at).1);
            let found = state.meanwhile.iter().position(|(start, _)| text.starts_with(start));
            (fault, found.map(|at| state.meanwhile.remove(at).1))
        };
        if let Some(other) = other {
            self.forward(other.as_bytes()).await?;
        }
        match fault {
            None => socket.write_all(&self.forward(&request).await?).await,
            Some(Fault::Request) => Ok(()),
            Some(Fault::Answer) => self.forward(&request).await.map(drop),
            Some(Fault::Refusal) => socket.write_all(REFUSAL.as_bytes()).await,
            Some(Fault::Replay) => socket.write_all(REPLAY.as_bytes()).await,
        }
    }

    async fn forward(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut upstream = TcpStream::connect(&self.upstream).await?;
        let line = request.windows(2).position(|two| two == b"\r\n").expect("a first line") + 2;
        upstream.write_all(&request[..line]).await?;
        // Each connection carries one request, so that its answer ends with the connection.
        upstream.write_all(b"Connection: close\r\n").await?;
        upstream.write_all(&request[line..]).await?;
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

async fn read_request(socket: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let body: usize = length.map_or(0, |length| length.parse().expect("a number"));
            if request.len() >= end + 4 + body {
                return Ok(request);
            }
        }
        if socket.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
