//! An environment that comes up dead is given back and built anew.

use anyhow::Result;
use e2e::{State, with_faults};
use serde_json::json;

use crate::scenario::{RUN, Scenario};

#[tokio::test]
async fn a_dead_environment_is_deleted_and_the_next_post_builds_another() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "stillborn");
        let tenant_id = cloud.accepted(&tenant.slug, json!({})).await?;
        let first = cloud.environment(&tenant.slug).await?;
        cloud.impose(&first, "INIT_FAILED").await?;
        let failed = cloud.wait_until(&tenant.slug, State::Failed, RUN).await?;
        assert_eq!(failed.failed_steps, ["step_2"]);
        assert_eq!(failed.completed_steps, Vec::<String>::new(), "step 1 has to run again");
        assert_eq!(failed.cause()?["code"], "environment_failed");
        let record = cloud.tenant(&tenant.slug).await?;
        assert_eq!((&record["supabase_project_ref"], &record["supabase_url"]), (&json!(null), &json!(null)));

        cloud.accepted(&tenant.slug, json!({})).await?;
        let live = cloud.wait_until(&tenant.slug, State::Active, RUN).await?;
        assert_eq!(live.attempt, 2);
        let second = cloud.environment(&tenant.slug).await?;
        let projects = cloud.projects(&tenant.slug, tenant_id).await?;
        let fates: Vec<_> = projects.iter().map(|project| (&project["ref"], &project["deleted"])).collect();
        assert_eq!(fates, [(&json!(first), &json!(true)), (&json!(second), &json!(false))]);
        assert_eq!(cloud.mails_to(&tenant.email()).await?.len(), 1);
        Ok(())
    })
    .await
}
