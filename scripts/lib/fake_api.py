"""A small API server with fixed objects: whatever they are called, and however many there are."""

import contextlib
import hashlib
import http.server
import json
import threading
import time
import urllib.parse


class Api(http.server.BaseHTTPRequestHandler):
    """Lists the Jobs and CronJobs of the server, and keeps watches open without events."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        kind = url.path.rpartition("/")[2]
        items = self.server.objects.get(kind)
        if items is None:
            self.answer(404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404})
        elif "sendInitialEvents" in query:
            # As a server that is too old for it.
            self.answer(400, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid", "code": 422})
        elif "watch" in query:
            self.watch()
        else:
            kinds = {"jobs": "JobList", "cronjobs": "CronJobList"}
            self.answer(200, {"kind": kinds[kind], "apiVersion": "batch/v1", "metadata": {"resourceVersion": "1"}, "items": items})

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def watch(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):
            while not self.server.stopped.wait(5):
                bookmark = {"type": "BOOKMARK", "object": {"kind": "Job", "apiVersion": "batch/v1", "metadata": {"resourceVersion": "1"}}}
                self.wfile.write(json.dumps(bookmark).encode() + b"\n")
                self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(jobs=(), cronjobs=()):
    """Serves these objects. Yields the port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    server.objects = {"jobs": list(jobs), "cronjobs": list(cronjobs)}
    server.stopped = threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()


def time_text(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def uid(namespace, name):
    """The same for the same object, and never too long."""
    return hashlib.sha256(f"{namespace}/{name}".encode()).hexdigest()


def cronjob(namespace, name, schedule="15 * * * *", annotations=None, created=None, **spec):
    created = created or time.time() - 86400
    return {
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": uid(namespace, name),
            "creationTimestamp": time_text(created),
            "annotations": annotations or {},
        },
        "spec": {"schedule": schedule, "concurrencyPolicy": "Forbid", "suspend": False, **spec},
        "status": {"lastScheduleTime": time_text(time.time() - 60)},
    }


def finished_job(namespace, name, owner, end, seconds, reason=None):
    """A Job of a CronJob that took some seconds until `end`. It failed if there is a reason."""
    start = end - seconds
    condition = {"type": "Failed", "reason": reason} if reason else {"type": "Complete"}
    return {
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": uid(namespace, name),
            "creationTimestamp": time_text(start),
            "annotations": {"batch.kubernetes.io/cronjob-scheduled-timestamp": time_text(start)},
            "ownerReferences": [
                {"apiVersion": "batch/v1", "kind": "CronJob", "name": owner, "uid": uid(namespace, owner), "controller": True}
            ],
        },
        "spec": {"parallelism": 1, "completions": 1, "backoffLimit": 0},
        "status": {
            "startTime": time_text(start),
            "conditions": [{**condition, "status": "True", "lastTransitionTime": time_text(end)}],
            **({"failed": 1} if reason else {"succeeded": 1, "completionTime": time_text(end)}),
        },
    }
