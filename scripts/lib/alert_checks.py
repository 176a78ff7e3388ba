"""What alerts of the demo are expected, and how `check-alerts` judges what Alertmanager showed and notified."""

import dataclasses
import json

from lib.alertmanager import identity
from lib.processes import check

# Evaluation, group_interval and poll: what happens shows this many seconds later at the latest.
DELAY = 20


@dataclasses.dataclass
class Expected:
    """An alert that the demo must cause. Times are in seconds."""

    alert: tuple  # alertname, namespace, type and name of the workload
    fires: int  # after the start, at the latest
    lasts: int | None = None  # at most; None if it never clears
    severity: str = "warning"
    runbook: str = ""  # the default is the section of docs/runbooks.md
    target: str = "watched"


IMPORT = ("etl", "cronjob", "import-legacy-orders")
ARCHIVE = ("billing", "cronjob", "archive-ledger")
ARCHIVE_RUNBOOK = "https://runbooks.example.com/archive-ledger"
# The alerts of the demo. Those that fire later than the run lasts are not expected.
EXPECTED = [
    Expected(("BatchRunFailed", "reports", "cronjob", "fetch-exchange-rates"), fires=60, lasts=120),
    Expected(("BatchRunTooLong", "billing", "cronjob", "payment-reconcile"), fires=120, lasts=120),
    Expected(("BatchRunOverdue", *ARCHIVE), fires=210, severity="critical", runbook=ARCHIVE_RUNBOOK),
    Expected(("BatchRunFailed", *IMPORT), fires=60),
    Expected(("BatchNoRecentSuccess", *IMPORT), fires=120, severity="critical"),
    Expected(("BatchRunsMissed", *ARCHIVE), fires=270, severity="critical", runbook=ARCHIVE_RUNBOOK),
    Expected(("BatchFailingRepeatedly", *IMPORT), fires=780, severity="critical"),
    Expected(("BatchFailingRepeatedly", *ARCHIVE), fires=960, severity="critical", runbook=ARCHIVE_RUNBOOK),
    Expected(("BatchConfiguredJobMissing", "reports", "", "quarterly-close"), fires=960, target="polled"),
]
# No alert may ever fire for these workloads.
SUCCESSFUL = {
    "invoice-run",
    "daily-sales",
    "tune-hyperparameters",
    "train-model",
    "export-embeddings",
    "dunning-mails",
    "evaluate-model",
    "send-receipts",
}
# These fire before the outage, and still after it.
LASTING = [("BatchNoRecentSuccess", *IMPORT), ("BatchFailingRepeatedly", *IMPORT), ("BatchRunOverdue", *ARCHIVE)]
TARGET_DOWN = ("JobStatusTargetDown", "", "", "")


@dataclasses.dataclass
class Outage:
    """When a target was unreachable, and when its alert had cleared. `factor` is that of the rules."""

    cut: float
    restored: float
    recovered: float
    factor: int


@dataclasses.dataclass
class Restart:
    """When the exporter of a target was killed, and when it was ready again."""

    target: str
    has_history: bool
    killed: float
    ready: float


def key(cluster, target, alert):
    return (cluster, target, *alert)


def name(identity_):
    cluster, target, alertname, namespace, _, workload = identity_
    return " ".join(filter(None, (alertname, f"{namespace}/{workload}".strip("/"), f"({cluster}, {target})")))


def is_muted(labels):
    return labels.get("team") == "analytics" and labels["severity"] not in ("critical", "page")


def receiver(labels):
    """The receiver that config/rules/alertmanager.yaml chooses."""
    urgent = labels["severity"] in ("critical", "page")
    if labels["severity"] == "info":
        return "quiet"
    if labels.get("team") == "payments":
        return "payments-pager" if urgent else "payments-chat"
    if is_muted(labels):
        return "analytics-chat"
    return "pager" if urgent else "chat"


def check_expected(monitor):
    """Each expected alert fires and clears in time, with its severity and its runbook."""
    for expected in EXPECTED:
        what = f"{expected.alert[0]} of {expected.alert[3]}"
        spans = monitor.spans.get(key("demo", expected.target, expected.alert), [])
        if not spans:
            if monitor.updated > expected.fires:
                yield f"{what} did not fire"
            continue
        first = spans[0]
        if first.begin > expected.fires:
            yield f"{what} fired after {first.begin:.0f} s, later than {expected.fires} s"
        if expected.lasts is None and first.end is not None:
            yield f"{what} cleared after {first.end:.0f} s, but nothing was solved"
        if expected.lasts is not None:
            for one in spans:
                if (one.end or monitor.updated) - one.begin > expected.lasts:
                    yield f"{what} fired at {one.begin:.0f} s and did not clear within {expected.lasts} s"
        runbook = expected.runbook or f"docs/runbooks.md#{expected.alert[0].lower()}"
        found = (first.labels["severity"], first.annotations.get("runbook_url"))
        if found != (expected.severity, runbook):
            yield f"{what} has the severity and the runbook {found}, expected {(expected.severity, runbook)}"


