//! What every client of a server with the Redis protocol needs: one connection that is opened again after it broke,
//! calls with a time limit, and errors that never repeat a URL, a command or an answer.

#![warn(missing_docs)]

mod error;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo, Pipeline, RedisConnectionInfo,
    RedisResult, Value,
};
use rustls::pki_types::ServerName;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

pub use crate::error::{Codes, Error, Reply};

/// The time limit for a call, including opening the connection and one repetition.
pub const CALL_LIMIT: Duration = Duration::from_secs(5);

/// An open connection. What drives it ends with the last clone, even if the server still owes an answer.
#[derive(Clone)]
struct Connection {
    handle: MultiplexedConnection,
    _driver: Arc<JoinSet<()>>,
}

/// A server and the connection to it.
pub struct Server {
    host: String,
    port: u16,
    /// TLS and the name that the certificate has to be for; `None`: the connection is plain.
    tls: Option<(TlsConnector, ServerName<'static>)>,
    log_in: RedisConnectionInfo,
    connection: Mutex<Option<Connection>>,
}

impl fmt::Debug for Server {
    /// Shows nothing, because the server's log-in has the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

impl Server {
    /// Opens the connection, within [`CALL_LIMIT`]. `redis://` is plain, `rediss://` is TLS against the public roots and
    /// the authorities in `ca_pem`.
    pub async fn connect(url: &SecretString, ca_pem: Option<&str>) -> Result<Self, Error> {
        let server = Self::new(url.expose_secret(), ca_pem)?;
        server.connection(Instant::now() + CALL_LIMIT).await?;
        Ok(server)
    }

    fn new(url: &str, ca_pem: Option<&str>) -> Result<Self, Error> {
        // The library opens TLS with a configuration of its own, which does not say whom it does not trust. So it is
        // asked for the rest of the URL only.
        let (rest, encrypted) = match (url.strip_prefix("rediss://"), url.strip_prefix("redis://")) {
            (Some(rest), _) => (rest, true),
            (None, Some(rest)) => (rest, false),
            (None, None) => return Err(Error::BadUrl),
        };
        // The library knows a fragment that turns certificate checks off. We know none.
        if rest.contains('#') {
            return Err(Error::BadUrl);
        }
        let info = format!("redis://{rest}").into_connection_info().map_err(|_| Error::BadUrl)?;
        let ConnectionAddr::Tcp(host, port) = info.addr().clone() else { return Err(Error::BadUrl) };
        let tls = if encrypted {
            let name = ServerName::try_from(host.clone()).map_err(|_| Error::BadUrl)?;
            let config = tls::client_config(tls::Authorities::PUBLIC.and(ca_pem)).map_err(|_| Error::BadUrl)?;
            Some((TlsConnector::from(Arc::new(config)), name))
        } else {
            None
        };
        Ok(Self { host, port, tls, log_in: info.redis_settings().clone(), connection: Mutex::new(None) })
    }

    /// Sends a command that may safely be sent twice, and reads its answer. If the connection turns out to be dead, as
    /// it often is after a function was frozen, the command is sent once more on a new connection.
    pub async fn call<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        let deadline = Instant::now() + CALL_LIMIT;
        let answer = match self.attempt(command, deadline).await {
            Err(Error::Lost) => self.attempt(command, deadline).await,
            other => other,
        }?;
        T::from_redis_value(answer).map_err(|_| Error::Unexpected)
    }

    /// What the server says to each of these commands, without carrying out any of them: they are queued as a transaction
    /// that is discarded. A server looks at a command's name, and at the user's right to it and to its keys, when it queues
    /// it. If the process dies in between, the server drops the queue with the connection.
    ///
    /// [`Error::NotPermitted`] means that the user may not use transactions.
    pub async fn rehearse(&self, commands: &[Cmd]) -> Result<Vec<Result<(), Error>>, Error> {
        timeout(CALL_LIMIT, self.rehearsed(commands)).await.unwrap_or(Err(Error::Timeout))
    }

    async fn rehearsed(&self, commands: &[Cmd]) -> Result<Vec<Result<(), Error>>, Error> {
        // A connection of its own, on which nobody else sends anything, and which is not opened again.
        let mut connection = self.open().await?;
        // Nothing is sent before the server has agreed, since it would carry it out.
        let () = redis::cmd("MULTI").query_async(&mut connection.handle).await.map_err(|error| Error::from(&error))?;
        let mut queue = Pipeline::new();
        for command in commands {
            queue.add_command(command.clone());
        }
        queue.cmd("DISCARD").ignore_errors();
        let said: RedisResult<Vec<RedisResult<Value>>> = queue.query_async(&mut connection.handle).await;
        let said = said.map_err(|error| Error::from(&error))?;
        if said.len() != commands.len() + 1 {
            return Err(Error::Unexpected);
        }
        Ok(said
            .into_iter()
            .take(commands.len())
            .map(|said| said.map(drop).map_err(|error| Error::from(&error)))
            .collect())
    }

