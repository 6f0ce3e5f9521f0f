"""Verifies a certificate of a purge with nothing of ours: python3 verify.py FILE [PUBLIC_KEY]

Prints "fits", or why it does not. The file is the certificate, or the API's answer with one in it. Ed25519 is that of RFC 8032.
"""

import hashlib
import json
import sys
from decimal import Decimal

P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
BASE_Y = 4 * pow(5, -1, P) % P


def canonical(value):
    if isinstance(value, dict):
        return "{" + ",".join(f"{canonical(name)}:{canonical(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, Decimal):
        text = format(value, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text
    return json.dumps(value, ensure_ascii=False)


def point(y, odd):
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(x2, (P + 3) // 8, P)
    x = x if (x * x - x2) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
    assert y < P and (x * x - x2) % P == 0 and (x or not odd), "a key or a signature is no point"
    x = x if x % 2 == odd else P - x
    return x, y, 1, x * y % P


def read(data):
    y = int.from_bytes(data, "little")
    return point(y % 2**255, y >> 255)


def add(one, other):
    a, b = (one[1] - one[0]) * (other[1] - other[0]) % P, (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, it):
    sum = (0, 1, 1, 0)
    while number:
        sum, it, number = add(sum, it) if number & 1 else sum, add(it, it), number >> 1
    return sum


def signed(key, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % Q
    left, right = times(s, point(BASE_Y, 0)), add(read(r), times(h, read(key)))
    same = all((left[n] * right[2] - right[n] * left[2]) % P == 0 for n in (0, 1))
    return len(signature) == 64 and s < Q and same


def misfit(file, trusted):
    certificate = file.get("certificate", file)
    content, signature = certificate["content"], certificate["signature"]
    assert content["format"] == "ivory-purge-certificate/1" and signature["algorithm"] == "Ed25519", "another form"
    key = bytes.fromhex(signature["public_key"])
    assert hashlib.sha256(key).hexdigest()[:16] == signature["key_id"], "key_id"
    assert signed(key, canonical(content).encode(), bytes.fromhex(signature["value"])), "content"
    assert trusted in (None, signature["public_key"]), "another key"


if __name__ == "__main__":
    try:
        file = json.loads(open(sys.argv[1], encoding="utf-8").read(), parse_float=Decimal)
        misfit(file, sys.argv[2] if len(sys.argv) > 2 else None)
        print("fits")
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        print("does not fit:", error)
