# A client that was made from openapi.json, used as its users do: every answer is of a type, the problems as well.
import os
import time

from ivory_control_plane import AuthenticatedClient
from ivory_control_plane.api.tenants import get_tenant, get_tenant_status, list_tenants, provision_tenant
from ivory_control_plane.models import (
    Accepted, ListedTenant, Problem, ProblemCode, ProvisioningState, ProvisionTenant, Region, Status, Step, TenantRecord,
    Tier,
)


def client(key):
    return AuthenticatedClient(
        os.environ["API_URL"], key, prefix="", auth_header_name="X-API-Key", raise_on_unexpected_status=True
    )


def order(slug):
    return ProvisionTenant(
        slug=slug, display_name="Generated Client", region=Region.EU_CENTRAL_1, tier=Tier.PILOT,
        admin_email=f"admin@{slug}.example.com", data_residency_verified=True,
    )


def problem(answer, status, code):
    assert isinstance(answer, Problem), answer
    assert (answer.status, answer.code) == (status, code) and answer.request_id, answer
    return answer


api, slug = client(os.environ["API_KEY"]), os.environ["SLUG"]

accepted = provision_tenant.sync(client=api, body=order(slug), idempotency_key=f"order-{slug}")
assert isinstance(accepted, Accepted) and accepted.slug == slug, accepted
again = provision_tenant.sync_detailed(client=api, body=order(slug), idempotency_key=f"order-{slug}")
assert again.parsed == accepted and again.headers["idempotency-replayed"] == "true", again

end = time.monotonic() + 45
while True:
    status = get_tenant_status.sync(slug, client=api)
    assert isinstance(status, Status) and len(status.steps) == 9, status
    assert status.provisioning_state is not ProvisioningState.FAILED, status
    if Step.STEP_1 in status.completed_steps:
        break
    assert time.monotonic() < end, status
    time.sleep(0.5)
assert status.tenant_id == accepted.tenant_id and status.steps[0].finished_at is not None, status

page = list_tenants.sync_detailed(client=api, limit=1, tier=Tier.PILOT)
assert [type(tenant) for tenant in page.parsed] == [ListedTenant] and page.parsed[0].tier is Tier.PILOT, page

record = get_tenant.sync_detailed(slug, client=api)
assert isinstance(record.parsed, TenantRecord) and record.parsed.region is Region.EU_CENTRAL_1, record
assert record.parsed.activated_at is None or record.parsed.is_active, record
assert record.headers["etag"] and record.headers["x-request-id"], record

problem(get_tenant.sync("no-such-tenant", client=api), 404, ProblemCode.TENANT_NOT_FOUND)
problem(get_tenant.sync(slug, client=api, if_match='"0"'), 412, ProblemCode.VERSION_MISMATCH)
problem(list_tenants.sync(client=client("no key")), 401, ProblemCode.UNAUTHENTICATED)
wrong = order("-")
wrong.admin_email = "nobody"
refused = problem(provision_tenant.sync(client=api, body=wrong), 422, ProblemCode.VALIDATION_FAILED)
assert [error.field for error in refused.errors] == ["slug", "admin_email"], refused
