//! The process at the other end of a connection, and signals to it.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

/// Kills a process, as the kernel does if there is no memory.
pub fn kill(pid: Pid) -> Result<()> {
    signal(pid, Signal::KILL)
}

/// Sends a process a signal.
pub fn signal(pid: Pid, signal: Signal) -> Result<()> {
    Ok(kill_process(pid, signal)?)
}

/// The process that has a connection from this local port to this address, both on the loopback; `None` if the
/// connection is closed.
pub fn owner(port: u16, to: SocketAddr) -> Result<Option<Pid>> {
    let Some(inode) = inode(port, to.port())? else { return Ok(None) };
    let socket = format!("socket:[{inode}]");
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        // The process may have ended, or belong to another user.
        let Ok(files) = fs::read_dir(entry.path().join("fd")) else { continue };
        let mut links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        if links.any(|link| link.as_os_str() == socket.as_str()) {
            return Ok(Some(pid));
        }
    }
    Ok(None)
}

fn inode(from: u16, to: u16) -> Result<Option<String>> {
    let table = fs::read_to_string("/proc/net/tcp")?;
    let loopback = |port: u16| format!("0100007F:{port:04X}");
    let (local, remote) = (loopback(from), loopback(to));
    let row = table.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let mut row = row.filter(|row| (row.get(1), row.get(2)) == (Some(&local.as_str()), Some(&remote.as_str())));
    let Some(row) = row.next() else { return Ok(None) };
    // The inode is 0 if the process has closed the connection.
    let inode = *row.get(9).context("another /proc/net/tcp")?;
    Ok((inode != "0").then(|| inode.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_owner_of_a_connection_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let client = TcpStream::connect(address).expect("a connection");
        let port = client.local_addr().expect("an address").port();
        let owner = owner(port, address).expect("a table").expect("an owner");
        assert_eq!(owner.as_raw_nonzero().get().cast_unsigned(), std::process::id());
    }
}
