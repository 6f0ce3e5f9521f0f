//! The process at the other end of a connection, killed for good, or stopped for a while.

use std::fs;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Kills the process that has this local port, as the kernel would for want of memory.
pub fn kill(client_port: u16) -> Result<()> {
    signal(owner(client_port)?, Signal::KILL)
}

/// Sends a process a signal.
pub fn signal(pid: Pid, signal: Signal) -> Result<()> {
    Ok(kill_process(pid, signal)?)
}

/// The process one of whose connections has this local port.
pub fn owner(port: u16) -> Result<Pid> {
    let socket = format!("socket:[{}]", inode(port)?);
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        // Processes come and go, and some are not ours to look into.
        let Ok(files) = fs::read_dir(entry.path().join("fd")) else { continue };
        let mut links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        if links.any(|link| link.as_os_str() == socket.as_str()) {
            return Ok(pid);
        }
    }
    bail!("nobody has the port {port} any more")
}

fn inode(port: u16) -> Result<String> {
    let table = fs::read_to_string("/proc/net/tcp")?;
    let local = format!("0100007F:{port:04X}");
    let row = table.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let mut row = row.filter(|row| row.get(1) == Some(&local.as_str()));
    let row = row.next().with_context(|| format!("no connection has the port {port}"))?;
    Ok((*row.get(9).context("another /proc/net/tcp")?).to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_owner_of_a_connection_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        let port = client.local_addr().expect("an address").port();
        assert_eq!(owner(port).expect("an owner").as_raw_nonzero().get().cast_unsigned(), std::process::id());
    }
}
