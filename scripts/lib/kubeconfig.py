"""Kubeconfigs for exporters that read a simulated API."""

import json


def write(path, server, token="unused", **cluster):
    """Writes a kubeconfig for `server`, a URL. `cluster` has further settings of the cluster."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "simulated",
        "contexts": [{"name": "simulated", "context": {"cluster": "simulated", "user": "simulated"}}],
        "clusters": [{"name": "simulated", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "simulated", "user": {"token": token}}],
    }
    path.write_text(json.dumps(document))  # JSON is YAML
