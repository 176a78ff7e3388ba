"""Asks `/livez` all the time, as a kubelet does, but more often."""

import contextlib
import http.client
import threading
import time

from lib import processes

INTERVAL = 0.02


class Prober:
    """Asks in a thread of its own. Each request is a connection of its own."""

    def __init__(self, port):
        self.port = port
        self.slowest = 0
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.probe, daemon=True)

    def probe(self):
        listens = False
        while not self.ended.is_set():
            start = time.monotonic()
            with contextlib.suppress(OSError, http.client.HTTPException):
                listens |= processes.get(self.port, "/livez")[0] == 200
            # Once it has answered, a failure counts as a long answer.
            if listens:
                with self.lock:
                    self.slowest = max(self.slowest, time.monotonic() - start)
            time.sleep(INTERVAL)

    def longest(self):
        """The longest answer since the last call, in milliseconds, as text."""
        with self.lock:
            slowest, self.slowest = self.slowest, 0
        return f"{slowest * 1000:.0f}"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
