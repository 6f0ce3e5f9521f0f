//! The errors of the API, by their stable codes.

/// A closed list of codes with their HTTP status and title.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $status:literal, $code:literal, $title:literal;)+) => {
        /// Why a request was not served. A code always has the same status and title.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemCode { $($(#[$doc])* $variant),+ }

        impl ProblemCode {
            /// Every code, by status.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// The code as text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// A title for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }
        }
    };
}

codes! {
    /// Not JSON, or JSON with duplicate keys, NUL or unpaired surrogates.
    MalformedJson = 400, "malformed_json", "The body is not acceptable JSON";
    /// A header or a request line that cannot be parsed.
    MalformedRequest = 400, "malformed_request", "The request is malformed";
    /// A credential is missing, unknown, expired or wrong.
    Unauthenticated = 401, "unauthenticated", "Who is calling is not known";
    /// A known caller without the right.
    Forbidden = 403, "forbidden", "Not allowed";
    /// No tenant of that name or id.
    TenantNotFound = 404, "tenant_not_found", "No such tenant";
    /// The tenant has no active catalog.
    CatalogNotFound = 404, "catalog_not_found", "No active catalog";
    /// No route of that method and path.
    RouteNotFound = 404, "route_not_found", "No such route";
    /// The route has other methods, if the gateway can tell.
    MethodNotAllowed = 405, "method_not_allowed", "The method is not allowed";
    /// The tenant is live already.
    TenantActive = 409, "tenant_active", "The tenant is live";
    /// The slug belonged to a tenant that was switched off.
    TenantDeprovisioned = 409, "tenant_deprovisioned", "The tenant was deprovisioned";
    /// The request needs a live tenant.
    TenantNotActive = 409, "tenant_not_active", "The tenant is not live";
    /// A value that can no longer be changed.
    ImmutableField = 409, "immutable_field", "A value can no longer be changed";
    /// Another tenant has that domain.
    DomainTaken = 409, "domain_taken", "The domain is taken";
    /// The tenant has no active catalog to sync into.
    NoActiveCatalog = 409, "no_active_catalog", "The tenant has no active catalog";
    /// Stripe refused the change of tier.
    BillingRejected = 409, "billing_rejected", "Billing was refused";
    /// A request with the same idempotency key is still running.
    RequestInProgress = 409, "request_in_progress", "The same request is still running";
    /// Another operation on the same tenant is still running.
    OperationInProgress = 409, "operation_in_progress", "Another operation is still running";
    /// `If-Match` does not name the current version.
    VersionMismatch = 412, "version_mismatch", "The version is another one";
    /// The body is larger than 256 KiB.
    BodyTooLarge = 413, "body_too_large", "The body is too large";
    /// The body is not `application/json`.
    UnsupportedMediaType = 415, "unsupported_media_type", "The media type is not supported";
    /// Some values are not valid. The answer names each of them.
    ValidationFailed = 422, "validation_failed", "The request is not valid";
    /// The idempotency key was used for another request.
    IdempotencyKeyReused = 422, "idempotency_key_reused", "The idempotency key was used before";
    /// The region exists, but this installation does not serve it.
    RegionNotConfigured = 422, "region_not_configured", "The region is not configured";
    /// More requests than the gateway accepts.
    TooManyRequests = 429, "too_many_requests", "Too many requests";
    /// Our mistake. The log has the details under the same request id.
    Internal = 500, "internal", "Something went wrong on our side";
    /// Something that we depend on is down.
    Unavailable = 503, "unavailable", "Not available right now";
}

#[cfg(test)]
mod tests {
    use super::ProblemCode;

    #[test]
    fn codes_differ_and_go_by_status() {
        assert!(ProblemCode::ALL.is_sorted_by_key(|code| code.status()));
        let mut names: Vec<_> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ProblemCode::ALL.len());
    }
}
