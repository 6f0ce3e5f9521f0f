//! Postgres: the control database, and the cluster whose databases are the Supabase stand-in's projects.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Signal, getuid};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::certificates::{self, Certificates};
use super::site::Site;
use crate::layout::private_file;
use crate::supervisor::{Service, setpriv};

/// The user "nobody". Postgres refuses to run as root, so it runs as this user if this process is root.
const NOBODY: u32 = 65534;
/// Options of `setpriv`: without root's groups, but able to enter folders that only root may, such as a checkout in
/// /root.
const AS_NOBODY: [&str; 6] = [
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--securebits=+no_setuid_fixup",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
];

/// The data is removed at the next start, so nothing is flushed. A bank logs statements that change the schema or a user,
/// so that no password may be in one.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
ssl = on
ssl_ca_file = 'ca.crt'
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
ssl_min_protocol_version = 'TLSv1.3'
fsync = off
full_page_writes = off
synchronous_commit = off
log_statement = ddl
";

/// `max_connections` allows for hundreds of warm functions with one connection each, and for those of the stand-in and the
/// tests.
const CONNECTIONS: u16 = 1_000;
/// The same for a large cloud.
const MANY_CONNECTIONS: u16 = 4_000;

/// The control database accepts TLS only. Tests of single crates may connect to their own databases without TLS.
const ACCESS: &str = "
hostnossl control all 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
";

pub async fn start(site: &Site<'_>, certificates: &Certificates) -> anyhow::Result<()> {
    let root = getuid().is_root();
    if root && setpriv().is_none() {
        bail!("Postgres does not run as root: either be another user, or install setpriv (of util-linux)");
    }
    let identity: &[&str] = if root { &AS_NOBODY } else { &[] };
    let (programs, data) = (site.tools.python.postgres(), site.data("postgres")?);
    let give = |path: &Path| if root { chown(path, Some(NOBODY), Some(NOBODY)) } else { Ok(()) };
    give(&data)?;
    let cluster = data.join("cluster");
    let password = data.join("password");
    private_file(&password, site.credentials.postgres.as_bytes())?;
    give(&password)?;

    let mut initdb = site.command_as(&programs.join("initdb"), Signal::TERM, identity);
    initdb.arg("--pgdata").arg(&cluster).arg("--pwfile").arg(&password);
    initdb.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"]);
    // Every letter has a lower case, as on RDS, whatever this machine's locales are.
    initdb.args(["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]);
    let made = initdb.stdin(Stdio::null()).kill_on_drop(true).output().await.context("starting initdb")?;
    if !made.status.success() {
        bail!("initdb failed: {}", String::from_utf8_lossy(&made.stderr).trim());
    }
    fs::remove_file(&password)?;
    let connections = if site.parts.large { MANY_CONNECTIONS } else { CONNECTIONS };
    for (name, content) in [
        ("ca.crt", &certificates.authority),
        ("server.crt", &certificates.server),
        ("server.key", &certificates.server_key),
        ("pg_hba.conf", &ACCESS.to_owned()),
        (
            "postgresql.auto.conf",
            &format!("{SETTINGS}max_connections = {connections}\nport = {}\n", site.ports.postgres),
        ),
    ] {
        private_file(&cluster.join(name), content.as_bytes())?;
        give(&cluster.join(name))?;
    }

    // SIGINT asks Postgres for a fast shutdown, SIGQUIT for an immediate one. SIGTERM would wait for every client to
    // leave.
    let mut command = site.command_as(&programs.join("postgres"), Signal::QUIT, identity);
    command.arg("-D").arg(&cluster);
    let service = Service::new("postgres", command, site.folder.log("postgres")).stopped_by(Signal::INT);
    site.supervisor.start(service)?;
    let ready = async || {
        let mut probe = Command::new(programs.join("pg_isready"));
        probe.args(["-q", "-h", "127.0.0.1", "-p", &site.ports.postgres.to_string()]).stdin(Stdio::null());
        probe.status().await.is_ok_and(|status| status.success())
    };
    site.supervisor.until("postgres", Duration::from_secs(30), ready).await?;
    prepare(site, &programs.join("psql"), &cluster.join("ca.crt")).await
}

/// The same without the other services of a cloud. Returns the file with its authority.
pub async fn start_alone(site: &Site<'_>) -> anyhow::Result<PathBuf> {
    let certificates = certificates::generate()?;
    let files = certificates.write(site.folder)?;
    start(site, &certificates).await?;
    Ok(files.authority)
}

/// Name of the control database's master.
pub const MASTER: &str = "control_master";

/// Creates the control database as RDS gives it: it belongs to the master, who is a member of `rds_superuser` and no
/// superuser. The deployment makes its users. The superuser is what `rdsadmin` is at RDS, out of the product's reach.
async fn prepare(site: &Site<'_>, psql: &Path, authority: &Path) -> anyhow::Result<()> {
    let sql = format!(
        "CREATE ROLE rds_superuser;\n\
         GRANT pg_monitor, pg_signal_backend, pg_checkpoint, pg_use_reserved_connections TO rds_superuser\n\
             WITH ADMIN OPTION;\n\
         CREATE ROLE {MASTER} LOGIN CREATEDB CREATEROLE VALID UNTIL 'infinity' PASSWORD '{}';\n\
         GRANT rds_superuser TO {MASTER};\n\
         CREATE DATABASE control OWNER {MASTER};\n",
        site.credentials.control_master
    );
    let mut command = Command::new(psql);
    command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1", "--username=postgres"]);
    command.arg(format!("--port={}", site.ports.postgres));
    command
        .env("PGPASSWORD", &site.credentials.postgres)
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", authority);
    command.stdin(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().context("starting psql")?;
    child.stdin.take().context("psql takes no input")?.write_all(sql.as_bytes()).await?;
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        bail!("preparing the control database failed");
    }
    Ok(())
}
