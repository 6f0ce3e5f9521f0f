//! What every client of a server with the Redis protocol needs: one connection that is opened again after it broke,
//! calls with a time limit, and errors that never repeat a URL, a command or an answer.

#![warn(missing_docs)]

mod error;

use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Value};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

pub use crate::error::{Codes, Error, Reply};

/// The time limit for a call, including opening the connection and one repetition.
pub const CALL_LIMIT: Duration = Duration::from_secs(5);

/// A server and the connection to it.
pub struct Server {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl fmt::Debug for Server {
    /// Shows nothing, because the client knows the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

impl Server {
    /// Opens the connection, within [`CALL_LIMIT`]. `redis://` is plain, `rediss://` is TLS against the public roots.
    pub async fn connect(url: &SecretString) -> Result<Self, Error> {
        let url = url.expose_secret();
        // The library also accepts paths of sockets, and a fragment that turns certificate checks off.
        if !(url.starts_with("redis://") || url.starts_with("rediss://")) || url.contains('#') {
            return Err(Error::BadUrl);
        }
        // The library uses the process's TLS provider.
        tls::install_provider();
        let client = Client::open(url).map_err(|_| Error::BadUrl)?;
        let server = Self { client, connection: Mutex::new(None) };
        server.connection(Instant::now() + CALL_LIMIT).await?;
        Ok(server)
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

    async fn attempt(&self, command: &Cmd, deadline: Instant) -> Result<Value, Error> {
        let mut connection = self.connection(deadline).await?;
        let error = match timeout_at(deadline, command.query_async(&mut connection)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Error::from(&error),
            Err(_) => Error::Timeout,
        };
        if error.spoils_connection() {
            self.connection.lock().await.take();
        }
        Err(error)
    }

    async fn connection(&self, deadline: Instant) -> Result<MultiplexedConnection, Error> {
        let mut slot = self.connection.lock().await;
        if let Some(connection) = &*slot {
            return Ok(connection.clone());
        }
        // The only time limit is ours: the library's default is half a second.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let opening = self.client.get_multiplexed_async_connection_with_config(&config);
        let connection = match timeout_at(deadline, opening).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                return Err(match Error::from(&error) {
                    Error::Lost => Error::Connect,
                    other => other,
                });
            }
            Err(_) => return Err(Error::Connect),
        };
        *slot = Some(connection.clone());
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use domain::CauseCode;
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
        timeout: CauseCode::ValkeyTimeout,
        connection_lost: CauseCode::ValkeyConnectionLost,
        unauthorized: CauseCode::ValkeyUnauthorized,
        not_ready: CauseCode::ValkeyNotReady,
        refused: CauseCode::ValkeyRefused,
        unexpected_answer: CauseCode::ValkeyUnexpectedAnswer,
    };

    async fn ping(connections: Vec<Vec<&'static str>>) -> Result<String, Error> {
        Server::connect(&server(connections).await).await.expect("connected").call(&redis::cmd("PING")).await
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
    async fn a_refused_password_is_not_a_network_error() {
        let url = server(vec![vec!["-WRONGPASS invalid\r\n+OK\r\n+OK\r\n"]]).await;
        assert_eq!(Server::connect(&url).await.expect_err("refused"), Error::Unauthorized);
    }

    #[tokio::test]
    async fn a_refused_connection_had_no_effect() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("redis://{}", listener.local_addr().expect("bound"));
        drop(listener);
        let error = Server::connect(&url.into()).await.expect_err("refused");
        assert_eq!(error, Error::Connect);
        assert_eq!(error.failure(&CODES).code(), CODES.unreachable);
    }

    #[tokio::test]
    async fn nothing_is_sent_in_plain_to_a_server_without_tls() {
        let url = server(vec![vec![HELLO]]).await;
        let url = url.expose_secret().replace("redis://", "rediss://");
        assert_eq!(Server::connect(&url.into()).await.expect_err("no TLS there"), Error::Connect);
    }

    #[tokio::test]
    async fn only_network_urls_with_checked_certificates_are_accepted() {
        for url in ["", "x", "unix:///tmp/x", "http://x", "rediss://127.0.0.1:1/#insecure", "redis://127.0.0.1:x"] {
            assert_eq!(Server::connect(&url.into()).await.expect_err(url), Error::BadUrl, "{url}");
        }
    }
}
