"""A real Prometheus, and the text format that it scrapes."""

import contextlib
import json
import re
import urllib.parse

from lib import processes
from lib.processes import check

SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def samples(text, families):
    """The samples of some families: name, labels as a dictionary, value."""
    for line in text.splitlines():
        match = SAMPLE.match(line)
        if match and match[1] in families:
            yield match[1], dict(LABEL.findall(match[2] or "")), float(match[3])


@contextlib.contextmanager
def configured(program, settings, directory, *flags):
    """Runs Prometheus with these settings, or this text of its configuration. Yields the process and its port."""
    text = settings if isinstance(settings, str) else json.dumps(settings)  # JSON is YAML
    (directory / "prometheus.yml").write_text(text)
    port = processes.free_port()
    command = [
        program,
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        *flags,
    ]
    with processes.running(command, directory / "prometheus.log") as child:
        processes.wait_ready(child, port, "/-/ready", 30)
        yield child, port


def prometheus(program, scrapes, interval, directory, *flags):
    """Runs Prometheus. `scrapes` has the port of each job. Yields the process and its port."""
    settings = {
        "global": {"scrape_interval": f"{interval}s", "scrape_timeout": f"{interval - 1}s"},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]} for job, port in scrapes.items()
        ],
    }
    return configured(program, settings, directory, *flags)


def query(port, expression):
    """Returns the result of an instant query: a list of series."""
    parameters = urllib.parse.urlencode({"query": expression})
    status, _, body = processes.get(port, f"/api/v1/query?{parameters}", timeout=120)
    check(status == 200, f"query `{expression}`: {status} {body[:500].decode(errors='replace')}")
    return json.loads(body)["data"]["result"]
