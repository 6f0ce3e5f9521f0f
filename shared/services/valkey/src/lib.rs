//! Valkey: cache invalidation and the event stream.
//!
//! Facts about the commands are from valkey-io/valkey-doc (`commands/unlink.md`, `xadd.md`, `eval.md`, `info.md`) and
//! were tried on Valkey 9.1.

#![warn(missing_docs)]

use std::time::Duration;

use domain::{CauseCode, Failure};
use redis::Script;
use redis_kit::Server;
use secrecy::SecretString;
use uuid::Uuid;

/// Valkey's `XADD` is not idempotent. An additional key, the mark, makes it so. A script writes both in one step.
const PUBLISH_ONCE: &str = include_str!("publish_once.lua");

/// An error of the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The call itself failed.
    #[error(transparent)]
    Call(#[from] redis_kit::Error),
    /// The server drops keys when its memory is full. Events could be lost without a trace.
    #[error("the server evicts keys when its memory is full")]
    Evicting,
}

const CODES: redis_kit::Codes = redis_kit::Codes {
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

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Call(error) => error.failure(&CODES),
            Error::Evicting => CauseCode::ValkeyEvicting.into(),
        }
    }
}

/// The result of publishing an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// It was appended now, under this entry id.
    New(String),
    /// It was appended earlier, according to its mark.
    AlreadyThere,
}

/// How long a key stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// There is none.
    Absent,
    /// It expires by itself.
    Expires,
    /// Until somebody removes it.
    ForEver,
}

/// The server with the cache and the event stream. Each call takes at most [`redis_kit::CALL_LIMIT`].
#[derive(Debug)]
pub struct Valkey {
    server: Server,
    publish_once: Script,
}

impl Valkey {
    /// Opens the connection; `url` is `redis[s]://user:password@host:port/0`, and `ca_pem` adds authorities.
    pub async fn connect(url: &SecretString, ca_pem: Option<&str>) -> Result<Self, Error> {
        Ok(Self { server: Server::connect(url, ca_pem).await?, publish_once: Script::new(PUBLISH_ONCE) })
    }

    /// Removes keys, and returns how many of them existed. If the connection broke in between, keys that the first try
    /// removed are not counted.
    pub async fn unlink(&self, keys: &[String]) -> Result<u64, Error> {
        let mut removed = 0;
        // One command per key: a cluster refuses a command whose keys are in different slots.
        for key in keys {
            removed += self.server.call::<u64>(redis::cmd("UNLINK").arg(key)).await?;
        }
        Ok(removed)
    }

    /// How long each of these keys stays. Their values are not read.
    pub async fn lasting(&self, keys: &[String]) -> Result<Vec<Lasting>, Error> {
        let mut lasting = Vec::with_capacity(keys.len());
        for key in keys {
            lasting.push(match self.server.call::<i64>(redis::cmd("PTTL").arg(key)).await? {
                -2 => Lasting::Absent,
                -1 => Lasting::ForEver,
                _ => Lasting::Expires,
            });
        }
        Ok(lasting)
    }

    /// Appends an event to a stream, unless its mark exists. The mark is kept for `mark_ttl` (whole seconds, at least
    /// 1). Delivery is at least once: a failover may lose mark and entry, so consumers have to compare event ids.
    ///
    /// The name of the stream must not contain a brace. It is the mark's hash tag, which puts both into one cluster
    /// slot.
    pub async fn publish_once(
        &self,
        stream: &str,
        event_id: Uuid,
        fields: &[(&str, &str)],
        mark_ttl: Duration,
    ) -> Result<Published, Error> {
        let mark = format!("{{{stream}}}:{event_id}");
        let command = |name, script: &str| {
            let mut command = redis::cmd(name);
            command.arg(script).arg(2).arg(stream).arg(&mark).arg(mark_ttl.as_secs().max(1)).arg(fields);
            command
        };
        let by_hash = self.server.call(&command("EVALSHA", self.publish_once.get_hash())).await;
        let id: Option<String> = match by_hash {
            // The server's script cache is empty after a restart or a failover.
            Err(redis_kit::Error::Refused(reply)) if reply.says("NOSCRIPT") => {
                self.server.call(&command("EVAL", PUBLISH_ONCE)).await?
            }
            other => other?,
        };
        Ok(id.map_or(Published::AlreadyThere, Published::New))
    }

    /// Whether our user may remove these keys and append to these streams. Nothing is carried out. False: the server does not
    /// let our user rehearse, so it is not known.
    pub async fn rehearse(&self, keys: &[String], streams: &[&str]) -> Result<bool, Error> {
        let mut commands: Vec<_> = keys.iter().map(|key| redis::cmd("UNLINK").arg(key).to_owned()).collect();
        for stream in streams {
            let mark = format!("{{{stream}}}:");
            let mut publish = redis::cmd("EVAL");
            publish.arg(PUBLISH_ONCE).arg(2).arg(*stream).arg(&mark).arg(1).arg(&["field", "value"]);
            commands.push(publish);
            // What the script calls is looked at when it calls it.
            commands.push(redis::cmd("EXISTS").arg(&mark).to_owned());
            commands.push(redis::cmd("XADD").arg(*stream).arg("*").arg(&["field", "value"]).to_owned());
            commands.push(redis::cmd("SET").arg(&mark).arg("1").arg("EX").arg(1).to_owned());
        }
        match self.server.rehearse(&commands).await {
            Ok(said) => said.into_iter().collect::<Result<(), _>>().map(|()| true).map_err(Error::from),
            Err(redis_kit::Error::NotPermitted) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Checks that the server keeps every key until it is removed or expires; [`Error::Evicting`] if not.
    pub async fn eviction_policy(&self) -> Result<(), Error> {
        // Managed services forbid `CONFIG GET`. `INFO` shows the policy too.
        let memory: String = self.server.call(redis::cmd("INFO").arg("memory")).await?;
        match memory.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")) {
            Some("noeviction") => Ok(()),
            Some(_) => Err(Error::Evicting),
            None => Err(redis_kit::Error::Unexpected.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_server_that_evicts_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("redis://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut answers = vec!["+OK\r\n+OK\r\n".to_owned()]; // The library's two CLIENT SETINFO.
            for line in ["maxmemory_policy:noeviction", "maxmemory_policy:allkeys-lru", "maxmemory:0"] {
                answers.push(format!("${}\r\n{line}\r\n\r\n", line.len() + 2));
            }
            for answer in answers {
                let _ = socket.read(&mut [0; 4096]).await;
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        let valkey = Valkey::connect(&url.into(), None).await.expect("connected");
        assert_eq!(valkey.eviction_policy().await, Ok(()));
        assert_eq!(valkey.eviction_policy().await, Err(Error::Evicting));
        assert_eq!(valkey.eviction_policy().await, Err(redis_kit::Error::Unexpected.into()));
    }
}
