"""Runs two commands in turn, again and again, and prints what each run took. Pairs, so that a busy machine slows both.

Reads {"rounds": n, "ours": side, "beside": side}, where a side is {"argv": […], "env": {…}, "exit": n, "before": script}.
The script is run by sh before each run of the command, and is not measured. Prints a list of pairs of
{"wall": seconds, "cpu": seconds, "peak": bytes}.

The processor's time is user and system together, as wait4 gives it for a process and those it waited for: the kernel's
sum of both is as fine as its scheduler's clock, only their shares are guessed by ticks. The peak is the largest of these
processes', and never less than what this script holds itself, since a process begins as a copy of it.
"""

import json
import os
import subprocess
import sys
import time

NOWHERE = os.open(os.devnull, os.O_RDWR)
QUIET = [(os.POSIX_SPAWN_DUP2, NOWHERE, stream) for stream in range(3)]


def run(side):
    if side["before"]:
        subprocess.run(["sh", "-c", side["before"]], check=True, stdout=NOWHERE, stderr=NOWHERE)
    argv, environment = side["argv"], {**os.environ, **side["env"]}
    start = time.monotonic()
    pid = os.posix_spawnp(argv[0], argv, environment, file_actions=QUIET)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - start
    code = os.waitstatus_to_exitcode(status)
    if code != side["exit"]:
        sys.exit(f"{argv[0]} exits {code}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss * 1024}


order = json.load(sys.stdin)
pairs = [(run(order["ours"]), run(order["beside"])) for _ in range(order["rounds"] + 1)]
# The first one warms the caches.
json.dump(pairs[1:], sys.stdout)
