"""Puts new code into one deployed function. The gateway calls a route by its alias, which then names the new version.

in:  {access, stack, function, bootstrap: path of the binary}
out: {function, bytes, sha256}
"""

import io
import sys

from common import read_input, session, write_output
from functions import pack, physical_names

given = read_input()
client = session(given["access"])
names = physical_names(client, given["stack"])
if given["function"] not in names:
    sys.exit(f"{given['function']} is not deployed; these are: {', '.join(sorted(names))}")

archive = io.BytesIO()
pack(given["bootstrap"], archive)
updated = client("lambda").update_function_code(FunctionName=names[given["function"]], ZipFile=archive.getvalue())
for alias in client("lambda").list_aliases(FunctionName=updated["FunctionName"])["Aliases"]:
    version = client("lambda").publish_version(FunctionName=updated["FunctionName"])["Version"]
    client("lambda").update_alias(FunctionName=updated["FunctionName"], Name=alias["Name"], FunctionVersion=version)
write_output({"function": updated["FunctionName"], "bytes": updated["CodeSize"], "sha256": updated["CodeSha256"]})