def check_unexpected(monitor):
    """No alert exists twice, and none fires where nothing is wrong."""
    for one in monitor.duplicates:
        yield f"{name(one)} exists more than once at a time"
    for one, spans in monitor.spans.items():
        cluster, target, alertname, _, _, workload = one
        if workload in SUCCESSFUL:
            yield f"{name(one)} fired after {spans[0].begin:.0f} s, but it always succeeds"
        if alertname.startswith("JobStatus") and (cluster == "demo" or target == "other"):
            yield f"{name(one)} fired after {spans[0].begin:.0f} s, but the exporter works"


def check_outage(monitor, outage):
    """One notification when the target goes down, and one when it is back. Nothing else is notified meanwhile."""
    down = monitor.of(key("outage", "down", TARGET_DOWN))
    if [one.status for one in down] != ["firing", "resolved"]:
        yield f"JobStatusTargetDown was notified as {[one.status for one in down]}"
        return
    # The API is read once a second, so this is more exact.
    recovered = min(outage.recovered, down[-1].ends)
    # Until then, an alert may fire that was pending before.
    inhibited = outage.cut + 300 / outage.factor + 3
    for one in monitor.notifications:
        problem = identity(one.labels)
        if problem[:2] != ("outage", "down") or problem == key("outage", "down", TARGET_DOWN):
            continue
        if not outage.cut < one.at < recovered:
            continue
        if one.status == "resolved" and one.ends > outage.cut:
            yield f"{name(problem)} was notified as resolved after {one.at:.0f} s, during the outage"
        if one.status == "firing" and one.starts > inhibited:
            yield f"{name(problem)} was notified as firing after {one.at:.0f} s, during the outage"
    for alert in LASTING:
        problem = key("outage", "down", alert)
        before = [one for one in monitor.of(problem) if one.at < outage.cut]
        later = [one.status for one in monitor.of(problem) if one.at >= outage.cut]
        if [one.status for one in before] != ["firing"] or later:
            yield f"{name(problem)}: {len(before)} notifications before the outage, and then {later}"
        if not monitor.is_active(problem):
            yield f"{name(problem)} does not fire at the end, but nothing was solved"
        if not any("JobStatusTargetDown" in span.inhibited_by for span in monitor.spans[problem]):
            yield f"{name(problem)} was never inhibited"
        for span in monitor.spans.get(key("outage", "other", alert), []):
            if "JobStatusTargetDown" in span.inhibited_by:
                yield f"{name(problem)} of the other target was inhibited"


def check_restart(monitor, restart):
    """The alerts of a target whose exporter restarts are those of the demo, which does not.

    Without a history it does not know the runs whose Jobs are gone. A CronJob always keeps its last failed Job.
    """
    begin, end = restart.killed - 1, restart.ready + DELAY
    for problem, spans in list(monitor.spans.items()):
        alert = problem[2:]
        is_known = restart.has_history or problem[4] == "cronjob"
        if problem[:2] == ("demo", "watched") and is_known and any(span.covers(begin - DELAY, end) for span in spans):
            own = monitor.spans.get(key("demo", restart.target, alert), [])
            if not any(span.covers(begin, end) for span in own):
                yield f"{name(problem)} lasted, but not for `{restart.target}`, restarted at {restart.killed:.0f} s"
        if problem[:2] == ("demo", restart.target):
            control = monitor.spans.get(key("demo", "watched", alert), [])
            for span in spans:
                known = any(one.begin < span.begin + DELAY and span.begin - DELAY < (one.end or end) for one in control)
                if begin < span.begin < end and not known:
                    yield f"{name(problem)} fired after {span.begin:.0f} s, only because the exporter restarted"


