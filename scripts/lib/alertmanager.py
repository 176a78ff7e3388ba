"""A real Alertmanager and what it shows and notifies over time, and a real Prometheus that sends alerts to it."""

import contextlib
import dataclasses
import datetime
import http.client
import http.server
import json
import re
import threading
import time

from lib import processes, prometheus
from lib.processes import check

# What tells two problems apart. There may be several alerts with the same identity only by mistake.
IDENTITY = ("cluster", "target", "alertname", "namespace", "workload_type", "workload")
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION = r"\d+(?:ms|[smhd])"


def identity(labels):
    """The identity of an alert. A configured Job without a workload is its own."""
    values = {"workload": labels.get("job_name", ""), **labels}
    return tuple(values.get(label, "") for label in IDENTITY)


def shorter(duration, factor):
    """A duration such as 5m, divided by `factor`, in milliseconds."""
    number, unit = re.fullmatch(r"(\d+)(ms|[smhd])", duration).groups()
    return f"{max(1, round(int(number) * SECONDS[unit] * 1000 / factor))}ms"


def faster_rules(text, factor, target_down):
    """The rules with all their durations divided by `factor`. Numbers of seconds in expressions stay as they are.

    `target_down` is for how many seconds JobStatusTargetDown keeps firing.
    """
    for pattern in (
        rf"(?m)^(\s+(?:for|keep_firing_for|interval): )({DURATION})$",
        rf"(\[)({DURATION})(?=[:\]])",
        rf"(\[\w+:)({DURATION})(?=\])",
        rf"(\boffset )({DURATION})\b",
    ):
        text = re.sub(pattern, lambda match: match[1] + shorter(match[2], factor), text)
    start, rule = text.split("      - alert: JobStatusTargetDown\n")
    rule, found = re.subn(r"(keep_firing_for: )\d+ms", rf"\g<1>{target_down}s", rule, count=1)
    check(found, "JobStatusTargetDown has no keep_firing_for")
    return f"{start}      - alert: JobStatusTargetDown\n{rule}"


def local_configuration(text, port, factor):
    """The example configuration with notifications to a local port.

    Notifications come sooner, by `factor`. They are repeated as seldom as before. Maintenance is always.
    """
    text = re.sub(r"https://alerts\.example\.com/", f"http://127.0.0.1:{port}/", text)
    wait = rf"(\b(?:group_wait|group_interval): )({DURATION})"
    text = re.sub(wait, lambda match: match[1] + shorter(match[2], factor), text)
    text = re.sub(r"weekdays: \[\w+\]", "weekdays: ['sunday:saturday']", text)
    text = re.sub(r'\{start_time: "[\d:]+", end_time: "[\d:]+"\}', '{start_time: "00:00", end_time: "24:00"}', text)
    done = "example.com" not in text and "24:00" in text
    check(done, "config/rules/alertmanager.yaml has changed: adapt local_configuration")
    return text


@dataclasses.dataclass
class Span:
    """A time in which Alertmanager's API shows an alert, in seconds since the start of the monitor."""

    labels: dict
    annotations: dict
    begin: float
    end: float | None = None
    # The names of the alerts that inhibited it.
    inhibited_by: set = dataclasses.field(default_factory=set)

    def covers(self, begin, end):
        return self.begin <= begin and (self.end is None or self.end >= end)


@dataclasses.dataclass
class Notification:
    """One alert of one notification. Times are in seconds since the start of the monitor."""

    at: float
    receiver: str
    status: str
    labels: dict
    starts: float
    ends: float


class Monitor:
    """Records the alerts of the API and all notifications."""

    def __init__(self):
        self.start, self.wall = time.monotonic(), time.time()
        self.spans = {}
        self.notifications = []
        self.duplicates = set()
        self.lock = threading.Lock()
        self.failed_polls = 0
        self.updated = 0
        monitor = self

        class Webhook(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                monitor.notified(self.path.lstrip("/"), json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.webhook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
        threading.Thread(target=self.webhook.serve_forever, daemon=True).start()

    def now(self):
        return time.monotonic() - self.start

    def elapsed(self, timestamp):
        """A time of Alertmanager in seconds since the start."""
        whole = re.sub(r"\.\d+", "", timestamp)
        return datetime.datetime.fromisoformat(whole.replace("Z", "+00:00")).timestamp() - self.wall

    def notified(self, receiver, message):
        with self.lock:
            for alert in message["alerts"]:
                times = (self.elapsed(alert[name]) for name in ("startsAt", "endsAt"))
                found = Notification(self.now(), receiver, alert["status"], alert["labels"], *times)
                self.notifications.append(found)

    def poll(self, port, stop):
        """Reads the API every second until `stop` is set."""
        while not stop.wait(1):
            try:
                status, _, body = processes.get(port, "/api/v2/alerts", timeout=5)
                check(status == 200, f"/api/v2/alerts returned {status}")
                self.update(json.loads(body))
            except (OSError, ValueError, processes.Failure, http.client.HTTPException):
                self.failed_polls += 1

    def update(self, alerts):
        now, shown = self.now(), set()
        names = {alert["fingerprint"]: alert["labels"]["alertname"] for alert in alerts}
        with self.lock:
            self.updated = now
            for alert in alerts:
                key = identity(alert["labels"])
                if key in shown:
                    self.duplicates.add(key)
                    continue
                shown.add(key)
                spans = self.spans.setdefault(key, [])
                if not spans or spans[-1].end is not None:
                    spans.append(Span(alert["labels"], alert["annotations"], now))
                inhibiting = alert["status"]["inhibitedBy"]
                spans[-1].inhibited_by |= {names.get(one, "unknown") for one in inhibiting}
            for key, spans in self.spans.items():
                if key not in shown and spans[-1].end is None:
                    spans[-1].end = now

    def is_active(self, key):
        with self.lock:
            return key in self.spans and self.spans[key][-1].end is None

    def of(self, key):
        """The notifications about one alert."""
        with self.lock:
            return [one for one in self.notifications if identity(one.labels) == key]


@contextlib.contextmanager
def alertmanager(program, configuration, directory):
    """Runs Alertmanager. Yields its process and its port."""
    directory.mkdir()
    (directory / "alertmanager.yaml").write_text(configuration)
    port = processes.free_port()
    command = [
        program,
        f"--config.file={directory / 'alertmanager.yaml'}",
        f"--storage.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",  # no other replicas
    ]
    with processes.running(command, directory / "alertmanager.log") as child:
        processes.wait_ready(child, port, "/-/ready", 30)
        yield child, port


def alerting_prometheus(program, scrapes, interval, cluster, rules, alertmanager_port, directory, *flags):
    """Runs Prometheus with alert rules. `scrapes` has the port of each job, `cluster` is an external label."""
    directory.mkdir()
    address = f"127.0.0.1:{alertmanager_port}"
    settings = {
        "global": {
            "scrape_interval": f"{interval}s",
            "scrape_timeout": f"{interval}s",
            "evaluation_interval": f"{interval}s",
            "external_labels": {"cluster": cluster},
        },
        "rule_files": [str(rules.resolve())],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [address]}]}]},
        "scrape_configs": [
            {"job_name": job, "honor_labels": True, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
            for job, port in scrapes.items()
        ],
    }
    return prometheus.configured(program, settings, directory, *flags)
