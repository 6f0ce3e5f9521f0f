"""Starts ministack with these differences.

It sets TCP_NODELAY on the connections between it and the functions. Their runtime API answers in two small writes; with
Nagle's algorithm the second waits for the other side's delayed acknowledgement, 40 ms in every invocation.

It reads an API's binary media types as CloudFormation writes them: `*~1*` for `*/*`.

It gives SAM's transform the parameters' values, as AWS does. ministack gives it the defaults.

A request has one id: in the authorizer's event, in the function's, and in what the gateway answers itself. ministack makes
several, and gives the authorizer none.

It serves the API on a port of its own under the paths that it has at API Gateway, `/v1/…`, so that what the API says of itself
(`Location`, `Link`, `poll_url`) leads somewhere. API_FILE holds the API's id once there is one.

It begins an execution at once. ministack waits 150 ms before.

Its threads look less often for what they wait for. Each process of a function has several, and hundreds of them together keep
Python's lock so busy that nothing else gets it. With LARGE set, they also ask less often for the lock while another has it; a
single request takes longer then.

With JOURNAL set, it writes down the functions' invocations (journal.py).
"""

import os
import queue
import runpy
import socket
import socketserver
import sys
import time
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from types import SimpleNamespace

socketserver.StreamRequestHandler.disable_nagle_algorithm = True

import hypercorn.asyncio  # noqa: E402  (the switch above must come first)
from ministack.app import main  # noqa: E402
from ministack.core import lambda_runtime  # noqa: E402
from ministack.services import apigateway_v1, stepfunctions  # noqa: E402
from ministack.services.cloudformation import changesets, engine, handlers  # noqa: E402
from samtranslator.translator import transform as sam  # noqa: E402

matches = apigateway_v1._media_type_matches
apigateway_v1._media_type_matches = lambda media_type, patterns: matches(
    media_type, [pattern.replace("~1", "/") for pattern in patterns or []]
)

parameters = ContextVar("parameters", default={})
apply_transforms, transform = engine._apply_transforms, sam.transform


def apply_with_parameters(template, given=None, before=None):
    parameters.set(engine._transform_parameters(template, given, before))
    return apply_transforms(template, given, before)


for module in (changesets, engine, handlers):
    module._apply_transforms = apply_with_parameters
sam.transform = lambda template, _, policies: transform(template, parameters.get(), policies)

request_id = ContextVar("request_id", default=None)
new_uuid, execute, authorize = apigateway_v1.new_uuid, apigateway_v1.handle_execute, apigateway_v1._invoke_authorizer_lambda


async def handle_execute(*request):
    request_id.set(new_uuid())
    return await execute(*request)


async def invoke_authorizer(authorizer, event, *scope):
    event.setdefault("requestContext", {})["requestId"] = request_id.get()
    return await authorize(authorizer, event, *scope)


apigateway_v1.new_uuid = lambda: request_id.get() or new_uuid()
apigateway_v1.handle_execute = handle_execute
apigateway_v1._invoke_authorizer_lambda = invoke_authorizer

BEFORE_EXECUTION = 0.15


def sleep(seconds):
    if seconds != BEFORE_EXECUTION:
        time.sleep(seconds)


stepfunctions.time = SimpleNamespace(**vars(time) | {"sleep": sleep})

api_port, api_file, serve = int(os.environ["API_PORT"]), Path(os.environ["API_FILE"]), hypercorn.asyncio.serve


def with_api(app):
    async def served(scope, receive, send):
        if scope["type"] == "http" and scope["server"][1] == api_port:
            # Only the path changes. The requests, their bodies and the answers pass as they are.
            api = f"/_aws/execute-api/{api_file.read_text()}"
            scope = scope | {"path": api + scope["path"], "raw_path": api.encode() + scope["raw_path"]}
        await app(scope, receive, send)

    return served


def serve_both(app, config):
    config.bind.append(f"127.0.0.1:{api_port}")
    return serve(with_api(app), config)


hypercorn.asyncio.serve = serve_both

if "LARGE" in os.environ:
    sys.setswitchinterval(0.05)

# In seconds. A server looks so often whether it has to end, a process's request for work whether the process is superseded,
# and an invocation whether its process has died.
SUPERSEDED = 5.0
lambda_runtime._PROVIDED_POLL = 0.2


class Work(queue.Queue):
    def get(self, block=True, timeout=None):
        return super().get(block, timeout and max(timeout, SUPERSEDED))


class Server(socketserver.ThreadingTCPServer):
    """One that is told when it has to end, by a connection."""

    def serve_forever(self, poll_interval=0.5):
        super().serve_forever(max(poll_interval, SUPERSEDED))

    def shutdown(self):
        self._BaseServer__shutdown_request = True
        with suppress(OSError):
            socket.create_connection(self.server_address, timeout=1).close()
        super().shutdown()


lambda_runtime.queue = SimpleNamespace(Queue=Work, Empty=queue.Empty, Full=queue.Full)
socketserver.ThreadingTCPServer = Server

if "JOURNAL" in os.environ:
    runpy.run_path(str(Path(__file__).with_name("journal.py")))

main()
