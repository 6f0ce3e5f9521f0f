//! The routes: who may call them and what they may answer. Each entry is one function. The entry's name is also the
//! name of the folder, the package, the binary and the `operationId`.

use crate::problem::ProblemCode;

/// The kind of credential that a route requires. The other kind is ignored, so a valid credential of the wrong kind
/// never gives access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// `X-API-Key`: a consumer with groups.
    ApiKey,
    /// `Authorization: Bearer`: a token with a subject and roles.
    Bearer,
    /// No credential is required.
    None,
}

impl Credential {
    /// As the authorizer writes it into the request's context, and the route reads it there.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Bearer => "bearer",
            Self::None => "none",
        }
    }
}

/// Whether a route takes a JSON body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// It takes none.
    None,
    /// No body is the same as an empty object.
    Optional,
    /// It takes one.
    Required,
}

impl Body {
    /// Whether there may be one.
    #[must_use]
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Optional | Self::Required)
    }
}

/// One REST route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says something else about the route")]
pub struct Route {
    /// The function's name.
    pub name: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path template below the host. `{tenant}` is the tenant's slug.
    pub path: &'static str,
    /// Whether `{tenant}` may be the tenant's id as well.
    pub by_id: bool,
    /// The kind of credential that it requires.
    pub credential: Credential,
    /// Groups of a consumer, or roles of a token, that may call it. One of them is enough.
    pub groups: &'static [&'static str],
    /// Whether everybody with a valid credential may call it: what it answers is about the caller alone.
    pub for_everybody: bool,
    /// Whether a tenant's own token may call it, for what belongs to that tenant.
    pub tenants_own: bool,
    /// Whether it takes a JSON body.
    pub body: Body,
    /// Its query parameters. There are no others.
    pub query: &'static [&'static str],
    /// Whether it takes `If-Match` and `If-None-Match`: every route for one resource that has versions.
    pub conditional: bool,
    /// Whether machines call it again and again. What went well is then logged at `debug` only.
    pub polled: bool,
    /// The status of a success.
    pub status: u16,
    /// The problems that do not follow from the fields above. See [`Route::problems`].
    pub own_problems: &'static [ProblemCode],
}

/// The role of a tenant's own token. Its subject is the tenant's id; without the role, a subject that happens to be an id is
/// nobody special.
pub const TENANT: &str = "tenant";

const ADMIN: &[&str] = &["admin"];
const ADMIN_OR_AUDITOR: &[&str] = &["admin", "auditor"];

/// Most routes are for administrators with an API key, and take no body and no query.
const TENANTS: Route = Route {
    name: "",
    method: "GET",
    path: "",
    by_id: false,
    credential: Credential::ApiKey,
    groups: ADMIN,
    for_everybody: false,
    tenants_own: false,
    body: Body::None,
    query: &[],
    conditional: false,
    polled: false,
    status: 200,
    own_problems: &[],
};

/// The lakehouse's routes take a bearer token.
const LAKEHOUSE: Route = Route { by_id: true, credential: Credential::Bearer, ..TENANTS };

/// `POST /v1/admin/tenants`.
pub const PROVISION_TENANT: Route = Route {
    name: "provision-tenant",
    method: "POST",
    path: "/v1/admin/tenants",
    body: Body::Required,
    status: 202,
    own_problems: &[
        ProblemCode::TenantActive,
        ProblemCode::TenantDeprovisioned,
        ProblemCode::ImmutableField,
        ProblemCode::RegionNotConfigured,
    ],
    ..TENANTS
};

/// `GET /v1/admin/tenants`.
pub const LIST_TENANTS: Route = Route {
    name: "list-tenants",
    path: "/v1/admin/tenants",
    groups: ADMIN_OR_AUDITOR,
    query: &["limit", "cursor", "provisioning_state", "tier", "region", "q"],
    ..TENANTS
};

/// `GET /v1/admin/tenants/{slug}`.
pub const GET_TENANT: Route = Route {
    name: "get-tenant",
    path: "/v1/admin/tenants/{tenant}",
    groups: ADMIN_OR_AUDITOR,
    conditional: true,
    ..TENANTS
};

/// `GET /v1/admin/tenants/{slug}/status`.
pub const GET_TENANT_STATUS: Route = Route {
    name: "get-tenant-status",
    path: "/v1/admin/tenants/{tenant}/status",
    groups: ADMIN_OR_AUDITOR,
    polled: true,
    ..TENANTS
};

