"""What all steps need: secrets, the control database, the tenant's lease with its ledger, and the log line."""

import json
import os
import secrets as randomness
import string
import tempfile
import time
import uuid

import boto3
import psycopg
import requests
from psycopg.rows import dict_row

PREFIX = os.environ["SECRET_PREFIX"]
# Seconds that a lease lasts longer than the invocation.
MARGIN = 5
# Seconds that are kept to write down a failure.
FAREWELL = 2

manager = boto3.client("secretsmanager")
http = requests.Session()
http.trust_env = False
http.headers["User-Agent"] = "ivory-control-plane"


class NotDone(Exception):
    """The step is not done. `kind` decides what the state machine does."""

    def __init__(self, kind, code, owner, retryable, hint):
        super().__init__(hint)
        self.kind = kind
        self.cause = {"code": code, "owner": owner, "retryable": retryable, "hint": hint, "provider_request_id": None}


def busy(code):
    return NotDone("Step.Busy", code, "provider", True, "Wait; the run goes on by itself.")


def refused(system, answer):
    """What an outside system's refusal means."""
    if answer.status_code == 429:
        return NotDone("Step.RateLimited", f"{system}_rate_limited", "provider", True, "Wait; the run goes on by itself.")
    if answer.status_code >= 500:
        return NotDone("Step.Transient", f"{system}_server_error", "provider", True, "Wait; the run goes on by itself.")
    return NotDone("Step.Rejected", f"{system}_rejected", "platform", False, f"{system} answered {answer.status_code}.")


def answered(system, answer):
    """The JSON of an answer that is a success."""
    if not answer.ok:
        raise refused(system, answer)
    return answer.json()


# ---- secrets: each is read when it is needed, so that a rotated one counts at once

def secret(name):
    return json.loads(manager.get_secret_value(SecretId=f"{PREFIX}/{name}")["SecretString"])


def secret_with_version(name):
    got = manager.get_secret_value(SecretId=f"{PREFIX}/{name}")
    return json.loads(got["SecretString"]), got["VersionId"]


def create_secret_once(name, value):
    key = os.environ.get("SECRETS_KEY_ARN")
    try:
        manager.create_secret(
            Name=f"{PREFIX}/{name}", SecretString=json.dumps(value), **({"KmsKeyId": key} if key else {})
        )
    except manager.exceptions.ResourceExistsException:
        pass


def put_secret(name, value):
    manager.put_secret_value(SecretId=f"{PREFIX}/{name}", SecretString=json.dumps(value))


def new_password():
    return "".join(randomness.choice(string.ascii_letters + string.digits) for _ in range(32))


# ---- databases

authorities = {}


def authority_file(pem):
    """The driver takes authorities from a file only."""
    if pem not in authorities:
        with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
            file.write(pem)
        authorities[pem] = file.name
    return authorities[pem]


def connect(address, user, password, ca_pem, application):
    return psycopg.connect(
        host=address["host"],
        port=address["port"],
        dbname=address["dbname"],
        user=user,
        password=password,
        sslmode="verify-full",
        sslrootcert=authority_file(ca_pem) if ca_pem else "system",
        connect_timeout=3,
        application_name=application,
        autocommit=True,
        row_factory=dict_row,
    )


def connect_control():
    control = secret("control/database")
    return connect(control, control["username"], control["password"], control.get("ca_pem"), "ivory-control-plane")


connection = connect_control()


def query(sql, parameters):
    """One statement of the control database. A connection that was found dead is replaced before anything is sent."""
    global connection
    if connection.closed:
        connection = connect_control()
    return connection.execute(sql, parameters)


# ---- the lease

