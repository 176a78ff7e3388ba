"""Two network namespaces, connected by a link that loses, delays and drops packets as told.

The link is a process of this program: a TUN device in each namespace, and a thread that carries the packets. So it needs
no kernel module but tun, and fails as exactly as it is told. Needs root.
"""

import concurrent.futures
import ctypes
import fcntl
import heapq
import itertools
import os
import random
import selectors
import struct
import subprocess
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
# A full queue drops packets.
MAX_QUEUE = 200


def run(*command):
    subprocess.run(command, check=True)


class Namespace:
    """A network namespace with one address on the link."""

    def __init__(self, name, address, peer):
        self.name, self.address = name, address
        run("ip", "netns", "add", name)
        self.device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        link = f"{name[:12]}-t"
        fcntl.ioctl(self.device, TUNSETIFF, struct.pack("16sH", link.encode(), IFF_TUN | IFF_NO_PI))
        run("ip", "link", "set", link, "netns", name)
        run("ip", "-n", name, "address", "add", address, "peer", peer, "dev", link)
        run("ip", "-n", name, "link", "set", link, "up")
        run("ip", "-n", name, "link", "set", "lo", "up")
        self.threads = concurrent.futures.ThreadPoolExecutor(1, initializer=self.enter)

    def enter(self):
        """Moves the calling thread into the namespace: its new sockets are there."""
        with open(f"/run/netns/{self.name}", "rb") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def call(self, function, *arguments, **options):
        """Calls `function` in a thread inside the namespace."""
        return self.threads.submit(function, *arguments, **options).result()

    def command(self, *command):
        """The command line that runs `command` inside."""
        return ["ip", "netns", "exec", self.name, *command]

    def remove(self):
        self.threads.shutdown()
        os.close(self.device)
        run("ip", "netns", "delete", self.name)


class Direction:
    """What happens to the packets of one direction."""

    def __init__(self):
        self.loss = 0.0  # probability
        self.delay = 0.0  # seconds
        self.rate = None  # bytes per second
        self.free_at = 0.0
        self.queued = 0


class Wire:
    """Carries packets between two namespaces in a thread of its own."""

    def __init__(self, client, server, seed=0):
        self.random = random.Random(seed)
        self.requests, self.responses = Direction(), Direction()
        self.ends = {client.device: (server.device, self.requests), server.device: (client.device, self.responses)}
        self.stopped = False
        self.thread = threading.Thread(target=self._carry, daemon=True)
        self.thread.start()

    def set(self, requests=None, responses=None):
        """Sets what happens in each direction, as dictionaries; nothing happens without one."""
        for direction, change in ((self.requests, requests), (self.responses, responses)):
            change = change or {}
            direction.loss, direction.delay = change.get("loss", 0.0), change.get("delay", 0.0)
            direction.rate = change.get("rate")

    def stop(self):
        self.stopped = True
        self.thread.join()

    def _carry(self):
        queue, numbers = [], itertools.count()
        with selectors.DefaultSelector() as devices:
            for device in self.ends:
                devices.register(device, selectors.EVENT_READ)
            while not self.stopped:
                pause = queue[0][0] - time.monotonic() if queue else 0.1
                for key, _ in devices.select(min(max(pause, 0), 0.1)):
                    packet = os.read(key.fd, 65536)
                    target, direction = self.ends[key.fd]
                    if self.random.random() < direction.loss or direction.queued >= MAX_QUEUE:
                        continue
                    start = max(time.monotonic(), direction.free_at)
                    direction.free_at = start + (len(packet) / direction.rate if direction.rate else 0)
                    direction.queued += 1
                    heapq.heappush(queue, (direction.free_at + direction.delay, next(numbers), target, packet, direction))
                while queue and queue[0][0] <= time.monotonic():
                    _, _, target, packet, direction = heapq.heappop(queue)
                    direction.queued -= 1
                    os.write(target, packet)
