"""What the exporter has to count, from the history of Jobs in etcd.

A Job, the heartbeat, is written every second. The exporter confirms a beat when `/metrics` shows it, and the same process
then says that its history file is written. So it held all Jobs as they were at some revision between this beat and the
next one: a watch stops at each revision, but a list may be of any.

- A run counts with its result, once, if a beat was confirmed that lies, with the next one, between the end of the run and
  the deletion of its Job.
- A run counts as deleted, once, if one process confirmed such a beat between creation and deletion, and a later one after
  the deletion, and the Job never finished.
- Every other run was over before the exporter could see it (docs/workloads.md). It counts with its true result, as
  deleted, or not at all. It never counts twice.
"""

import bisect
import calendar
import collections
import dataclasses
import time

RESULTS = ("succeeded", "failed", "deleted")
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"


@dataclasses.dataclass
class Run:
    """One Job object: the revisions at which it was created, finished and deleted."""

    workload: tuple
    created: int
    creation_time: float
    due: float | None = None
    finished: int | None = None
    result: str | None = None
    deleted: int | None = None


def seconds(text):
    """Seconds since the epoch of a timestamp of the API."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) if text else None


def workload(metadata):
    """Type and name of the workload, after docs/workloads.md."""
    owner = next((one for one in metadata.get("ownerReferences", []) if one.get("controller")), None)
    if owner:
        return (metadata["namespace"], owner["kind"].lower(), owner["name"])
    if "generateName" in metadata:
        return (metadata["namespace"], "generated", metadata["generateName"].removesuffix("-"))
    return (metadata["namespace"], "job", metadata["name"])


def result(job):
    for condition in job.get("status", {}).get("conditions", []):
        if condition["status"] == "True" and condition["type"] in ("Complete", "Failed"):
            return "succeeded" if condition["type"] == "Complete" else "failed"
    return None


def runs(events):
    """All runs, from the changes of Jobs in the order of their revisions."""
    found, current = [], {}
    for revision, key, job in events:
        if job is None:
            current.pop(key).deleted = revision
            continue
        run, metadata = current.get(key), job["metadata"]
        if run is None:
            due = metadata.get("annotations", {}).get(SCHEDULED)
            run = Run(workload(metadata), revision, seconds(metadata["creationTimestamp"]), seconds(due))
            current[key] = run
            found.append(run)
        if run.finished is None and (ended := result(job)):
            run.finished, run.result = revision, ended
    return found


class Confirmations:
    """The revisions of the beats that each process of the exporter has confirmed. `beats` has those of all beats."""

    def __init__(self, beats):
        self.beats = beats
        self.processes = [[]]
        self.waiting = []

    def shown(self, revision, now):
        """The exporter shows this revision, maybe without having written it to its history."""
        self.waiting.append((revision, now))

    def written(self, now):
        """The history file was complete at `now`. A write starts at once, so what was shown before it is in the file."""
        self.processes[-1] += [revision for revision, shown in self.waiting if shown < now - 2]
        self.waiting = [(revision, shown) for revision, shown in self.waiting if shown >= now - 2]

    def killed(self):
        self.processes.append([])
        self.waiting = []

    def within(self, first, end):
        """Whether a process held the Jobs of a revision from `first` on and before `end`."""
        return any(self.has(process, first, end) for process in self.processes)

    def saw_deletion(self, run):
        """Whether one process held the Job and then knew that it was gone."""
        return any(
            self.has(process, run.created, run.deleted) and self.has(process, run.deleted, None)
            for process in self.processes
        )

    def has(self, revisions, first, end):
        at = bisect.bisect_left(revisions, first)
        if at == len(revisions):
            return False
        following = bisect.bisect_right(self.beats, revisions[at])
        return end is None or (following < len(self.beats) and self.beats[following] <= end)


def allowed(run, confirmations):
    """How the run may be counted: a set with results and None."""
    if run.finished is not None and confirmations.within(run.finished, run.deleted):
        return {run.result}
    if run.deleted is None:
        return {None} if run.finished is None else {run.result, None}
    if run.finished is not None:
        return {run.result, "deleted", None}
    return {"deleted"} if confirmations.saw_deletion(run) else {"deleted", None}


def compare(all_runs, confirmations, counted):
    """Compares `counted`, numbers by workload and result, with the runs. Returns errors, and figures about the comparison."""
    errors, figures = [], collections.Counter()
    by_workload = collections.defaultdict(list)
    for run in all_runs:
        options = allowed(run, confirmations)
        figures["exact" if len(options) == 1 else "unseen"] += 1
        by_workload[run.workload].append(options)
    for one in set(by_workload) | {one for one, _ in counted}:
        options = by_workload.get(one, [])
        numbers = {kind: counted.get((one, kind), 0) for kind in RESULTS}
        for kind, number in numbers.items():
            least, most = sum(each == {kind} for each in options), sum(kind in each for each in options)
            figures[kind] += number
            if not least <= number <= most:
                expected = str(least) if least == most else f"{least} to {most}"
                errors.append(f"{'/'.join(one)}: {number:g} runs {kind} instead of {expected}")
        most = sum(each != {None} for each in options)
        if sum(numbers.values()) > most:
            errors.append(f"{'/'.join(one)}: counted {numbers} for {most} runs")
    figures["unseen and not counted"] = figures["exact"] + figures["unseen"] - sum(figures[kind] for kind in RESULTS)
    figures["unseen and not counted"] -= sum(allowed(run, confirmations) == {None} for run in all_runs)
    return errors, figures


def late_starts(all_runs, one, first, last, grace):
    """The due times of a CronJob of every minute from `first` to `last` for which no run was created within `grace` seconds."""
    # Timestamps are whole seconds.
    on_time = {run.due for run in all_runs if run.workload == one and run.due and run.creation_time < run.due + grace - 1}
    dues = range(int(first // 60 + 1) * 60, int(last) + 1, 60)
    return [due for due in dues if due not in on_time]
