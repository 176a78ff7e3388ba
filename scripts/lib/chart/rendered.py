"""Checks of what the chart renders, without an API server."""

import json
import re
import subprocess

import yaml

from lib.chart import (
    CHART, INVALID, NAMESPACE, ROOT, VALUES, config_text, helm, identity, named, of_kind, only, only_config, run_helm, template,
)
from lib.chart.pods import Container
from lib.processes import check

# Values with a default that lacks some of their keys.
FREE = {"resources", "startupProbe", "livenessProbe", "readinessProbe"}


def check_values(testbed):
    for path in testbed.values:
        run_helm("lint", CHART, "--strict", "--quiet", "--namespace", NAMESPACE, "--values", path)
        documents = testbed.documents(path.stem)
        check_names(path.stem, documents)
    check_schema()
    check_releases_apart()
    check_choices(testbed)
    print(f"values: {len(testbed.values)} files are rendered")
    refused = sorted(INVALID.glob("*.yaml"))
    check(refused, f"no values in {INVALID}")
    for path in refused:
        expected = re.match(r"# expect: (.*)\n", path.read_text())
        check(expected, f"{path} does not begin with `# expect: MESSAGE`")
        code, _, errors = helm("template", "release", CHART, "--values", path)
        check(code != 0, f"{path.name} is accepted")
        check(expected[1] in errors, f"{path.name}: the error does not say `{expected[1]}`: {errors}")
    print(f"values: {len(refused)} files are refused")