    // Boxed, as the next one: compiled in this crate only, not in each one that awaits a call.
    fn attempt<'a>(&'a self, command: &'a Cmd, deadline: Instant) -> BoxFuture<'a, Result<Value, Error>> {
        Box::pin(async move {
            let mut connection = self.connection(deadline).await?;
            let error = match timeout_at(deadline, command.query_async(&mut connection.handle)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => Error::from(&error),
                Err(_) => Error::Timeout,
            };
            if error.spoils_connection() {
                self.connection.lock().await.take();
            }
            Err(error)
        })
    }

    fn connection(&self, deadline: Instant) -> BoxFuture<'_, Result<Connection, Error>> {
        Box::pin(async move {
            let mut slot = self.connection.lock().await;
            if let Some(connection) = &*slot {
                return Ok(connection.clone());
            }
            let connection = timeout_at(deadline, self.open()).await.map_err(|_| Error::Connect)??;
            *slot = Some(connection.clone());
            Ok(connection)
        })
    }

    async fn open(&self) -> Result<Connection, Error> {
        let plain = TcpStream::connect((&*self.host, self.port)).await.map_err(|error| unopened(&error))?;
        // Commands are small, and each waits for its answer.
        plain.set_nodelay(true).map_err(|error| unopened(&error))?;
        match &self.tls {
            None => self.log_in(plain).await,
            Some((tls, name)) => {
                self.log_in(tls.connect(name.clone(), plain).await.map_err(|error| unopened(&error))?).await
            }
        }
    }

    async fn log_in<S>(&self, stream: S) -> Result<Connection, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // The only time limit is ours: the library's default is half a second.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let opened = MultiplexedConnection::new_with_config(&self.log_in, stream, config).await;
        let (handle, future) = opened.map_err(|error| match Error::from(&error) {
            Error::Lost => Error::Connect,
            other => other,
        })?;
        let mut driver = JoinSet::new();
        driver.spawn(future);
        Ok(Connection { handle, _driver: Arc::new(driver) })
    }
}

/// A connection that was not opened far enough to log in.
fn unopened(error: &io::Error) -> Error {
    tls::distrust(error).map_or(Error::Connect, Error::Untrusted)
}

#[cfg(test)]
mod tests {
    use domain::{CauseCode, FailureKind};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that gives each connection the next of these lists: it sends the next answer after each read. At the
    /// end of a list it closes the connection. At an empty answer it stops answering.
    async fn server(connections: Vec<Vec<&'static str>>) -> SecretString {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("redis://user:hunter2@{}/", listener.local_addr().expect("bound"));
        tokio::spawn(async move {
            for answers in connections {
                let (mut socket, _) = listener.accept().await.expect("a connection");
                for answer in answers {
                    let _ = socket.read(&mut [0; 4096]).await;
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    let _ = socket.write_all(answer.as_bytes()).await;
                }
            }
            std::future::pending::<()>().await;
        });
        url.into()
    }

    /// The answers to AUTH and to the two CLIENT SETINFO commands that the library sends with it.
    const HELLO: &str = "+OK\r\n+OK\r\n+OK\r\n";

    /// The codes of a server.
    const CODES: Codes = Codes {
        bad_configuration: CauseCode::ValkeyBadConfiguration,
        unreachable: CauseCode::ValkeyUnreachable,
        untrusted: CauseCode::ValkeyUntrusted,
        timeout: CauseCode::ValkeyTimeout,
        connection_lost: CauseCode::ValkeyConnectionLost,
        unauthorized: CauseCode::ValkeyUnauthorized,
        not_ready: CauseCode::ValkeyNotReady,
        refused: CauseCode::ValkeyRefused,
        unexpected_answer: CauseCode::ValkeyUnexpectedAnswer,
    };

    async fn ping(connections: Vec<Vec<&'static str>>) -> Result<String, Error> {
        Server::connect(&server(connections).await, None).await.expect("connected").call(&redis::cmd("PING")).await
    }

    #[tokio::test]
    async fn a_dead_connection_is_replaced_once() {
        assert_eq!(ping(vec![vec![HELLO], vec![HELLO, "+PONG\r\n"]]).await.as_deref(), Ok("PONG"));
        assert_eq!(ping(vec![vec![HELLO], vec![HELLO], vec![HELLO, "+PONG\r\n"]]).await, Err(Error::Lost));
    }

    #[tokio::test]
    async fn silence_is_a_timeout() {
        let (began, error) = (Instant::now(), ping(vec![vec![HELLO, ""]]).await);
        assert_eq!(error, Err(Error::Timeout));
        assert!(began.elapsed() < CALL_LIMIT + Duration::from_secs(1));
    }

