//! What the machine itself takes for the way of a call: a byte goes from one thread to a second one, from there to a third,
//! and back, over TCP, as an event goes to the function, and its statement to Postgres.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};

use crate::figures::in_seconds;

/// How long the way takes, in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hops {
    /// One after the other: the median.
    pub busy_p50_us: f64,
    /// The 99th percentile.
    pub busy_p99_us: f64,
    /// With a pause before each: the median.
    pub rested_p50_us: f64,
    /// The 99th percentile.
    pub rested_p99_us: f64,
}

impl Hops {
    /// Measures it, so many times.
    pub fn measure(pause: Duration, times: usize) -> Result<Self> {
        let (near, function) = connected()?;
        let (far, server) = connected()?;
        let last = thread::spawn(move || serve(&server, || Ok(())));
        let middle = thread::spawn(move || serve(&function, || there_and_back(&far)));
        let series = |pause| {
            let once = |_| {
                thread::sleep(pause);
                let sent = Instant::now();
                there_and_back(&near).map(|()| sent.elapsed())
            };
            (0..times).map(once).collect::<io::Result<Vec<_>>>()
        };
        let (busy, rested) = (series(Duration::ZERO)?, series(pause)?);
        drop(near);
        for ended in [middle, last].map(thread::JoinHandle::join) {
            ended.map_err(|_| anyhow!("a thread panicked"))??;
        }
        let us = |took, percent| in_seconds(took, percent) * 1e6;
        Ok(Self {
            busy_p50_us: us(&busy, 50),
            busy_p99_us: us(&busy, 99),
            rested_p50_us: us(&rested, 50),
            rested_p99_us: us(&rested, 99),
        })
    }
}

/// Both ends of a connection.
fn connected() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    for end in [&near, &far] {
        end.set_nodelay(true)?;
    }
    Ok((near, far))
}

/// Sends a byte, and waits until it is back.
fn there_and_back(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(&[1])?;
    stream.read_exact(&mut [0])
}

/// Sends each byte back after some work, until there are no more.
fn serve(mut stream: &TcpStream, work: impl Fn() -> io::Result<()>) -> io::Result<()> {
    let mut byte = [0];
    while stream.read(&mut byte)? > 0 {
        work()?;
        stream.write_all(&byte)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_measured_with_and_without_a_pause() {
        let Hops { busy_p50_us, busy_p99_us, rested_p50_us, rested_p99_us } =
            Hops::measure(Duration::from_millis(1), 20).expect("loopback");
        assert!(busy_p50_us > 0.0 && busy_p50_us <= busy_p99_us, "{busy_p50_us} {busy_p99_us}");
        assert!(rested_p50_us > 0.0 && rested_p50_us <= rested_p99_us, "{rested_p50_us} {rested_p99_us}");
    }
}
