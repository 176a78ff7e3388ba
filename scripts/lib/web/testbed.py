"""What the checks of the web configuration share: exporters, certificates, kubectl and Prometheus."""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import time

from lib import processes, prometheus
from lib.certificates import Authority
from lib.processes import check


@dataclasses.dataclass
class Exporter:
    """An exporter with its own directory."""

    directory: pathlib.Path
    port: int
    child: object

    def curl(self, *arguments, path="/metrics", scheme="https", host="localhost"):
        """The status of a request by curl; 0 if there is no response."""
        command = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--max-time", "20"]
        command += ["--resolve", f"{host}:{self.port}:127.0.0.1"]
        url = f"{scheme}://{host}:{self.port}{path}"
        done = subprocess.run([*command, *map(str, arguments), url], stdout=subprocess.PIPE, check=False)
        return int(done.stdout)

    def value(self, name):
        _, _, body = processes.get(self.port, f"/metrics?family[]={name}")
        [value] = [value for found, _, value in prometheus.samples(body.decode(), (name,)) if found == name]
        return value


class Testbed:
    def __init__(self, options, logs, cleanup):
        self.options, self.logs, self.cleanup = options, logs, cleanup
        self.authority = Authority(logs)
        self.strangers = Authority(logs, "strangers")
        self.server = self.authority.issue("server", "DNS:localhost,IP:127.0.0.1")
        self.client = self.authority.issue("client", "DNS:prometheus.example", "clientAuth")
        self.other_client = self.authority.issue("other", "DNS:other.example", "clientAuth")
        self.stranger = self.strangers.issue("stranger", "DNS:prometheus.example", "clientAuth")
        self.cluster = kubernetes_configuration()

    def exporter(self, name, web=None, config=None, *flags):
        """Starts an exporter that reads the real cluster. `web` is its web configuration."""
        directory = self.logs / name
        directory.mkdir()
        port = processes.free_port()
        command = [self.options.binary, f"--web.listen-address=127.0.0.1:{port}", *flags]
        if config is not None:
            (directory / "exporter.yaml").write_text(json.dumps(config))  # JSON is YAML
            command.append(f"--config.file={directory / 'exporter.yaml'}")
        if web is not None:
            (directory / "web.yaml").write_text(json.dumps(web))
            command.append(f"--web.config.file={directory / 'web.yaml'}")
        log = directory / "log"
        environment = {"PATH": os.environ["PATH"], "KUBECONFIG": os.environ["KUBECONFIG"]}
        child = self.cleanup.enter_context(processes.running(command, log, environment))
        deadline = time.monotonic() + 30
        while "target is synced" not in log.read_text():
            check(child.poll() is None, f"{name} exited: {log.read_text()[-2000:]}")
            check(time.monotonic() < deadline, f"{name}: not synced: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        return Exporter(directory, port, child)

    def tls(self, **more):
        certificate, key = self.server
        return {"tls_server_config": {"cert_file": str(certificate), "key_file": str(key), **more}}


def kubernetes_configuration():
    """The server and the authority of the administrator's kubeconfig."""
    view = subprocess.run(["kubectl", "config", "view", "--raw", "--output=json"], check=True, stdout=subprocess.PIPE).stdout
    [entry] = json.loads(view)["clusters"]
    return entry["cluster"]


def kubectl(*arguments, document=None):
    """Runs kubectl and returns its JSON."""
    stdin = json.dumps(document).encode() if document is not None else None
    done = subprocess.run(["kubectl", *arguments], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    check(done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr.decode()}")
    return done.stdout


@contextlib.contextmanager
def scraped(testbed, jobs):
    """Runs a Prometheus that scrapes the exporter of each job every second. Yields its port."""
    directory = testbed.logs / f"prometheus-{len(list(testbed.logs.iterdir()))}"
    directory.mkdir()
    settings = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {
                "job_name": name,
                "scheme": "https" if "tls_config" in settings else "http",
                "static_configs": [{"targets": [f"localhost:{exporter.port}"]}],
                **settings,
            }
            for name, (exporter, settings) in jobs.items()
        ],
    }
    with prometheus.configured(testbed.options.prometheus, settings, directory) as (_, port):
        yield port


def ups(port):
    return {series["metric"]["job"]: float(series["value"][1]) for series in prometheus.query(port, "up")}
