"""A real Kubernetes control plane on loopback whose processes can be killed, and the history of its Jobs in etcd."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import signal
import ssl
import subprocess
import urllib.parse

from lib import processes
from lib.processes import check

# With these, etcd keeps every version of every object, as JSON.
APISERVER_FLAGS = "--storage-media-type=application/json --etcd-compaction-interval=0"
JOBS = "/registry/jobs/"


def scripts():
    """The directory of the scripts `up` and `down`."""
    beside = pathlib.Path(__file__).resolve().parents[2] / "../shared/cluster"
    directory = pathlib.Path(os.environ.get("JOB_STATUS_CLUSTER", beside))
    check((directory / "up").exists(), f"no cluster scripts in {directory}; set JOB_STATUS_CLUSTER to their directory")
    return directory


class ApiError(Exception):
    """A response of the API server that is no success."""


class ControlPlane:
    """Its data are in `directory`."""

    def __init__(self, directory, port):
        self.directory, self.port = directory, port
        environment = {**os.environ, "APISERVER_FLAGS": APISERVER_FLAGS}
        with contextlib.ExitStack() as undo:
            undo.callback(self.down)
            up = [scripts() / "up", directory, "--port", str(port)]
            subprocess.run(up, check=True, env=environment, stdout=subprocess.DEVNULL)
            undo.pop_all()
        self.commands = {}
        for file in (directory / "pid").iterdir():
            arguments = pathlib.Path(f"/proc/{file.read_text().strip()}/cmdline").read_bytes()
            self.commands[file.name] = arguments.rstrip(b"\0").split(b"\0")
        self.children = {}
        self.tls = ssl.create_default_context(cafile=directory / "pki/ca.crt")
        self.tls.load_cert_chain(directory / "pki/admin.crt", directory / "pki/admin.key")

    def down(self):
        subprocess.run([scripts() / "down", self.directory], check=True)
        for child in getattr(self, "children", {}).values():
            child.wait()

    def kill(self, name):
        """Kills a process of the control plane, such as `apiserver`, with SIGKILL."""
        pid = int((self.directory / "pid" / name).read_text())
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if name in self.children:
            self.children.pop(name).wait()

    def start(self, name):
        """Starts a killed process as it was started before."""
        child = processes.start(self.commands[name], self.directory / "log" / name)
        self.children[name] = child
        (self.directory / "pid" / name).write_text(f"{child.pid}\n")

    def exited(self, name):
        """Whether a process that was started again has ended by itself."""
        return name in self.children and self.children[name].poll() is not None

    def request(self, method, path, body=None, patch="merge"):
        """Sends one request as administrator. Raises ApiError or OSError."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=5, context=self.tls)
        kind = f"application/{patch}-patch+json" if method == "PATCH" else "application/json"
        try:
            connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": kind})
            response = connection.getresponse()
            document = json.loads(response.read() or b"{}")
        except (http.client.HTTPException, ValueError) as error:
            raise ApiError(f"{method} {path}: {error}") from error
        finally:
            connection.close()
        if response.status >= 300:
            raise ApiError(f"{method} {path}: {response.status} {document.get('message')}")
        return document

    def job_events(self, last):
        """All changes of Jobs until the revision `last`, from etcd: revision, key, and the Job or None for a deletion."""
        watch = {"key": encode(JOBS), "range_end": encode(JOBS[:-1] + "0"), "start_revision": "1"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port + 1, timeout=60)
        try:
            connection.request("POST", "/v3/watch", json.dumps({"create_request": watch}))
            for line in connection.getresponse():
                result = json.loads(line)["result"]
                check(not result.get("canceled"), f"etcd: {result.get('cancel_reason')}")
                for event in result.get("events", []):
                    record = event["kv"]
                    revision, key = int(record["mod_revision"]), base64.b64decode(record["key"]).decode()
                    if revision > last:
                        return
                    deleted = event.get("type") == "DELETE"
                    yield revision, key, None if deleted else json.loads(base64.b64decode(record["value"]))
                    if revision == last:
                        return
        finally:
            connection.close()


def encode(text):
    return base64.b64encode(text.encode()).decode()


def path(kind, namespace, name="", **query):
    """The path of a Job or CronJob, or of all of them in a namespace."""
    text = f"/apis/batch/v1/namespaces/{namespace}/{kind}" + (f"/{name}" if name else "")
    return text + (f"?{urllib.parse.urlencode(query)}" if query else "")