def check_notifications(monitor, outage):
    """The right receiver gets each alert once, and is told when it is resolved."""
    muted = 0
    for problem, spans in monitor.spans.items():
        found = monitor.of(problem)
        for one in found:
            if one.receiver != receiver(one.labels) or is_muted(one.labels):
                yield f"{name(problem)} was notified to {one.receiver}"
        statuses = [one.status for one in found]
        if statuses != [("firing", "resolved")[number % 2] for number in range(len(statuses))]:
            yield f"{name(problem)} was notified as {statuses}"
        if is_muted(spans[-1].labels):
            muted += 1
            continue
        if problem[:2] == ("outage", "down"):
            continue  # check_outage
        for span, following in zip(spans, [*spans[1:], None]):
            end = span.end if span.end is not None else monitor.updated
            statuses = {one.status for one in found if span.begin - 2 < one.at < span.begin + DELAY}
            notified = "firing" in statuses or last(found, span.begin) == "firing"
            if not span.inhibited_by and end - span.begin > DELAY and not notified:
                yield f"{name(problem)} fired after {span.begin:.0f} s, and was not notified"
            until = following.begin if following else monitor.updated
            if until - end > DELAY and last(found, end + DELAY) == "firing":
                yield f"{name(problem)} cleared after {end:.0f} s, and was not notified as resolved"
    if not muted:
        yield "no alert was muted by the maintenance window"


def last(notifications, until):
    """The status of the last of some notifications until a time."""
    statuses = [one.status for one in notifications if one.at <= until]
    return statuses[-1] if statuses else None


def judge(monitor, outage, restarts):
    """Fails with all that is wrong."""
    errors = [*check_expected(monitor), *check_unexpected(monitor), *check_outage(monitor, outage)]
    for restart in restarts:
        errors += check_restart(monitor, restart)
    errors += check_notifications(monitor, outage)
    if monitor.failed_polls:
        errors.append(f"{monitor.failed_polls} requests to Alertmanager failed")
    check(not errors, "\n  ".join([f"{len(errors)} errors", *errors]))


def never_resolved(monitor):
    """The problems that were notified as firing, are over, and were not notified as resolved."""
    for problem in sorted(monitor.spans):
        statuses = [one.status for one in monitor.of(problem)]
        if statuses and statuses[-1] == "firing" and not monitor.is_active(problem):
            yield problem


def print_tables(monitor, outage, restarts):
    """All alerts of the targets `watched` and `down`, and the figures of the outage and the restarts."""
    heads = f"{'fired':>6} {'cleared':>8} {'times':>6} {'notified':>9} inhibited by"
    print(f"\n{'alert':24} {'workload':32} {'target':8} {heads}")
    for problem in sorted(monitor.spans, key=lambda one: (one[:2], monitor.spans[one][0].begin)):
        spans, (_, target, alertname, namespace, _, workload) = monitor.spans[problem], problem
        if target in ("watched", "polled", "down"):
            cleared = f"{spans[0].end:.0f} s" if spans[0].end is not None else "-"
            notified = len(monitor.of(problem))
            inhibited = ", ".join(sorted(set().union(*(span.inhibited_by for span in spans))))
            row = f"{alertname:24} {f'{namespace}/{workload}'.strip('/'):32} {target:8}"
            row += f" {spans[0].begin:>4.0f} s {cleared:>8} {len(spans):>6} {notified:>9} {inhibited}"
            print(row.rstrip())
    print(f"\nthe target `down` was unreachable from {outage.cut:.0f} s to {outage.restored:.0f} s")
    print(f"  {outage.recovered:4.0f} s: JobStatusTargetDown has cleared")
    for one in monitor.notifications:
        if identity(one.labels)[:2] == ("outage", "down") and outage.cut < one.at < outage.recovered + 2 * DELAY:
            print(f"  {one.at:4.0f} s: {one.status:8} {name(identity(one.labels))} to {one.receiver}")
    for problem in never_resolved(monitor):
        print(f"  never notified as resolved: {name(problem)}")
    for restart in restarts:
        times = f"killed at {restart.killed:.0f} s and ready at {restart.ready:.0f} s"
        print(f"the exporter of `{restart.target}` was {times}")
    receivers = sorted({one.receiver for one in monitor.notifications})
    counts = (f"{sum(one.receiver == name_ for one in monitor.notifications)} {name_}" for name_ in receivers)
    print(f"alerts: {len(monitor.spans)}; notifications by receiver: {', '.join(counts)}", flush=True)


def write(monitor, outage, restarts, path):
    """All that was recorded, for a closer look."""
    spans = [dataclasses.asdict(span) for spans in monitor.spans.values() for span in spans]
    found = {
        "outage": dataclasses.asdict(outage),
        "restarts": [dataclasses.asdict(one) for one in restarts],
        "spans": spans,
        "notifications": [dataclasses.asdict(one) for one in monitor.notifications],
    }
    path.write_text(json.dumps(found, indent=1, default=sorted))