/// `PATCH /v1/admin/tenants/{slug}`.
pub const UPDATE_TENANT: Route = Route {
    name: "update-tenant",
    method: "PATCH",
    path: "/v1/admin/tenants/{tenant}",
    body: Body::Required,
    conditional: true,
    own_problems: &[
        ProblemCode::TenantNotActive,
        ProblemCode::DomainTaken,
        ProblemCode::BillingRejected,
        ProblemCode::OperationInProgress,
    ],
    ..TENANTS
};

/// `DELETE /v1/admin/tenants/{slug}`.
pub const DEACTIVATE_TENANT: Route = Route {
    name: "deactivate-tenant",
    method: "DELETE",
    path: "/v1/admin/tenants/{tenant}",
    conditional: true,
    status: 204,
    ..TENANTS
};

/// `POST /v1/admin/tenants/{slug}/retry`.
pub const RETRY_TENANT: Route = Route {
    name: "retry-tenant",
    method: "POST",
    path: "/v1/admin/tenants/{tenant}/retry",
    status: 202,
    own_problems: &[ProblemCode::TenantActive, ProblemCode::TenantDeprovisioned],
    ..TENANTS
};

/// `POST /v1/admin/tenants/{slug}/restore`.
pub const RESTORE_TENANT: Route = Route {
    name: "restore-tenant",
    method: "POST",
    path: "/v1/admin/tenants/{tenant}/restore",
    conditional: true,
    status: 202,
    own_problems: &[
        ProblemCode::TenantNotDeprovisioned,
        ProblemCode::TenantHeld,
        ProblemCode::PurgeInProgress,
        ProblemCode::TenantPurged,
        ProblemCode::OperationInProgress,
    ],
    ..TENANTS
};

/// `PUT /v1/admin/tenants/{slug}/hold`.
pub const HOLD_TENANT: Route = Route {
    name: "hold-tenant",
    method: "PUT",
    path: "/v1/admin/tenants/{tenant}/hold",
    body: Body::Required,
    conditional: true,
    ..TENANTS
};

/// `DELETE /v1/admin/tenants/{slug}/hold`.
pub const RELEASE_TENANT_HOLD: Route = Route {
    name: "release-tenant-hold",
    method: "DELETE",
    path: "/v1/admin/tenants/{tenant}/hold",
    conditional: true,
    status: 204,
    ..TENANTS
};

/// `GET /v1/admin/tenants/{slug}/purge-plan`.
pub const GET_PURGE_PLAN: Route = Route {
    name: "get-purge-plan",
    path: "/v1/admin/tenants/{tenant}/purge-plan",
    groups: ADMIN_OR_AUDITOR,
    query: &["customer", "data"],
    ..TENANTS
};

/// `POST /v1/admin/tenants/{slug}/purge`.
pub const PURGE_TENANT: Route = Route {
    name: "purge-tenant",
    method: "POST",
    path: "/v1/admin/tenants/{tenant}/purge",
    body: Body::Required,
    conditional: true,
    status: 202,
    own_problems: &[
        ProblemCode::TenantNotDeprovisioned,
        ProblemCode::TenantHeld,
        ProblemCode::RetrievalPeriod,
        ProblemCode::TenantPurged,
        ProblemCode::ImmutableField,
    ],
    ..TENANTS
};

/// `POST /v1/admin/tenants/{slug}/purge/approval`.
pub const APPROVE_PURGE: Route = Route {
    name: "approve-purge",
    method: "POST",
    path: "/v1/admin/tenants/{tenant}/purge/approval",
    body: Body::Required,
    conditional: true,
    status: 202,
    own_problems: &[
        ProblemCode::TenantNotDeprovisioned,
        ProblemCode::TenantHeld,
        ProblemCode::PurgeNotWaiting,
        ProblemCode::SameConsumer,
        ProblemCode::TenantPurged,
    ],
    ..TENANTS
};

/// `GET /v1/admin/purges/{tenant_id}`. After a tenant's end its id still leads to its certificate.
pub const GET_PURGE: Route = Route {
    name: "get-purge",
    path: "/v1/admin/purges/{tenant}",
    by_id: true,
    groups: ADMIN_OR_AUDITOR,
    polled: true,
    own_problems: &[ProblemCode::PurgeNotFound],
    ..TENANTS
};

