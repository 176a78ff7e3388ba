"""Checks of the chart with schemas, and with helm, on a real API server."""

import copy
import json
import subprocess

import yaml

from lib import processes
from lib.chart import CHART, NAMESPACE, ROOT, VALUES, helm, hooks, identity, of_kind, only, run_helm, template
from lib.chart.pods import exporter, kubelet
from lib.chart.testbed import prepare
from lib.kube_api import write_schemas
from lib.processes import check


def kustomized():
    text = subprocess.run(["kubectl", "kustomize", ROOT / "deploy/kubernetes"], check=True, stdout=subprocess.PIPE).stdout
    return list(yaml.safe_load_all(text))


def check_schemas(testbed):
    api = prepare(testbed)
    rendered = testbed.all_documents() | {"kustomization": kustomized()}
    kinds = {(document["apiVersion"], document["kind"]) for documents in rendered.values() for document in documents}
    schemas = testbed.logs / "schemas"
    schemas.mkdir()
    write_schemas(api.definitions(kinds), kinds, schemas)

    def kubeconform(documents):
        command = ["kubeconform", "-strict", "-summary", "-schema-location", f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"]
        text = yaml.safe_dump_all(documents).encode()
        done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode == 0, done.stdout.decode()

    total = 0
    for name, documents in rendered.items():
        valid, output = kubeconform(documents)
        check(valid, f"{name}: {output}")
        check(f"Valid: {len(documents)}," in output, f"{name}: {output}")
        total += len(documents)
    # It has to notice what is wrong, in a plain kind and in a custom one.
    mistakes = [
        ("default", "Deployment", lambda spec: spec["template"]["spec"]["containers"][0].update(imagePullPolice="Always")),
        ("default", "Deployment", lambda spec: spec.update(replicas="two")),
        ("two-replicas", "ServiceMonitor", lambda spec: spec["endpoints"][0].update(honourLabels=True)),
    ]
    for name, kind, break_it in mistakes:
        documents = testbed.documents(name)
        break_it(only(documents, kind)["spec"])
        check(not kubeconform(documents)[0], f"kubeconform accepts a {kind} with a mistake")
    print(f"schemas: kubeconform accepts {total} objects of {len(kinds)} kinds, and refuses {len(mistakes)} mistakes")


def check_server(testbed):
    api = prepare(testbed)
    total = 0
    for name, documents in (testbed.all_documents() | {"kustomization": kustomized()}).items():
        for document in documents:
            refusal = api.refusal(document, NAMESPACE)
            check(refusal is None, f"{name}: {document['kind']} {document['metadata']['name']}: {refusal}")
            total += 1
            if document["kind"] in ("Deployment", "StatefulSet"):
                # In a namespace that only admits restricted pods.
                template_ = document["spec"]["template"]
                pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "admitted", "labels": template_["metadata"]["labels"]}}
                spec = copy.deepcopy(template_["spec"])
                claims = document["spec"].get("volumeClaimTemplates", [])
                spec["volumes"] += [{"name": claim["metadata"]["name"], "emptyDir": {}} for claim in claims]
                refusal = api.refusal(pod | {"spec": spec}, NAMESPACE)
                check(refusal is None, f"{name}: its pod is not restricted: {refusal}")
    monitor = only(testbed.documents("two-replicas"), "ServiceMonitor")
    monitor["spec"]["endpoints"][0]["honourLabels"] = True
    refusal = api.refusal(monitor, NAMESPACE)
    check(refusal and "honourLabels" in refusal, f"the API server accepts honourLabels: {refusal}")
    rule = only(testbed.documents("two-replicas"), "PrometheusRule")
    rule["spec"]["groups"][0]["rules"][0]["for"] = "soon"
    check(api.refusal(rule, NAMESPACE), "the API server accepts a wrong duration of a rule")
    print(f"server: it accepts {total} objects, and pods in a namespace for restricted ones; it refuses mistakes")


def installed(api, documents):
    """Which of these objects exist in the cluster."""
    return {identity(document) for document in documents if api.get(document["apiVersion"], document["kind"], *place(document))}


def place(document):
    return document["metadata"].get("namespace"), document["metadata"]["name"]


def check_releases(testbed):
    api = prepare(testbed)
    first, second, third = VALUES / "default.yaml", VALUES / "two-replicas.yaml", VALUES / "shards.yaml"
    release, flags = "tried", ("--namespace", NAMESPACE)
    before, after, shards = (template(values, release) for values in (first, second, third))
    rendered = {"before": before, "after": after, "shards": shards}
    objects = {key: [document for document in documents if document not in hooks(documents)] for key, documents in rendered.items()}
    every = [document for documents in objects.values() for document in documents]

    def wanted(key):
        return {identity(document) for document in objects[key]}

    def expect(key):
        found = installed(api, every)
        check(found == wanted(key), f"{key}: in the cluster are {found}, not {wanted(key)}")

    run_helm("install", release, CHART, "--values", first, *flags)
    expect("before")
    run_helm("install", "other", CHART, "--values", first, *flags)
    expect("before")
    # The exporter, as the Deployment would run it, and the pods of `helm test`.
    with exporter(testbed, api, "release", before) as (port, _), kubelet(testbed, release, port) as results:
        output = run_helm("test", release, "--timeout", "60s", *flags)
        check({(name.rpartition("-")[2], code) for name, code, _ in results} == {("check", 0), ("scrape", 0)}, f"{results} {output}")
    # Nothing answers any more, so the test has to fail.
    with kubelet(testbed, release, processes.free_port()) as results:
        code, _, _ = helm("test", release, "--timeout", "60s", "--filter", "name=tried-job-status-exporter-scrape", *flags)
        check(code != 0, f"helm test succeeds without an exporter: {results}")
    for pod in of_kind(hooks(before), "Pod"):
        api.send("DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}?gracePeriodSeconds=0")
    run_helm("upgrade", release, CHART, "--values", second, *flags)
    expect("after")
    run_helm("rollback", release, "1", *flags)
    expect("before")
    # The StatefulSet takes the place of the Deployment, and the Deployment comes back.
    run_helm("upgrade", release, CHART, "--values", third, *flags)
    expect("shards")
    run_helm("upgrade", release, CHART, "--values", first, "--set-json", 'config={"thresholds":{"max_duration":"1h"}}', *flags)
    config = api.get("v1", "ConfigMap", NAMESPACE, "tried-job-status-exporter")["data"]["exporter.yaml"]
    check(yaml.safe_load(config)["thresholds"] == {"max_duration": "1h"}, f"the upgrade did not change the configuration: {config}")
    history = json.loads(run_helm("history", release, "--output", "json", *flags))
    check(len(history) == 5, f"{len(history)} revisions")
    run_helm("uninstall", release, *flags)
    # Garbage is collected by a controller, which a bare control plane does not have; these objects have no dependents.
    check(not installed(api, every), f"uninstall leaves {installed(api, every)}")
    other = [document for document in template(first, "other") if document not in hooks(template(first, "other"))]
    check(installed(api, other) == {identity(document) for document in other}, "the other release lost objects")
    run_helm("uninstall", "other", *flags)
    print("releases: install, two in a namespace, test, upgrade, rollback, uninstall")
