"""What the Helm chart renders, with the real helm."""

import pathlib
import subprocess

import yaml

from lib.processes import check

ROOT = pathlib.Path(__file__).resolve().parents[3]
CHART = ROOT / "deploy/helm/job-status-exporter"
VALUES = ROOT / "deploy/helm/tests/values"
INVALID = ROOT / "deploy/helm/tests/invalid"
NAMESPACE = "exporters"


def helm(*arguments, stdin=None):
    done = subprocess.run(["helm", *map(str, arguments)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def run_helm(*arguments):
    code, output, errors = helm(*arguments)
    check(code == 0, f"helm {' '.join(map(str, arguments))}: {errors}{output[-2000:]}")
    return output


def template(values, release="release", namespace=NAMESPACE, *flags):
    """The objects that the chart renders."""
    text = run_helm("template", release, CHART, "--namespace", namespace, "--values", values, *flags)
    return [document for document in yaml.safe_load_all(text) if document]


def of_kind(documents, *kinds):
    return [document for document in documents if document["kind"] in kinds]


def only(documents, *kinds):
    found = of_kind(documents, *kinds)
    check(len(found) == 1, f"{len(found)} objects of {kinds}")
    return found[0]


def named(documents, suffix):
    return next(document for document in documents if document["metadata"]["name"].endswith(suffix))


def identity(document):
    metadata = document["metadata"]
    return document["apiVersion"], document["kind"], metadata.get("namespace", ""), metadata["name"]


def hooks(documents):
    return [document for document in documents if "helm.sh/hook" in document["metadata"].get("annotations", {})]


def config_text(documents):
    [text] = [document["data"]["exporter.yaml"] for document in of_kind(documents, "ConfigMap") if "exporter.yaml" in document.get("data", {})]
    return text


def only_config(documents):
    return yaml.safe_load(config_text(documents))
