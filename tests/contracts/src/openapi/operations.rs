//! The texts of each operation, and its source.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// The document's introduction, in Markdown.
pub const INTRODUCTION: &str = "\
A multi-tenant control plane: one POST makes a tenant with its database environment, graph, vector index and billing, and further \
routes keep it, its lakehouse catalog and its sync targets.

## Authentication

There are two credentials, and each route takes one of them; the other one is ignored. Routes of tenants and systems take an API key in \
`X-API-Key`: a consumer in the group `admin` may call all of them, one in the group `auditor` those that read, and the check of a tenant, which changes nothing. Routes of the lakehouse \
take `Authorization: Bearer` with a JWT: the role `admin` may call all of them, and a tenant's own token may read that tenant's catalog \
and sync targets. The lakehouse's health route and the console take none. Without the route's credential, or with a wrong one, the answer is 401; for a \
known caller without the right it is 403, whether or not the resource exists. `x-groups` of an operation says who may call it.

## Requests and answers

JSON in UTF-8, in and out. Request objects are closed: an unknown field or query parameter is 422, and the nearest known name is suggested. \
Answers are open: fields may be added. Times are RFC 3339 in UTC with `Z` and six digits.

## Problems

Every error is an RFC 9457 problem (`application/problem+json`): `code` is stable and for machines, `detail` says what it was this time, \
and on 422 `errors` names every bad field at once. The `detail` of a 5xx is constant; its cause is in the log under `request_id`, which \
is also in the header `x-request-id` of every answer. Which codes an answer may have is in its description, and for machines in `x-codes`.

## Repeating a request

Every POST and PATCH takes an `Idempotency-Key`. The same key with the same request gives the first answer again for 24 hours, with \
`Idempotency-Replayed: true`. With another request it is 422, and while the first one is running 409 with `Retry-After`. Answers 401, \
403, 409, 429 and 5xx are not kept. GET, PUT and DELETE can be repeated without a key.

## Conditional requests

Tenants and catalogs have versions, in `ETag`. `If-Match` and `If-None-Match` work as RFC 9110 says: a change that is meant for another \
version is 412, a GET of a version that the caller has is 304 without a body, and `If-None-Match: *` only creates.

## Lists

Lists are bare arrays, newest first. `limit` is how many there are on a page; where there is more, a header `Link: <path>; rel=\"next\"` has \
the path of the next page, below the host. Follow it as it is: its `cursor` says where the page begins.

## Limits

The gateway takes so many requests a second of each route, of all callers together, as the installation allows. Beyond that the answer is \
429 with `Retry-After`. A body has at most 256 KiB, and a request is answered within five seconds.

## Following a request

A caller's `x-correlation-id` is in every log line of the request, and of the run that it starts. `x-ivory-version` of an answer is the \
release that gave it.

## Where this contract comes from

`x-source` says it of operations, answers and fields: `seed` and `reference` are the documentation that this API follows, `inferred` was \
concluded from it, `ours` is this implementation's own decision.";

/// An operation's texts.
pub struct Texts {
    pub tag: &'static str,
    pub summary: &'static str,
    pub description: &'static str,
    pub source: &'static str,
}

/// The groups of routes.
pub fn tags() -> Value {
    json!([
        {
            "name": "tenants",
            "description": "From one POST to live, and what comes after: reading, changing, inviting, switching off. With an API key.",
        },
        {
            "name": "purges",
            "description": "A tenant's end: what it would be, asking for it, agreeing to it, and the proof. With an API key.",
        },
        {
            "name": "systems",
            "description": "Whether the outside systems will do what tenants need. With an API key.",
        },
        {
            "name": "audit",
            "description": "Who changed what, and whether anybody changed that afterwards. With an API key.",
        },
        { "name": "callers", "description": "Who calls, and what they may do. With an API key or a bearer token." },
        {
            "name": "lakehouse",
            "description": "Each tenant's Iceberg catalog, and what is synced into it. With a bearer token, but for the health route.",
        },
        { "name": "console", "description": "The same for people, in a browser." },
    ])
}

/// One operation's texts.
pub fn of(name: &str) -> Result<Texts> {
    let found = OPERATIONS.iter().find(|(operation, ..)| *operation == name);
    let (_, tag, source, summary, description) = found.with_context(|| format!("{name} has no texts"))?;
    Ok(Texts { tag, summary, description, source })
}

