"""Reads a log of so many events from the local AWS's own code, and from one that gives tokens as AWS does.

in:  {reader: folder of log_pages.py, times: [time of each event, in order], since}
out: {local: [number of each event that was read], aws: the same}
"""

import json
import sys

given = json.load(sys.stdin)
sys.path.insert(0, given["reader"])

from log_pages import events_since  # noqa: E402
from ministack.services import cloudwatch_logs as logs  # noqa: E402

GROUP, STREAM = "group", "stream"
logs._create_log_group({"logGroupName": GROUP})
logs._create_log_stream({"logGroupName": GROUP, "logStreamName": STREAM})
events = [{"timestamp": at, "message": str(number)} for number, at in enumerate(given["times"])]
logs._put_log_events({"logGroupName": GROUP, "logStreamName": STREAM, "logEvents": events})


def local(**page):
    status, _, body = logs._filter_log_events({"logGroupName": GROUP, **page})
    assert status == 200, body
    return json.loads(body)


def aws(startTime, limit, nextToken=None):
    """A page of AWS may be empty although there is more."""
    found = [event for event in events if event["timestamp"] >= startTime]
    start, size = (0, 0) if nextToken is None else (int(nextToken), min(limit, 997))
    end = start + size
    return {"events": found[start:end]} | ({"nextToken": str(end)} if end < len(found) else {})


def read(page):
    return [int(event["message"]) for event in events_since(given["since"], page)]


json.dump({"local": read(local), "aws": read(aws)}, sys.stdout)