/// `POST /v1/admin/tenants/{slug}/invitation`.
pub const INVITE_ADMIN: Route = Route {
    name: "invite-admin",
    method: "POST",
    path: "/v1/admin/tenants/{tenant}/invitation",
    body: Body::Optional,
    own_problems: &[
        ProblemCode::TenantNotActive,
        ProblemCode::InvitationRejected,
        ProblemCode::OperationInProgress,
        ProblemCode::InvitationLimit,
    ],
    ..TENANTS
};

/// `POST /v1/admin/tenants/{slug}/cache/invalidate`.
pub const INVALIDATE_TENANT_CACHE: Route = Route {
    name: "invalidate-tenant-cache",
    method: "POST",
    path: "/v1/admin/tenants/{tenant}/cache/invalidate",
    ..TENANTS
};

/// `GET /v1/admin/systems`.
pub const LIST_SYSTEMS: Route =
    Route { name: "list-systems", path: "/v1/admin/systems", groups: ADMIN_OR_AUDITOR, ..TENANTS };

const AUDIT_QUERY: &[&str] = &["limit", "cursor", "actor", "action", "since", "until", "request_id"];

/// `GET /v1/admin/tenants/{slug}/resources`.
pub const LIST_TENANT_RESOURCES: Route = Route {
    name: "list-tenant-resources",
    path: "/v1/admin/tenants/{tenant}/resources",
    by_id: true,
    groups: ADMIN_OR_AUDITOR,
    ..TENANTS
};

/// `POST /v1/admin/tenants/{slug}/check`. It changes nothing, so whoever may read may ask for it.
pub const CHECK_TENANT: Route = Route {
    name: "check-tenant",
    method: "POST",
    path: "/v1/admin/tenants/{tenant}/check",
    by_id: true,
    groups: ADMIN_OR_AUDITOR,
    ..TENANTS
};

/// `POST /v1/admin/tenants/{slug}/repair`.
pub const REPAIR_TENANT: Route = Route {
    name: "repair-tenant",
    method: "POST",
    path: "/v1/admin/tenants/{tenant}/repair",
    body: Body::Required,
    own_problems: &[ProblemCode::TenantNotActive, ProblemCode::OperationInProgress],
    ..TENANTS
};

/// `GET /v1/admin/tenants/{slug}/audit`. After a tenant's end its id still leads to its rows.
pub const LIST_TENANT_AUDIT: Route = Route {
    name: "list-tenant-audit",
    path: "/v1/admin/tenants/{tenant}/audit",
    by_id: true,
    groups: ADMIN_OR_AUDITOR,
    query: AUDIT_QUERY,
    ..TENANTS
};

/// `GET /v1/admin/audit`.
pub const LIST_AUDIT: Route =
    Route { name: "list-audit", path: "/v1/admin/audit", groups: ADMIN_OR_AUDITOR, query: AUDIT_QUERY, ..TENANTS };

/// `GET /v1/admin/me`.
pub const GET_CALLER: Route =
    Route { name: "get-caller", path: "/v1/admin/me", groups: &[], for_everybody: true, ..TENANTS };

/// `POST /v1/admin/tenants/{tenant_id}/catalog`.
pub const UPSERT_CATALOG: Route = Route {
    name: "upsert-catalog",
    method: "POST",
    path: "/v1/admin/tenants/{tenant}/catalog",
    body: Body::Required,
    conditional: true,
    status: 201,
    own_problems: &[ProblemCode::TenantDeprovisioned, ProblemCode::StorageOverlap],
    ..LAKEHOUSE
};

/// `GET /v1/admin/tenants/{tenant_id}/catalog`.
pub const GET_CATALOG: Route = Route {
    name: "get-catalog",
    path: "/v1/admin/tenants/{tenant}/catalog",
    tenants_own: true,
    conditional: true,
    own_problems: &[ProblemCode::CatalogNotFound],
    ..LAKEHOUSE
};

/// `GET /v1/admin/lakehouse/catalogs`.
pub const LIST_CATALOGS: Route =
    Route { name: "list-catalogs", path: "/v1/admin/lakehouse/catalogs", query: &["limit", "cursor"], ..LAKEHOUSE };

/// `GET /v1/admin/lakehouse/health`.
pub const CHECK_LAKEHOUSE_HEALTH: Route = Route {
    name: "check-lakehouse-health",
    path: "/v1/admin/lakehouse/health",
    credential: Credential::None,
    groups: &[],
    polled: true,
    ..LAKEHOUSE
};

