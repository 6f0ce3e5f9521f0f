"""Prints what functions logged, oldest first, one line per event.

in:  {access, stack, function: name or null, follow}
out: the lines, as text
"""

import sys
import time
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
# Functions share log groups; the stream, one per invocation, says nothing about whose it is, the group's name does not either.
groups = {}
for folder, physical in names.items():
    settings = functions.get_function_configuration(FunctionName=physical)
    group = settings.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{physical}")
    groups.setdefault(group, []).append(folder)

seen, since = set(), 0
while True:
    events = []
    for group, folders in groups.items():
        if wanted is not None and wanted not in folders:
            continue
        try:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
                events += [(event, group) for event in page["events"] if event["eventId"] not in seen]
        except logs.exceptions.ResourceNotFoundException:
            continue
    for event, group in sorted(events, key=lambda found: found[0]["timestamp"]):
        seen.add(event["eventId"])
        # The same instant may still get more events: ask for it again, and print only what is new.
        since = max(since, event["timestamp"])
        at = datetime.fromtimestamp(event["timestamp"] / 1000, timezone.utc).strftime("%H:%M:%S.%f")[:-3]
        print(at, group, event["message"].rstrip(), flush=True)
    if not given["follow"]:
        break
    time.sleep(0.5)
