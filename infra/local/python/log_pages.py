"""All events of a log group since a moment, page by page."""

import sys

# The most that one page holds.
PAGE = 10_000


def events_since(since, page):
    """`page(startTime=…, limit=…, nextToken=…)` is FilterLogEvents.

    AWS gives a token for the rest. The local AWS ends a page at its limit and gives none, as if that were all. So the next
    page begins at the time of the last event, of which this page may hold only some.
    """
    token = {}
    while True:
        answer = page(startTime=since, limit=PAGE, **token)
        events = answer["events"]
        if "nextToken" in answer:
            yield from events
            token = {"nextToken": answer["nextToken"]}
            continue
        if len(events) < PAGE:
            yield from events
            return
        token = {}
        last = events[-1]["timestamp"]
        if last > since:
            yield from (event for event in events if event["timestamp"] < last)
            since = last
        else:
            yield from events
            print(f"more than {PAGE} events at {last} ms: the rest of these is left out", file=sys.stderr)
            since = last + 1
