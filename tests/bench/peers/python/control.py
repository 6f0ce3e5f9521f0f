"""What both routes need: the caller, the control database, the log line."""

import json
import os
import tempfile
from datetime import timezone

import boto3
import psycopg
from psycopg.rows import dict_row

GROUPS = {"admin", "auditor"}
secrets = boto3.client("secretsmanager")


def connect():
    name = os.environ["SECRET_PREFIX"] + "/control/database-read"
    secret = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as authorities:
        authorities.write(secret["ca_pem"])
        authorities.flush()
        return psycopg.connect(
            host=secret["host"],
            port=secret["port"],
            dbname=secret["dbname"],
            user=secret["username"],
            password=secret["password"],
            sslmode="verify-full",
            sslrootcert=authorities.name,
            autocommit=True,
            row_factory=dict_row,
        )


connection = connect()


def read(sql, parameters):
    """Runs a statement that only reads. A broken connection is replaced once."""
    global connection
    try:
        return connection.execute(sql, parameters)
    except psycopg.OperationalError:
        connection = connect()
        return connection.execute(sql, parameters)


def moment(at):
    return at and at.astimezone(timezone.utc).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def route(function):
    """A handler of API Gateway's events: checks the caller's rights, and logs how the request was answered."""

    def handler(event, _context):
        context = event["requestContext"]
        caller = context["authorizer"]
        if caller.get("credential") != "api_key" or GROUPS.isdisjoint(caller["groups"].split(",")):
            status, headers, body = 403, {}, {"status": 403, "code": "forbidden"}
        else:
            status, headers, body = function(event)
        line = {
            "level": "INFO",
            "message": "answered",
            "status": status,
            "method": event["httpMethod"],
            "path": event["path"],
            "request_id": context["requestId"],
            "caller": caller.get("actor"),
        }
        print(json.dumps(line))
        return {
            "statusCode": status,
            "headers": {
                "x-request-id": context["requestId"],
                "cache-control": "no-store",
                "content-type": "application/json",
                **headers,
            },
            "body": json.dumps(body, separators=(",", ":"), ensure_ascii=False),
            "isBase64Encoded": False,
        }

    return handler
