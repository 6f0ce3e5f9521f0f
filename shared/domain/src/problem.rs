//! The errors of the API, by their stable codes.

use crate::cause::Owner;

/// Makes the enum and its table out of one list.
macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $variant:ident = $status:literal, $code:literal, $title:literal, $owner:ident, $how:literal;)+) => {
        /// Why a request was not served. One code always has the same status and title.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemCode { $($(#[doc = $meaning])+ $variant),+ }

        impl ProblemCode {
            /// Every code, by status.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// As callers see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// What it is, for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// What happened.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($meaning),+).trim()),+ }
            }

            /// Who can mend it.
            #[must_use]
            pub const fn owner(self) -> Owner {
                match self { $(Self::$variant => Owner::$owner),+ }
            }

            /// What to do about it, one sentence.
            #[must_use]
            pub const fn how(self) -> &'static str {
                match self { $(Self::$variant => $how),+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON, or it has duplicate keys, a NUL or unpaired surrogates.
    MalformedJson = 400, "malformed_json", "The body is not acceptable JSON", Caller,
        "Send one JSON object without duplicate keys.";
    /// A header or the request line cannot be understood.
    MalformedRequest = 400, "malformed_request", "The request is malformed", Caller,
        "Correct the header or the path that the detail names.";
    /// The credential is missing, unknown, expired or wrong.
    Unauthenticated = 401, "unauthenticated", "Who is calling is not known", Caller,
        "Send the credential that the answer's WWW-Authenticate header names.";
    /// The caller is known and may not use the route.
    Forbidden = 403, "forbidden", "Not allowed", Platform,
        "Give the caller a group or role that the route allows.";
    /// There is no tenant of that name or id, or the caller may not see it.
    TenantNotFound = 404, "tenant_not_found", "No such tenant", Caller,
        "Look up the tenant's slug or id with GET /v1/admin/tenants.";
    /// The tenant has no active catalog.
    CatalogNotFound = 404, "catalog_not_found", "No active catalog", Caller,
        "POST a catalog for the tenant first.";
    /// Nobody ever asked for a purge of the tenant.
    PurgeNotFound = 404, "purge_not_found", "No purge", Caller,
        "Ask for a purge with POST /v1/admin/tenants/{slug}/purge first.";
    /// There is no route of that method and path.
    RouteNotFound = 404, "route_not_found", "No such route", Caller,
        "Use a method and path of openapi.json.";
    /// The route has other methods. Only a server in front that can tell sends this.
    MethodNotAllowed = 405, "method_not_allowed", "The method is not allowed", Caller,
        "Use a method that openapi.json lists for the path.";
    /// The tenant is live already.
    TenantActive = 409, "tenant_active", "The tenant is live", Caller,
        "Change a live tenant with PATCH, or choose another slug.";
    /// The tenant was switched off. Its resources are kept, and its slug is not free.
    TenantDeprovisioned = 409, "tenant_deprovisioned", "The tenant was deprovisioned", Caller,
        "Bring the tenant back with POST /v1/admin/tenants/{slug}/restore, or use another slug.";
    /// The change needs a live tenant.
    TenantNotActive = 409, "tenant_not_active", "The tenant is not live", Caller,
        "Wait until the status route shows the tenant as active, then send the request again.";
    /// Only a deprovisioned tenant can be restored or purged.
    TenantNotDeprovisioned = 409, "tenant_not_deprovisioned", "The tenant is not deprovisioned", Caller,
        "Deactivate the tenant with DELETE first; a failed one goes on with POST /v1/admin/tenants/{slug}/retry.";
    /// The tenant is under a legal hold: it stays as it is until the hold is released.
    TenantHeld = 409, "tenant_held", "The tenant is under a legal hold", Platform,
        "Have the hold released with DELETE /v1/admin/tenants/{slug}/hold, if whoever asked for it agrees.";
    /// The retrieval period of the deprovisioned tenant is not over.
    RetrievalPeriod = 409, "retrieval_period", "The retrieval period is not over", Caller,
        "Wait until the time that the detail names; for a paid tier within 30 days, send a reason if the detail says that it helps.";
    /// The tenant's purge is under way, or has lost something for good, so the tenant cannot be restored.
    PurgeInProgress = 409, "purge_in_progress", "The tenant is being purged", Caller,
        "Follow the purge with GET /v1/admin/purges/{tenant_id}.";
    /// The tenant was purged. Only its record and its audit trail are left, under its id.
    TenantPurged = 409, "tenant_purged", "The tenant was purged", Caller,
        "Read its certificate with GET /v1/admin/purges/{tenant_id}; a new tenant may have the slug if the certificate says that it is free.";
    /// No purge of the tenant waits for an approval.
    PurgeNotWaiting = 409, "purge_not_waiting", "No purge waits for approval", Caller,
        "Look at the purge with GET /v1/admin/purges/{tenant_id}.";
    /// Whoever asked for a purge cannot approve it, with whichever key.
    SameConsumer = 409, "same_consumer", "Another consumer has to approve", Caller,
        "Have the purge approved by a consumer other than the one that asked for it.";
    /// The value cannot be changed any more.
    ImmutableField = 409, "immutable_field", "A value can no longer be changed", Caller,
        "Send the value that the tenant has, or choose another slug.";
    /// Another tenant has the custom domain.
    DomainTaken = 409, "domain_taken", "The domain is taken", Caller,
        "Choose another domain, or remove it from the other tenant first.";
    /// The tenant has no active catalog to sync into.
    NoActiveCatalog = 409, "no_active_catalog", "The tenant has no active catalog", Caller,
        "POST an active catalog of that name for the tenant first.";
    /// Another tenant's catalog stores its data at the same place, above it or below it.
    StorageOverlap = 409, "storage_overlap", "The storage location overlaps another tenant's", Caller,
        "Choose a storage_prefix or warehouse that no other tenant's data lies in, above or below.";
    /// Another target feeds the same Iceberg table.
    IcebergTableTaken = 409, "iceberg_table_taken", "The Iceberg table is fed already", Caller,
        "Choose another iceberg_table, or send shared_table: true if both sources are meant to feed it.";
    /// Stripe refused the change of tier. Nothing was changed.
    BillingRejected = 409, "billing_rejected", "Billing was refused", Platform,
        "Do what the detail says, then send the request again.";
    /// Supabase Auth refused the mail, or the address. Nothing was changed.
    InvitationRejected = 409, "invitation_rejected", "The invitation was refused", Platform,
        "Do what the detail says, then send the request again.";
    /// A request with the same idempotency key is still running.
    RequestInProgress = 409, "request_in_progress", "The same request is still running", Caller,
        "Send the same request again after the seconds in Retry-After.";
    /// Another operation on the same tenant is still running.
    OperationInProgress = 409, "operation_in_progress", "Another operation is still running", Caller,
        "Send the same request again after the seconds in Retry-After.";
    /// The current version is not one that `If-Match` and `If-None-Match` ask for.
    VersionMismatch = 412, "version_mismatch", "The version is another one", Caller,
        "Read the current version, apply the change to it, and send its ETag.";
    /// The body is larger than 256 KiB.
    BodyTooLarge = 413, "body_too_large", "The body is too large", Caller,
        "Send a body of at most 256 KiB.";
    /// The body is not `application/json`.
    UnsupportedMediaType = 415, "unsupported_media_type", "The media type is not supported", Caller,
        "Send the body as application/json.";
    /// Some values are not valid. `errors` names every one of them.
    ValidationFailed = 422, "validation_failed", "The request is not valid", Caller,
        "Correct every field that errors names.";
    /// The idempotency key was used for another request.
    IdempotencyKeyReused = 422, "idempotency_key_reused", "The idempotency key was used before", Caller,
        "Use a new key for a new request.";
    /// The region exists, but not in this installation.
    RegionNotConfigured = 422, "region_not_configured", "The region is not configured", Caller,
        "Choose another region, or have this one added to ConfiguredRegions.";
    /// The gateway takes fewer requests than were sent.
    TooManyRequests = 429, "too_many_requests", "Too many requests", Caller,
        "Send fewer requests, and this one again after the seconds in Retry-After.";
    /// The tenant's admins got as many mails within an hour as they may get, or Supabase Auth sends no more.
    InvitationLimit = 429, "invitation_limit", "Too many invitations", Caller,
        "Send the same request again after the seconds in Retry-After.";
    /// The control plane made a mistake. The log says which one, under the same request id.
    Internal = 500, "internal", "Something went wrong on our side", Platform,
        "Find the request id in the log.";
    /// Something that the route depends on cannot be used right now.
    Unavailable = 503, "unavailable", "Not available right now", Platform,
        "Send the same request again after the seconds in Retry-After.";
}

#[cfg(test)]
mod tests {
    use super::ProblemCode;

    #[test]
    fn meanings_and_remedies_are_sentences() {
        for code in ProblemCode::ALL {
            assert!(code.meaning().ends_with('.') && code.how().ends_with('.'), "{code:?}");
        }
    }

    #[test]
    fn codes_differ_and_go_by_status() {
        assert!(ProblemCode::ALL.is_sorted_by_key(|code| code.status()));
        let mut names: Vec<_> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ProblemCode::ALL.len());
    }
}
