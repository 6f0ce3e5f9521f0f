"""The migrations of a tenant's database."""

import hashlib
import json
import os
import re
from pathlib import Path

FOLDER = Path(os.environ["PIPELINE_MIGRATIONS"])
MANIFEST = json.loads((FOLDER / "manifest.json").read_text())
HISTORY = """
CREATE TABLE IF NOT EXISTS refinery_schema_history
    (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255))
"""


def shipped():
    for file in FOLDER.glob("V*__*.sql"):
        version, name = re.fullmatch(r"V(\d+)__(\w+)", file.stem).groups()
        yield int(version), name, file.read_text()


SHIPPED = sorted(shipped())
NEWEST = SHIPPED[-1][0]


def migrate(connection):
    """Applies what is missing, all or nothing; returns the newest version."""
    connection.execute(
        "SET lock_timeout = '10s'; SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '30s'"
    )
    with connection.transaction():
        connection.execute(HISTORY)
        done = {row["version"] for row in connection.execute("SELECT version FROM refinery_schema_history")}
        for version, name, sql in SHIPPED:
            if version not in done:
                connection.execute(sql)
                connection.execute(
                    "INSERT INTO refinery_schema_history VALUES (%s, %s, now()::text, %s)",
                    (version, name, hashlib.sha256(sql.encode()).hexdigest()),
                )
    return connection.execute("SELECT max(version) AS version FROM refinery_schema_history").fetchone()["version"]
