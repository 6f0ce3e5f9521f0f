"""Verifies a file of audit rows with nothing of ours: python3 verify.py ROWS [ANCHORS]

Prints "fits", or the number of the first row that does not fit. The rows are all rows from the first one on.
"""

import hashlib
import json
import sys
from decimal import Decimal

CONTENT = ["id", "at", "actor", "action", "tenant_id", "request_id", "source_address", "before", "after"]


def objects(path):
    text, found, decoder = open(path, encoding="utf-8").read().strip(), [], json.JSONDecoder(parse_float=Decimal)
    while text:
        value, end = decoder.raw_decode(text)
        found, text = found + (value if isinstance(value, list) else [value]), text[end:].lstrip()
    return found


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


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


def digest(row):
    content = {name: row[name] for name in CONTENT}
    for pointer, address in row["addresses"].items():
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        place = content
        for part in path:
            place = place[int(part) if isinstance(place, list) else part]
        last = int(last) if isinstance(place, list) else last
        if "salt" in address:
            assert sha256(bytes.fromhex(address["salt"]), place[last].encode()) == address["digest"], pointer
        else:
            assert place[last] in (None, "erased"), pointer
        place[last] = None
    content["addresses"] = {pointer: address["digest"] for pointer, address in row["addresses"].items()}
    return sha256(canonical(content).encode())


def misfit(rows, anchors):
    seq, seal = 0, "00" * 32
    for row in sorted((row for row in rows if row["seq"]), key=lambda row: row["seq"]):
        try:
            assert (row["seq"], row["previous_seal"]) == (seq + 1, seal) and row["digest"] == digest(row)
        except (AssertionError, AttributeError, KeyError, IndexError, TypeError, ValueError):
            return row["seq"]
        seq, seal = row["seq"], row["seal"]
        if seal != sha256(bytes.fromhex(row["previous_seal"]), seq.to_bytes(8, "big"), bytes.fromhex(row["digest"])):
            return seq
        if any(anchor["seal"] != seal for anchor in anchors if anchor["seq"] == seq):
            return seq
    return seq if any(anchor["seq"] > seq for anchor in anchors) else None


if __name__ == "__main__":
    first = misfit(objects(sys.argv[1]), objects(sys.argv[2]) if len(sys.argv) > 2 else [])
    print("fits" if first is None else first)
