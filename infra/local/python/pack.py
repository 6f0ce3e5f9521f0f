"""Packs functions' programs on all cores. A package has the time of its program, by which it is known not to be out of date.

in:  {programs: {function: path of its program}, folder}
out: {packed: how many there were to pack}
"""

import os
import pathlib
from concurrent.futures import ThreadPoolExecutor

from common import read_input, write_output
from functions import pack

given = read_input()
folder = pathlib.Path(given["folder"])
folder.mkdir(parents=True, exist_ok=True)


def packed(function, program):
    package, built = folder / f"{function}.zip", os.stat(program).st_mtime_ns
    if package.exists() and package.stat().st_mtime_ns == built:
        return False
    # Another command may read the package meanwhile.
    new = folder / f"{function}.{os.getpid()}"
    pack(program, new)
    os.utime(new, ns=(built, built))
    new.replace(package)
    return True


with ThreadPoolExecutor(os.cpu_count()) as pool:
    write_output({"packed": sum(pool.map(packed, given["programs"], given["programs"].values()))})
