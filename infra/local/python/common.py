"""What these scripts share: JSON in on stdin, JSON out on stdout, clients of the local AWS.

Credentials come in the input, never on the command line and never from the user's own AWS configuration.
"""

import json
import sys

import boto3
from botocore.config import Config


def read_input():
    return json.load(sys.stdin)


def write_output(value):
    json.dump(value, sys.stdout, default=str)


def session(access):
    """Makes clients for one access: endpoint, region, access_key_id, secret_access_key."""

    def client(service):
        return boto3.client(
            service,
            endpoint_url=access["endpoint"],
            region_name=access["region"],
            aws_access_key_id=access["access_key_id"],
            aws_secret_access_key=access["secret_access_key"],
            config=Config(retries={"mode": "standard", "total_max_attempts": 3}, proxies={}),
        )

    return client
