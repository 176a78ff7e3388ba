"""Runs the programs of pods that the Helm chart renders: no pod runs in the test cluster."""

import base64
import contextlib
import os
import pathlib
import subprocess
import tempfile
import threading

from lib import kubeconfig, processes
from lib.certificates import Authority
from lib.chart import NAMESPACE, config_text, only

MOUNTS = ("/etc/job-status-exporter", "/var/lib/job-status-exporter")


class Container:
    """A container of a rendered pod, whose program this script runs: its mounts are below `directory`."""

    def __init__(self, testbed, spec, directory, config, token=None):
        self.testbed, self.directory = testbed, directory
        self.container = spec["containers"][0]
        self.config, self.token = config, token
        self.volumes = {volume["name"]: volume for volume in spec["volumes"]}

    def path(self, path):
        return self.directory / path.lstrip("/")

    def text(self, text):
        for mount in MOUNTS:
            text = text.replace(mount, str(self.path(mount)))
        return text

    def mount(self):
        """Writes what the volumes of the pod would have. Secrets get values that have the right form."""
        for mount in self.container["volumeMounts"]:
            directory = self.path(mount["mountPath"])
            directory.mkdir(parents=True, exist_ok=True)
            if mount["name"] == "config":
                (directory / "exporter.yaml").write_text(self.text(self.config))
        secrets = self.path("/etc/job-status-exporter/secrets")
        for name, text in {"cci-keys/secret-key": "unused", "cci-password/password": "unused"}.items():
            if (secrets / name).parent.exists():
                (secrets / name).write_text(text)
        if (secrets / "prod").exists():
            kubeconfig.write(secrets / "prod/kubeconfig", "https://127.0.0.1:1")
        self.mount_postgres()
        if (self.path("/etc/job-status-exporter/web")).exists():
            self.path("/etc/job-status-exporter/web/web.yaml").write_text("rate_limit: {interval: 1ms, burst: 1000}\n")

    def mount_postgres(self):
        """Writes what the Secrets of a history in PostgreSQL would have. Nothing listens there."""
        directory = self.path("/etc/job-status-exporter/postgres")
        if not directory.exists():
            return
        for source in self.volumes["postgres"]["projected"]["sources"]:
            for item in source["secret"]["items"]:
                path = directory / item["path"]
                if path.name == "ca.crt":
                    Authority(directory, "ca")
                else:
                    path.write_text("postgresql://exporter:unused@127.0.0.1:1/jobs\n")

    def command(self, ports=None):
        """The program with the flags of the container; `ports` has other ports, since several run on one machine."""
        arguments = [self.text(argument) for argument in self.container["args"]]
        for flag, port in (ports or {}).items():
            [at] = [index for index, argument in enumerate(arguments) if argument.startswith(f"--web.{flag}=:")]
            arguments[at] = f"--web.{flag}=127.0.0.1:{port}"
        return [self.testbed.binary, *arguments]

    def environment(self):
        """The variables of the container, and a kubeconfig in place of the ServiceAccount's directory."""
        variables = {entry["name"]: self.text(entry["value"]) for entry in self.container.get("env", [])}
        path = self.directory / "kubeconfig"
        if self.token is None:
            kubeconfig.write(path, "https://127.0.0.1:1")
        else:
            api = self.testbed.api
            ca = base64.b64encode((api.directory / "pki/ca.crt").read_bytes()).decode()
            kubeconfig.write(path, f"https://127.0.0.1:{api.port}", self.token, **{"certificate-authority-data": ca})
        # The host name has no ordinal of a StatefulSet. This is its first pod.
        ordinal = {"JOB_STATUS_EXPORTER__SHARDING__SHARD": "0"} if "shard: auto" in self.config else {}
        return {"PATH": os.environ["PATH"], "KUBECONFIG": str(path), **ordinal, **variables}

    def run(self):
        self.mount()
        done = subprocess.run(
            self.command(), env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False
        )
        return done.returncode, done.stdout.decode()


@contextlib.contextmanager
def kubelet(testbed, release, port):
    """Runs the commands of the pods of `helm test`, and writes their results. Yields a list of (pod, exit code, output)."""
    api, results, stop = testbed.api, [], threading.Event()
    pods = f"/api/v1/namespaces/{NAMESPACE}/pods"
    selector = f"labelSelector=app.kubernetes.io/instance%3D{release},app.kubernetes.io/component%3Dtest"

    def work():
        done = set()
        while not stop.wait(0.2):
            for pod in api.request("GET", f"{pods}?{selector}").get("items", []):
                name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
                if uid in done:
                    continue
                done.add(uid)
                try:
                    code, output = run_pod(testbed, pod, port)
                except Exception as error:  # a test that cannot run has failed
                    code, output = 1, repr(error)
                results.append((name, code, output))
                status = {"status": {"phase": "Failed" if code else "Succeeded"}}
                api.request("PATCH", f"{pods}/{name}/status", status, "application/merge-patch+json")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield results
    finally:
        stop.set()
        thread.join()


def run_pod(testbed, pod, port):
    api, container = testbed.api, pod["spec"]["containers"][0]
    directory = pathlib.Path(tempfile.mkdtemp(dir=testbed.logs))
    if container["name"] == "check":
        [volume] = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "config"]
        config = api.get("v1", "ConfigMap", NAMESPACE, volume["configMap"]["name"])
        token = api.token(NAMESPACE, pod["spec"]["serviceAccountName"])
        return Container(testbed, pod["spec"], directory, config["data"]["exporter.yaml"], token).run()
    # The name of the Service leads to the exporter that this script runs.
    command = [part.replace("/tmp/", f"{directory}/") for part in container["command"]]
    command += [*container["args"], "--connect-to", f"::127.0.0.1:{port}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    return done.returncode, done.stdout.decode()


@contextlib.contextmanager
def exporter(testbed, api, name, documents):
    """Runs the exporter as the pod of `documents` would, with the token of its ServiceAccount. Yields its two ports."""
    pod = only(documents, "Deployment", "StatefulSet")["spec"]["template"]["spec"]
    token = api.token(NAMESPACE, pod["serviceAccountName"])
    directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=testbed.logs))
    container = Container(testbed, pod, directory, config_text(documents), token)
    container.mount()
    port = processes.free_port()
    probes = processes.free_port()
    command = container.command({"listen-address": port, "probe-listen-address": probes})
    with processes.running(command, directory / "log", container.environment()) as child:
        processes.wait_ready(child, probes, "/livez", 10)
        processes.wait_ready(child, probes, "/readyz", 70)
        yield port, directory / "log"
