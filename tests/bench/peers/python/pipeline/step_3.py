"""Step 3: the schema of the tenant's database."""

from kit import step
from migrations import migrate
from supabase import database

# Seconds.
MIGRATION = 90


@step(3)
def handler(lease):
    with database(lease) as connection:
        lease.fence(MIGRATION)
        return {"schema_version": migrate(connection)}
