//! Finding a project whose creation was not answered: it is listed late, or other projects have the same or a similar
//! name.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Cloud, with_faults};
use fault_proxy::client::{Match, When};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::scenario::Scenario;

impl Scenario<'_> {
    fn creation(&self) -> Match {
        Match { body_regex: Some(self.slug.clone()), ..Match::request("POST", "^/v1/projects$").times(1) }
    }

    /// Creates projects that are not ours and have the tenant's name, before the tenant's own project is created.
    async fn forestalled(&self, regions: &[&str]) -> Result<(Uuid, Vec<String>)> {
        let pause = self.faults.hold("supabase", self.creation()).await?;
        let tenant_id = self.again().await?;
        self.faults.held(pause).await?;
        let mut projects = Vec::new();
        for region in regions {
            projects.push(self.cloud.foreign_project(&format!("{}-{tenant_id}", self.slug), region).await?);
        }
        self.faults.mend(pause).await?;
        Ok((tenant_id, projects))
    }
}

async fn delete(cloud: &Cloud, project_ref: &str) -> Result<()> {
    cloud.supabase_call(Method::DELETE, &format!("/v1/projects/{project_ref}"), &Value::Null).await.map(drop)
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_project_that_is_listed_late_is_not_created_twice() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "hidden");
        cloud.list_projects_after(Duration::from_secs(8)).await?;
        let outcome = async {
            faults.cut("supabase", tenant.creation(), When::After).await?;
            let tenant_id = tenant.again().await?;
            tenant.retries(1, "environment_not_visible", "provider").await?;
            tenant.goes_live(1).await?;
            tenant.calls(tenant_id, "create_project").await
        }
        .await;
        cloud.list_projects_after(Duration::ZERO).await?;
        assert_eq!(outcome?, 1);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn two_projects_of_the_same_name_are_not_used_until_one_is_deleted() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "twins");
        let (tenant_id, projects) = tenant.forestalled(&["us-east-1", "us-east-1"]).await?;
        let failed = tenant.fails_for(1, "environment_ambiguous", "platform").await?;
        let hint = failed.cause()?["hint"].as_str().unwrap_or_default().to_owned();
        ensure!(projects.iter().all(|project| hint.contains(project)), "{hint}: {projects:?}");
        tenant.again().await?;
        tenant.fails_for(1, "environment_ambiguous", "platform").await?;
        delete(cloud, &projects[0]).await?;
        tenant.again().await?;
        tenant.goes_live(3).await?;
        assert_eq!(cloud.environment(&tenant.slug).await?, projects[1]);
        assert_eq!(cloud.projects(&tenant.slug, tenant_id).await?.len(), 2);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn a_project_of_the_same_name_in_another_region_is_not_used() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "abroad");
        let (tenant_id, projects) = tenant.forestalled(&["eu-central-1"]).await?;
        let failed = tenant.fails_for(1, "environment_elsewhere", "platform").await?;
        let hint = failed.cause()?["hint"].as_str().unwrap_or_default().to_owned();
        ensure!(hint.contains(&format!("{} in eu-central-1", projects[0])), "{hint}");
        delete(cloud, &projects[0]).await?;
        tenant.again().await?;
        tenant.goes_live(2).await?;
        let all = cloud.projects(&tenant.slug, tenant_id).await?;
        let regions: Vec<_> = all.iter().map(|project| (&project["region"], &project["deleted"])).collect();
        assert_eq!(regions, [(&json!("eu-central-1"), &json!(true)), (&json!("us-east-1"), &json!(false))]);
        assert_eq!(all[0]["calls"].get("update_password"), None, "its password was changed");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs API_URL and FAULT_PROXY_URL"]
async fn projects_with_only_the_same_slug_are_not_used() -> Result<()> {
    with_faults(async |cloud, faults| {
        let tenant = Scenario::new(cloud, faults, "namesake");
        let other = Uuid::new_v4();
        for name in [tenant.slug.clone(), format!("{}-{other}", tenant.slug)] {
            cloud.foreign_project(&name, "us-east-1").await?;
        }
        // Only a step that searches could take the wrong project.
        faults.cut("supabase", tenant.creation(), When::After).await?;
        let tenant_id = tenant.again().await?;
        tenant.goes_live(1).await?;
        assert_eq!(tenant.calls(tenant_id, "create_project").await?, 1);
        let foreign = [cloud.projects_named(&tenant.slug).await?, cloud.projects(&tenant.slug, other).await?].concat();
        assert_eq!(foreign.len(), 2);
        for project in foreign {
            assert_eq!((&project["deleted"], &project["calls"]), (&json!(false), &json!({})), "{project}");
        }
        Ok(())
    })
    .await
}
