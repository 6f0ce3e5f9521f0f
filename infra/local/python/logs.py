"""Prints what functions logged, oldest first, one line per event: time, function, the line itself.

Functions share log groups, and each invocation has its own stream. The field `function` of its JSON lines says which
function it belongs to. A line that is not JSON (of a panic, say) belongs to the function of its stream. The START, END
and REPORT lines of the Lambda service are left out.

in:  {access, stack, function: name or null, follow}
out: the lines, as text
"""

import json
import sys
import time
from collections import Counter
from datetime import datetime, timezone

from common import read_input, session
from functions import physical_names

given = read_input()
client = session(given["access"])
names = physical_names(client, given["stack"])
wanted = given["function"]
if wanted is not None and wanted not in names:
    sys.exit(f"{wanted} is not deployed; these are: {', '.join(sorted(names))}")

logs, functions = client("logs"), client("lambda")


def group_of(physical):
    settings = functions.get_function_configuration(FunctionName=physical)
    return settings.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{physical}")


def function_of(message):
    try:
        return json.loads(message)["span"]["function"]
    except (ValueError, TypeError, KeyError):
        return None


def events_of(group, since):
    try:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
            yield from page["events"]
    except logs.exceptions.ResourceNotFoundException:
        return


groups = {group_of(physical) for folder, physical in names.items() if wanted in (None, folder)}
# Events have no id here. The shown events of the last instant are counted, because more may follow at the same instant.
since, shown, owners = 0, Counter(), {}
while True:
    events = [event for group in groups for event in events_of(group, since)]
    events.sort(key=lambda event: event["timestamp"])
    for event in events:
        owner = function_of(event["message"])
        if owner is not None:
            owners[event["logStreamName"]] = owner
    met = Counter()
    for event in events:
        at, stream, message = event["timestamp"], event["logStreamName"], event["message"].rstrip()
        met[at, stream, message] += 1
        if met[at, stream, message] <= shown[at, stream, message]:
            continue
        owner = owners.get(stream, "-")
        if wanted not in (None, owner) or message.startswith(("START ", "END ", "REPORT ")):
            continue
        clock = datetime.fromtimestamp(at / 1000, timezone.utc).strftime("%H:%M:%S.%f")[:-3]
        print(f"{clock} {owner:<26} {message}", flush=True)
    if not given["follow"]:
        break
    since = max((event["timestamp"] for event in events), default=since)
    shown = Counter({key: count for key, count in met.items() if key[0] >= since})
    time.sleep(0.5)
