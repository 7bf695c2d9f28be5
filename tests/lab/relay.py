"""Carries a host's frames over a bad link: relay.py <outer tap> <inner tap> <loss> <delay>

Each way a frame is lost with the probability `loss`; what goes in to the host is late by `delay` seconds. In user space
because not every kernel has a queueing discipline for this. The kernel splits and sums up what it hands to a tap, so the
frames are whole whatever the links' hardware is said to do.
"""

import collections
import fcntl
import os
import random
import select
import struct
import sys
import time

SET_INTERFACE, TAP, NO_HEADER = 0x400454CA, 0x0002, 0x1000


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, SET_INTERFACE, struct.pack("16sH22x", name.encode(), TAP | NO_HEADER))
    return tap


def send(tap, frame):
    try:
        os.write(tap, frame)
    except OSError:
        pass  # The interface is not up yet, or its queue is full: a link may lose a frame.


outer, inner = open_tap(sys.argv[1]), open_tap(sys.argv[2])
loss, delay = float(sys.argv[3]), float(sys.argv[4])
late = collections.deque()

while True:
    wait = max(0, late[0][0] - time.monotonic()) if late else None
    readable, _, _ = select.select([outer, inner], [], [], wait)
    while late and late[0][0] <= time.monotonic():
        send(inner, late.popleft()[1])
    for tap in readable:
        try:
            frame = os.read(tap, 65536)
        except OSError:
            continue
        if random.random() < loss:
            continue
        if tap == inner:
            send(outer, frame)
        else:
            late.append((time.monotonic() + delay, frame))
