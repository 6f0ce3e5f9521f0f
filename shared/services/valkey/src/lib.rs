//! Valkey: cache invalidation and the event stream.
//!
//! Facts about the commands are from valkey-io/valkey-doc (`commands/unlink.md`, `xadd.md`, `eval.md`, `info.md`) and
//! were tried on Valkey 9.1.

use std::time::Duration;

use domain::{CauseCode, Failure};
use redis::Script;
use redis_kit::Server;
use secrecy::SecretString;
use uuid::Uuid;

/// `XADD` knows no idempotence in Valkey, so a mark beside the stream stands for it, and a script makes both one step.
const PUBLISH_ONCE: &str = include_str!("publish_once.lua");

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The call itself failed.
    #[error(transparent)]
    Call(#[from] redis_kit::Error),
    /// The server drops keys when its memory is full: events would be lost without a trace.
    #[error("the server evicts keys when its memory is full")]
    Evicting,
}

const CODES: redis_kit::Codes = redis_kit::Codes {
    bad_configuration: CauseCode::ValkeyBadConfiguration,
    unreachable: CauseCode::ValkeyUnreachable,
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

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is in the stream now, under this entry id.
    New(String),
    /// It was there before, or its mark says so.
    AlreadyThere,
}

/// The server with the cache and the event stream. Each call takes at most [`redis_kit::CALL_LIMIT`].
#[derive(Debug)]
pub struct Valkey {
    server: Server,
    publish_once: Script,
}

impl Valkey {
    /// Opens the connection; `url` is `redis[s]://user:password@host:port/0`.
    pub async fn connect(url: &SecretString) -> Result<Self, Error> {
        Ok(Self { server: Server::connect(url).await?, publish_once: Script::new(PUBLISH_ONCE) })
    }

    /// Removes keys, and returns how many were there. Where the connection broke in between, the repetition no longer
    /// finds what the first try removed.
    pub async fn unlink(&self, keys: &[String]) -> Result<u64, Error> {
        let mut removed = 0;
        // One command each: a cluster refuses a command whose keys lie in different slots, and these few are cheap.
        for key in keys {
            removed += self.server.call::<u64>(redis::cmd("UNLINK").arg(key)).await?;
        }
        Ok(removed)
    }

    /// Appends an event to a stream unless its mark is there, which is kept for `mark_ttl` (whole seconds, at least 1).
    /// At least once: a failover may lose mark and entry, so consumers look at the event's id themselves.
    ///
    /// The name of the stream must contain no brace: as the mark's hash tag it puts both into one cluster slot.
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
            // The script's cache is empty after a restart and after a failover.
            Err(redis_kit::Error::Refused(reply)) if reply.says("NOSCRIPT") => {
                self.server.call(&command("EVAL", PUBLISH_ONCE)).await?
            }
            other => other?,
        };
        Ok(id.map_or(Published::AlreadyThere, Published::New))
    }

    /// Whether the server keeps every key until it is removed or expires; if not, [`Error::Evicting`].
    pub async fn eviction_policy(&self) -> Result<(), Error> {
        // Managed services forbid `CONFIG GET`; INFO says it too.
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
        let valkey = Valkey::connect(&url.into()).await.expect("connected");
        assert_eq!(valkey.eviction_policy().await, Ok(()));
        assert_eq!(valkey.eviction_policy().await, Err(Error::Evicting));
        assert_eq!(valkey.eviction_policy().await, Err(redis_kit::Error::Unexpected.into()));
    }
}
