"""Tokens of ServiceAccounts, and checks of those that are expired or revoked, and of an outage of the API server."""

import base64
import json
import os
import pathlib
import signal
import time

from lib import kubeconfig
from lib.certificates import openssl
from lib.processes import check
from lib.web.testbed import kubectl

# Answers of token reviews that allowed are valid for this long.
ALLOWED = 60


def service_account(name, role=None):
    """Creates a ServiceAccount with a ClusterRole, and returns a token of it."""
    kubectl("create", "serviceaccount", name, "--namespace=default")
    if role:
        kubectl("create", "clusterrolebinding", f"web-{name}", f"--clusterrole={role}", f"--serviceaccount=default:{name}")
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/default/serviceaccounts/{name}/token"
    return json.loads(kubectl("create", "--raw", path, "--filename=-", document=request))["status"]["token"]


def expired(token):
    """A token as the API server signs it, with the same content, that has expired."""
    head, payload, _ = token.split(".")
    content = json.loads(base64.urlsafe_b64decode(payload + "=="))
    now = int(time.time())
    content |= {"iat": now - 7200, "nbf": now - 7200, "exp": now - 3600}
    signed = f"{head}.{base64_url(json.dumps(content).encode())}"
    key = pathlib.Path(os.environ["JOB_STATUS_E2E_CLUSTER"]) / "pki" / "sa.key"
    der = openssl("dgst", "-sha256", "-sign", key, input=signed.encode())
    return f"{signed}.{base64_url(raw_signature(der))}"


def raw_signature(der):
    """The two numbers of an ECDSA signature as JWTs have them, from DER."""
    numbers, at = b"", 2
    for _ in range(2):
        length = der[at + 1]
        numbers += der[at + 2 : at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + length
    return numbers


def base64_url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def prepare_tokens():
    """The ServiceAccounts of the exporter and of two scrapers, as docs/configuration.md has them."""
    kubectl("create", "clusterrole", "web-metrics", "--verb=get", "--non-resource-url=/metrics")
    rules = [
        "--verb=list,watch",
        "--resource=jobs.batch,cronjobs.batch",
    ]
    kubectl("create", "clusterrole", "web-reader", *rules)
    reviewer = service_account("web-exporter", "web-reader")
    kubectl("create", "clusterrolebinding", "web-reviews", "--clusterrole=system:auth-delegator", "--serviceaccount=default:web-exporter")
    return reviewer, service_account("web-scraper", "web-metrics"), service_account("web-nobody")


def of_exporter(testbed, token):
    """Configuration of an exporter that reads and reviews with this token."""
    path = testbed.logs / "exporter.kubeconfig"
    cluster = {key: value for key, value in testbed.cluster.items() if key != "server"}
    kubeconfig.write(path, testbed.cluster["server"], token, **cluster)
    return {"targets": [{"name": "real", "kubernetes": {"kubeconfig": str(path)}}], "web": {"kubernetes_auth": {"target": "real"}}}


def check_tokens(testbed, tokens):
    """Expired and revoked tokens, and an outage of the API server."""
    reviewer, scraper, nobody = tokens
    config = of_exporter(testbed, reviewer)
    exporter = testbed.exporter("tokens", None, config)
    revoked = service_account("web-revoked", "web-metrics")

    def status(token):
        return exporter.curl("--header", f"Authorization: Bearer {token}", scheme="http")

    check(status(expired(scraper)) == 401, "an expired token is accepted")
    check(status(scraper) == 200, "a valid token is refused")
    check(status(revoked) == 200, "a token that will be revoked is refused")
    kubectl("delete", "serviceaccount", "web-revoked", "--namespace=default")
    start = time.monotonic()
    while status(revoked) == 200:
        check(time.monotonic() - start < ALLOWED + 10, "a revoked token is accepted for too long")
        time.sleep(1)
    check(status(revoked) == 401, "a revoked token has another answer than 401")
    print(f"tokens: a revoked one is refused after {time.monotonic() - start:.0f} s", flush=True)
    pid = int((pathlib.Path(os.environ["JOB_STATUS_E2E_CLUSTER"]) / "pid" / "apiserver").read_text())
    check(status(scraper) == 200, "a valid token is refused")
    os.kill(pid, signal.SIGSTOP)
    try:
        start = time.monotonic()
        while (elapsed := time.monotonic() - start) < ALLOWED + 15:
            check(status(scraper) == 200, f"a known token is refused after {elapsed:.0f} s of an outage")
            time.sleep(2)
        check(status("never-seen") == 503, "a token that was never seen has another answer than 503 during an outage")
    finally:
        os.kill(pid, signal.SIGCONT)
    print(f"tokens: a known one is accepted through an outage of {elapsed:.0f} s", flush=True)
