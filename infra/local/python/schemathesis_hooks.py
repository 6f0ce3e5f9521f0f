"""Schemathesis' own idea of an idempotency key is the same one for many requests, which the contract answers with 422.

A key that is valid becomes one that belongs to its request, so that another request never meets it by chance; the same
request keeps it, and its answer is replayed. A key that is not valid stays as it is.
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
        # White space around a header's value is no part of it, and would leave a valid key: inside it is wrong for sure.
        if VALID.fullmatch(str(key).strip()):
            headers[KEY] = f"{str(key).strip()} x"
        return
    request = [case.formatted_path, str(headers.get("If-Match")), repr(case.body)]
    headers[KEY] = hashlib.sha256(json.dumps([str(key), *request]).encode()).hexdigest()
