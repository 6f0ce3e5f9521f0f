"""Schemathesis sends the same idempotency key with many different requests, and the contract answers those with 422.

This replaces a valid key by one that is derived from its request. So two different requests never have the same key. A
repeated request has the same key again and gets a replayed answer. An invalid key is not changed.
"""

import hashlib
import json
import re

import schemathesis

KEY = "Idempotency-Key"
VALID = re.compile(r"[!-~]{1,255}")


@schemathesis.hook
def before_call(context, case, kwargs):
    headers = case.headers or {}
    key = headers.get(KEY)
    if key is None:
        return
    if not VALID.fullmatch(str(key)):
        # White space around a header's value is not part of the value, so such a key would stay valid. White space
        # inside is always wrong.
        if VALID.fullmatch(str(key).strip()):
            headers[KEY] = f"{str(key).strip()} x"
        return
    request = [case.formatted_path, str(headers.get("If-Match")), repr(case.body)]
    headers[KEY] = hashlib.sha256(json.dumps([str(key), *request]).encode()).hexdigest()
