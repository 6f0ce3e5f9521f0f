"""GET /v1/admin/tenants/{slug}"""

import re

from control import moment, read, route

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,46}[a-z0-9]")


@route
def handler(event):
    slug = event["pathParameters"]["tenant"]
    row = SLUG.fullmatch(slug) and read("SELECT * FROM control.tenants WHERE slug = %s", (slug,)).fetchone()
    if not row:
        return 404, {}, {"status": 404, "code": "tenant_not_found"}
    deprovisioned = row["provisioning_state"] == "deprovisioned"
    return 200, {"etag": f'"{row["version"]}"'}, {
        "tenant_id": str(row["tenant_id"]),
        "slug": row["slug"],
        "display_name": row["display_name"],
        "region": row["region"],
        "tier": row["tier"],
        "supabase_url": row["supabase_url"],
        "supabase_project_ref": row["supabase_project_ref"],
        "falkordb_graph_name": row["falkordb_graph_name"],
        "custom_domain": None if deprovisioned else row["custom_domain"],
        "admin_email": row["admin_email"],
        "provisioning_state": row["provisioning_state"],
        "is_active": row["is_active"],
        "provisioned_at": moment(row["provisioned_at"]),
        "error_message": row["error_message"],
        "stripe_customer_id": row["stripe_customer_id"],
        "created_at": moment(row["provisioned_at"]),
        "updated_at": moment(row["updated_at"]),
        "activated_at": moment(row["activated_at"]),
        "restored_at": moment(row["restored_at"]),
        "hold": row["hold_at"] and {"reason": row["hold_reason"], "at": moment(row["hold_at"]), "by": row["hold_by"]},
        # It is live: only a deprovisioned one is looked up among the purges.
        "purge": None,
    }