BEGIN = """
WITH leased AS (
    UPDATE control.tenants
    SET lease_token = %(token)s, lease_until = clock_timestamp() + make_interval(secs => %(time)s), touched_at = clock_timestamp()
    WHERE tenant_id = %(tenant)s AND attempt = %(attempt)s AND provisioning_state = 'provisioning'
      AND (lease_token IS NULL OR lease_token = %(token)s OR lease_until <= clock_timestamp())
      AND EXISTS (SELECT FROM control.provisioning_steps s
                  WHERE s.tenant_id = %(tenant)s AND s.step = %(step)s AND s.state <> 'completed')
    RETURNING *
), begun AS (
    UPDATE control.provisioning_steps s
    SET state = CASE s.state WHEN 'waiting' THEN 'waiting' ELSE 'running' END,
        attempts = s.attempts + CASE s.state WHEN 'waiting' THEN 0 ELSE 1 END,
        started_at = coalesce(s.started_at, clock_timestamp()), finished_at = NULL, next_retry_at = NULL
    FROM leased WHERE s.tenant_id = leased.tenant_id AND s.step = %(step)s
    RETURNING s.tenant_id
)
SELECT leased.* FROM leased JOIN begun USING (tenant_id)
"""
LOOK = """
SELECT t.provisioning_state, t.attempt, s.state AS step_state
FROM control.tenants t JOIN control.provisioning_steps s ON s.tenant_id = t.tenant_id AND s.step = %s WHERE t.tenant_id = %s
"""
RELEASED = """
WITH released AS (
    UPDATE control.tenants SET lease_token = NULL, lease_until = NULL, touched_at = clock_timestamp(),
        updated_at = clock_timestamp(), version = version + 1 {columns}
    WHERE tenant_id = %(tenant)s AND lease_token = %(token)s AND lease_until > clock_timestamp()
    RETURNING tenant_id
)
UPDATE control.provisioning_steps s SET {step}
FROM released WHERE s.tenant_id = released.tenant_id AND s.step = %(step)s RETURNING s.step
"""
COMPLETED = "state = 'completed', finished_at = clock_timestamp(), waiting_for = NULL, next_retry_at = NULL, cause = NULL"
WAITING = "state = 'waiting', waiting_for = %(waiting_for)s, next_retry_at = clock_timestamp() + make_interval(secs => %(poll)s), cause = NULL"
TROUBLED = "state = 'running', waiting_for = NULL, cause = %(cause)s, next_retry_at = NULL"
FENCE = """
SELECT 1 FROM control.tenants
WHERE tenant_id = %s AND lease_token = %s AND lease_until > clock_timestamp() + make_interval(secs => %s)
"""
LIVE = """
SELECT id, generation, name, request, idempotency_key, external_id, extract(epoch FROM clock_timestamp() - sent_at)::float8 AS age
FROM control.resources WHERE tenant_id = %s AND kind = %s AND dead_at IS NULL
"""
INTEND = """
INSERT INTO control.resources (id, tenant_id, kind, generation, name, step, attempt, request, idempotency_key, livemode)
SELECT %(id)s, t.tenant_id, %(kind)s::text, coalesce((SELECT max(generation) FROM control.resources r
                                                     WHERE r.tenant_id = t.tenant_id AND r.kind = %(kind)s::text), 0) + 1,
       %(name)s::text, %(step)s, t.attempt, %(request)s::text, %(key)s::text, %(live)s::boolean
FROM control.tenants t
WHERE t.tenant_id = %(tenant)s AND t.lease_token = %(token)s
  AND t.lease_until > clock_timestamp() + make_interval(secs => %(call)s)
FOR SHARE OF t
RETURNING id, name, request, idempotency_key, external_id
"""
CONFIRM = """
UPDATE control.resources r SET external_id = %s, confirmed_at = clock_timestamp()
FROM control.tenants t
WHERE r.id = %s AND r.dead_at IS NULL AND t.tenant_id = r.tenant_id AND t.lease_token = %s AND t.lease_until > clock_timestamp()
RETURNING r.id
"""
GIVE_UP = """
UPDATE control.resources r SET dead_at = clock_timestamp()
FROM control.tenants t
WHERE r.id = %s AND r.dead_at IS NULL AND t.tenant_id = r.tenant_id AND t.lease_token = %s AND t.lease_until > clock_timestamp()
RETURNING r.id
"""


