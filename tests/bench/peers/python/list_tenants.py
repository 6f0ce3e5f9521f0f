"""GET /v1/admin/tenants"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode
from uuid import UUID

from control import moment, read, route

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MOST = 10_000
PAGE = """
SELECT tenant_id, slug, display_name, tier, region, provisioning_state, is_active, provisioned_at
FROM control.tenants
WHERE (%(state)s::text IS NULL OR provisioning_state = %(state)s) AND (%(tier)s::text IS NULL OR tier = %(tier)s)
  AND (%(region)s::text IS NULL OR region = %(region)s)
  AND (%(at)s::timestamptz IS NULL OR (provisioned_at, tenant_id) < (%(at)s, %(id)s::uuid))
ORDER BY provisioned_at DESC, tenant_id DESC LIMIT %(rows)s
"""


def cursor_of(row):
    microseconds = (row["provisioned_at"] - EPOCH) // timedelta(microseconds=1)
    return urlsafe_b64encode(microseconds.to_bytes(8, "big") + row["tenant_id"].bytes).decode()


def place_of(cursor):
    place = urlsafe_b64decode(cursor)
    return EPOCH + timedelta(microseconds=int.from_bytes(place[:8], "big")), UUID(bytes=place[8:])


@route
def handler(event):
    query = event["queryStringParameters"] or {}
    limit = min(int(query.get("limit", MOST)), MOST)
    at, identity = place_of(query["cursor"]) if "cursor" in query else (None, None)
    parameters = {
        "state": query.get("provisioning_state"),
        "tier": query.get("tier"),
        "region": query.get("region"),
        "at": at,
        "id": identity,
        "rows": limit + 1,
    }
    rows = read(PAGE, parameters).fetchall()
    headers = {}
    if len(rows) > limit:
        rows.pop()
        following = urlencode({**query, "cursor": cursor_of(rows[-1])})
        headers["link"] = f'</v1/admin/tenants?{following}>; rel="next"'
    return 200, headers, [
        {
            "tenant_id": str(row["tenant_id"]),
            "slug": row["slug"],
            "display_name": row["display_name"],
            "tier": row["tier"],
            "region": row["region"],
            "provisioning_state": row["provisioning_state"],
            "is_active": row["is_active"],
            "provisioned_at": moment(row["provisioned_at"]),
        }
        for row in rows
    ]
