"""Reads what functions logged, oldest first.

in:  {access, stack, function: name or null, follow, since: milliseconds since 1970}
out: batches of events, one a line: [[time in milliseconds, stream, text], …]
"""

import json
import sys
import time
from collections import Counter

from common import read_input, session
from functions import physical_names
from log_pages import events_since

# An event may show a little later than another one that has a later time.
OVERLAP = 2_000

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


def events_of(group, since):
    try:
        for event in events_since(since, lambda **page: logs.filter_log_events(logGroupName=group, **page)):
            yield event["timestamp"], event["logStreamName"], event["message"]
    except logs.exceptions.ResourceNotFoundException:
        return


groups = {group_of(physical) for folder, physical in names.items() if wanted in (None, folder)}
# Events have no id here. So those of the last moments are counted.
since, passed_on = given["since"], Counter()
while True:
    events = sorted((event for group in groups for event in events_of(group, since)), key=lambda event: event[0])
    met, new = Counter(), []
    for event in events:
        met[event] += 1
        if met[event] > passed_on[event]:
            new.append(event)
    if new:
        print(json.dumps(new), flush=True)
    if not given["follow"]:
        break
    since = max(since, max((at for at, _, _ in events), default=0) - OVERLAP)
    passed_on = Counter({event: count for event, count in met.items() if event[0] >= since})
    time.sleep(0.5)
