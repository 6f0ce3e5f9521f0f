"""For a measurement: writes down each invocation of a function, and lets at most AT_ONCE of a function's processes run. Whoever
finds none free waits, as for a queue. AWS would start more; here they share the cores of one machine.

JOURNAL names the file. It gets a line of JSON for each invocation that was answered:

function  its physical name
process   the id of its process
given     when it got the event, in seconds since 1970; of a new process, when it asked for it
answered  when it answered
init      how long a new process took until it asked for its first event, in seconds; null if the process was there before
before    what the processor had done for the process when the event was given, in seconds
after     the same when it answered
"""

import json
import os
import threading
import time
from collections import defaultdict

from ministack.core.lambda_runtime import ProvidedWorker
from ministack.services import lambda_svc

at_once = int(os.environ.pop("AT_ONCE"))
slots = defaultdict(lambda: threading.BoundedSemaphore(at_once))
journal = open(os.environ.pop("JOURNAL"), "a", buffering=1)
writing = threading.Lock()
invoke, spawn, record, execute = (
    ProvidedWorker.invoke,
    ProvidedWorker._spawn,
    ProvidedWorker._record_result,
    lambda_svc._execute_function_provided_warm,
)


def now(worker):
    """The time, and the process's use of the processor: ended threads included, in nanoseconds' steps."""
    process = worker._proc
    try:
        # As `clock_getcpuclockid` makes it.
        return time.time(), time.clock_gettime(~process.pid << 3 | 2) if process else 0.0
    except OSError:
        return time.time(), 0.0


def timed_spawn(self, *arguments, **named):
    begun = time.time()
    spawn(self, *arguments, **named)
    self.given = now(self)
    self.init = self.given[0] - begun


def timed_record(self, *arguments):
    self.answered = now(self)
    return record(self, *arguments)


def timed_invoke(self, *arguments, **named):
    self.given, self.init, self.answered = now(self), None, None
    result = invoke(self, *arguments, **named)
    if self.answered and self._proc:
        (given, before), (answered, after) = self.given, self.answered
        line = {"function": self.func_name, "process": self._proc.pid, "given": given, "answered": answered}
        with writing:
            journal.write(json.dumps(line | {"init": self.init, "before": before, "after": after}) + "\n")
    return result


def limited(func, event, request_id):
    with slots[(func.get("config") or func)["FunctionName"]]:
        return execute(func, event, request_id)


ProvidedWorker.invoke, ProvidedWorker._spawn, ProvidedWorker._record_result = timed_invoke, timed_spawn, timed_record
lambda_svc._execute_function_provided_warm = limited
