"""Jobs and CronJobs that the chaos run creates, and its heartbeat."""

import contextlib
import heapq
import re
import threading
import time

from lib.control_plane import ApiError, path

NAMESPACE = "chaos"
HEARTBEAT = re.compile(r'^batch_job_parallelism\{[^}]*job_name="heartbeat"[^}]*\} (\d+)$', re.MULTILINE)
# CronJobs of every minute: outcome of the pods, how long they run, and more of the spec.
CRONJOBS = {
    "steady": ("succeed", "5s", {}),
    "failing": ("fail", "1s", {}),
    "brief": ("succeed", "1s", {"successfulJobsHistoryLimit": 0}),
    "replaced": ("hang", "1s", {"concurrencyPolicy": "Replace"}),
    "blocked": ("succeed", "90s", {"concurrencyPolicy": "Forbid"}),
}


def job_spec(outcome, delay, **more):
    container = {"name": "main", "image": "busybox"}
    metadata = {"labels": {"sim/outcome": outcome}, "annotations": {"sim/delay": delay}}
    template = {"metadata": metadata, "spec": {"restartPolicy": "Never", "containers": [container]}}
    return {"backoffLimit": 0, "template": template, **more}


class Heartbeat:
    """A suspended Job that changes every second, so that a scrape tells which revision the exporter has."""

    def __init__(self, plane):
        self.plane = plane
        self.lock = threading.Lock()
        self.number = 0
        self.revisions = {}
        # The revisions of all beats. A beat without a response has none: it may be written or not.
        self.beats = []
        metadata = {"name": "heartbeat"}
        plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        spec = job_spec("succeed", "1s", suspend=True, parallelism=0)
        plane.request("POST", path("jobs", NAMESPACE), {"metadata": metadata, "spec": spec})

    def beat(self):
        """Writes the next number. Returns whether that worked."""
        with self.lock, contextlib.suppress(ApiError, OSError):
            self.number += 1
            change = {"spec": {"parallelism": self.number}}
            job = self.plane.request("PATCH", path("jobs", NAMESPACE, "heartbeat"), change)
            revision = int(job["metadata"]["resourceVersion"])
            self.revisions[self.number] = revision
            self.beats.append(revision)
            return True
        return False

    def shown(self, text):
        """The revision of the beat in a scrape."""
        match = HEARTBEAT.search(text)
        return self.revisions.get(int(match[1])) if match else None


class Load:
    """Creates and deletes Jobs at random. Requests fail while the API server is down; that does not matter, since the truth
    is what etcd has."""

    def __init__(self, plane, rng):
        self.plane, self.random = plane, rng
        self.number = 0
        self.deletions = []
        self.ended = False
        self.started = time.time()
        self.suspended = None
        for name, (outcome, delay, more) in CRONJOBS.items():
            template = {"spec": job_spec(outcome, delay)}
            limits = {"successfulJobsHistoryLimit": 1000, "failedJobsHistoryLimit": 1000}
            spec = {"schedule": "* * * * *", "jobTemplate": template, **limits, **more}
            plane.request("POST", path("cronjobs", NAMESPACE), {"metadata": {"name": name}, "spec": spec})

    def run(self, stop):
        while not stop.wait(self.random.uniform(0.2, 1)):
            with contextlib.suppress(ApiError, OSError):
                if not self.ended:
                    self.create()
                self.delete_due()

    def end(self):
        """Creates no more Jobs."""
        self.ended = True

    def create(self):
        self.number += 1
        outcome = self.random.choice(["succeed", "succeed", "succeed", "fail"])
        spec = job_spec(outcome, f"{self.random.uniform(0.1, 8):.1f}s")
        kind = self.random.choice(["once", "generated", "deleted", "again", "ttl"])
        metadata = {"name": f"{kind}-{self.number}"}
        delete_after = None
        if kind == "generated":
            metadata = {"generateName": f"generated-{self.number % 3}-"}
        elif kind == "deleted":
            delete_after = self.random.uniform(0, 20)
        elif kind == "again":
            # The name returns after its deletion.
            metadata = {"name": f"again-{self.number % 4}"}
            delete_after = self.random.uniform(1, 15)
        elif kind == "ttl":
            spec["ttlSecondsAfterFinished"] = self.random.randrange(20)
        job = self.plane.request("POST", path("jobs", NAMESPACE), {"metadata": metadata, "spec": spec})
        if delete_after is not None:
            due = time.monotonic() + delete_after
            heapq.heappush(self.deletions, (due, job["metadata"]["name"], job["metadata"]["uid"]))

    def delete_due(self):
        while self.deletions and self.deletions[0][0] <= time.monotonic():
            _, name, uid = self.deletions[0]
            options = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
            with contextlib.suppress(ApiError):
                self.plane.request("DELETE", path("jobs", NAMESPACE, name), options)
            heapq.heappop(self.deletions)

    def finish(self):
        """Suspends the CronJobs. Returns True; raises until that works."""
        for name in CRONJOBS:
            self.plane.request("PATCH", path("cronjobs", NAMESPACE, name), {"spec": {"suspend": True}})
        self.suspended = time.time()
        return True

    def is_over(self):
        """Whether no run is active any more, other than those that hang."""
        if self.deletions:
            return False
        jobs = self.plane.request("GET", path("jobs", NAMESPACE))["items"]
        active = [job for job in jobs if not any(one["status"] == "True" for one in conditions(job))]
        return all(name.startswith(("heartbeat", "replaced-")) for name in (job["metadata"]["name"] for job in active))


def conditions(job):
    return [one for one in job.get("status", {}).get("conditions", []) if one["type"] in ("Complete", "Failed")]
