"""What the checks of the chart share: what it renders, and an API server with objects that an exporter can read."""

import copy
import json
import os
import pathlib
import subprocess
import tempfile
import time

import yaml

from lib.chart import NAMESPACE, VALUES, template
from lib.kube_api import Api
from lib.processes import check

NAMESPACES = [NAMESPACE, "monitoring", "grafana", "billing", "etl", "reports"]
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
# What is created in the cluster: namespace and name. The last one is in a namespace that few values select.
JOBS = [("billing", "invoices"), ("billing", "reminders"), ("etl", "load"), ("reports", "weekly")]
CRONJOBS = [("billing", "nightly"), ("etl", "hourly"), ("reports", "monthly")]


class Testbed:
    def __init__(self, options, logs):
        self.binary, self.logs = options.binary, logs
        self.modes = options.modes.split(",")
        self.values = sorted(VALUES.glob("*.yaml"))
        check(self.values, f"no values in {VALUES}")
        self.rendered = {}

    def documents(self, name):
        if name not in self.rendered:
            self.rendered[name] = template(VALUES / f"{name}.yaml")
        return copy.deepcopy(self.rendered[name])

    def all_documents(self):
        return {path.stem: self.documents(path.stem) for path in self.values}

    @property
    def api(self):
        directory = os.environ.get("JOB_STATUS_E2E_CLUSTER")
        check(directory, "JOB_STATUS_E2E_CLUSTER is not set: run it with scripts/with-cluster --bare")
        return Api(pathlib.Path(directory))


def custom_resources(api):
    """Creates the CRDs of Prometheus Operator."""
    done = subprocess.run(["go", "mod", "download", "-json", OPERATOR], check=True, stdout=subprocess.PIPE, cwd=tempfile.gettempdir())
    directory = pathlib.Path(json.loads(done.stdout)["Dir"]) / "example/prometheus-operator-crd"
    for plural in ("podmonitors", "prometheusrules", "scrapeconfigs", "servicemonitors"):
        [document] = yaml.safe_load_all((directory / f"monitoring.coreos.com_{plural}.yaml").read_text())
        name = document["metadata"]["name"]
        if not api.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, name):
            api.create(document)
    deadline = time.monotonic() + 60
    while any(api.send("GET", f"/apis/monitoring.coreos.com/{path}")[0] != 200 for path in ("v1/servicemonitors", "v1alpha1/scrapeconfigs")):
        check(time.monotonic() < deadline, "the CRDs are not served")
        time.sleep(0.5)


def prepare(testbed):
    """Namespaces, CRDs, and what the exporters will read."""
    api = testbed.api
    custom_resources(api)
    for name in NAMESPACES:
        if not api.get("v1", "Namespace", None, name):
            labels = {"pod-security.kubernetes.io/enforce": "restricted"} if name == NAMESPACE else {}
            api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "run", "image": "unused"}]}}
    for namespace, name in JOBS:
        if not api.get("batch/v1", "Job", namespace, name):
            api.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": pod}}, namespace)
    for namespace, name in CRONJOBS:
        if not api.get("batch/v1", "CronJob", namespace, name):
            spec = {"schedule": "0 3 1 1 *", "jobTemplate": {"spec": {"template": pod}}}
            api.create({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}, namespace)
    return api
