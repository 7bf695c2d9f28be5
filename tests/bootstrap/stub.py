#!/usr/bin/python3
"""In the place of the binary: notes how it was started, and ends as $STUB says."""

import json
import os
import signal
import stat
import sys
import time

heard = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: heard.append(number))
signal.signal(signal.SIGHUP, lambda *_: None)

directory = os.stat(os.path.dirname(__file__))
report = {
    "at": __file__,
    "args": sys.argv[1:],
    "environment": dict(os.environ),
    "stdin": os.readlink("/proc/self/fd/0"),
    "read": "" if os.isatty(0) else sys.stdin.read(),
    "directory": [stat.S_IMODE(directory.st_mode), directory.st_uid],
}
with open("/mnt/report", "w") as file:
    json.dump(report, file)

how = os.environ.get("STUB", "exit 0")
if how == "wait":
    print("waiting", flush=True)
    # Nobody sends it anything for ever only where a test has failed.
    patience = time.monotonic() + 120
    while not heard:
        time.sleep(0.02)
        if time.monotonic() > patience:
            sys.exit("nobody has sent a signal")
    # A step of its own that it finishes first.
    time.sleep(0.3)
    print("finished", flush=True)
    sys.exit(128 + heard[0])
if how == "die":
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(int(how.split()[1]))
