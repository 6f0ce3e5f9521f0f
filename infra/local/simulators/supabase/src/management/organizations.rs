//! The organization, the listing of its projects, and the regions.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use crate::cloud::Cloud;
use crate::project::{Project, ProjectStatus};
use crate::region::REGIONS;

const MAX_LIMIT: usize = 100;

pub(super) async fn list(State(cloud): State<Arc<Cloud>>) -> Json<Value> {
    let slug = &cloud.settings.organization;
    Json(json!([{"id": slug, "slug": slug, "name": slug}]))
}

/// The specification's `V1OrganizationSlugResponse`, which has no `slug`.
pub(super) async fn get(State(cloud): State<Arc<Cloud>>) -> Json<Value> {
    let slug = &cloud.settings.organization;
    Json(json!({
        "id": slug,
        "name": slug,
        "plan": cloud.settings.plan,
        "opt_in_tags": [],
        "allowed_release_channels": ["ga"],
    }))
}

#[derive(Deserialize)]
struct Asked {
    organization_slug: Option<String>,
}

/// The specification's `RegionsInfo`. It recommends every region.
pub(super) async fn available_regions(
    State(cloud): State<Arc<Cloud>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let Asked { organization_slug } = serde_urlencoded::from_str(query.as_deref().unwrap_or_default())?;
    match organization_slug {
        Some(slug) if slug == cloud.settings.organization => {}
        Some(_) => return Err(ApiError::Forbidden),
        None => return Err(ApiError::Invalid("organization_slug should not be empty".to_owned())),
    }
    let group = |code: &str, name: &str| json!({"name": name, "code": code, "type": "smartGroup"});
    let specific =
        REGIONS.map(|(code, name)| json!({"name": name, "code": code, "type": "specific", "provider": "AWS"}));
    let groups = [group("americas", "Americas"), group("emea", "Europe"), group("apac", "Asia-Pacific")];
    Ok(Json(json!({
        "recommendations": {"smartGroup": groups[0], "specific": specific},
        "all": {"smartGroup": groups, "specific": specific},
    })))
}

/// The parameters of the listing.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Page {
    offset: usize,
    limit: usize,
    search: String,
    sort: Sort,
    statuses: Statuses,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    NameAsc,
    NameDesc,
    CreatedAsc,
    CreatedDesc,
}

/// A list separated by commas. Empty means all.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "String")]
struct Statuses(Vec<ProjectStatus>);

impl Default for Page {
    fn default() -> Self {
        let (search, statuses) = (String::new(), Statuses::default());
        Self { offset: 0, limit: MAX_LIMIT, search, sort: Sort::NameAsc, statuses }
    }
}

impl TryFrom<String> for Statuses {
    type Error = &'static str;

    fn try_from(list: String) -> Result<Self, Self::Error> {
        let status = |name| match name {
            "ACTIVE_HEALTHY" => Ok(ProjectStatus::ActiveHealthy),
            "INACTIVE" => Ok(ProjectStatus::Inactive),
            _ => Err("statuses supports ACTIVE_HEALTHY and INACTIVE only"),
        };
        list.split(',').map(status).collect::<Result<_, _>>().map(Self)
    }
}

impl Page {
    fn parse(query: &str) -> Result<Self, ApiError> {
        let page: Self = serde_urlencoded::from_str(query)?;
        if !(1..=MAX_LIMIT).contains(&page.limit) {
            return Err(ApiError::Invalid("limit must be an integer from 1 to 100".to_owned()));
        }
        Ok(page)
    }

    fn keeps(&self, project: &Project) -> bool {
        project.name.to_lowercase().contains(&self.search.to_lowercase())
            && (self.statuses.0.is_empty() || self.statuses.0.contains(&project.status()))
    }

    /// Sorts projects that are in the order of their creation.
    fn sort(&self, projects: &mut [Arc<Project>]) {
        match self.sort {
            Sort::NameAsc => projects.sort_by(|one, other| one.name.cmp(&other.name)),
            Sort::NameDesc => projects.sort_by(|one, other| other.name.cmp(&one.name)),
            Sort::CreatedAsc => {}
            Sort::CreatedDesc => projects.reverse(),
        }
    }
}

pub(super) async fn projects(
    State(cloud): State<Arc<Cloud>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let page = Page::parse(query.as_deref().unwrap_or_default())?;
    let mut kept: Vec<_> = cloud.listed().into_iter().filter(|project| page.keeps(project)).collect();
    page.sort(&mut kept);
    let shown: Vec<_> = kept.iter().skip(page.offset).take(page.limit).map(|project| item(project)).collect();
    let pagination = json!({"count": kept.len(), "limit": page.limit, "offset": page.offset});
    Ok(Json(json!({"projects": shown, "pagination": pagination})))
}

fn item(project: &Project) -> Value {
    let status = project.status();
    json!({
        "ref": project.reference,
        "name": project.name,
        "cloud_provider": "AWS",
        "region": project.region.code(),
        "is_branch": false,
        "status": status,
        "inserted_at": project.created_at,
        "databases": [{
            "infra_compute_size": "nano",
            "region": project.region.code(),
            "status": database_status(status),
            "cloud_provider": "AWS",
            "identifier": project.reference,
            "type": "PRIMARY",
        }],
    })
}

/// A database has fewer statuses than a project.
fn database_status(status: ProjectStatus) -> ProjectStatus {
    match status {
        ProjectStatus::Inactive
        | ProjectStatus::Upgrading
        | ProjectStatus::Pausing
        | ProjectStatus::RestoreFailed
        | ProjectStatus::PauseFailed => ProjectStatus::Unknown,
        known => known,
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, Sort};
    use crate::project::ProjectStatus;

    #[test]
    fn a_page_is_within_its_bounds() {
        let page =
            Page::parse("offset=5&limit=1&search=Acme&sort=created_desc&statuses=ACTIVE_HEALTHY,INACTIVE").unwrap();
        assert_eq!((page.offset, page.limit, page.search.as_str()), (5, 1, "Acme"));
        assert_eq!(page.sort, Sort::CreatedDesc);
        assert_eq!(page.statuses.0, [ProjectStatus::ActiveHealthy, ProjectStatus::Inactive]);
        for refused in ["limit=0", "limit=101", "offset=-1", "sort=name", "statuses=COMING_UP"] {
            assert!(Page::parse(refused).is_err(), "{refused}");
        }
    }
}
