"""Step 9: billing, the transaction that activates the tenant, and the delivery of what it promised."""

import json
import os
import uuid
from datetime import datetime, timezone
from urllib.parse import urlencode

from cache import PUBLISH_ONCE, entries, remove, valkey
from kit import NotDone, WRITTEN, answered, http, query, refused, secret, step

API = os.environ.get("STRIPE_API_URL", "https://api.stripe.com").rstrip("/")
VERSION = "2026-07-29.dahlia"
# Seconds.
CALL = 10
REMEMBERED = 7 * 24 * 3600
STREAM = "iam:tenants:provisioned"
PRICES = {
    "enterprise": os.environ.get("STRIPE_PRICE_ENTERPRISE") or "ivory_enterprise",
    "enterprise_plus": os.environ.get("STRIPE_PRICE_ENTERPRISE_PLUS") or "ivory_enterprise_plus",
}
BILLED_LIVE = "SELECT 1 FROM control.resources WHERE tenant_id = %s AND kind LIKE 'stripe_%%' AND livemode AND dead_at IS NULL"
ACTIVATE = """
WITH activated AS (
    UPDATE control.tenants
    SET provisioning_state = 'active', is_active = true, lease_token = NULL, lease_until = NULL,
        stripe_customer_id = %(customer)s, activated_at = clock_timestamp(),
        touched_at = clock_timestamp(), updated_at = clock_timestamp(), version = version + 1
    WHERE tenant_id = %(tenant)s AND lease_token = %(token)s AND lease_until > clock_timestamp() AND tier = %(tier)s
      AND provisioning_state = 'provisioning'
    RETURNING *
), step AS (
    UPDATE control.provisioning_steps s
    SET state = 'completed', finished_at = clock_timestamp(), waiting_for = NULL, next_retry_at = NULL, cause = NULL
    FROM activated WHERE s.tenant_id = activated.tenant_id AND s.step = 9
), promised AS (
    INSERT INTO control.outbox (id, tenant_id, kind, payload)
    SELECT row.id, activated.tenant_id, row.kind, row.payload FROM activated,
        (VALUES (%(invalidation)s::uuid, 'invalidate_cache', %(entries)s::jsonb),
                (%(event)s::uuid, 'publish_event', %(fields)s::jsonb)) AS row (id, kind, payload)
), audit AS (
    INSERT INTO control.audit_log (actor, action, tenant_id, request_id, before, after)
    SELECT 'system:step-9-activate-tenant', 'tenant.activate', tenant_id, %(token)s::text,
           jsonb_build_object('provisioning_state', 'provisioning', 'is_active', false),
           jsonb_build_object('provisioning_state', provisioning_state, 'is_active', is_active, 'attempt', attempt, 'tier', tier)
    FROM activated
)
SELECT tenant_id FROM activated
"""
PROMISED = """
SELECT id, kind, payload FROM control.outbox WHERE id = ANY(%s) AND delivered_at IS NULL ORDER BY created_at, kind
"""
DELIVERED = """
UPDATE control.outbox SET delivered_at = clock_timestamp(), attempts = attempts + 1, last_error = NULL
WHERE id = %s AND delivered_at IS NULL RETURNING id
"""


def stripe(key, method, path, **options):
    headers = {"Authorization": f"Bearer {key}", "Stripe-Version": VERSION} | options.pop("headers", {})
    return http.request(method, API + path, headers=headers, timeout=CALL, **options)


def create_once(lease, key, kind, path, fields):
    """The id of an object of Stripe, whose creation is repeated with the same idempotency key."""
    known = lease.resource(kind)
    if known and known["external_id"]:
        return known["external_id"]
    if known:
        lease.fence(CALL)
    live = key.startswith(("sk_live_", "rk_live_"))
    body = urlencode(fields())
    intent = known or lease.intend(kind, str(lease.tenant_id), CALL, request=body, key=str(uuid.uuid4()), live=live)
    headers = {"Idempotency-Key": intent["idempotency_key"], "Content-Type": "application/x-www-form-urlencoded"}
    answer = stripe(key, "POST", path, headers=headers, data=intent["request"])
    if not answer.ok:
        if answer.status_code < 500:
            lease.give_up(intent)
        raise refused("stripe", answer)
    created = answer.json()["id"]
    lease.confirm(intent, created)
    return created


def bill(lease):
    """The tenant's customer, with the tier's subscription."""
    tenant = lease.tenant
    lookup_key = PRICES.get(tenant["tier"])
    if lookup_key is None:
        return None
    key = secret("control/stripe")["secret_key"]
    if not key.startswith(("sk_live_", "rk_live_")) and query(BILLED_LIVE, (lease.tenant_id,)).fetchone():
        raise NotDone("Step.Rejected", "stripe_key_of_test_mode", "platform", False, "The tenant is billed live.")
    mine = {"metadata[tenant_id]": str(lease.tenant_id)}
    person = {"email": tenant["admin_email"], "name": tenant["display_name"]} | mine | {"metadata[slug]": tenant["slug"]}
    customer = create_once(lease, key, "stripe_customer", "/v1/customers", lambda: person)

    def subscription():
        query = {"lookup_keys[]": lookup_key, "active": "true"}
        price = answered("stripe", stripe(key, "GET", "/v1/prices", params=query))["data"][0]
        return {
            "customer": customer,
            "items[0][price]": price["id"],
            "collection_method": "send_invoice",
            "days_until_due": "30",
            **mine,
            "metadata[lookup_key]": lookup_key,
        }

    create_once(lease, key, "stripe_subscription", "/v1/subscriptions", subscription)
    return customer


def event_of(tenant):
    now = datetime.now(timezone.utc).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
    fields = {"event_type": STREAM, "schema_version": "1", "occurred_at": now, "tenant_id": str(tenant["tenant_id"])}
    names = ("slug", "display_name", "region", "tier", "supabase_url", "supabase_project_ref")
    names += ("falkordb_graph_name", "opensearch_alias", "correlation_id")
    return {"stream": STREAM, "fields": fields | {name: tenant[name] or "" for name in names}}


def deliver(ids):
    server = None
    for row in query(PROMISED, (ids,)).fetchall():
        server = server or valkey()
        if row["kind"] == "invalidate_cache":
            remove(server, row["payload"]["keys"])
        else:
            if server.info("memory")["maxmemory_policy"] != "noeviction":
                raise NotDone("Step.Rejected", "valkey_evicting", "platform", False, "Valkey evicts keys.")
            stream, fields = row["payload"]["stream"], {"event_id": str(row["id"])} | row["payload"]["fields"]
            arguments = [part for pair in fields.items() for part in pair]
            publish = server.register_script(PUBLISH_ONCE)
            publish(keys=[stream, f"{{{stream}}}:{row['id']}"], args=[REMEMBERED, *arguments])
        query(DELIVERED, (row["id"],))


@step(9)
def handler(lease):
    tenant = lease.tenant
    values = {"customer": bill(lease), "tenant": lease.tenant_id, "token": lease.token, "tier": tenant["tier"]}
    ids = [uuid.uuid4(), uuid.uuid4()]
    values |= {"invalidation": ids[0], "entries": json.dumps({"keys": entries(tenant)})}
    values |= {"event": ids[1], "fields": json.dumps(event_of(tenant))}
    lease.written(query(ACTIVATE, values).fetchone())
    deliver(ids)
    return WRITTEN
