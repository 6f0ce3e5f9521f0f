"""Starts ministack with TCP_NODELAY on the connections between it and the functions.

Their runtime API answers in two small writes; with Nagle's algorithm the second waits for the other side's delayed
acknowledgement, 40 ms in every invocation.
"""

import socketserver

socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from ministack.app import main  # noqa: E402  (the switch above must come first)

main()
