"""Checks of what the ServiceAccount of the chart may do in each mode, and that this is enough."""

import base64
import contextlib
import copy
import http.client
import re
import subprocess
import time

from lib import kubeconfig, processes, prometheus
from lib.chart import CHART, NAMESPACE, VALUES, of_kind, only, run_helm, template
from lib.chart.pods import exporter
from lib.chart.testbed import CRONJOBS, JOBS, NAMESPACES, prepare
from lib.processes import check


def objects_of(verbs):
    return {("cronjobs.batch", "", verbs), ("jobs.batch", "", verbs)}


def pods_of(verbs):
    return {("pods", "", verbs)}


def namespaces_of(verbs):
    return {("namespaces", "", verbs)}


def status_of(*names):
    """kubectl shows a row for each name. Without names it is the status of all Jobs."""
    return {("jobs.batch/status", name, "get") for name in names or ("",)}


EVERYWHERE = dict.fromkeys(NAMESPACES)
# What a mode may, by namespace, beyond what every ServiceAccount may; and the namespaces whose Jobs and CronJobs it shows.
MODES = {
    "default": ({name: objects_of("list watch") for name in EVERYWHERE}, {"billing", "etl", "reports"}),
    "watch-namespaces": ({name: objects_of("list watch") for name in ("billing", "etl")}, {"billing", "etl"}),
    "watch-patterns": ({name: objects_of("list watch") for name in EVERYWHERE}, {"billing", "etl"}),
    "poll-list": ({name: objects_of("list") for name in EVERYWHERE}, {"billing", "etl", "reports"}),
    "poll-list-namespaces": ({name: objects_of("list") for name in ("billing", "etl")}, {"billing", "etl"}),
    "poll-jobs": ({"billing": status_of("invoices"), "etl": status_of("load")}, set()),
    "poll-jobs-all-names": ({"billing": status_of()}, set()),
    "poll-by-list": (
        {"billing": {("jobs.batch", "", "list")} | status_of("invoices", "reminders"), "etl": status_of("load")},
        set(),
    ),
    "pods": ({name: objects_of("list watch") | pods_of("list watch") for name in EVERYWHERE}, {"billing", "etl", "reports"}),
    "pods-poll-namespaces": ({name: objects_of("list") | pods_of("list") for name in ("billing", "etl")}, {"billing", "etl"}),
    "shards": (
        {name: objects_of("list watch") | pods_of("list watch") | namespaces_of("list watch") for name in EVERYWHERE},
        {"billing", "reports"},
    ),
    "shards-namespaces": ({name: objects_of("list watch") for name in ("billing", "etl")}, {"billing", "etl"}),
    "probe-any": ({"billing": objects_of("list watch") | status_of()}, {"billing"}),
    "kubernetes-auth": (
        {
            name: objects_of("list watch")
            | {("tokenreviews.authentication.k8s.io", "", "create"), ("subjectaccessreviews.authorization.k8s.io", "", "create")}
            for name in EVERYWHERE
        },
        {"billing", "etl", "reports"},
    ),
    "history-empty-dir": ({name: objects_of("list watch") for name in EVERYWHERE}, {"billing", "etl", "reports"}),
}
POLLED = {
    "poll-jobs": {("billing", "invoices"), ("etl", "load")},
    "poll-jobs-all-names": {("billing", "invoices")},
    "poll-by-list": {("billing", "invoices"), ("billing", "reminders"), ("etl", "load")},
}
# Without any of its permissions such a mode fails. Others do without, or only need one for some requests.
MINIMAL = ("default", "watch-namespaces", "poll-list", "poll-jobs")
FORBIDDEN = re.compile(r"\b403\b|Forbidden")
ROW = re.compile(r"^(\S*)\s+\[(.*?)\]\s+\[(.*?)\]\s+\[(.*?)\]$")


def permissions(testbed, api, token, namespace):
    """What `kubectl auth can-i --list` shows: resource, names, verbs, and non-resource URLs."""
    path = testbed.logs / "permissions.kubeconfig"
    ca = base64.b64encode((api.directory / "pki/ca.crt").read_bytes()).decode()
    kubeconfig.write(path, f"https://127.0.0.1:{api.port}", token, **{"certificate-authority-data": ca})
    command = ["kubectl", f"--kubeconfig={path}", "auth", "can-i", "--list", f"--namespace={namespace}", "--no-headers"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode().splitlines()
    rows = [ROW.match(line.rstrip()) for line in lines]
    check(all(rows) and rows, f"kubectl auth can-i --list printed {lines}")
    # Verbs and names have no order.
    return {(row[1], " ".join(sorted(row[3].split())), " ".join(sorted(row[4].split())), row[2]) for row in rows}


def create_account(api, namespace, name):
    if not api.get("v1", "ServiceAccount", namespace, name):
        api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}, namespace)


def series(text):
    """All series about Jobs, CronJobs, workloads and targets, without their values."""
    lines = [line.rpartition(" ")[0] for line in text.splitlines() if re.match("batch_|job_status_exporter_target_", line)]
    return set(lines)


