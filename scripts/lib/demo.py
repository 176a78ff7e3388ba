"""The command `demo` of the exporter."""

import contextlib
import os
import re

from lib import processes
from lib.processes import check


@contextlib.contextmanager
def demo(binary, log):
    """Runs the demo. Yields its process, its port and the port of its simulated API."""
    port = processes.free_port()
    command = [binary, "demo", f"--web.listen-address=127.0.0.1:{port}"]
    with processes.running(command, log, {"PATH": os.environ["PATH"]}) as child:
        processes.wait_ready(child, port, "/readyz", 30)
        address = re.search(r"simulated cluster runs on http://127\.0\.0\.1:(\d+)", log.read_text())
        check(address, "the demo does not print the address of its cluster")
        yield child, port, int(address[1])