    #[tokio::test]
    async fn refusals_have_codes_and_their_texts_are_never_shown() {
        for (answer, code, retryable) in [
            ("-NOAUTH Authentication required.\r\n", CODES.unauthorized, false),
            ("-WRONGPASS invalid username-password pair\r\n", CODES.unauthorized, false),
            ("-NOPERM User hunter2 has no permissions\r\n", CODES.unauthorized, false),
            ("-LOADING server is loading hunter2\r\n", CODES.not_ready, true),
            ("-OOM command not allowed\r\n", CODES.not_ready, true),
            ("-READONLY You can't write against a read only replica.\r\n", CODES.not_ready, true),
            ("-ERR max number of clients reached\r\n", CODES.not_ready, true),
            ("-ERR unknown command 'hunter2'\r\n", CODES.refused, false),
            ("-Constraint already exists hunter2\r\n", CODES.refused, false),
            ("*1\r\n:1\r\n", CODES.unexpected_answer, false),
        ] {
            let error = ping(vec![vec![HELLO, answer]]).await.expect_err(answer);
            let failure = error.failure(&CODES);
            assert_eq!((failure.code(), failure.cause().retryable), (code, retryable), "{answer}");
            assert!(!format!("{error} {error:?} {failure} {failure:?}").contains("hunter2"), "{answer}");
        }
        let error = ping(vec![vec![HELLO, "-Constraint already exists\r\n"]]).await.expect_err("refused");
        assert!(error.refusal().is_some_and(|reply| reply.says("Constraint already exists")));
    }

    #[tokio::test]
    async fn a_rehearsal_says_what_is_refused_and_carries_nothing_out() {
        let get = |key: &str| redis::cmd("GET").arg(key).to_owned();
        let rehearse = async |answers: Vec<&'static str>| {
            let url = server(vec![vec![HELLO], [vec![HELLO], answers].concat()]).await;
            Server::connect(&url, None).await.expect("connected").rehearse(&[get("a"), get("b")]).await
        };
        let queued = "+QUEUED\r\n-NOPERM User hunter2 has no permissions\r\n+OK\r\n";
        assert_eq!(rehearse(vec!["+OK\r\n", queued]).await, Ok(vec![Ok(()), Err(Error::NotPermitted)]));
        // Had more been sent than MULTI, it would have been carried out.
        assert_eq!(rehearse(vec!["-NOPERM no\r\n", "+OK\r\n+OK\r\n-ERR\r\n"]).await, Err(Error::NotPermitted));
    }

    #[tokio::test]
    async fn a_refused_password_is_not_a_network_error() {
        let url = server(vec![vec!["-WRONGPASS invalid\r\n+OK\r\n+OK\r\n"]]).await;
        assert_eq!(Server::connect(&url, None).await.expect_err("refused"), Error::Unauthorized);
    }

    #[tokio::test]
    async fn a_refused_connection_had_no_effect() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("redis://{}", listener.local_addr().expect("bound"));
        drop(listener);
        let error = Server::connect(&url.into(), None).await.expect_err("refused");
        assert_eq!(error, Error::Connect);
        assert_eq!(error.failure(&CODES).code(), CODES.unreachable);
    }

    #[tokio::test]
    async fn nothing_is_sent_in_plain_to_a_server_without_tls() {
        let url = server(vec![vec![HELLO]]).await;
        let url = url.expose_secret().replace("redis://", "rediss://");
        assert_eq!(Server::connect(&url.into(), None).await.expect_err("no TLS there"), Error::Connect);
    }

    /// A server whose authority is its own: its URL, its authority, and whether its one handshake was completed. It answers
    /// nothing after that.
    async fn private_server() -> (SecretString, String, tokio::task::JoinHandle<bool>) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        tls::install_provider();
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![made.cert.der().clone()], key).expect("they belong together");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("rediss://user:hunter2@{}/", listener.local_addr().expect("bound"));
        let served = tokio::spawn(async move {
            let (socket, _) = listener.accept().await.expect("a connection");
            acceptor.accept(socket).await.is_ok()
        });
        (url.into(), made.cert.pem(), served)
    }

    #[tokio::test]
    async fn a_given_authority_is_trusted() {
        let (url, pem, served) = private_server().await;
        assert_eq!(Server::connect(&url, Some("no certificate")).await.expect_err("no bundle"), Error::BadUrl);
        drop(Server::connect(&url, Some(&pem)).await);
        assert!(served.await.expect("it ends"), "the handshake was not completed");
    }

    #[tokio::test]
    async fn nothing_is_sent_to_a_server_that_is_not_trusted() {
        let (url, _, served) = private_server().await;
        let error = Server::connect(&url, None).await.expect_err("nobody vouches for it");
        assert!(!served.await.expect("it ends"), "the handshake was completed");
        let Error::Untrusted(distrust) = &error else { panic!("{error:?}") };
        let failure = error.failure(&CODES);
        assert_eq!((failure.code(), failure.kind()), (CODES.untrusted, FailureKind::Rejected));
        let name = "CN=rcgen self signed cert";
        assert_eq!((&*distrust.subject, &*distrust.issuer), (name, name));
        assert!(failure.hint().contains(&format!("subject \"{name}\", issuer \"{name}\"")), "{failure}");
    }

    #[tokio::test]
    async fn only_network_urls_with_checked_certificates_are_accepted() {
        for url in ["", "x", "unix:///tmp/x", "http://x", "rediss://127.0.0.1:1/#insecure", "redis://127.0.0.1:x"] {
            assert_eq!(Server::connect(&url.into(), None).await.expect_err(url), Error::BadUrl, "{url}");
        }
    }
}
