"""Step 8: the middleware's cache holds no outdated entry of the tenant."""

from cache import entries, remove, valkey
from kit import step

# Seconds.
UNLINK = 15


@step(8)
def handler(lease):
    lease.fence(UNLINK)
    remove(valkey(), entries(lease.tenant))
    return {}
