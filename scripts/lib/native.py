"""Runs with known durations, and what native histograms must say of them."""

import math
import random
import re
import time

from lib import fake_api
from lib.processes import check

DURATION, DELAY = "batch_workload_run_duration_seconds", "batch_workload_start_delay_seconds"
# None of these times a number of runs below 100 is whole, so that the rank of a quantile is the same whatever the rounding.
QUANTILES = [0.13, 0.47, 0.77, 0.99]
# The width of a bucket: eight of them for each doubling.
GROWTH = 2 ** (1 / 8)
SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def workloads(cronjobs, runs, spread=3.0):
    """Runs by the name of their CronJob: uid, end, duration, delay and whether they succeeded. The same in each process, except the
    ends, which are in the future: the exporter counts no run that ended before it started."""
    choose = random.Random(17)
    end = int(time.time()) + 3600
    names = [f"nightly-report-{number:04}" for number in range(cronjobs)]
    workloads = {}
    for name in names:
        usual = math.exp(choose.uniform(0, math.log(6 * 3600)))
        workloads[name] = []
        for run in range(runs):
            seconds = int(usual * math.exp(choose.gauss(0, spread)))
            uid = fake_api.uid("reports", f"{name}-{run}")
            succeeded = choose.random() > 0.04
            workloads[name].append((uid, end + run, seconds, choose.choice([0, 0, 1, 1, 2, 40]), succeeded))
    return workloads


def objects(all_runs):
    """The Jobs and the CronJobs of these runs."""
    jobs, cronjobs = [], []
    for name, runs in all_runs.items():
        cronjobs.append(fake_api.cronjob("reports", name))
        for run, (_, end, seconds, delay, succeeded) in enumerate(runs):
            reason = None if succeeded else "BackoffLimitExceeded"
            job = fake_api.finished_job("reports", f"{name}-{run}", name, end, seconds, reason)
            due = fake_api.time_text(end - seconds - delay)
            job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"] = due
            jobs.append(job)
    return jobs, cronjobs


def truth(all_runs, family):
    """The observations of each series, by workload and result."""
    expected = {}
    for name, runs in all_runs.items():
        if family == DELAY:
            expected[name, ""] = [delay for _, _, _, delay, _ in runs]
            continue
        for result, wanted in [("succeeded", True), ("failed", False)]:
            expected[name, result] = [seconds for _, _, seconds, _, succeeded in runs if succeeded == wanted]
    return expected


def last_uids(all_runs):
    """The uid of the run that ended last, by workload and result."""
    last = {}
    for name, runs in all_runs.items():
        for uid, _, _, _, succeeded in runs:  # in order of their ends
            last[name, "succeeded" if succeeded else "failed"] = {uid}
    return last


def quantile(values, q):
    """The observation in whose bucket Prometheus looks for a quantile."""
    return sorted(values)[max(math.ceil(q * len(values)), 1) - 1]


def check_near(what, found, true):
    """Checks that a quantile is in the bucket of the truth. Returns the relative error."""
    if true == 0:
        check(abs(found) < 1e-9, f"{what} is {found}, expected 0")
        return 0
    error = max(found / true, true / found) - 1 if found > 0 else math.inf
    check(error <= GROWTH - 1 + 1e-9, f"{what} is {found}, expected {true}")
    return error


def parse(text):
    """All samples of a scrape in the text format, by name and labels. Prometheus treats an empty label as a missing one."""
    samples = {}
    for line in text.splitlines():
        if match := SAMPLE.match(line):
            labels = sorted(label for label in LABEL.findall(match[2] or "") if label[1])
            samples[match[1], tuple(labels)] = float(match[3])
    return samples
