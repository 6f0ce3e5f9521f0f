//! The Management API: projects of one organisation.

use std::collections::HashMap;
use std::time::Duration;

use http_kit::{Answer, TransportError};
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::auth_settings::{AuthChanges, AuthSettings};
use crate::error::{Error, RequestId};
use crate::project::{Access, ApiKeys, HealthStatus, Pooler, Project, ProjectRef, Service, ServiceHealth};

/// The longest that a request of [`Management`] takes. A read is sent once more if its connection broke.
pub const MANAGEMENT_TIMEOUT: Duration = Duration::from_secs(15);

/// The largest page of the list of projects.
const PAGE: usize = 100;
/// More pages than any search for one name fills.
const MAX_PAGES: usize = 50;
/// How long Supabase itself waits for a service's health, in milliseconds. It allows up to 10,000.
const HEALTH_TIMEOUT_MS: &str = "5000";

/// A client of the Management API for one organisation.
#[derive(Debug)]
pub struct Management {
    client: reqwest::Client,
    base_url: String,
    access_token: SecretString,
    organization_slug: String,
}

impl Management {
    /// A client of the API at `base_url`, e.g. `https://api.supabase.com`.
    ///
    /// # Errors
    /// [`Error::BadArgument`] if the slug is not `[A-Za-z0-9_-]+`. It becomes part of a path.
    pub fn new(base_url: &str, access_token: SecretString, organization_slug: &str) -> Result<Self, Error> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
        if organization_slug.is_empty() || !organization_slug.bytes().all(fits) {
            return Err(Error::BadArgument("organisation slug"));
        }
        Ok(Self {
            client: http_kit::client(MANAGEMENT_TIMEOUT),
            base_url: base_url.trim_end_matches('/').to_owned(),
            access_token,
            organization_slug: organization_slug.to_owned(),
        })
    }

    /// Creates a project, which comes up within minutes. There is no idempotency key: after an error with
    /// [`Error::outcome_unknown`], look for the name instead of sending the request again.
    pub async fn create_project(
        &self,
        name: &str,
        region_code: &str,
        db_pass: &SecretString,
    ) -> Result<Project, Error> {
        let body = CreateProject {
            name,
            organization_slug: &self.organization_slug,
            db_pass: db_pass.expose_secret(),
            region_selection: RegionSelection { kind: "specific", code: region_code },
        };
        let answer = self.call(self.request(Method::POST, "/v1/projects").json(&body)).await?;
        read(&answer)
    }

    /// The organisation's projects with exactly this name: usually none or one.
    pub async fn find_projects_named(&self, name: &str) -> Result<Vec<Project>, Error> {
        let path = format!("/v1/organizations/{}/projects", self.organization_slug);
        let mut found = Vec::new();
        let mut offset = 0;
        for _ in 0..MAX_PAGES {
            // Oldest first: a project that is created during the search comes last, so it does not shift the other
            // pages.
            let query = [
                ("search", name),
                ("sort", "created_asc"),
                ("limit", &PAGE.to_string()),
                ("offset", &offset.to_string()),
            ];
            let answer = self.get(|| self.request(Method::GET, &path).query(&query)).await?;
            let page: ProjectPage = read(&answer)?;
            if page.projects.is_empty() {
                return Ok(found);
            }
            offset += page.projects.len();
            found.extend(page.projects.into_iter().filter(|project| project.name == name));
            if offset >= page.pagination.count {
                return Ok(found);
            }
        }
        // The list has more pages than it can have.
        Err(Error::UnexpectedAnswer(RequestId::default()))
    }

    /// The organisation's plan, after a check that the access token sees the organisation and its projects.
    pub async fn organization(&self) -> Result<Plan, Error> {
        let path = format!("/v1/organizations/{}", self.organization_slug);
        let answer = self.get(|| self.request(Method::GET, &path)).await?;
        let Organization { plan } = read(&answer)?;
        self.get(|| self.request(Method::GET, &format!("{path}/projects")).query(&[("limit", "1")])).await?;
        Ok(plan)
    }

    /// Whether the organisation can have projects in a region.
    pub async fn region(&self, region_code: &str) -> Result<Offer, Error> {
        let query = [("organization_slug", &self.organization_slug)];
        let answer = self.get(|| self.request(Method::GET, "/v1/projects/available-regions").query(&query)).await?;
        let RegionsInfo { all } = read(&answer)?;
        Ok(match all.specific.into_iter().find(|region| region.code == region_code) {
            None => Offer::None,
            Some(OfferedRegion { status: Some(_), .. }) => Offer::Strained,
            Some(OfferedRegion { status: None, .. }) => Offer::Open,
        })
    }

    /// The project; `None` if there is no project with this ref.
    pub async fn project(&self, project: &ProjectRef) -> Result<Option<Project>, Error> {
        match self.get(|| self.request(Method::GET, &about(project, ""))).await {
            Ok(answer) => read(&answer).map(Some),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The health of every service in [`Service::ALL`], in that order.
    pub async fn health(&self, project: &ProjectRef) -> Result<Vec<ServiceHealth>, Error> {
        let mut query = Service::ALL.map(|service| ("services", service.as_str())).to_vec();
        query.push(("timeout_ms", HEALTH_TIMEOUT_MS));
        let answer = self.get(|| self.request(Method::GET, &about(project, "/health")).query(&query)).await?;
        let rows: Vec<HealthRow> = read(&answer)?;
        let known: HashMap<_, _> = rows.into_iter().map(|row| (row.name, row.status)).collect();
        let status = |service: Service| known.get(service.as_str()).copied().unwrap_or(HealthStatus::Unknown);
        Ok(Service::ALL.map(|service| ServiceHealth { service, status: status(service) }).to_vec())
    }

    /// The project's publishable and secret key, otherwise its legacy pair, which Supabase removes by the end of 2026.
    /// The pairs are not mixed: a pair is switched off as a whole.
    pub async fn api_keys(&self, project: &ProjectRef) -> Result<ApiKeys, Error> {
        let path = about(project, "/api-keys");
        let answer = self.get(|| self.request(Method::GET, &path).query(&[("reveal", "true")])).await?;
        let rows: Vec<KeyRow> = read(&answer)?;
        let of_kind = |kind: &str| key(&rows, |row| row.kind.as_deref() == Some(kind));
        let legacy = |name: &str| key(&rows, |row| row.name == name && row.is_legacy());
        let pair = of_kind("publishable").zip(of_kind("secret"));
        let (publishable, secret) =
            pair.or_else(|| legacy("anon").zip(legacy("service_role"))).ok_or(Error::KeysMissing)?;
        Ok(ApiKeys { publishable, secret })
    }

    /// The project's publishable and secret keys. No key itself is asked for.
    pub async fn api_key_ids(&self, project: &ProjectRef) -> Result<Vec<Uuid>, Error> {
        let answer = self.get(|| self.request(Method::GET, &about(project, "/api-keys"))).await?;
        let rows: Vec<KeyRow> = read(&answer)?;
        let ids = rows.iter().filter(|row| !row.is_legacy()).map(KeyRow::uuid).collect::<Option<_>>();
        ids.ok_or_else(|| Error::UnexpectedAnswer(RequestId::of(&answer)))
    }

    /// The project's key of a kind that is not a legacy one; `None` if there is none. No key itself is asked for.
    pub async fn api_key_of(&self, project: &ProjectRef, kind: KeyKind) -> Result<Option<Uuid>, Error> {
        let answer = self.get(|| self.request(Method::GET, &about(project, "/api-keys"))).await?;
        let rows: Vec<KeyRow> = read(&answer)?;
        let row = rows.iter().find(|row| row.kind.as_deref() == Some(kind.as_str()));
        row.map(|row| row.uuid().ok_or_else(|| Error::UnexpectedAnswer(RequestId::of(&answer)))).transpose()
    }

    /// Makes a key of this kind, with the name and the rights that the first one of a project has. There is no idempotency
    /// key: after an error with [`Error::outcome_unknown`], ask for [`Management::api_key_of`] instead.
    pub async fn create_api_key(&self, project: &ProjectRef, kind: KeyKind) -> Result<Uuid, Error> {
        let body = CreateKey {
            kind: kind.as_str(),
            name: "default",
            secret_jwt_template: (kind == KeyKind::Secret).then_some(Role { role: "service_role" }),
        };
        let answer = self.call(self.request(Method::POST, &about(project, "/api-keys")).json(&body)).await?;
        read::<KeyRow>(&answer)?.uuid().ok_or_else(|| Error::UnexpectedAnswer(RequestId::of(&answer)))
    }

    /// Deletes a publishable or secret key for good. It is a success if there is no such key.
    pub async fn delete_api_key(&self, project: &ProjectRef, id: Uuid) -> Result<(), Error> {
        let path = about(project, &format!("/api-keys/{id}"));
        match self.call(self.request(Method::DELETE, &path)).await {
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Disables both legacy keys. Supabase will remove the endpoint together with these keys, so 404 is a success.
    pub async fn disable_legacy_keys(&self, project: &ProjectRef) -> Result<(), Error> {
        let request = self.request(Method::PUT, &about(project, "/api-keys/legacy")).query(&[("enabled", "false")]);
        let answer = match self.call(request).await {
            Ok(answer) => answer,
            Err(Error::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        match read(&answer)? {
            LegacyKeys { enabled: false } => Ok(()),
            LegacyKeys { enabled: true } => Err(Error::UnexpectedAnswer(RequestId::of(&answer))),
        }
    }

    /// The pooler in front of the primary database, in session mode. Migrations cannot run in its transaction mode.
    pub async fn session_pooler(&self, project: &ProjectRef) -> Result<Pooler, Error> {
        let answer = self.get(|| self.request(Method::GET, &about(project, "/config/database/pooler"))).await?;
        let mut rows: Vec<PoolerRow> = read(&answer)?;
        rows.retain(|row| row.database_type == "PRIMARY");
        if rows.is_empty() {
            return Err(Error::PoolerMissing);
        }
        let (session, mut others): (Vec<PoolerRow>, Vec<PoolerRow>) =
            rows.into_iter().partition(|row| row.pool_mode == "session");
        if let Some(row) = session.into_iter().next() {
            return Ok(row.pooler);
        }
        // A project may list its transaction port only. The shared pooler accepts sessions on the same host at port
        // 5432 (docs "connecting-to-postgres"; supabase/cli does the same). Any other port belongs to a dedicated
        // pooler.
        let shared = others.pop().filter(|row| row.pooler.port == 6543);
        shared.map(|row| Pooler { port: 5432, ..row.pooler }).ok_or(Error::NoSessionPooler)
    }

    /// The project's keys and its pooler.
    pub async fn access(&self, project: &ProjectRef) -> Result<Access, Error> {
        Ok(Access { keys: self.api_keys(project).await?, pooler: self.session_pooler(project).await? })
    }

    /// Sets the password of the database's `postgres` user. Repeating it changes nothing.
    pub async fn set_database_password(&self, project: &ProjectRef, password: &SecretString) -> Result<(), Error> {
        let request = self.request(Method::PATCH, &about(project, "/database/password"));
        let password = password.expose_secret();
        self.call(request.json(&SetPassword { password })).await.map(drop)
    }

    /// Deletes the project with all its data. It is a success if the project does not exist.
    pub async fn delete_project(&self, project: &ProjectRef) -> Result<(), Error> {
        match self.call(self.request(Method::DELETE, &about(project, ""))).await {
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What has to be changed so that the project's Auth has these settings. The API shows no password, so the mail
    /// server's is not compared.
    pub async fn auth_changes(&self, project: &ProjectRef, wanted: &AuthSettings) -> Result<AuthChanges, Error> {
        let answer = self.get(|| self.request(Method::GET, &about(project, "/config/auth"))).await?;
        AuthChanges::between(&read(&answer)?, wanted)
    }

    /// Changes the configuration of the project's Auth. Auth applies it later: [`crate::Auth::signup_is_disabled`] shows
    /// whether it has done so. The answer is not read, since it holds all of Auth's secrets.
    pub async fn configure_auth(&self, project: &ProjectRef, changes: &AuthChanges) -> Result<(), Error> {
        self.call(self.request(Method::PATCH, &about(project, "/config/auth")).json(changes)).await.map(drop)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base_url)).bearer_auth(self.access_token.expose_secret())
    }

    /// Sends a read, once more if its connection broke: an idle connection may have been closed while the function
    /// slept.
    async fn get(&self, request: impl Fn() -> RequestBuilder) -> Result<Answer, Error> {
        match self.call(request()).await {
            Err(Error::Transport(TransportError::Broken)) => self.call(request()).await,
            result => result,
        }
    }

    async fn call(&self, request: RequestBuilder) -> Result<Answer, Error> {
        let answer = http_kit::send(request).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(Error::of(&answer)) }
    }
}

/// A path below the project. A ref needs no encoding.
fn about(project: &ProjectRef, rest: &str) -> String {
    format!("/v1/projects/{project}{rest}")
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Error> {
    answer.json().ok_or_else(|| Error::UnexpectedAnswer(RequestId::of(answer)))
}

/// The key of the first wanted row that shows its key; the default row comes first. A key that may not be revealed is
/// printed with dots that are not ASCII.
fn key(rows: &[KeyRow], wanted: impl Fn(&KeyRow) -> bool) -> Option<SecretString> {
    let usable = |row: &&KeyRow| wanted(row) && row.value().is_some();
    let default = rows.iter().filter(usable).find(|row| row.name == "default");
    default.or_else(|| rows.iter().find(usable))?.value().cloned()
}

#[derive(Serialize)]
struct CreateProject<'a> {
    name: &'a str,
    organization_slug: &'a str,
    db_pass: &'a str,
    region_selection: RegionSelection<'a>,
}

#[derive(Serialize)]
struct RegionSelection<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    code: &'a str,
}

#[derive(Serialize)]
struct CreateKey {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_jwt_template: Option<Role>,
}

#[derive(Serialize)]
struct Role {
    role: &'static str,
}

#[derive(Serialize)]
struct SetPassword<'a> {
    password: &'a str,
}

#[derive(Deserialize)]
struct ProjectPage {
    projects: Vec<Project>,
    pagination: Pagination,
}

#[derive(Deserialize)]
struct Pagination {
    /// Projects on all pages.
    count: usize,
}

/// Whether projects can be made in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The organisation cannot have any there.
    None,
    /// They may fail just now: Supabase lacks capacity there, or has other trouble.
    Strained,
    /// They can be made.
    Open,
}

/// A key of a project that is not a legacy one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// For browsers.
    Publishable,
    /// For servers: full access.
    Secret,
}

