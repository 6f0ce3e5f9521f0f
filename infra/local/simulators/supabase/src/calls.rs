//! Counts the calls and limits their rate: 120 requests a minute for each endpoint and project (or organization, or
//! user).

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;

const WINDOW: Duration = Duration::from_mins(1);

/// Every endpoint that is simulated. Rate limit and counts are per endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Endpoint {
    CreateProject,
    ListProjects,
    AvailableRegions,
    GetProject,
    DeleteProject,
    GetHealth,
    ListApiKeys,
    CreateApiKey,
    DeleteApiKey,
    GetLegacyKeys,
    UpdateLegacyKeys,
    GetPooler,
    UpdatePassword,
    GetAuthConfig,
    UpdateAuthConfig,
    ListOrganizations,
    GetOrganization,
    ListOrganizationProjects,
    AuthHealth,
    AuthSettings,
    Verify,
    Invite,
    Recover,
    ListUsers,
    GetUser,
    UpdateUser,
    DeleteUser,
    GenerateLink,
}

/// Counts by endpoint.
pub(crate) type Counts = BTreeMap<Endpoint, u64>;

/// What the `X-RateLimit-*` headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub limit: u32,
    /// `None` if this request is over the limit.
    pub remaining: Option<u32>,
    /// Seconds until the window ends.
    pub reset: u64,
}

/// The counts, by scope: a project's ref, an organization's slug, or the user.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    counts: Mutex<HashMap<String, Counts>>,
    windows: Mutex<HashMap<(String, Endpoint), Window>>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    requests: u32,
}

impl Calls {
    pub(crate) fn count(&self, scope: &str, endpoint: Endpoint) {
        *self.counts.lock().entry(scope.to_owned()).or_default().entry(endpoint).or_default() += 1;
    }

    pub(crate) fn of(&self, scope: &str) -> Counts {
        self.counts.lock().get(scope).cloned().unwrap_or_default()
    }

    /// Counts one request in the current window. Returns `None` if there is no limit.
    pub(crate) fn admit(&self, scope: &str, endpoint: Endpoint, limit: u32) -> Option<Allowance> {
        if limit == 0 {
            return None;
        }
        let now = Instant::now();
        let mut windows = self.windows.lock();
        let window = windows.entry((scope.to_owned(), endpoint)).or_insert(Window { began: now, requests: 0 });
        if now.duration_since(window.began) >= WINDOW {
            *window = Window { began: now, requests: 0 };
        }
        window.requests = window.requests.saturating_add(1);
        let reset = (WINDOW.saturating_sub(now.duration_since(window.began))).as_secs().max(1);
        Some(Allowance { limit, remaining: limit.checked_sub(window.requests), reset })
    }
}

#[cfg(test)]
mod tests {
    use super::{Calls, Endpoint};

    #[test]
    fn the_limit_is_per_endpoint_and_scope() {
        let calls = Calls::default();
        let remaining = |scope, endpoint| calls.admit(scope, endpoint, 2).unwrap().remaining;
        assert_eq!(remaining("a", Endpoint::GetProject), Some(1));
        assert_eq!(remaining("a", Endpoint::GetProject), Some(0));
        assert_eq!(remaining("a", Endpoint::GetProject), None);
        assert_eq!(remaining("b", Endpoint::GetProject), Some(1));
        assert_eq!(remaining("a", Endpoint::GetHealth), Some(1));
        assert_eq!(calls.admit("a", Endpoint::GetProject, 0), None);
    }
}
