//! One TCP connection of a client: first the rules that look at new connections, then TLS if it is Postgres, then the
//! bytes.

use std::io;
use std::pin::pin;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::api::{UpstreamKind, When};
use crate::buffers::{AHEAD, READ};
use crate::connection::Connection;
use crate::ending::{CLOSING_TIME, End};
use crate::framing::Framing;
use crate::log::Seq;
use crate::postgres::tls::{self, Greeted, Sides};
use crate::pump::Pump;
use crate::rules::{Act, Fired, Subject};

/// What the log shows as the method of a connection.
const METHOD: &str = "CONNECT";

/// Serves a connection to its end.
pub(crate) async fn serve(connection: Connection, mut client: TcpStream) {
    let seq = connection.arrived(METHOD, None, None);
    let end = tokio::select! {
        end = run(&connection, seq, &mut client) => end,
        () = connection.gate.refused() => End::Reset,
    };
    if end == End::Reset {
        // An error means that the client has gone already.
        let _ = client.set_zero_linger();
    }
}

async fn run(connection: &Connection, seq: Seq, client: &mut TcpStream) -> End {
    let mut sent = BytesMut::new();
    let opened = tokio::select! {
        opened = connection.gate.opened() => opened.is_ok(),
        () = gone(client, &mut sent) => return End::Close,
    };
    if !opened {
        return End::Reset;
    }
    let fired = connection.fire(Subject::Connect);
    if let Some(Fired { rule, .. }) = fired {
        connection.update(seq, |call| call.rules.push(rule));
    }
    let (before, after) = match fired {
        Some(Fired { act: Act::Respond(_, When::After) | Act::Cut(When::After) | Act::Hold(When::After), .. }) => {
            (None, fired)
        }
        before => (before, None),
    };
    if let Some(end) = act(connection, before, client, &mut sent).await {
        return end;
    }
    let Ok(mut server) = connection.upstream.connect().await else { return End::Reset };
    connection.update(seq, |call| call.forwarded = true);
    if let Some(end) = act(connection, after, client, &mut sent).await {
        return end;
    }
    match (&connection.shared.postgres, connection.upstream.kind) {
        (Some(sides), UpstreamKind::Postgres) => postgres(connection, seq, sides, client, &mut server, sent).await,
        _ => Pump::new(connection, seq, sent, Framing::default()).run(client, &mut server).await,
    }
}

async fn postgres(
    connection: &Connection,
    seq: Seq,
    sides: &Sides,
    client: &mut TcpStream,
    server: &mut TcpStream,
    mut sent: BytesMut,
) -> End {
    let greeted = {
        let mut greeting = pin!(tls::greet(sides, client, server, &mut sent));
        loop {
            // Does not go on while the upstream is silent.
            tokio::select! {
                greeted = &mut greeting => break greeted,
                () = connection.gate.becomes(false) => {
                    if connection.gate.opened().await.is_err() {
                        return End::Reset;
                    }
                }
            }
        }
    };
    let pump = |sent| Pump::new(connection, seq, sent, Framing::of_postgres());
    match greeted {
        Ok(Greeted::Clear { client, server }) => pump(sent).run(client, server).await,
        Ok(Greeted::Tls { mut client, mut server }) => {
            let end = pump(sent).run(&mut client, &mut server).await;
            if end == End::Close {
                // Without an end of TLS the client would see a broken connection. An error means that it has gone
                // already.
                let _ = timeout(CLOSING_TIME, client.shutdown()).await;
            }
            end
        }
        Err(end) => end,
    }
}

/// Carries out what a rule says about a new connection; `None` if the connection goes on.
async fn act(
    connection: &Connection,
    fired: Option<Fired>,
    client: &mut TcpStream,
    sent: &mut BytesMut,
) -> Option<End> {
    let Fired { rule, act } = fired?;
    match act {
        Act::Cut(_) => Some(End::Reset),
        Act::Respond(reply, _) => {
            let answer = async {
                client.write_all(&reply.body).await?;
                client.shutdown().await?;
                // Closing with unread bytes would reset the connection, and the answer might be lost.
                let mut rest = [0; 4096];
                while client.read(&mut rest).await? > 0 {}
                io::Result::Ok(())
            };
            // Whether it arrived or not, the connection is over.
            let _ = timeout(CLOSING_TIME, answer).await;
            Some(End::Close)
        }
        Act::Hold(when) => {
            let mut hold = connection.hold(rule, when, METHOD, None);
            tokio::select! {
                () = hold.released() => None,
                () = gone(client, sent) => Some(End::Close),
            }
        }
        Act::Delay(time) => tokio::select! {
            () = sleep(time) => None,
            () = gone(client, sent) => Some(End::Close),
        },
    }
}

/// Returns when the client has closed its side. What it sends until then is kept.
async fn gone(client: &mut TcpStream, sent: &mut BytesMut) {
    while sent.len() < AHEAD {
        sent.reserve(READ);
        if !client.read_buf(sent).await.is_ok_and(|len| len > 0) {
            return;
        }
    }
    std::future::pending::<()>().await;
}