impl KeyKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Publishable => "publishable",
            Self::Secret => "secret",
        }
    }
}

/// What an organisation pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// Nothing.
    Free,
    /// Any other plan.
    #[serde(other)]
    Paid,
}

#[derive(Deserialize)]
struct Organization {
    plan: Plan,
}

#[derive(Deserialize)]
struct RegionsInfo {
    all: OfferedRegions,
}

#[derive(Deserialize)]
struct OfferedRegions {
    specific: Vec<OfferedRegion>,
}

#[derive(Deserialize)]
struct OfferedRegion {
    code: String,
    /// Only of a region with trouble.
    status: Option<String>,
}

#[derive(Deserialize)]
struct HealthRow {
    name: String,
    status: HealthStatus,
}

#[derive(Deserialize)]
struct LegacyKeys {
    enabled: bool,
}

#[derive(Deserialize)]
struct KeyRow {
    /// Of a legacy key, not a UUID.
    id: Option<String>,
    name: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    api_key: Option<SecretString>,
}

impl KeyRow {
    /// Rows of older projects may have no type.
    fn is_legacy(&self) -> bool {
        matches!(self.kind.as_deref(), None | Some("legacy"))
    }

    fn uuid(&self) -> Option<Uuid> {
        self.id.as_deref().and_then(|id| Uuid::try_parse(id).ok())
    }

    fn value(&self) -> Option<&SecretString> {
        self.api_key.as_ref().filter(|key| {
            let key = key.expose_secret();
            !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic())
        })
    }
}

#[derive(Deserialize)]
struct PoolerRow {
    database_type: String,
    pool_mode: String,
    #[serde(flatten)]
    pooler: Pooler,
}
