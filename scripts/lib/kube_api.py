"""Requests to a real API server as its administrator, and JSON schemas made from its OpenAPI document."""

import http.client
import json
import ssl
import time

from lib.processes import check

# Kinds of Kubernetes that a chart may have, with the path of their list. {} is the namespace.
PLURALS = {
    ("v1", "ConfigMap"): "configmaps",
    ("v1", "Namespace"): None,
    ("v1", "Pod"): "pods",
    ("v1", "Secret"): "secrets",
    ("v1", "Service"): "services",
    ("v1", "ServiceAccount"): "serviceaccounts",
    ("apps/v1", "Deployment"): "deployments",
    ("apps/v1", "StatefulSet"): "statefulsets",
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): None,
    ("batch/v1", "CronJob"): "cronjobs",
    ("batch/v1", "Job"): "jobs",
    ("networking.k8s.io/v1", "NetworkPolicy"): "networkpolicies",
    ("policy/v1", "PodDisruptionBudget"): "poddisruptionbudgets",
    ("rbac.authorization.k8s.io/v1", "Role"): "roles",
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): "rolebindings",
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): None,
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): None,
    ("monitoring.coreos.com/v1", "PodMonitor"): "podmonitors",
    ("monitoring.coreos.com/v1", "PrometheusRule"): "prometheusrules",
    ("monitoring.coreos.com/v1", "ServiceMonitor"): "servicemonitors",
    ("monitoring.coreos.com/v1alpha1", "ScrapeConfig"): "scrapeconfigs",
}
CLUSTER_PLURALS = {
    "Namespace": "namespaces",
    "CustomResourceDefinition": "customresourcedefinitions",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
}


def collection(version, kind, namespace):
    """The path of the list of a kind."""
    root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    plural = PLURALS[version, kind]
    if plural is None:
        return f"{root}/{CLUSTER_PLURALS[kind]}"
    return f"{root}/namespaces/{namespace}/{plural}"


class Api:
    """The API server of a control plane in `directory`, as scripts/with-cluster starts it."""

    def __init__(self, directory):
        self.directory = directory
        self.port = int((directory / "port").read_text())
        self.tls = ssl.create_default_context(cafile=directory / "pki/ca.crt")
        self.tls.load_cert_chain(directory / "pki/admin.crt", directory / "pki/admin.key")

    def send(self, method, path, document=None, kind="application/json"):
        """Returns the status and the JSON of a response."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=self.tls)
        try:
            connection.request(method, path, json.dumps(document) if document is not None else None, {"Content-Type": kind})
            response = connection.getresponse()
            body = response.read()
            # What it does not serve is 404 as plain text.
            json_body = response.getheader("Content-Type", "").startswith("application/json")
            return response.status, json.loads(body) if json_body else {"message": body.decode(errors="replace")}
        finally:
            connection.close()

    def request(self, method, path, document=None, kind="application/json"):
        status, answer = self.send(method, path, document, kind)
        check(status < 300, f"{method} {path}: {status} {answer.get('message')}")
        return answer

    def create(self, document, namespace=None, query=""):
        """Creates an object, in the namespace that it names or in `namespace`."""
        namespace = document["metadata"].get("namespace", namespace)
        return self.request("POST", collection(document["apiVersion"], document["kind"], namespace) + query, document)

    def refusal(self, document, namespace):
        """What the API server says against an object that would be created, or None."""
        namespace = document["metadata"].get("namespace", namespace)
        path = collection(document["apiVersion"], document["kind"], namespace)
        status, answer = self.send("POST", f"{path}?dryRun=All&fieldValidation=Strict", document)
        return None if status < 300 else answer.get("message", str(status))

    def get(self, version, kind, namespace, name):
        """An object, or None if there is none."""
        status, answer = self.send("GET", f"{collection(version, kind, namespace)}/{name}")
        check(status in (200, 404), f"{kind} {name}: {status} {answer.get('message')}")
        return answer if status == 200 else None

    def token(self, namespace, account):
        """A token of a ServiceAccount."""
        document = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return self.request("POST", f"{collection('v1', 'ServiceAccount', namespace)}/{account}/token", document)["status"]["token"]

    def definitions(self, kinds):
        """The OpenAPI definitions, once they have all `kinds`: those of new CRDs come some time later."""
        deadline = time.monotonic() + 60
        while True:
            definitions = self.request("GET", "/openapi/v2")["definitions"]
            missing = kinds - {known for definition in definitions.values() for known in kinds_of(definition)}
            if not missing:
                return definitions
            check(time.monotonic() < deadline, f"the OpenAPI document has no {missing}")
            time.sleep(1)


def kinds_of(definition):
    for entry in definition.get("x-kubernetes-group-version-kind", []):
        yield "/".join(filter(None, (entry["group"], entry["version"]))), entry["kind"]


def write_schemas(definitions, kinds, directory):
    """Writes a JSON schema for each of `kinds`, with the names that kubeconform looks for. They refuse unknown fields."""
    for name, definition in definitions.items():
        for version, kind in kinds & set(kinds_of(definition)):
            used = {}
            collect(definitions, name, used)
            group, _, number = version.rpartition("/")
            parts = [kind.lower(), *([group.split(".")[0]] if group else []), number]
            schema = {"$ref": f"#/definitions/{name}", "definitions": used}
            (directory / f"{'-'.join(parts)}.json").write_text(json.dumps(schema))


def collect(definitions, name, used):
    """Adds a definition and those that it refers to."""
    if name in used:
        return
    used[name] = {}
    used[name] = strict(definitions[name], lambda other: collect(definitions, other, used))
    if name.endswith(".api.resource.Quantity"):
        used[name] = {"type": ["string", "number"]}


def strict(schema, visit):
    """A JSON schema from one of OpenAPI."""
    if isinstance(schema, list):
        return [strict(part, visit) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        visit(schema["$ref"].removeprefix("#/definitions/"))
        return {"$ref": schema["$ref"]}
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    result = {}
    for key, value in schema.items():
        if key == "properties":
            result[key] = {field: strict(part, visit) for field, part in value.items()}
        elif key in ("items", "additionalProperties", "allOf", "anyOf", "oneOf", "not"):
            result[key] = strict(value, visit)
        elif key in ("type", "required", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"):
            result[key] = value
    if "properties" in schema and "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result["additionalProperties"] = False
    return result