def scrape(port, token=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"} if token else {})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def value(text, family):
    return [number for _, _, number in prometheus.samples(text, (family,))]


def settled(port, token=None):
    """A scrape after every feed has been read. First polls are spread over an interval of 30 seconds."""
    deadline = time.monotonic() + 60
    while True:
        status, text = scrape(port, token)
        if status == 200 and value(text, "job_status_exporter_target_synced") == [1] and value(text, "job_status_exporter_target_up") == [1]:
            return text
        check(time.monotonic() < deadline, f"the target is not read: {status} {text[-2000:]}")
        time.sleep(0.2)


def check_modes(testbed):
    api = prepare(testbed)
    create_account(api, NAMESPACE, "unbound")
    for name in ("prometheus", "stranger"):
        create_account(api, "monitoring", name)
    unbound = {name: permissions(testbed, api, api.token(NAMESPACE, "unbound"), name) for name in NAMESPACES}
    for mode in testbed.modes:
        allowed, namespaces = MODES[mode]
        flags = ("--namespace", NAMESPACE)
        run_helm("install", "mode", CHART, "--values", VALUES / f"{mode}.yaml", *flags)
        documents = template(VALUES / f"{mode}.yaml", "mode")
        pod = only(documents, "Deployment", "StatefulSet")["spec"]["template"]["spec"]
        token = api.token(NAMESPACE, pod["serviceAccountName"])
        for namespace in NAMESPACES:
            found = permissions(testbed, api, token, namespace) - unbound[namespace]
            wanted = {(resource, names, verbs, "") for resource, names, verbs in allowed.get(namespace, set())}
            check(found == wanted, f"{mode}: in {namespace} it may {found}, not {wanted}")
        reader = api.token("monitoring", "prometheus") if mode == "kubernetes-auth" else None
        with exporter(testbed, api, mode, documents) as (port, log):
            text = settled(port, reader)
            check_series(mode, text, namespaces)
            if mode == "kubernetes-auth":
                answers = [scrape(port)[0], scrape(port, api.token("monitoring", "stranger"))[0], scrape(port, reader)[0]]
                check(answers == [401, 403, 200], f"{mode}: without token, with one that may not, with one that may: {answers}")
            if mode == "probe-any":
                status, _, body = processes.get(port, "/probe?target=here&namespace=billing&job=invoices")
                check(status == 200 and b"\nprobe_success 1\n" in body, f"{mode}: {status} {body.decode()}")
            check(not FORBIDDEN.search(log.read_text()), f"{mode}: {log.read_text()}")
        with as_administrator(testbed, api, mode, documents) as port:
            missing = series(settled(port, reader)) ^ series(text)
            check(not missing, f"{mode}: an administrator has other series: {sorted(missing)[:10]}")
        fewer = check_minimal(testbed, api, mode, documents) if mode in MINIMAL else 0
        run_helm("uninstall", "mode", *flags)
        print(f"modes: {mode}: {len(series(text))} series; it fails without each of {fewer} permissions" if fewer else f"modes: {mode}: {len(series(text))} series", flush=True)


def check_series(mode, text, namespaces):
    jobs = {(labels["namespace"], labels["job_name"]) for _, labels, _ in prometheus.samples(text, ("batch_job_info",))}
    wanted = {(namespace, name) for namespace, name in JOBS if namespace in namespaces} | POLLED.get(mode, set())
    check(jobs == wanted, f"{mode}: it shows the Jobs {jobs}, not {wanted}")
    cronjobs = {(labels["namespace"], labels["workload"]) for _, labels, _ in prometheus.samples(text, ("batch_cronjob_info",))}
    wanted = {(namespace, name) for namespace, name in CRONJOBS if namespace in namespaces}
    check(cronjobs == wanted, f"{mode}: it shows the CronJobs {cronjobs}, not {wanted}")


@contextlib.contextmanager
def as_administrator(testbed, api, name, documents):
    """The same exporter with all permissions."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": f"admin-{name}"}}
    create_account(api, NAMESPACE, account["metadata"]["name"])
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"admin-{name}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": f"admin-{name}", "namespace": NAMESPACE}],
    }
    if not api.get("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", None, f"admin-{name}"):
        api.create(binding)
    changed = copy.deepcopy(documents)
    only(changed, "Deployment", "StatefulSet")["spec"]["template"]["spec"]["serviceAccountName"] = f"admin-{name}"
    with exporter(testbed, api, f"admin-{name}", changed) as (port, _):
        yield port


def check_minimal(testbed, api, mode, documents):
    """Takes away one permission after the other. Without any of them a feed fails."""
    removed = 0
    for role in of_kind(documents, "Role", "ClusterRole"):
        path = f"/apis/rbac.authorization.k8s.io/v1/{'clusterroles' if role['kind'] == 'ClusterRole' else 'namespaces/' + role['metadata']['namespace'] + '/roles'}/{role['metadata']['name']}"
        pairs = [(resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]]
        for pair in pairs:
            # A server with streaming lists, as this one, does without `list` where it may be watched; older ones do not.
            if pair[1] == "list" and (pair[0], "watch") in pairs:
                continue
            rules = [
                rule | {"resources": [resource], "verbs": [verb]}
                for rule in role["rules"]
                for resource in rule["resources"]
                for verb in rule["verbs"]
                if (resource, verb) != pair
            ]
            api.request("PATCH", path, {"rules": rules}, "application/merge-patch+json")
            time.sleep(1)  # until the authorizer has it
            fails_without(testbed, api, mode, documents, pair)
            removed += 1
        api.request("PATCH", path, {"rules": role["rules"]}, "application/merge-patch+json")
    return removed


def fails_without(testbed, api, mode, documents, pair):
    changed = copy.deepcopy(documents)
    container = only(changed, "Deployment", "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    container.setdefault("env", []).append({"name": "JOB_STATUS_EXPORTER__WEB__READY_GRACE", "value": "1s"})
    with exporter(testbed, api, f"{mode}-fewer", changed) as (port, log):
        deadline = time.monotonic() + 60
        while sum(value(scrape(port)[1], "job_status_exporter_target_failing_feeds")) == 0:
            check(time.monotonic() < deadline, f"{mode}: nothing fails without {pair}")
            time.sleep(0.2)
        check(FORBIDDEN.search(log.read_text()), f"{mode}: no log of what is missing: {log.read_text()}")
