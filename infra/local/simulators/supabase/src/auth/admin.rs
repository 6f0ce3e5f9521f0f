//! Users, as an administrator sees them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::body::parse;
use super::error::AuthError;
use super::users::User;
use crate::cloud::Cloud;
use crate::project::Project;

const DEFAULT_PER_PAGE: u32 = 50;

/// The parameters of the listing. Like Auth, this ignores others, such as `email`.
struct Listing {
    page: u32,
    per_page: u32,
    filter: String,
}

impl Listing {
    fn parse(query: &str) -> Result<Self, AuthError> {
        let number = |value: &str| {
            let number = value.parse::<u32>().ok().filter(|number| (1..=i32::MAX as u32).contains(number));
            number.ok_or_else(|| AuthError::Invalid(format!("Bad Pagination Parameters: invalid number {value:?}")))
        };
        let mut page = Self { page: 1, per_page: DEFAULT_PER_PAGE, filter: String::new() };
        // Auth reads an empty parameter as a missing one (its `internal/api/pagination.go`). supabase-py sends such.
        for (name, value) in form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            match name.as_ref() {
                "page" => page.page = number(&value)?,
                "per_page" => page.per_page = number(&value)?,
                "filter" => page.filter = value.into_owned(),
                "sort" if value != "created_at desc" => {
                    return Err(AuthError::Invalid(format!("Bad Sort Parameters: bad field {value:?}")));
                }
                _ => {}
            }
        }
        Ok(page)
    }
}

pub(super) async fn list(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
    RawQuery(query): RawQuery,
) -> Result<Response, AuthError> {
    let query = query.unwrap_or_default();
    let page = Listing::parse(&query)?;
    let session = cloud.database.session(Some(&project.reference)).await?;
    let count = session.query_one(include_str!("../../sql/user-count.sql"), &[&page.filter]).await?;
    let total = count.try_get::<_, i64>(0)?;
    let limit = i64::from(page.per_page);
    let offset = i64::from(page.page - 1) * limit;
    let rows = session.query(include_str!("../../sql/user-list.sql"), &[&page.filter, &limit, &offset]).await?;
    let users = rows.iter().map(User::from_row).collect::<Result<Vec<_>, _>>()?;
    let mut response = Json(json!({"users": users, "aud": ""})).into_response();
    let headers = response.headers_mut();
    headers.insert("x-total-count", HeaderValue::from(total));
    if let Ok(link) = HeaderValue::from_str(&link(
        &query,
        i64::from(page.page),
        total.div_euclid(limit) + i64::from(total % limit > 0),
    )) {
        headers.insert(header::LINK, link);
    }
    Ok(response)
}

/// The `Link` header: the same parameters with other pages, sorted by name.
fn link(query: &str, page: i64, last: i64) -> String {
    let to = |page: i64, relation: &str| {
        let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        pairs.retain(|(name, _)| name != "page");
        pairs.push(("page".to_owned(), page.to_string()));
        pairs.sort();
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("</admin/users?{query}>; rel=\"{relation}\"")
    };
    let mut links = Vec::new();
    if page < last {
        links.push(to(page + 1, "next"));
    }
    links.push(to(last, "last"));
    links.join(", ")
}

pub(super) async fn get(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
    Path((_, user)): Path<(String, String)>,
) -> Result<Json<User>, AuthError> {
    let id = user_id(&user)?;
    let session = cloud.database.session(Some(&project.reference)).await?;
    let row = session.query_opt(include_str!("../../sql/user-by-id.sql"), &[&id]).await?;
    let user = User::from_row(&row.ok_or(AuthError::UserNotFound)?)?;
    Ok(Json(user.with_identities(&session).await?))
}

/// The changes of a user that are simulated, one at a time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, untagged)]
enum Changes {
    Confirm { email_confirm: bool },
    Ban { ban_duration: String },
}

/// The hours of a ban, or 0 for none. Auth takes every duration of Go's.
fn hours(duration: &str) -> Result<i32, AuthError> {
    if duration == "none" {
        return Ok(0);
    }
    let hours = duration.strip_suffix('h').and_then(|hours| hours.parse().ok());
    hours.ok_or_else(|| AuthError::Invalid(format!("invalid format for ban duration: {duration:?}")))
}

pub(super) async fn update(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
    Path((_, user)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<User>, AuthError> {
    let id = user_id(&user)?;
    let session = cloud.database.session(Some(&project.reference)).await?;
    let row = match parse(&body)? {
        Changes::Confirm { email_confirm: true } => {
            session.query_opt(include_str!("../../sql/user-confirm.sql"), &[&id]).await?
        }
        Changes::Confirm { email_confirm: false } => {
            return Err(AuthError::Invalid("only email_confirm: true is simulated".to_owned()));
        }
        Changes::Ban { ban_duration } => {
            let hours = hours(&ban_duration)?;
            let row = session.query_opt(include_str!("../../sql/user-ban.sql"), &[&id, &hours]).await?;
            let user = User::from_row(&row.ok_or(AuthError::UserNotFound)?)?;
            return Ok(Json(user.with_identities(&session).await?));
        }
    };
    let user = User::from_row(&row.ok_or(AuthError::UserNotFound)?)?;
    Ok(Json(user.with_identities(&session).await?.just_confirmed()))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deletion {
    #[serde(default)]
    should_soft_delete: bool,
}

pub(super) async fn delete(
    State(cloud): State<Arc<Cloud>>,
    Extension(project): Extension<Arc<Project>>,
    Path((_, user)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, AuthError> {
    let id = user_id(&user)?;
    let deletion = if body.is_empty() { Deletion::default() } else { parse(&body)? };
    if deletion.should_soft_delete {
        return Err(AuthError::Invalid("soft deletion is not simulated".to_owned()));
    }
    let session = cloud.database.session(Some(&project.reference)).await?;
    match session.execute(include_str!("../../sql/user-delete.sql"), &[&id]).await? {
        0 => Err(AuthError::UserNotFound),
        _ => Ok(Json(json!({}))),
    }
}

fn user_id(text: &str) -> Result<Uuid, AuthError> {
    text.parse().map_err(|_| AuthError::UserIdMalformed)
}

#[cfg(test)]
mod tests {
    use super::link;

    #[test]
    fn links_are_as_recorded() {
        let first = r#"</admin/users?page=2&per_page=1>; rel="next", </admin/users?page=2&per_page=1>; rel="last""#;
        assert_eq!(link("page=1&per_page=1", 1, 2), first);
        let all = r#"</admin/users?filter=u126598565%40example.com&page=1>; rel="last""#;
        assert_eq!(link("filter=u126598565@example.com", 1, 1), all);
        assert_eq!(link("filter=reject", 1, 0), r#"</admin/users?filter=reject&page=0>; rel="last""#);
    }
}
