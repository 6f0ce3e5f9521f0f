//! A wire to the database that breaks at a chosen point.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use secrets::DatabaseSecret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// How the wire breaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Break {
    /// Both sides see that it is closed, as after a crash.
    Closed,
    /// The database hears nothing more, as after a freeze.
    Silent,
}

/// A wire that carries a number of the client's messages, over all its connections. After the last of them it breaks.
pub(crate) struct Cutter {
    pub(crate) port: u16,
    broken: Arc<Notify>,
    ended: Arc<Notify>,
    connections: JoinHandle<()>,
}

#[derive(Clone)]
struct Wire {
    left: Arc<AtomicUsize>,
    broken: Arc<Notify>,
    how: Break,
}

impl Cutter {
    pub(crate) async fn new(server: &DatabaseSecret, messages: usize, how: Break) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let address = (server.host.clone(), server.port);
        let broken = Arc::new(Notify::new());
        let wire = Wire { left: Arc::new(AtomicUsize::new(messages)), broken: Arc::clone(&broken), how };
        let ended = Arc::new(Notify::new());
        let end = Arc::clone(&ended);
        let connections = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            let accepting = async {
                while let Ok((client, _)) = listener.accept().await {
                    if let Ok(server) = TcpStream::connect(address.clone()).await {
                        connections.spawn(wire.clone().carry(client, server));
                    }
                }
            };
            tokio::select! {
                () = accepting => {}
                () = end.notified() => {}
            }
            connections.shutdown().await;
        });
        Self { port, broken, ended, connections }
    }

    /// Waits until the wire breaks.
    pub(crate) async fn broken(&self) {
        self.broken.notified().await;
    }

    /// Closes the silent connections too. The server would wait a minute for one that has not logged in, before it drops
    /// a database.
    pub(crate) async fn end(self) {
        self.ended.notify_one();
        self.connections.await.expect("no panic");
    }
}

impl Wire {
    async fn carry(self, client: TcpStream, server: TcpStream) {
        let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
            (client.into_split(), server.into_split());
        let whole = tokio::select! {
            whole = self.forward(&mut from_client, &mut to_server) => whole,
            _ = tokio::io::copy(&mut from_server, &mut to_client) => true,
        };
        if !whole {
            self.broken.notify_one();
            match self.how {
                Break::Closed => {}
                // Keeps the server's side of the connection open.
                Break::Silent => std::future::pending().await,
            }
        }
    }

    /// Whether the client ended the connection, and not the wire.
    async fn forward(&self, from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) -> bool {
        let mut chunk = vec![0; 16 * 1024];
        loop {
            let length = match from.read(&mut chunk).await {
                Ok(0) | Err(_) => return true,
                Ok(length) => length,
            };
            let Ok(before) = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            else {
                return false;
            };
            if to.write_all(&chunk[..length]).await.is_err() {
                return true;
            }
            if before == 1 {
                // Until the server has done it.
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                return false;
            }
        }
    }
}
