//! Rows that an earlier release wrote, after today's migrations.

use std::future::ready;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::{ProvisioningState, Step, StepState, TenantId};
use lambda_kit::Read;
use outbox::Event;
use refinery::Target;
use store::{Duty, NotBegun, OutboxKind, Outcome, ResourceKind, StepTask, Store};
use tenant_cache::CacheEntries;
use test_database::TestDatabase;
use tokio_postgres::Client;
use upgrades::{releases, text};

mod control {
    refinery::embed_migrations!("../../shared/store/migrations");
}

/// Longer than any statement.
const LONG: Duration = Duration::from_mins(1);

async fn migrate(client: &mut Client, target: Target) -> Result<()> {
    let runner = control::migrations::runner().set_grouped(true).set_target(target);
    Box::pin(runner.run_async(client)).await?;
    Ok(())
}

/// A database of a release with its rows, as a deployment of today leaves it.
async fn upgraded(release: &Path) -> Result<(TestDatabase, Store)> {
    let database = TestDatabase::empty().await;
    let mut client = database.connect().await;
    let schema: i32 = text(release, "schema")?.trim().parse().context("a version")?;
    migrate(&mut client, Target::Version(schema)).await?;
    client.batch_execute(&text(release, "rows.sql")?).await.context("rows.sql")?;
    migrate(&mut client, Target::Latest).await?;
    let config = database.config().clone();
    Ok((database, Store::new(Read::from_fn(move |()| ready(Ok(config.clone()))), "a-test")))
}

/// The tenant's id, and the states of its steps.
async fn status(store: &Store, slug: &str) -> Result<(TenantId, ProvisioningState, Vec<StepState>)> {
    let status = store.tenant_status(&slug.parse()?).await?;
    let (tenant, steps) = status.with_context(|| format!("no {slug}"))?;
    Ok((tenant.tenant_id, tenant.state, steps.into_iter().map(|step| step.state).collect()))
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn tenants_are_in_the_state_in_which_they_were() -> Result<()> {
    for release in releases()? {
        let (_database, store) = upgraded(&release).await?;
        for (slug, state, completed) in [
            ("running-bank", ProvisioningState::Provisioning, 4),
            ("waiting-bank", ProvisioningState::Provisioning, 1),
            ("failed-bank", ProvisioningState::Failed, 5),
            ("live-bank", ProvisioningState::Active, 9),
            ("off-bank", ProvisioningState::Deprovisioned, 9),
        ] {
            let (_, is, steps) = status(&store, slug).await?;
            let done = steps.iter().filter(|step| **step == StepState::Completed).count();
            assert_eq!((is, done, steps.len()), (state, completed, Step::ALL.len()), "{slug}");
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn a_run_goes_on_where_it_was() -> Result<()> {
    for release in releases()? {
        let (_database, store) = upgraded(&release).await?;
        for (slug, attempt, next) in
            [("running-bank", 1, Step::InviteAdmin), ("waiting-bank", 2, Step::AwaitEnvironment)]
        {
            let (tenant_id, ..) = status(&store, slug).await?;
            let task = |step| StepTask { tenant_id, attempt, step };
            let first = store.begin_step(task(Step::CreateEnvironment), "an-invocation", LONG, LONG).await;
            assert!(matches!(first, Err(NotBegun::Completed)), "{slug}: step 1 is repeated");
            let begun = store.begin_step(task(next), "an-invocation", LONG, LONG).await;
            let Ok(lease) = begun else { anyhow::bail!("{slug} does not go on") };
            lease.finish(&Outcome::DONE, Duration::ZERO).await.map_err(|failure| anyhow::anyhow!("{failure:?}"))?;
            let (_, _, steps) = status(&store, slug).await?;
            assert_eq!(steps[usize::try_from(next.number() - 1)?], StepState::Completed, "{slug}");
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn the_ledger_says_what_was_made() -> Result<()> {
    for release in releases()? {
        let (_database, store) = upgraded(&release).await?;
        let (tenant_id, ..) = status(&store, "running-bank").await?;
        let task = StepTask { tenant_id, attempt: 1, step: Step::InviteAdmin };
        let Ok(lease) = store.begin_step(task, "an-invocation", LONG, LONG).await else { anyhow::bail!("not begun") };
        let resource = async |kind| lease.resource(kind).await.map_err(|failure| anyhow::anyhow!("{failure:?}"));
        let project = resource(ResourceKind::SupabaseProject).await?.context("no project")?;
        assert_eq!((project.generation, project.external_id.as_deref()), (2, Some("abcdefghijklmnopqrst")));
        let configuration = resource(ResourceKind::AuthConfiguration).await?.context("no configuration")?;
        assert_eq!(configuration.request.as_deref(), Some("disable_signup,site_url"));
        let intent = resource(ResourceKind::AdminUser).await?.context("no intent")?;
        assert_eq!((intent.external_id, intent.fresh), (None, false), "an intent whose outcome is unknown");
        assert!(resource(ResourceKind::Graph).await?.is_none());
        let (live, ..) = status(&store, "live-bank").await?;
        let modes: Vec<_> = store.ledger(live).await?.into_iter().map(|entry| entry.livemode).collect();
        assert!(modes.contains(&None) && modes.contains(&Some(true)), "{modes:?}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn promises_are_kept() -> Result<()> {
    for release in releases()? {
        let (_database, store) = upgraded(&release).await?;
        let due = store.outbox_due(10).await?;
        for row in &due {
            match row.kind {
                OutboxKind::PublishEvent => {
                    let event: Event = serde_json::from_value(row.payload.clone())?;
                    assert_eq!(
                        (event.stream.as_str(), event.fields["slug"].as_str()),
                        ("iam:tenants:provisioned", "live-bank")
                    );
                }
                OutboxKind::InvalidateCache => {
                    assert_eq!(serde_json::from_value::<CacheEntries>(row.payload.clone())?.keys.len(), 2);
                }
            }
        }
        assert_eq!((due.len(), store.billing_due(10).await?.len()), (2, 1));
        for duty in [Duty::SwitchOffGraphUser, Duty::RevokeAccess] {
            let mut open = store.duties_due(duty, 10).await?;
            // A migration may have promised the same again.
            open.dedup_by_key(|open| open.tenant_id);
            assert_eq!(open.len(), 1, "{duty:?}");
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs TEST_POSTGRES_URL and POSTGRES_CA_FILE"]
async fn verdicts_catalogs_and_targets_are_read() -> Result<()> {
    for release in releases()? {
        let (_database, store) = upgraded(&release).await?;
        let verdicts = store.verdicts().await?;
        let stopping: Vec<_> = verdicts.iter().filter(|recorded| recorded.verdict.stops).collect();
        let [stopping] = stopping.as_slice() else { anyhow::bail!("not one stops: {verdicts:?}") };
        assert_eq!(stopping.verdict.cause.as_ref().map(|cause| cause.code.as_str()), Some("falkordb_no_users"));
        let (live, ..) = status(&store, "live-bank").await?;
        let catalog = store.newest_active_catalog(live).await?.context("no catalog")?;
        assert_eq!((catalog.catalog_name.as_str(), catalog.version), ("main", 1));
        assert_eq!(store.sync_targets_page(Some(live), None, 10).await?.rows.len(), 1);
    }
    Ok(())
}
