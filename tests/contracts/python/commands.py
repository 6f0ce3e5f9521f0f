"""Runs commands of `sam` and `aws` until they would call AWS, which cannot be reached.

What is wrong with their arguments, they say before that: an unknown option, a missing region, a template that is not there.

in:  {root, commands: [line]} on standard input; both programs in the search path
out: {line: what it said}, for the commands that did not get so far
"""

import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

NOWHERE = "http://127.0.0.1:9"

given = json.load(sys.stdin)

# Neither a region nor an account comes from the user's own settings.
environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
    "AWS_ENDPOINT_URL": NOWHERE,
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
    "SAM_CLI_TELEMETRY": "0",
}


def complaint(line):
    command = shlex.split(line)
    done = subprocess.run(
        command, cwd=given["root"], env=environment, input="{}", capture_output=True, text=True, timeout=120
    )
    said = done.stdout + done.stderr
    # A few services are called at an address of their own, which cannot be reached either.
    return None if 'Could not connect to the endpoint URL: "' in said else said


with ThreadPoolExecutor(2) as pool:
    said = dict(zip(given["commands"], pool.map(complaint, given["commands"])))
json.dump({line: text for line, text in said.items() if text is not None}, sys.stdout)