/// `POST /v1/admin/lakehouse/sync-targets`.
pub const REGISTER_SYNC_TARGET: Route = Route {
    name: "register-sync-target",
    method: "POST",
    path: "/v1/admin/lakehouse/sync-targets",
    body: Body::Required,
    status: 201,
    own_problems: &[
        ProblemCode::TenantNotFound,
        ProblemCode::TenantDeprovisioned,
        ProblemCode::NoActiveCatalog,
        ProblemCode::IcebergTableTaken,
    ],
    ..LAKEHOUSE
};

/// `GET /v1/admin/lakehouse/sync-targets`.
pub const LIST_SYNC_TARGETS: Route = Route {
    name: "list-sync-targets",
    path: "/v1/admin/lakehouse/sync-targets",
    tenants_own: true,
    query: &["limit", "cursor", "tenant_id"],
    ..LAKEHOUSE
};

/// `GET /v1/admin/lakehouse/me`.
pub const GET_LAKEHOUSE_CALLER: Route = Route {
    name: "get-lakehouse-caller",
    path: "/v1/admin/lakehouse/me",
    groups: &[],
    for_everybody: true,
    ..LAKEHOUSE
};

/// `GET /v1/console`: a page for people. What it shows, it asks for with its reader's own credential.
pub const GET_CONSOLE: Route = Route {
    name: "get-console",
    path: "/v1/console",
    credential: Credential::None,
    groups: &[],
    conditional: true,
    ..TENANTS
};

/// All routes, in the order of the template.
pub const ROUTES: &[Route] = &[
    PROVISION_TENANT,
    LIST_TENANTS,
    GET_TENANT,
    GET_TENANT_STATUS,
    UPDATE_TENANT,
    DEACTIVATE_TENANT,
    RETRY_TENANT,
    RESTORE_TENANT,
    HOLD_TENANT,
    RELEASE_TENANT_HOLD,
    GET_PURGE_PLAN,
    PURGE_TENANT,
    APPROVE_PURGE,
    GET_PURGE,
    INVITE_ADMIN,
    INVALIDATE_TENANT_CACHE,
    LIST_SYSTEMS,
    LIST_TENANT_RESOURCES,
    CHECK_TENANT,
    REPAIR_TENANT,
    LIST_TENANT_AUDIT,
    LIST_AUDIT,
    GET_CALLER,
    UPSERT_CATALOG,
    GET_CATALOG,
    LIST_CATALOGS,
    CHECK_LAKEHOUSE_HEALTH,
    REGISTER_SYNC_TARGET,
    LIST_SYNC_TARGETS,
    GET_LAKEHOUSE_CALLER,
    GET_CONSOLE,
];

/// The groups and roles that mean something to a route, some of them several times.
pub fn roles() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().flat_map(|route| route.groups.iter().copied()).chain([TENANT])
}

impl Route {
    /// Whether it takes an `Idempotency-Key`: every POST and PATCH does.
    #[must_use]
    pub const fn idempotent_by_key(&self) -> bool {
        matches!(self.method.as_bytes(), b"POST" | b"PATCH")
    }

    /// Every problem that the route may answer with, sorted by status: its own, and those that follow from its method,
    /// path, body and credential.
    #[must_use]
    pub fn problems(&self) -> Vec<ProblemCode> {
        let mut problems = self.own_problems.to_vec();
        let mut may = |condition: bool, codes: &[ProblemCode]| {
            if condition {
                problems.extend_from_slice(codes);
            }
        };
        // The gateway itself answers 403 as well, to an address that may not call it.
        may(self.credential != Credential::None, &[ProblemCode::Unauthenticated, ProblemCode::Forbidden]);
        may(self.path.contains("{tenant}"), &[ProblemCode::TenantNotFound]);
        may(
            self.body.is_taken(),
            &[ProblemCode::MalformedJson, ProblemCode::UnsupportedMediaType, ProblemCode::ValidationFailed],
        );
        may(!self.query.is_empty(), &[ProblemCode::ValidationFailed]);
        may(
            self.idempotent_by_key(),
            &[ProblemCode::RequestInProgress, ProblemCode::IdempotencyKeyReused, ProblemCode::ValidationFailed],
        );
        may(self.conditional, &[ProblemCode::VersionMismatch]);
        // The gateway itself answers these for every route. It refuses a body that is too large even if the route takes
        // none.
        may(
            true,
            &[
                ProblemCode::MalformedRequest,
                ProblemCode::BodyTooLarge,
                ProblemCode::TooManyRequests,
                ProblemCode::Internal,
                ProblemCode::Unavailable,
            ],
        );
        problems.sort_unstable();
        problems.dedup();
        problems
    }
}
