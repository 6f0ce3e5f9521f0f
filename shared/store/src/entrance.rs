//! How a connection is opened: it is dialled, made secure, and logged in on. The first two can begin before it is known who
//! logs in, and where the server is for certain.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use domain::CauseCode;
use futures_util::future::{Ready, ready as at_once};
use postgres_protocol::message::frontend::ssl_request;
use secrecy::ExposeSecret;
use secrets::DatabaseSecret;
use socket2::{SockRef, TcpKeepalive};
use tls::{Authorities, Undecided};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::StoreError;

/// The time limit for opening a connection, authentication included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a connection is idle before the system asks whether the server is still there.
const KEPT_ALIVE: Duration = Duration::from_secs(30);
const POSTGRES_PORT: &str = "5432";
/// The server's answer to whoever asks for TLS, if it has it.
const HAS_TLS: u8 = b'S';

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    host: String,
    port: u16,
}

impl Address {
    fn of(config: &DatabaseSecret) -> Self {
        Self { host: config.host.clone(), port: config.port }
    }

    /// `host` or `host:port`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.split_once(':').unwrap_or((text, POSTGRES_PORT));
        let port = port.parse().ok()?;
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port })
    }

    async fn dial(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((&*self.host, self.port)).await?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEPT_ALIVE))?;
        Ok(stream)
    }

    /// A connection over TLS. The server's part of the handshake is not read before `decided`.
    async fn secure(&self, tls: &MakeRustlsConnect, decided: Option<oneshot::Receiver<()>>) -> io::Result<Secure> {
        let mut stream = self.dial().await?;
        let mut request = BytesMut::new();
        ssl_request(&mut request);
        stream.write_all(&request).await?;
        if stream.read_u8().await? != HAS_TLS {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let tls = MakeTlsConnect::<Held>::make_tls_connect(&mut tls.clone(), &self.host);
        tls.map_err(io::Error::other)?.connect(Held { stream, until: decided }).await
    }
}

/// A connection over TLS.
type Secure = <MakeRustlsConnect as MakeTlsConnect<Held>>::Stream;

/// A connection from which nothing is read until somebody has decided. If nobody will, it is broken.
struct Held {
    stream: TcpStream,
    until: Option<oneshot::Receiver<()>>,
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(until) = &mut self.until {
            ready!(Pin::new(until).poll(context)).map_err(|_| io::ErrorKind::ConnectionAborted)?;
            self.until = None;
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Held {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// For a connection that is secure already.
struct AsItIs;

impl<S: TlsStream + Unpin> TlsConnect<S> for AsItIs {
    type Stream = S;
    type Error = io::Error;
    type Future = Ready<io::Result<S>>;

    fn connect(self, stream: S) -> Self::Future {
        at_once(Ok(stream))
    }
}

/// A connection that was begun before it is known who will log in on it, and whom to trust. The server has made its part
/// of the handshake by then. Nobody has read it.
pub(crate) struct HeadStart {
    address: Address,
    trust: Undecided,
    decided: oneshot::Sender<()>,
    connecting: Connecting,
}

/// The connection that is being opened. It is given up with this.
type Connecting = JoinSet<io::Result<Secure>>;

impl HeadStart {
    pub(crate) fn begin(address: Address) -> Self {
        let (trust, (decided, until)) = (Undecided::default(), oneshot::channel());
        let (tls, dialled) = (MakeRustlsConnect::new(trust.config().clone()), address.clone());
        let mut connecting = JoinSet::new();
        connecting.spawn(async move { dialled.secure(&tls, Some(until)).await });
        Self { address, trust, decided, connecting }
    }
}

/// How a connection is opened.
pub(crate) struct Entrance {
    config: DatabaseSecret,
    /// Holds the sessions of TLS, which a server that keeps them resumes.
    tls: MakeRustlsConnect,
    /// The first connection, if it was begun.
    begun: Connecting,
}

impl Entrance {
    /// These authorities, and those that the secret holds are trusted. What was begun is used if it leads to this server.
    pub(crate) fn new(
        authorities: Authorities<'static>,
        config: DatabaseSecret,
        begun: Option<HeadStart>,
    ) -> Result<Self, StoreError> {
        let (trust, begun, decided) = match begun.filter(|begun| begun.address == Address::of(&config)) {
            Some(HeadStart { trust, decided, connecting, .. }) => (trust, connecting, Some(decided)),
            None => (Undecided::default(), Connecting::new(), None),
        };
        let tls = MakeRustlsConnect::new(trust.config().clone());
        let trusted = trust.trust(authorities.and(config.ca_pem.as_deref()));
        trusted.map_err(|_| StoreError::Credentials(CauseCode::DatabaseCaMalformed.into()))?;
        if let Some(decided) = decided {
            // If nobody waits, the connection is broken, which shows where it is used.
            let _ = decided.send(());
        }
        Ok(Self { config, tls, begun })
    }

    /// Opens a connection as this application.
    pub(crate) async fn open(&mut self, application: &str) -> Result<Client, StoreError> {
        let connecting = async {
            let begun = self.begun.join_next().await;
            let stream = match begun.and_then(Result::ok).and_then(Result::ok) {
                Some(stream) => stream,
                None => Address::of(&self.config).secure(&self.tls, None).await?,
            };
            self.log_in(stream, application).await
        };
        tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| StoreError::Unavailable)?
    }

    async fn log_in(&self, stream: Secure, application: &str) -> Result<Client, StoreError> {
        let mut pg = Config::new();
        pg.dbname(&self.config.dbname)
            .user(&self.config.username)
            .password(self.config.password.expose_secret())
            .application_name(application)
            .ssl_mode(SslMode::Require)
            // It was asked for TLS before.
            .ssl_negotiation(SslNegotiation::Direct);
        let (client, connection) = pg.connect_raw(stream, AsItIs).await?;
        // Ends when the client is dropped. If the connection breaks, `client.is_closed()` is true.
        tokio::spawn(connection);
        Ok(client)
    }
}
