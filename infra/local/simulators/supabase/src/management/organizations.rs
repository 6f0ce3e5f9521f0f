//! The organization, its projects page by page, and where a project could be.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::ApiError;
use crate::cloud::Cloud;
use crate::project::{Project, ProjectStatus, REGIONS};

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
        "plan": "pro",
        "opt_in_tags": [],
        "allowed_release_channels": ["ga"],
    }))
}

/// The specification's `RegionsInfo`. Nothing is recommended above anything else.
pub(super) async fn available_regions(
    State(cloud): State<Arc<Cloud>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let query = query.unwrap_or_default();
    let slug = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "organization_slug");
    match slug {
        Some((_, slug)) if slug == cloud.settings.organization => {}
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

/// The parameters of the listing, checked.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    offset: usize,
    limit: usize,
    search: String,
    sort: Sort,
    statuses: Vec<ProjectStatus>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    NameAscending,
    NameDescending,
    CreatedAscending,
    CreatedDescending,
}

impl Page {
    fn parse(query: &str) -> Result<Self, ApiError> {
        let invalid = |message: &str| ApiError::Invalid(message.to_owned());
        let mut page = Self {
            offset: 0,
            limit: MAX_LIMIT,
            search: String::new(),
            sort: Sort::NameAscending,
            statuses: Vec::new(),
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "offset" => page.offset = value.parse().map_err(|_| invalid("offset must not be less than 0"))?,
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                    page.limit = limit.ok_or_else(|| invalid("limit must be an integer from 1 to 100"))?;
                }
                "search" => page.search = value.to_lowercase(),
                "sort" => page.sort = Sort::parse(&value).ok_or_else(|| invalid("unknown sort order"))?,
                _ => {
                    let statuses: Option<_> = value.split(',').map(filterable).collect();
                    page.statuses =
                        statuses.ok_or_else(|| invalid("statuses supports ACTIVE_HEALTHY and INACTIVE only"))?;
                }
            }
        }
        Ok(page)
    }

    fn keeps(&self, project: &Project) -> bool {
        project.name.to_lowercase().contains(&self.search)
            && (self.statuses.is_empty() || self.statuses.contains(&project.status()))
    }
}

impl Sort {
    fn parse(value: &str) -> Option<Self> {
        match value {
            "name_asc" => Some(Self::NameAscending),
            "name_desc" => Some(Self::NameDescending),
            "created_asc" => Some(Self::CreatedAscending),
            "created_desc" => Some(Self::CreatedDescending),
            _ => None,
        }
    }

    /// Sorts what comes in the order of creation.
    fn apply(self, projects: &mut [Arc<Project>]) {
        match self {
            Self::NameAscending => projects.sort_by(|one, other| one.name.cmp(&other.name)),
            Self::NameDescending => projects.sort_by(|one, other| other.name.cmp(&one.name)),
            Self::CreatedAscending => {}
            Self::CreatedDescending => projects.reverse(),
        }
    }
}

fn filterable(status: &str) -> Option<ProjectStatus> {
    match status {
        "ACTIVE_HEALTHY" => Some(ProjectStatus::ActiveHealthy),
        "INACTIVE" => Some(ProjectStatus::Inactive),
        _ => None,
    }
}

pub(super) async fn projects(
    State(cloud): State<Arc<Cloud>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let page = Page::parse(query.as_deref().unwrap_or_default())?;
    let mut kept: Vec<_> = cloud.listed().into_iter().filter(|project| page.keeps(project)).collect();
    page.sort.apply(&mut kept);
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

/// A database knows fewer statuses than a project.
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
        assert_eq!((page.offset, page.limit, page.search.as_str()), (5, 1, "acme"));
        assert_eq!(page.sort, Sort::CreatedDescending);
        assert_eq!(page.statuses, [ProjectStatus::ActiveHealthy, ProjectStatus::Inactive]);
        for refused in ["limit=0", "limit=101", "offset=-1", "sort=name", "statuses=COMING_UP"] {
            assert!(Page::parse(refused).is_err(), "{refused}");
        }
    }
}
