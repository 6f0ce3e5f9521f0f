"""Step 1: the tenant's passwords, and its project at Supabase."""

import os

from kit import NotDone, answered, busy, create_secret_once, new_password, query, refused, secret, step
from supabase import CALL, Management, fill

# Seconds.
CREATE = 5
VISIBLE = 120
VERDICTS = """
SELECT stops, cause, extract(epoch FROM clock_timestamp() - checked_at)::float8 AS age FROM control.verdicts
WHERE coalesce(region = %s, true) AND coalesce(tier = %s, true) ORDER BY stops DESC
"""
# A verdict counts for so many seconds.
FRESH = 900


def can_be_completed(tenant):
    for verdict in query(VERDICTS, (tenant["region"], tenant["tier"])):
        if verdict["stops"] and verdict["age"] < FRESH:
            cause = verdict["cause"] or {}
            raise NotDone("Step.Rejected", cause.get("code", "foreseen"), "platform", False, cause.get("hint", ""))


def passwords(lease):
    name = f"tenants/{lease.tenant_id}"
    intent = lease.intend_once("tenant_secret", name, CREATE)
    if intent["external_id"] is None:
        value = {"db_pass": new_password(), "graph_pass": new_password()}
        value |= {"publishable_key": None, "secret_key": None, "pooler": None}
        create_secret_once(name, value)
        lease.confirm(intent, name)
    return secret(name)


def adopt(lease, management, open_intent, name, password):
    """A project whose creation was not answered; it gets the stored password."""
    found = management.projects_named(name)
    if not found:
        return None
    project_ref = found[0]["ref"]
    lease.fence(CALL)
    management.about("PATCH", project_ref, "/database/password", json={"password": password})
    lease.confirm(open_intent, project_ref)
    return project_ref


@step(1)
def handler(lease):
    tenant = lease.tenant
    intent = lease.resource("supabase_project")
    if intent is None:
        can_be_completed(tenant)
    password = passwords(lease)["db_pass"]
    management = Management()
    name = f"{tenant['slug']}-{tenant['tenant_id']}"
    project_ref = intent and intent["external_id"]
    if intent and not project_ref:
        project_ref = adopt(lease, management, intent, name, password)
        if not project_ref and intent["age"] < VISIBLE:
            raise busy("environment_not_visible")
    if not project_ref:
        intent = intent or lease.intend("supabase_project", name, CALL)
        answer = management.create_project(name, tenant["region"], password)
        if not answer.ok:
            if answer.status_code < 500:
                lease.give_up(intent)
            raise refused("supabase", answer)
        project_ref = answered("supabase", answer)["ref"]
        lease.confirm(intent, project_ref)
    template = os.environ.get("TENANT_URL_TEMPLATE") or os.environ["SUPABASE_PROJECT_URL_TEMPLATE"]
    return {"supabase_project_ref": project_ref, "supabase_url": fill(template, tenant, project_ref)}