class Lease:
    """The right to act for a tenant, for one invocation of one step."""

    def __init__(self, step, tenant, token, ends):
        self.step, self.tenant, self.token, self.ends = step, tenant, token, ends
        self.tenant_id = tenant["tenant_id"]

    def in_time(self, call):
        if time.time() + call > self.ends:
            raise busy("lease_too_short")

    def written(self, row):
        if row is None:
            raise NotDone("Step.Superseded", "lease_lapsed", "us", True, "Another invocation has taken over.")
        return row

    def fence(self, call):
        """Before a call that changes something outside and has no intent."""
        self.written(query(FENCE, (self.tenant_id, self.token, call)).fetchone())
        self.in_time(call)

    def resource(self, kind):
        return query(LIVE, (self.tenant_id, kind)).fetchone()

    def intend(self, kind, name, call, request=None, key=None, live=None):
        """Writes an intent, which is committed before its call."""
        self.in_time(call)
        values = {"id": uuid.uuid4(), "kind": kind, "name": name, "step": self.step, "request": request, "key": key}
        values |= {"live": live, "tenant": self.tenant_id, "token": self.token, "call": call}
        row = self.written(query(INTEND, values).fetchone())
        self.in_time(call)
        return row | {"fresh": True, "age": 0.0}

    def intend_once(self, kind, name, call):
        known = self.resource(kind)
        if known is None:
            return self.intend(kind, name, call)
        self.fence(call)
        return known

    def confirm(self, resource, external_id):
        self.written(query(CONFIRM, (external_id, resource["id"], self.token)).fetchone())

    def give_up(self, resource):
        self.written(query(GIVE_UP, (resource["id"], self.token)).fetchone())

    def release(self, step, columns=None, **values):
        columns = columns or {}
        sql = RELEASED.format(columns="".join(f", {name} = %({name})s" for name in columns), step=step)
        keys = {"tenant": self.tenant_id, "token": self.token, "step": self.step}
        return query(sql, keys | columns | values).fetchone()


class Waiting:
    """The step waits for something; it is invoked again after `poll` seconds."""

    def __init__(self, waiting_for, poll):
        self.waiting_for, self.poll = waiting_for, poll


# The step wrote its end itself.
WRITTEN = object()


def step(number):
    """The handler of a step. The function gets the lease, and returns the tenant's columns, `Waiting` or `WRITTEN`."""

    def decorate(work):
        def handler(event, context):
            report = {"step": f"step_{number}", "ready": True, "waiting_for": None}
            level, message, kind = "INFO", "step done", None
            try:
                invoke(work, number, event, context, report)
            except NotDone as failure:
                level, message, kind = "WARN", "step not done", failure
            print(
                json.dumps(
                    {
                        "level": level,
                        "message": message,
                        "request_id": context.aws_request_id,
                        "slug": event.get("slug"),
                        "tenant_id": event["tenant_id"],
                        "attempt": event["attempt"],
                        "ready": report["ready"],
                        "cause": kind and kind.cause["code"],
                    }
                )
            )
            if kind:
                # The state machine goes by the name of the class.
                raise type(kind.kind, (Exception,), {})(kind.cause["hint"])
            return report

        return handler

    return decorate


def invoke(work, number, event, context, report):
    remaining = context.get_remaining_time_in_millis() / 1000
    keys = {"tenant": event["tenant_id"], "attempt": event["attempt"], "step": number}
    keys |= {"token": context.aws_request_id, "time": remaining + MARGIN}
    tenant = query(BEGIN, keys).fetchone()
    if tenant is None:
        seen = query(LOOK, (number, event["tenant_id"])).fetchone()
        if seen and seen["attempt"] == event["attempt"] and seen["step_state"] == "completed":
            return
        if seen and seen["attempt"] == event["attempt"] and seen["provisioning_state"] == "provisioning":
            raise busy("lease_held")
        raise NotDone("Step.Superseded", "superseded", "us", False, "A newer attempt has begun.")
    lease = Lease(number, tenant, context.aws_request_id, time.time() + remaining - FAREWELL)
    try:
        outcome = work(lease)
        if isinstance(outcome, Waiting):
            report |= {"ready": False, "waiting_for": outcome.waiting_for}
            lease.written(lease.release(WAITING, waiting_for=outcome.waiting_for, poll=outcome.poll))
        elif outcome is not WRITTEN:
            lease.written(lease.release(COMPLETED, outcome))
    except NotDone as failure:
        lease.release(TROUBLED, cause=json.dumps(failure.cause))
        raise
    except Exception as error:
        failure = NotDone("Step.Transient", "internal", "us", True, type(error).__name__)
        lease.release(TROUBLED, cause=json.dumps(failure.cause))
        raise failure from error
