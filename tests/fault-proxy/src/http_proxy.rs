//! A client's HTTP/1.1 connection. Each has its own connection to the upstream.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self as client, SendRequest};
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::TcpStream;

use crate::api::When;
use crate::connection::Connection;
use crate::ending::EFFECT_DEADLINE;
use crate::log::Seq;
use crate::rules::{Act, Fired, Reply, Subject};
use crate::upstream::Refused;

type Body = Either<Full<Bytes>, Incoming>;

/// Why a call ends without an answer. The client's connection is then reset.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("cut by a rule")]
    Cut,
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("the upstream cannot be reached: {0}")]
    Connect(#[from] std::io::Error),
    #[error("the call was not completed: {0}")]
    Http(#[from] hyper::Error),
    #[error("the upstream did not answer in time")]
    Deadline,
    #[error("the proxy is shutting down")]
    Lost,
}

/// Serves a connection to its end.
pub(crate) async fn serve(connection: Connection, stream: TcpStream) {
    let gate = connection.gate.clone();
    let link = Arc::new(Link { connection, idle: Mutex::default() });
    let service = service_fn(move |request| {
        let link = Arc::clone(&link);
        async move { link.call(request).await }
    });
    let mut http = server::Builder::new()
        .preserve_header_case(true)
        .auto_date_header(false)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    let reset = tokio::select! {
        // Only for our own errors: after a request that cannot be parsed, the 400 must still go out.
        ended = &mut http => ended.is_err_and(|error| error.is_user()),
        () = gate.refused() => true,
    };
    if reset {
        // An error means that the client has gone already.
        let _ = http.into_parts().io.into_inner().set_zero_linger();
    }
}

/// A request body. It is read only if a rule has to look at it.
enum Content {
    Read(Bytes),
    Unread(Incoming),
}

impl Content {
    async fn read(self) -> Result<Bytes, Broken> {
        match self {
            Self::Read(bytes) => Ok(bytes),
            Self::Unread(body) => Ok(body.collect().await?.to_bytes()),
        }
    }

    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Read(bytes) => Some(bytes),
            Self::Unread(_) => None,
        }
    }

    fn into_body(self) -> Body {
        match self {
            Self::Read(bytes) => Body::Left(Full::new(bytes)),
            Self::Unread(body) => Body::Right(body),
        }
    }
}

/// The client's connection and the upstream's.
struct Link {
    connection: Connection,
    /// The connection to the upstream while it carries no call.
    idle: Mutex<Option<SendRequest<Body>>>,
}

impl Link {
    async fn call(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
        let (parts, body) = request.into_parts();
        let connection = &self.connection;
        let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
        let seq = connection.arrived(parts.method.as_str(), Some(parts.uri.path()), target);
        let mut content = Content::Unread(body);
        // Read it while the upstream is silent, too: before that, hyper does not notice that the client has gone.
        if connection.shared.rules.wants_body(connection.caller(), subject(&parts, None)) || !connection.gate.is_up() {
            content = Content::Read(content.read().await?);
        }
        connection.gate.opened().await?;
        let Some(Fired { rule, act }) = connection.fire(subject(&parts, content.bytes())) else {
            let request = Request::from_parts(parts, content.into_body());
            return Ok(self.forward(seq, request).await?.map(Either::Right));
        };
        connection.update(seq, |call| call.rules.push(rule));
        let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
        let hold = |when| connection.hold(rule, when, method.as_str(), Some(&path));
        let request = Request::from_parts(parts, Body::Left(Full::new(content.read().await?)));
        match act {
            Act::Cut(When::Before) => Err(Broken::Cut),
            Act::Cut(When::After) => {
                self.effect(seq, request).await?;
                Err(Broken::Cut)
            }
            Act::Respond(reply, When::Before) => {
                connection.update(seq, |call| call.status = Some(reply.status.as_u16()));
                Ok(answer(reply))
            }
            Act::Respond(reply, When::After) => {
                self.effect(seq, request).await?;
                Ok(answer(reply))
            }
            Act::Hold(When::Before) => {
                hold(When::Before).released().await;
                Ok(self.forward(seq, request).await?.map(Either::Right))
            }
            Act::Hold(When::After) => {
                let answer = self.effect(seq, request).await?;
                hold(When::After).released().await;
                Ok(answer)
            }
            Act::Delay(time) => {
                tokio::time::sleep(time).await;
                Ok(self.forward(seq, request).await?.map(Either::Right))
            }
        }
    }

    /// Waits until the upstream has carried out the call and answered completely, even if the client has gone.
    async fn effect(self: &Arc<Self>, seq: Seq, request: Request<Body>) -> Result<Response<Body>, Broken> {
        let link = Arc::clone(self);
        let effect = async move {
            let (parts, body) = link.forward(seq, request).await?.into_parts();
            let body = Content::Unread(body).read().await?;
            Ok(Response::from_parts(parts, Body::Left(Full::new(body))))
        };
        // hyper drops a call's future as soon as its client has gone. A separate task goes on.
        let task = tokio::spawn(tokio::time::timeout(EFFECT_DEADLINE, effect));
        task.await.map_err(|_| Broken::Lost)?.map_err(|_| Broken::Deadline)?
    }

    async fn forward(&self, seq: Seq, request: Request<Body>) -> Result<Response<Incoming>, Broken> {
        self.connection.gate.opened().await?;
        self.connection.update(seq, |call| call.forwarded = true);
        let answer = self.exchange(request).await?;
        self.connection.update(seq, |call| {
            call.status = Some(answer.status().as_u16());
            call.answered = Some(Timestamp::now());
        });
        self.connection.gate.opened().await?;
        Ok(answer)
    }

    async fn exchange(&self, mut request: Request<Body>) -> Result<Response<Incoming>, Broken> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut upstream) = idle
            && upstream.ready().await.is_ok()
        {
            match upstream.try_send_request(request).await {
                Ok(answer) => {
                    self.keep(upstream);
                    return Ok(answer);
                }
                // The upstream has closed the idle connection, and nothing of the request was sent.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().into()),
                },
            }
        }
        let stream = TokioIo::new(self.connection.upstream.connect().await?);
        let (mut upstream, driver) = client::Builder::new().preserve_header_case(true).handshake(stream).await?;
        // Ends when the sender is dropped or the upstream closes. Its errors reach the caller through the sender.
        tokio::spawn(driver);
        let answer = upstream.send_request(request).await?;
        self.keep(upstream);
        Ok(answer)
    }

    fn keep(&self, upstream: SendRequest<Body>) {
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(upstream);
    }
}

fn subject<'a>(parts: &'a Parts, body: Option<&'a [u8]>) -> Subject<'a> {
    let path = parts.uri.path_and_query().map_or_else(|| parts.uri.path(), |path| path.as_str());
    Subject::Request { method: &parts.method, path, headers: &parts.headers, body }
}

fn answer(reply: Reply) -> Response<Body> {
    let mut answer = Response::new(Body::Left(Full::new(reply.body)));
    *answer.status_mut() = reply.status;
    *answer.headers_mut() = reply.headers;
    answer
}
