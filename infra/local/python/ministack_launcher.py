"""Starts ministack with two differences.

It sets TCP_NODELAY on the connections between it and the functions. Their runtime API answers in two small writes; with
Nagle's algorithm the second waits for the other side's delayed acknowledgement, 40 ms in every invocation.

It reads an API's binary media types as CloudFormation writes them: `*~1*` for `*/*`.
"""

import socketserver

socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from ministack.app import main  # noqa: E402  (the switch above must come first)
from ministack.services import apigateway_v1  # noqa: E402

matches = apigateway_v1._media_type_matches
apigateway_v1._media_type_matches = lambda media_type, patterns: matches(
    media_type, [pattern.replace("~1", "/") for pattern in patterns or []]
)

main()
