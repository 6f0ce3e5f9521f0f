//! The mailbox, and the stand-ins for systems that cannot run locally: Supabase, Stripe and IOMETE.

use super::fault_proxy::FaultProxy;
use super::site::Site;
use crate::supervisor::Service;

/// Slug of the one organization the access token may use.
pub const ORGANIZATION: &str = "local";
/// The one catalog behind the IOMETE gateway.
const CATALOG: &str = "ivory";
/// The only user who may send mail.
pub const SMTP_USER: &str = "mailbox";

/// The URL of the catalog. The routes of Iceberg's specification are below it.
pub fn catalog_url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/catalogs/{CATALOG}")
}

pub async fn start_all(site: &Site<'_>, fault_proxy: Option<&FaultProxy>) -> anyhow::Result<()> {
    let (ports, credentials) = (&site.ports, site.credentials);
    let port = |number: u16| number.to_string();

    let mut mailbox = site.command(&site.binaries.get("mailbox")?);
    mailbox.args(["--port", &port(ports.mailbox), "--smtp-port", &port(ports.smtp), "--user", SMTP_USER]);
    mailbox.env("MAILBOX_PASSWORD", &credentials.smtp);
    listen(site, "mailbox", mailbox).await?;

    let mut stripe = site.command(&site.binaries.get("stripe-simulator")?);
    stripe.args(["--port", &port(ports.stripe), "--admin-port", &port(ports.stripe_admin)]);
    stripe.env("STRIPE_SECRET_KEY", &credentials.stripe_secret_key);
    stripe.env("STRIPE_LIVE_SECRET_KEY", &credentials.stripe_live_secret_key);
    listen(site, "stripe-simulator", stripe).await?;

    let mut iomete = site.command(&site.binaries.get("iomete-simulator")?);
    iomete.args(["--port", &port(ports.iomete), "--catalog", CATALOG]);
    iomete.env("IOMETE_TOKEN", &credentials.iomete_token);
    listen(site, "iomete-simulator", iomete).await?;

    let mut supabase = site.command(&site.binaries.get("supabase-simulator")?);
    let pooler = fault_proxy.map_or(Ok(ports.postgres), |proxy| proxy.port("pooler"))?;
    supabase.args(["--port", &port(ports.supabase), "--admin-port", &port(ports.supabase_admin)]);
    supabase.args(["--organization", ORGANIZATION, "--pooler-host", "127.0.0.1", "--pooler-port", &port(pooler)]);
    supabase.args(["--clock-scale", &site.parts.clock_scale().to_string()]);
    supabase.env("SUPABASE_ACCESS_TOKEN", &credentials.supabase_access_token);
    let password = &credentials.postgres;
    let url = format!("postgresql://postgres:{password}@127.0.0.1:{}/postgres", ports.postgres);
    supabase.env("SIMULATOR_POSTGRES_URL", url);
    listen(site, "supabase-simulator", supabase).await
}

async fn listen(site: &Site<'_>, name: &str, command: tokio::process::Command) -> anyhow::Result<()> {
    site.supervisor.start_and_listen(Service::new(name, command, site.folder.log(name))).await?;
    Ok(())
}
