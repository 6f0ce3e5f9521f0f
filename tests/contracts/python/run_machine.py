"""Runs the state machine in moto's interpreter, against functions that answer as a script says.

The interpreter is moto's own, driven through the API of Step Functions. Replaced are: the client with which it invokes
functions, so that a refusal of Lambda arrives as the official SDK raises it; and its clock, so that hours of retries
take no time. The clock moves only while the machine pauses.

in:  {definition, runs: {name: script}}; a script has a list of answers for each state that does not succeed at once:
     {refused: code of Lambda} or {failed: {errorType, errorMessage}} or {ready: false}, each for so many `times` or until
     so many `seconds` after the state's first call (neither: for ever); a call `takes` no time unless it says so
out: {refusals: [what `Invoke` may answer], runs: {name: {status, error, cause, seconds, events, calls: [{state, at,
     payload}]}}}
"""

import functools
import json
import random
import sys
import threading
import types
from unittest import mock

import boto3
from botocore.exceptions import ClientError
from botocore.session import get_session
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.common.retry import jitter_strategy_decl, retrier_decl
from moto.stepfunctions.parser.asl.component.program import program
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication

REGION, ACCOUNT = "eu-central-1", "123456789012"
MODEL = get_session().get_service_model("lambda").operation_model("Invoke")
# What `Invoke` may answer, with the status of each.
STATUS = {error.name: error.metadata.get("error", {}).get("httpStatusCode", 500) for error in MODEL.error_shapes}
# Parsing takes most of a run's time.
AmazonStateLanguageParser.parse = functools.cache(AmazonStateLanguageParser.parse)


class Clock:
    """The time of one run. A pause that reaches the machine's own time-out lasts until the interpreter has ended the run."""

    def __init__(self):
        self.now = 0.0
        self.limit = None
        self.changed = threading.Condition()
        self.timed_out = threading.Event()

    def pause(self, seconds):
        with self.changed:
            self.now += seconds
            over = self.limit is not None and self.now >= self.limit
            if over:
                self.now = float(self.limit)
            self.changed.notify_all()
        if over:
            self.timed_out.wait(10)


class Functions:
    """The Lambda client of one run."""

    def __init__(self, script, clock):
        self.script = {state: list(answers) for state, answers in script.items()}
        self.clock = clock
        self.calls = []
        self.first = {}

    def answer(self, state):
        answers = self.script.get(state, [])
        begun = self.first.setdefault(state, self.clock.now)
        while answers:
            answer = answers[0]
            if "seconds" in answer and self.clock.now - begun >= answer["seconds"]:
                answers.pop(0)
                continue
            if "times" in answer:
                answer["times"] -= 1
                if answer["times"] == 0:
                    answers.pop(0)
            return answer
        return {}

    def invoke(self, FunctionName, Payload):
        state = FunctionName.removesuffix("Function")
        self.calls.append({"state": state, "at": self.clock.now, "payload": json.loads(Payload)})
        answer = self.answer(state)
        self.clock.pause(answer.get("takes", 0))
        if "refused" in answer:
            code = answer["refused"]
            metadata = {"HTTPStatusCode": STATUS.get(code, 500), "RequestId": "00000000-0000-0000-0000-000000000000"}
            error = {"Error": {"Code": code, "Message": "Lambda says no."}, "ResponseMetadata": metadata}
            raise ClientError(error, "Invoke")
        if "failed" in answer:
            return response(answer["failed"], FunctionError="Unhandled")
        return response({"ready": answer.get("ready", True)})


def response(payload, **more):
    body = types.SimpleNamespace(read=lambda: json.dumps(payload).encode())
    return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": body, **more}


def clocked_thread(clock):
    """The thread of a run. Its creator waits for it until the run's clock, not the machine's, is over."""

    class ClockedThread(threading.Thread):
        def join(self, timeout=None):
            if timeout is None:
                return super().join()
            clock.limit = timeout
            with clock.changed:
                while self.is_alive() and clock.now < timeout:
                    clock.changed.wait(0.005)
            return None

    return ClockedThread


def run(definition, name, script):
    clock, ended, events = Clock(), threading.Event(), []
    functions = Functions(script, clock)

    def followed_by(owner, method, more):
        """Replaces a method by itself and a call of `more`."""
        original = getattr(owner, method)

        def both(*arguments, **named):
            result = original(*arguments, **named)
            more()
            return result

        return mock.patch.object(owner, method, both)

    with (
        mock.patch.object(lambda_eval_utils, "boto_client_for", lambda **_: functions),
        mock.patch.object(retrier_decl, "time", types.SimpleNamespace(sleep=clock.pause)),
        mock.patch.object(jitter_strategy_decl, "random", random.Random(name)),
        mock.patch.object(WaitFunction, "_wait_interval", lambda _, env, wait_seconds: clock.pause(wait_seconds)),
        mock.patch.object(program, "threading", types.SimpleNamespace(Thread=clocked_thread(clock))),
        followed_by(Environment, "set_timed_out", clock.timed_out.set),
        followed_by(EventManager, "add_event", lambda: events.append(None)),
        followed_by(BaseExecutionWorkerCommunication, "terminated", ended.set),
        mock_aws(config={"stepfunctions": {"execute_state_machine": True}}),
    ):
        client = boto3.client("stepfunctions", region_name=REGION)
        role = f"arn:aws:iam::{ACCOUNT}:role/machine"
        machine = client.create_state_machine(name="machine", definition=definition, roleArn=role)
        task = json.dumps({"tenant_id": "00000000-0000-0000-0000-000000000001", "attempt": 1, "slug": "acme", "correlation_id": "c"})
        arn = client.start_execution(stateMachineArn=machine["stateMachineArn"], input=task)["executionArn"]
        if not ended.wait(60):
            sys.exit(f"{name}: the interpreter does not end")
        shown = client.describe_execution(executionArn=arn)
    return {
        "status": shown["status"],
        "error": shown.get("error"),
        "cause": shown.get("cause"),
        "seconds": clock.now,
        "events": len(events),
        "calls": functions.calls,
    }


given = json.load(sys.stdin)
done = {name: run(given["definition"], name, script) for name, script in given["runs"].items()}
json.dump({"refusals": sorted(STATUS), "runs": done}, sys.stdout)
