"""Child processes, their resources, and plain HTTP requests to them."""

import contextlib
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")
# Where scripts/install-tools and others keep what takes minutes to build.
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "job-status-exporter"


class Failure(Exception):
    """A check that failed."""


def check(holds, message):
    if not holds:
        raise Failure(message)


def find_installed_tools():
    """Lets this process start what scripts/install-tools has built."""
    os.environ["PATH"] = f"{CACHE / 'bin'}:{os.environ['PATH']}"


def run_main(main):
    """Runs the main function of a script. A failed check is its exit message, and SIGTERM cleans up like Ctrl-C."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except (Failure, OSError, subprocess.CalledProcessError) as failure:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {failure}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_ports(number):
    """The first of some consecutive free ports, below the range of outgoing connections."""
    for first in range(20_000 + os.getpid() % 1000 * 10, 32_000, 10):
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for port in range(first, first + number):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise Failure(f"no {number} consecutive free ports")


def start(command, log, environment=None):
    """Starts `command` and appends its output to the file `log`."""
    with open(log, "ab") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment)


def stop(child, seconds=20):
    """Terminates `child`, and kills it if it has not ended after some seconds. Returns its exit code."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(seconds)
        child.kill()
    return child.wait()


@contextlib.contextmanager
def running(command, log, environment=None):
    """Runs `command` with its output in the file `log`, and always stops it."""
    child = start(command, log, environment)
    try:
        yield child
    except Exception:
        print(f"--- the end of {log.name}", log.read_text(errors="replace")[-4000:], "---", sep="\n", file=sys.stderr)
        raise
    finally:
        stop(child)


def get(port, path, accept="*/*", encoding="identity", timeout=10, host="127.0.0.1"):
    """Returns the status, the headers and the body of a response."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Accept": accept, "Accept-Encoding": encoding})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def wait_ready(child, port, path, seconds, host="127.0.0.1"):
    """Waits until `path` returns 200."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        check(child.poll() is None, f"exited with code {child.returncode} before {path} returned 200")
        with contextlib.suppress(OSError, http.client.HTTPException):
            if get(port, path, host=host)[0] == 200:
                return
        time.sleep(0.1)
    raise Failure(f"{path} did not return 200 within {seconds} s")


def cpu(pid):
    """CPU time of a process so far, in seconds."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS  # utime and stime


def status(pid, field):
    """A number from /proc/PID/status: bytes for sizes such as VmRSS, else a count."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            number, *unit = value.split()
            return int(number) * (1024 if unit else 1)
    raise KeyError(field)


def descriptors(pid):
    """Number of open file descriptors."""
    return len(os.listdir(f"/proc/{pid}/fd"))
