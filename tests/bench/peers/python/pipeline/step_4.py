"""Step 4: the tenant's database holds the rows that the migrations ship."""

from kit import NotDone, step
from migrations import MANIFEST, NEWEST, migrate
from supabase import database

# Seconds.
MIGRATION = 20
COUNTS = """
SELECT (SELECT count(*) FROM iam.roles WHERE is_system) AS roles,
       (SELECT count(*) FROM iam.permissions WHERE is_system) AS permissions,
       (SELECT count(*) FROM iam.sod_rules WHERE is_system) AS sod_rules,
       (SELECT count(*) FROM workflow.templates WHERE is_system) AS workflow_templates
"""


@step(4)
def handler(lease):
    version = lease.tenant["schema_version"] or 0
    with database(lease) as connection:
        if version < NEWEST:
            lease.fence(MIGRATION)
            version = migrate(connection)
        counts = connection.execute(COUNTS).fetchone()
    wrong = [name for name, count in counts.items() if count != MANIFEST[name]]
    if wrong:
        raise NotDone("Step.Rejected", "seed_mismatch", "us", False, ", ".join(wrong))
    return {"schema_version": version}
