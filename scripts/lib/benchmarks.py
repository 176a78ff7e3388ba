"""The measured exporter, and the tables of results, of the scripts that measure."""

import contextlib
import http.client
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

from lib import processes

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
# The kinds of scrapes: name and request headers.
KINDS = {
    "plain text": ["Accept: text/plain;version=0.0.4"],
    "gzip text": ["Accept: text/plain;version=0.0.4", "Accept-Encoding: gzip"],
    "gzip OpenMetrics (as Prometheus asks)": [f"Accept: {OPENMETRICS}", "Accept-Encoding: gzip"],
}
AS_PROMETHEUS = KINDS["gzip OpenMetrics (as Prometheus asks)"]


class Process:
    """A running exporter, with its CPU time and memory from /proc."""

    def __init__(self, binary, kubeconfig, log, arguments=()):
        self.port = processes.free_port()
        self.log = log
        self.started = time.monotonic()
        command = [binary, "--web.listen-address", f"127.0.0.1:{self.port}", *arguments]
        environment = {"PATH": os.environ["PATH"], "KUBECONFIG": str(kubeconfig)}
        self.child = processes.start(command, log, environment)

    def cpu(self):
        """CPU time so far, in seconds."""
        return processes.cpu(self.child.pid)

    def memory(self, what):
        """The field `what` of /proc/PID/status, in megabytes."""
        return processes.status(self.child.pid, what) / 1e6

    def get(self, path):
        if self.child.poll() is not None:
            sys.exit(f"benchmark: the exporter exited with code {self.child.returncode}:\n{self.log.read_text()[-2000:]}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, _, body = processes.get(self.port, path, timeout=60)
            return status, body
        return 0, b""

    def wait_ready(self, seconds):
        deadline = time.monotonic() + seconds
        while self.get("/readyz")[0] != 200:
            if time.monotonic() > deadline:
                sys.exit(f"benchmark: not ready after {seconds} s:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.01)

    def start_scrape(self, headers, query=""):
        """A curl that prints duration in seconds and size in bytes of one scrape."""
        command = ["curl", "--silent", "--show-error", "--fail", "--globoff", "--output", "/dev/null"]
        command += ["--write-out", "%{time_total} %{size_download}"]
        for header in headers:
            command += ["--header", header]
        command.append(f"http://127.0.0.1:{self.port}/metrics{query}")
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def scrape(self, headers, query=""):
        """Duration in seconds and size in bytes of one scrape."""
        return finished(self.start_scrape(headers, query))

    def measure_scrapes(self, kind, headers, number, before_each=lambda: None):
        """The rows of some scrapes of one kind. `before_each` is not measured."""
        scrapes, cpu = [], 0
        for _ in range(number):
            before_each()
            before = self.cpu()
            scrapes.append(self.scrape(headers))
            cpu += self.cpu() - before
        return {
            f"scrape, {kind} (s)": f"{statistics.median(seconds for seconds, _ in scrapes):.3f}",
            f"scrape, {kind}: CPU (s)": f"{cpu / number:.3f}",
            f"scrape, {kind}: size (MB)": f"{scrapes[-1][1] / 1e6:.1f}",
        }

    def stop(self):
        processes.stop(self.child, 30)


def finished(curl):
    """What `start_scrape` prints, as numbers."""
    output, _ = curl.communicate()
    processes.check(curl.returncode == 0, f"curl exited with code {curl.returncode}")
    seconds, size = output.split()
    return float(seconds), int(size)


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def facts(binary):
    """What was measured, and where."""
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    repository = pathlib.Path(__file__).resolve().parent
    commit = output_of("git", "-C", str(repository), "describe", "--always", "--dirty", "--abbrev=12")
    return [
        f"{output_of(binary, '--version').splitlines()[0]}, commit {commit}, {output_of('rustc', '--version')}",
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB of memory, {platform.system()} {platform.release()}",
    ]


def table(columns):
    """The lines of a Markdown table with a column for each number of Jobs."""
    names = list(next(iter(columns.values())))
    width = max(map(len, names))
    heads = [f"{jobs:,} Jobs" for jobs in columns]
    yield f"| {'':{width}} | " + " | ".join(heads) + " |"
    yield f"|{'-' * (width + 2)}|" + "|".join("-" * (len(head) + 1) + ":" for head in heads) + "|"
    for name in names:
        values = (f"{rows[name]:>{len(head)}}" for head, rows in zip(heads, columns.values()))
        yield f"| {name:{width}} | " + " | ".join(values) + " |"