def check_schema():
    """Each value has a description in the schema, which allows no other value."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    # Helm, or a parent chart, sets these.
    extra = {"": {"global", "enabled"}}

    def visit(value, schema, path):
        check(not path or schema.get("description"), f"{path} has no description in the schema")
        if "properties" in schema:
            check(schema.get("additionalProperties") is False, f"{path}: the schema allows unknown values")
            for key, part in schema["properties"].items():
                visit(value.get(key) if isinstance(value, dict) else None, part, f"{path}.{key}".lstrip("."))
        for part in (schema.get("items"), schema.get("additionalProperties")):
            if isinstance(part, dict) and "properties" in part:
                visit(None, part | {"description": "an item"}, f"{path}[]")
        # A map without properties, such as labels, or whose properties are all optional, such as `config`, has no defaults to compare.
        if isinstance(value, dict) and value and schema.get("properties") and path not in FREE:
            check(value.keys() == schema["properties"].keys() - extra.get(path, set()), f"{path}: values.yaml and the schema differ")

    visit(values, schema, "")


def check_names(name, documents):
    identities = [identity(document) for document in documents]
    check(len(set(identities)) == len(identities), f"{name}: two objects of one name")
    for document in documents:
        where, metadata = f"{name}: {document['kind']}", document["metadata"]
        # Names of the kinds of RBAC may be longer; the chart adds 11 characters to that of a StatefulSet.
        limit = {"StatefulSet": 52}.get(document["kind"], 253 if "rbac" in document["apiVersion"] else 63)
        check(len(metadata["name"]) <= limit, f"{where}: the name {metadata['name']} is too long")
        for key, value in metadata.get("labels", {}).items():
            check(len(value) <= 63, f"{where}: the label {key} is too long: {value}")
        if document["kind"] in ("Deployment", "StatefulSet"):
            labels = document["spec"]["template"]["metadata"]["labels"]
            check(document["spec"]["selector"]["matchLabels"].items() <= labels.items(), f"{where}: its selector misses its pods")
    pods = only(documents, "Deployment", "StatefulSet")["spec"]["template"]["metadata"]["labels"].items()
    tests = [document["metadata"]["labels"].items() for document in of_kind(documents, "Pod")]
    for selector in selectors(documents):
        check(selector.items() <= pods, f"{name}: {selector} misses the pods")
        check(not any(selector.items() <= test for test in tests), f"{name}: {selector} selects a pod of helm test")


def selectors(documents):
    for document in documents:
        spec = document.get("spec", {})
        if document["kind"] == "Service":
            yield spec["selector"]
        elif document["kind"] in ("PodDisruptionBudget", "PodMonitor"):
            yield spec["selector"]["matchLabels"]
        elif document["kind"] == "NetworkPolicy":
            yield spec["podSelector"]["matchLabels"]
        elif document["kind"] in ("Deployment", "StatefulSet"):
            for constraint in spec["template"]["spec"].get("topologySpreadConstraints", []):
                yield constraint["labelSelector"]["matchLabels"]


def check_releases_apart():
    """Several releases in one namespace, and releases of one name in several namespaces, share nothing."""
    everything = VALUES / "two-replicas.yaml"
    # The longest name of a release, twice: they differ at the end only.
    long = ["a" * 50 + "-" + end for end in ("b", "c")]
    places = [("one", NAMESPACE), ("two", NAMESPACE), ("one", "monitoring"), (long[0], NAMESPACE), (long[1], NAMESPACE)]
    owners = {}
    for release, namespace in places:
        documents = template(everything, release, namespace)
        check_names(release, documents)
        for document in documents:
            other = owners.setdefault(identity(document), (release, namespace))
            check(other == (release, namespace), f"{identity(document)} is of two releases")
    selected = [only(template(everything, *place), "Service")["spec"]["selector"] for place in places if place[1] == NAMESPACE]
    check(all(a == b or not a.items() <= b.items() for a in selected for b in selected), "releases select pods of each other")
    check(len({str(sorted(selector.items())) for selector in selected}) == len(selected), "releases have one selector")


def check_choices(testbed):
    """What follows from values, and shows in no schema."""
    pods = {
        name: only(documents, "Deployment", "StatefulSet") for name, documents in testbed.all_documents().items()
    }
    kinds = {name: document["kind"] for name, document in pods.items()}
    stateful = {"history-claim", "two-replicas", "two-replicas-in-memory", "long-names", "long-name-of-statefulset"}
    stateful |= {"shards", "shards-history", "shards-namespaces", "shards-poll", "shards-of-targets", "existing-config-shards"}
    stateful |= {"postgres-replicas", "postgres-shards"}
    found = {name for name, kind in kinds.items() if kind == "StatefulSet"}
    check(found == stateful, f"StatefulSets: {found}, not {stateful}")
    for name, document in pods.items():
        spec = document["spec"]["template"]["spec"]
        [container] = spec["containers"]
        check(spec["automountServiceAccountToken"] == (name != "cci"), f"{name}: token of the pod")
        check(spec["securityContext"]["runAsNonRoot"] is True, f"{name}: runs as root")
        check(container["securityContext"]["readOnlyRootFilesystem"] is True, f"{name}: may write to its image")
        probes = [container[f"{probe}Probe"]["httpGet"]["port"] for probe in ("startup", "liveness", "readiness")]
        check(probes == ["probes"] * 3, f"{name}: probes need a login")
        auto = "--config.auto-reload" in container["args"]
        check(auto == (name != "restart-on-change"), f"{name}: auto-reload is {auto}")
        check(not any("subPath" in mount for mount in container["volumeMounts"]), f"{name}: a mounted file never changes")
    for name, documents in testbed.all_documents().items():
        for document in of_kind(documents, "ServiceMonitor", "PodMonitor", "ScrapeConfig"):
            spec = document["spec"]
            endpoint = (spec.get("endpoints") or spec.get("podMetricsEndpoints") or [spec])[0]
            check(endpoint["honorLabels"] is True, f"{name}: {document['kind']} renames the namespace of Jobs")
            check(any(rule.get("targetLabel") == "instance" for rule in endpoint["relabelings"]), f"{name}: instance is not stable")
    # Which roles have permissions for pods. `check_modes` tries two of them in a cluster.
    found = {
        (name, role["kind"], role["metadata"].get("namespace"), *rule["verbs"])
        for name, documents in testbed.all_documents().items()
        for role in of_kind(documents, "Role", "ClusterRole")
        for rule in role["rules"]
        if "pods" in rule.get("resources", [])
    }
    wanted = {
        ("pods", "ClusterRole", None, "list", "watch"),
        ("pods-of-one-target", "Role", "billing", "list", "watch"),
        ("pods-poll-namespaces", "Role", "billing", "list"),
        ("pods-poll-namespaces", "Role", "etl", "list"),
        ("shards", "ClusterRole", None, "list", "watch"),
    }
    check(found == wanted, f"permissions for pods: {found}, not {wanted}")
    check_shards(testbed)
    check_postgres(testbed)
    # Only a change that needs a restart changes the pod.
    base = checksum({})
    for change in ({"thresholds": {"max_duration": "1h"}}, {"sharding": {"shards": 2, "shard": 0}}):
        check(checksum(change) == base, f"{change}, which the exporter loads, restarts the pod")
    for change in (
        {"web": {"telemetry_path": "/m"}},
        {"metrics": {"run_duration_buckets": ["1s"]}},
        {"metrics": {"native_histograms": "both"}},
    ):
        check(checksum(change) != base, f"{change} does not restart the pod")
    check(checksum({"thresholds": {"max_duration": "1h"}}, "autoReload=false") != checksum({}, "autoReload=false"), "autoReload=false")
    check(not of_kind(testbed.documents("cci"), "Role", "ClusterRole"), "a pod that reads CCI has permissions in the cluster")
    large = only_config(testbed.documents("restart-on-change"))
    check(large["limits"] == {"list_objects": 5000000, "workloads": 10000000}, f"large numbers change: {large['limits']}")


def check_shards(testbed):
    """Each shard is a pod whose ordinal is its number. Only shards that watch everything read namespaces."""
    found = {
        (name, role["kind"], *rule["verbs"])
        for name, documents in testbed.all_documents().items()
        for role in of_kind(documents, "Role", "ClusterRole")
        for rule in role["rules"]
        if "namespaces" in rule.get("resources", [])
    }
    names = ("shards", "shards-history", "postgres-shards", "shards-of-targets", "shard-by-number", "existing-config-shards")
    wanted = {(name, "ClusterRole", "list", "watch") for name in names}
    check(found == wanted, f"permissions for namespaces: {found}, not {wanted}")
    shards = {"shards": 2, "shards-history": 3, "postgres-shards": 3, "shards-namespaces": 1, "shards-poll": 2, "shards-of-targets": 2}
    for name, number in shards.items():
        documents = testbed.documents(name)
        spec = only(documents, "StatefulSet")["spec"]
        check((spec["replicas"], spec["podManagementPolicy"]) == (number, "Parallel"), f"{name}: {spec}")
        found = only_config(documents)["sharding"]
        check(found == {"shards": number, "shard": "auto"}, f"{name}: sharding is {found}")
    [claim] = only(testbed.documents("shards-history"), "StatefulSet")["spec"]["volumeClaimTemplates"]
    check(claim["metadata"]["name"] == "history", "shards share a history")
    pod = only(testbed.documents("existing-config-shards"), "StatefulSet")["spec"]["template"]["spec"]
    env = {entry["name"].removeprefix("JOB_STATUS_EXPORTER__"): entry["value"] for entry in pod["containers"][0]["env"]}
    check((env["SHARDING__SHARDS"], env["SHARDING__SHARD"]) == ("2", "auto"), f"existing-config-shards: {env}")
    for name in (*shards, "existing-config-shards"):
        [test] = [it for it in of_kind(testbed.documents(name), "Pod") if it["metadata"]["name"].endswith("-check")]
        env = [entry["value"] for entry in test["spec"]["containers"][0]["env"] if entry["name"].endswith("__SHARD")]
        check(env == ["0"], f"{name}: helm test looks for its number in the name of its pod")


def check_postgres(testbed):
    """A history in PostgreSQL has no volume; its files are those that the variables name, in the pod of `helm test` too."""
    prefix = "JOB_STATUS_EXPORTER__HISTORY__"
    expected = {
        "postgres": {"history": ["url->url"]},
        "postgres-replicas": {"db-app": ["uri->url", "reader-uri->reader-url"], "db-ca": ["ca.crt->ca.crt"]},
        "postgres-shards": {"history": ["url->url", "ca.crt->ca.crt"]},
    }
    for name, secrets in expected.items():
        documents = testbed.documents(name)
        workload = only(documents, "Deployment", "StatefulSet")
        check("volumeClaimTemplates" not in workload["spec"], f"{name}: a volume is claimed")
        for spec in (workload["spec"]["template"]["spec"], named(of_kind(documents, "Pod"), "-check")["spec"]):
            volumes = {volume["name"]: volume for volume in spec["volumes"]}
            check(volumes.keys() == {"config", "postgres"}, f"{name}: volumes are {volumes.keys()}")
            found, files = {}, set()
            for source in volumes["postgres"]["projected"]["sources"]:
                items = source["secret"]["items"]
                found.setdefault(source["secret"]["name"], []).extend(f"{item['key']}->{item['path']}" for item in items)
                files |= {f"/etc/job-status-exporter/postgres/{item['path']}" for item in items}
            check(found == secrets, f"{name}: files of Secrets are {found}, not {secrets}")
            env = {entry["name"].removeprefix(prefix): entry["value"] for entry in spec["containers"][0]["env"]}
            check({value for key, value in env.items() if key.endswith("_FILE")} == files, f"{name}: variables are {env}")
            check("PATH" not in env, f"{name}: there is a file too")
            schema = "batch" if name == "postgres-replicas" else "job_status_exporter"
            check(env["POSTGRES__SCHEMA"] == schema, f"{name}: the schema is {env['POSTGRES__SCHEMA']}")
    # Two pods at once need a database, and two names in Prometheus.
    strategies = {
        name: only(testbed.documents(name), "Deployment")["spec"]["strategy"]["type"]
        for name in ("default", "history-empty-dir", "history-existing-claim", "postgres")
    }
    check({name for name, strategy in strategies.items() if strategy == "RollingUpdate"} == {"postgres"}, f"strategies: {strategies}")
    [endpoint] = only(testbed.documents("postgres"), "ServiceMonitor")["spec"]["endpoints"]
    [instance] = [rule for rule in endpoint["relabelings"] if rule.get("targetLabel") == "instance"]
    check("__meta_kubernetes_pod_name" in instance.get("sourceLabels", []), f"postgres: overlapping pods have one instance: {instance}")


def checksum(config, *settings):
    flags = [f"--set-json=config={json.dumps(config)}"] + [f"--set={setting}" for setting in settings]
    documents = template(VALUES / "default.yaml", "release", NAMESPACE, *flags)
    return only(documents, "Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/config"]


def check_rules(testbed):
    source = yaml.safe_load((ROOT / "config/rules/job-status.rules.yaml").read_text())
    log = {
        "kubectl logs": "kubectl --namespace exporters logs",
        "deployment/job-status-exporter": "statefulset/release-job-status-exporter",
        "pod/job-status-exporter-": "pod/release-job-status-exporter-",
    }
    expected = json.dumps(source)
    for text, instead in log.items():
        expected = expected.replace(text, instead)
    rendered = only(testbed.documents("two-replicas"), "PrometheusRule")["spec"]
    check(rendered == json.loads(expected), "the rules of the chart are not those of the project")
    changed = only(testbed.documents("rules"), "PrometheusRule")["spec"]
    for name, groups in (("default", rendered), ("changed", changed)):
        path = testbed.logs / f"{name}.rules.yaml"
        path.write_text(yaml.safe_dump(groups))
        done = subprocess.run(["promtool", "check", "rules", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        check(done.returncode == 0, f"promtool check rules: {done.stdout.decode()}")
    alerts = [rule for group in changed["groups"] for rule in group["rules"] if "alert" in rule]
    before = [rule for group in source["groups"] for rule in group["rules"] if "alert" in rule]
    check({rule["alert"] for rule in before} - {rule["alert"] for rule in alerts} == {"BatchCronJobSuspended"}, "not one alert less")
    for rule in alerts:
        check(rule["annotations"]["dashboard"] == "batch-overview", f"{rule['alert']}: no annotation")
        check(rule["labels"]["team"] == ("oncall" if rule["alert"] == "JobStatusTargetDown" else "platform"), f"{rule['alert']}: team")
        check("https://wiki.example.org/runbooks#" in rule["annotations"]["runbook_url"], f"{rule['alert']}: runbook")
    overdue = next(rule for rule in alerts if rule["alert"] == "BatchRunOverdue")
    severity = "{{ with $labels.severity }}{{ . }}{{ else }}critical{{ end }}"
    check(overdue["for"] == "5m" and overdue["labels"]["severity"] == severity, f"BatchRunOverdue: {overdue}")
    down = next(rule for rule in alerts if rule["alert"] == "JobStatusTargetDown")
    check((down["for"], down["labels"]["severity"]) == ("10m", "page"), f"JobStatusTargetDown: {down}")
    check(down["annotations"]["summary"] == "The exporter is blind.", f"JobStatusTargetDown: {down}")
    dashboards = {}
    for document in testbed.documents("dashboards"):
        if document["kind"] == "ConfigMap" and document["metadata"]["labels"].get("dashboard") == "yes":
            check(document["metadata"]["annotations"]["grafana_folder"] == "Batch", "no folder")
            dashboards |= document["data"]
    check(dashboards == {path.name: path.read_text() for path in ROOT.glob("dashboards/*.json")}, "the dashboards of the chart differ")
    print(f"rules: {len(before)} alerts and {len(dashboards)} dashboards are those of the project")


def check_configuration(testbed):
    checked = 0
    for name, documents in testbed.all_documents().items():
        if name.startswith("existing-"):
            continue
        pod = named(of_kind(documents, "Pod"), "-check")
        deployed = only(documents, "Deployment", "StatefulSet")["spec"]["template"]["spec"]["containers"][0]["args"]
        flags = [flag for flag in pod["spec"]["containers"][0]["args"] if flag != "--config.check"]
        check(flags == [flag for flag in deployed if flag != "--config.auto-reload"], f"{name}: the test has other flags")
        directory = testbed.logs / f"check-{name}"
        directory.mkdir()
        code, output = Container(testbed, pod["spec"], directory, config_text(documents)).run()
        check(code == 0, f"{name}: --config.check ended with {code}: {output}")
        expect_permissions(name, documents, output)
        checked += 1
    broken = named(of_kind(testbed.documents("default"), "Pod"), "-check")
    directory = testbed.logs / "check-broken"
    directory.mkdir()
    code, output = Container(testbed, broken["spec"], directory, "targets: [{modus: watch}]\n").run()
    check(code == 2 and "unknown key" in output, f"a wrong configuration ends the test with {code}: {output}")
    print(f"configuration: the exporter accepts {checked} configurations")


def expect_permissions(name, documents, output):
    """The exporter says which kind of role it needs: that is what the chart has, unless it is for another API."""
    if re.search("cci|kubeconfig", config_text(documents)):
        return
    needs = {"ClusterRole": "(a ClusterRole)", "Role": "(a Role in each)"}
    roles = [role for role in of_kind(documents, *needs) if any("batch" in rule.get("apiGroups", []) for rule in role["rules"])]
    for kind, text in needs.items():
        if text in output:
            check(any(role["kind"] == kind for role in roles), f"{name}: the exporter needs a {kind}, the chart has {roles}")
