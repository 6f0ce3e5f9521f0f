//! The rows that are asked for.

use anyhow::{Context as _, Result};
use tokio_postgres::Client;

/// How many tenants there are.
pub const COUNT: u32 = 100_000;
/// How many of them a page of the list has.
pub const PAGE: u32 = 1_000;
/// The tenant that is asked for.
pub const MEASURED: &str = "tenant-50000";

/// Puts live tenants into a control database.
pub async fn put(client: &Client) -> Result<()> {
    let sql = format!(
        "INSERT INTO control.tenants (tenant_id, slug, display_name, region, tier, admin_email, supabase_url,
             supabase_project_ref, falkordb_graph_name, opensearch_alias, stripe_customer_id, custom_domain,
             provisioning_state, is_active, correlation_id, provisioned_at, updated_at, activated_at)
         SELECT md5(n::text)::uuid, 'tenant-' || n, 'Bank Nº ' || n || ' & Söhne',
             (ARRAY['us-east-1', 'eu-central-1', 'ap-southeast-1'])[1 + n % 3],
             (ARRAY['pilot', 'enterprise', 'enterprise_plus'])[1 + n % 3],
             'admin@bank-' || n || '.example.com', 'https://' || substr(md5(n::text), 1, 20) || '.supabase.co',
             substr(md5(n::text), 1, 20), 'client_tenant_' || n, 'client_tenant_' || n,
             'cus_' || substr(md5(n::text), 1, 14), 'bank-' || n || '.example.com',
             'active', true, 'bench', at, at + interval '3 minutes', at + interval '3 minutes'
         FROM generate_series(1, {COUNT}) n, LATERAL (SELECT timestamptz '2026-01-01' + n * interval '61.234567 s') t(at);
         ANALYZE control.tenants"
    );
    client.batch_execute(&sql).await.context("putting tenants into the database")
}

/// Cuts every connection of this user.
pub async fn cut(client: &Client, user: &str) -> Result<u64> {
    let sql = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE usename = $1";
    Ok(client.query(sql, &[&user]).await?.len() as u64)
}