/// Name, tag, source, summary, description.
const OPERATIONS: &[(&str, &str, &str, &str, &str)] = &[
    (
        "provision-tenant",
        "tenants",
        "seed",
        "Provision a tenant",
        "Starts the nine-step pipeline and returns at once. A new tenant gets no slug that is reserved, a UUID or like an encoded domain name. A slug that is provisioning gives the same poll URL and no second run; one that failed \
         resumes after the last completed step. Values that no effect has used yet are corrected; of a tenant that is provisioning, those that come too late \
         are listed in `not_applied`, with the way to change them later.",
    ),
    (
        "list-tenants",
        "tenants",
        "reference",
        "List tenants",
        "Newest first, ties by id. Without `limit` up to 10,000 tenants; a `Link` header says when there are more. `q` searches.",
    ),
    (
        "get-tenant",
        "tenants",
        "seed",
        "Get a tenant",
        "The complete record. No key, password or secret name is ever part of it.",
    ),
    (
        "get-tenant-status",
        "tenants",
        "reference",
        "Get a tenant's provisioning status",
        "How far the run is: nine steps with their attempts, times, what they wait for and what went wrong, by whom it can be mended and how.",
    ),
    (
        "update-tenant",
        "tenants",
        "reference",
        "Update a tenant",
        "Changes what is sent and nothing else; `custom_domain: null` clears it. `tier` changes billing first: if Stripe refuses, nothing was changed. \
         The tenant's cache entry is invalidated before the answer.",
    ),
    (
        "deactivate-tenant",
        "tenants",
        "reference",
        "Deactivate a tenant",
        "Soft: the tenant stops routing, its resources are kept, its subscription ends with the period. Its access ends: its own token gets 403, nothing \
         more is written for it, its graph user is switched off (at once, or when the region's server can be reached again), its custom domain is free for \
         other tenants. Its Supabase project's keys and database password go on, unless the installation revokes them. While provisioning it stops \
         the run. Repeating it is 204.",
    ),
    (
        "retry-tenant",
        "tenants",
        "ours",
        "Retry a failed tenant",
        "Resumes it after its last completed step, with the values that it has. While it is provisioning the answer names the same run, so a request whose \
         answer was lost can be sent again.",
    ),
    (
        "restore-tenant",
        "tenants",
        "ours",
        "Bring a deprovisioned tenant back",
        "A new run begins at step 1, and each step adopts what is there: data, users and settings are as they were. What the DELETE ended is made new: \
         API keys and database password where the installation revoked them, the graph user's password in any case; the tenant's secret has them. \
         The subscription goes on, or begins anew if it ended. The run ends with the event `iam:tenants:restored` instead of `iam:tenants:provisioned`. A custom \
         domain that another tenant has by now is not given back; the status names it in `lost_domain`. While the tenant is coming back the answer names the same \
         run, so a request whose answer was lost can be sent again.",
    ),
    (
        "hold-tenant",
        "tenants",
        "ours",
        "Put a tenant under a legal hold",
        "Nothing of the tenant is deleted while it is under a hold, whoever asks for it: it is neither purged nor restored. A live tenant stays live, \
         and can still be deactivated, which deletes nothing. Another reason takes the place of the one before; the audit log has both.",
    ),
    (
        "release-tenant-hold",
        "tenants",
        "ours",
        "Release a tenant's legal hold",
        "From then on the tenant may be restored or purged again. Repeating it is 204.",
    ),
    (
        "get-purge-plan",
        "purges",
        "ours",
        "Say what a purge would do",
        "What would be deleted and what kept and why, by which step, whether it can be undone, when it may begin and who has to agree, and on whose bill \
         each resource is until then. Nothing is asked of any system: it is what the ledger has. Of a tenant that is not deprovisioned it looks ahead.",
    ),
    (
        "purge-tenant",
        "purges",
        "ours",
        "Purge a deprovisioned tenant",
        "Deletes it from every system: first what can be undone, then the rest, and last it signs a certificate. `confirm` is the slug once more. The tenant \
         stays `deprovisioned`; its record and its audit log are kept under its id. It is refused under a legal hold and within the retrieval period \
         after the DELETE. That of a paid tier is 30 days at least; where the installation has less, an earlier purge needs a `reason` and another consumer's \
         approval. A purge that failed goes on where it ended, with the same policies. The slug is free for another tenant once everything named by it is proved gone; \
         the record shows the tenant's id in its place then.",
    ),
    (
        "approve-purge",
        "purges",
        "ours",
        "Approve a purge",
        "A purge that waits for approval begins. Whoever asked for it cannot approve it, with whichever key. With `If-Match` and the tenant's version it is \
         what was read that is approved.",
    ),
    (
        "get-purge",
        "purges",
        "ours",
        "Get a purge and its certificate",
        "How far it is, where the point of no return is, what each system answered when it was asked again, and at the end the signed certificate, which \
         `ivory purge verify` checks without this API. The tenant's id leads to it for good, its slug while the tenant has it.",
    ),
    (
        "invite-admin",
        "tenants",
        "ours",
        "Invite the tenant's admin again",
        "For an active tenant, and for a failed one whose admin was invited. Whoever has not accepted gets a new invitation, which ends the link before; \
         whoever has gets a recovery mail. With another `admin_email`, that person becomes the admin and the one before loses all access: a user who did \
         nothing is deleted, another one is disabled. Five mails an hour at most. The same request with the same key sends no second mail \
         and is answered with the first one.",
    ),
    (
        "invalidate-tenant-cache",
        "tenants",
        "reference",
        "Invalidate a tenant's cache entry",
        "Removes what the tenants' middleware has cached about the tenant.",
    ),
    (
        "list-systems",
        "systems",
        "ours",
        "List the systems that tenants need",
        "What the last check of each outside system found, for the tenants of one region or of all, of one tier or of all. While one is `unusable`, step 1 \
         refuses to make anything for those tenants. The check is repeated every five minutes.",
    ),
    (
        "list-tenant-resources",
        "tenants",
        "ours",
        "List what was made for a tenant",
        "The ledger: what was made for the tenant in each outside system, under which name and id, by which step and run. What was given up for another \
         one is there too. Nothing is asked of those systems. After the tenant's end its id still leads to it.",
    ),
    (
        "check-tenant",
        "tenants",
        "ours",
        "Check what a tenant has",
        "Asks every outside system whether what the steps made is there and as they left it: project, keys, schema and seed rows, the admin, graph and \
         its user, index and alias, customer, subscription and price, cache entries, credentials of catalogs, namespaces. Nothing is changed, so \
         an auditor may ask too. All systems are asked at the same time; what could not be asked within the time of a request is `not_asked`, and its \
         `hint` says why. What a deprovisioned tenant needs no more is `not_needed`.",
    ),
    (
        "repair-tenant",
        "tenants",
        "ours",
        "Repair what a tenant has",
        "For an active tenant. Looks at each of the named resources, brings back what is broken and can be made again without losing data, with the code of \
         the step that made it, and looks again: `graph_user`, `search_alias`, `cache`, `subscription` (with its customer and price), `keys` and `schema`. \
         Anything else is `left`, with a hint. What fails does not keep the others from being tried. The same request can be sent again: what is \
         mended is `sound` then.",
    ),
    (
        "list-tenant-audit",
        "audit",
        "ours",
        "List the audit log of a tenant",
        "Every change of the tenant, newest first, ties by id: who, when, from where, what was before and after. After the tenant's end its id still \
         leads to them. As JSON, or as CSV for whoever prefers that in `Accept`.",
    ),
    (
        "list-audit",
        "audit",
        "ours",
        "List the audit log",
        "Every change of every tenant, newest first, ties by id. As JSON, or as CSV for whoever prefers that in `Accept`. Each row has a digest \
         of its content; a minute after it was written it is sealed: it gets the next number, and a seal over that number, its digest and the seal before. So \
         a file of all pages shows whether a row was changed, removed or added.",
    ),
    (
        "get-caller",
        "callers",
        "ours",
        "Say whose API key this is",
        "The consumer's name, its groups, and the operations that it may call. Every known key may ask.",
    ),
    (
        "upsert-catalog",
        "lakehouse",
        "seed",
        "Provision or update a tenant's catalog",
        "One entry per tenant and `catalog_name`. `warehouse` and `storage_prefix` together are where its data lies; where that is another tenant's, \
         above it or below it, the answer is 409 `storage_overlap`. S3 credentials are stored in Secrets Manager only and never answered; omitted on a repeat they stay, \
         null clears them, and any other field that is omitted takes its default.",
    ),
    (
        "get-catalog",
        "lakehouse",
        "seed",
        "Get a tenant's active catalog",
        "The newest active one. A tenant's own token may read that tenant's.",
    ),
    ("list-catalogs", "lakehouse", "seed", "List all catalogs", "Active or not, newest first, ties by id."),
    (
        "check-lakehouse-health",
        "lakehouse",
        "seed",
        "Check the IOMETE gateway",
        "A readiness probe: answers within three seconds, from an answer of the gateway that is at most five seconds old.",
    ),
    (
        "register-sync-target",
        "lakehouse",
        "seed",
        "Register a sync target",
        "A Postgres table to be replicated into an Iceberg table. The same source and destination again updates the target. Another target for \
         the same Iceberg table is 409 `iceberg_table_taken`, unless `shared_table` is true.",
    ),
    (
        "list-sync-targets",
        "lakehouse",
        "seed",
        "List sync targets",
        "Newest first, ties by id. A tenant's own token sees that tenant's only.",
    ),
    (
        "get-lakehouse-caller",
        "callers",
        "ours",
        "Say whose token this is",
        "The subject, its roles, its tenant if it is a tenant's own token, when it ends, and the operations that it may call. Every valid token may ask.",
    ),
    (
        "get-console",
        "console",
        "ours",
        "Get the console",
        "A page for a browser: tenants, their runs, what failed and who mends it, the systems, the audit log. It holds no data. What it shows it \
         asks the other routes for, with the API key or token that its reader types, which stays in the memory of the page.",
    ),
];
