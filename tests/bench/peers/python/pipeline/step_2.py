"""Step 2: waits until the project is healthy, then stores its keys and its pooler."""

from kit import NotDone, Waiting, put_secret, secret, step
from supabase import Management

POLL = 15
# Seconds.
PUT = 5
SERVICES = ["auth", "db", "pooler", "rest"]


def key(keys, kind):
    return next(row["api_key"] for row in keys if row.get("type") == kind and row.get("api_key"))


@step(2)
def handler(lease):
    management, ref = Management(), lease.tenant["supabase_project_ref"]
    status = management.about("GET", ref)["status"]
    if status in ("REMOVED", "GOING_DOWN", "INIT_FAILED"):
        raise NotDone("Step.Rejected", "environment_failed", "provider", True, "The project failed.")
    if status != "ACTIVE_HEALTHY":
        return Waiting("project", POLL)
    services = [("services", service) for service in SERVICES] + [("timeout_ms", "5000")]
    health = {row["name"]: row["status"] for row in management.about("GET", ref, "/health", params=services)}
    unwell = [service for service in SERVICES if health.get(service) != "ACTIVE_HEALTHY"]
    if unwell:
        return Waiting(", ".join(unwell), POLL)
    keys = management.about("GET", ref, "/api-keys", params={"reveal": "true"})
    poolers = management.about("GET", ref, "/config/database/pooler")
    pooler = next(row for row in poolers if row["database_type"] == "PRIMARY" and row["pool_mode"] == "session")
    name = f"tenants/{lease.tenant_id}"
    known = secret(name)
    complete = known | {
        "publishable_key": key(keys, "publishable"),
        "secret_key": key(keys, "secret"),
        "pooler": {
            "host": pooler["db_host"],
            "port": pooler["db_port"],
            "user": pooler["db_user"],
            "dbname": pooler["db_name"],
        },
    }
    if complete != known:
        lease.fence(PUT)
        put_secret(name, complete)
    return {}
