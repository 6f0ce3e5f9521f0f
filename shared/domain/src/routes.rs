//! The routes, and who may call them. One entry is one function: name = folder = package = binary = `operationId`.

/// Which credential counts for a route. The other one is ignored, so that a good one never vouches for a bad one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// `X-API-Key`: a consumer with groups.
    ApiKey,
}

/// One REST route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Name of the function that serves it.
    pub name: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path template below the host, `{tenant}` being the slug.
    pub path: &'static str,
    /// Which credential counts.
    pub credential: Credential,
    /// Groups whose members may call it; one of them is enough.
    pub groups: &'static [&'static str],
}

/// `POST /v1/admin/tenants`.
pub const PROVISION_TENANT: Route = Route {
    name: "provision-tenant",
    method: "POST",
    path: "/v1/admin/tenants",
    credential: Credential::ApiKey,
    groups: &["admin"],
};

/// `GET /v1/admin/tenants/{slug}`.
pub const GET_TENANT: Route = Route {
    name: "get-tenant",
    method: "GET",
    path: "/v1/admin/tenants/{tenant}",
    credential: Credential::ApiKey,
    groups: &["admin", "auditor"],
};

/// `GET /v1/admin/tenants/{slug}/status`.
pub const GET_TENANT_STATUS: Route = Route {
    name: "get-tenant-status",
    method: "GET",
    path: "/v1/admin/tenants/{tenant}/status",
    credential: Credential::ApiKey,
    groups: &["admin", "auditor"],
};

/// All of them, in the order of the template.
pub const ROUTES: &[Route] = &[PROVISION_TENANT, GET_TENANT, GET_TENANT_STATUS];
