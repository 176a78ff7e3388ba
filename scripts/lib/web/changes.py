"""Checks of certificates and configurations that change while the exporter runs, and of clients that begin and stop."""

import contextlib
import gzip
import http.client
import json
import os
import socket
import ssl
import threading
import time

from lib import processes, prometheus
from lib.processes import check
from lib.web.testbed import kubectl, scraped

# How many handshakes are begun and left.
HALF_OPEN = 500
CLIENTS = 20
# Jobs that every scrape of the reloads has to show.
JOBS = 50


def check_rotation(testbed):
    """Changes the certificate every second while Prometheus and many clients scrape."""
    authority, seconds = testbed.authority, testbed.options.seconds
    certificate, key = authority.issue("rotating", "DNS:localhost,IP:127.0.0.1")
    web = {"tls_server_config": {"cert_file": str(certificate), "key_file": str(key)}}
    exporter = testbed.exporter("rotation", web)
    end = time.monotonic() + seconds
    failures, serials, requests = [], set(), [0] * CLIENTS
    context = ssl.create_default_context(cafile=str(authority.certificate))

    def client(number):
        connection = None
        while time.monotonic() < end:
            try:
                if connection is None:
                    connection = http.client.HTTPSConnection("localhost", exporter.port, timeout=10, context=context)
                    connection.connect()
                    serials.add(connection.sock.getpeercert()["serialNumber"])
                connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
                response = connection.getresponse()
                body = gzip.decompress(response.read())
                check(response.status == 200 and b"batch_job" in body, f"status {response.status}")
                requests[number] += 1
                # Half of the clients keep their connection.
                if number % 2:
                    connection.close()
                    connection = None
            except Exception as failure:  # pylint: disable=broad-except
                failures.append(f"client {number}: {failure!r}")
                connection = None
            time.sleep(0.1)

    jobs = {"rotation": (exporter, {"tls_config": {"ca_file": str(authority.certificate)}})}
    with scraped(testbed, jobs) as port:
        clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in clients:
            thread.start()
        issued = 1
        while time.monotonic() < end:
            authority.issue("rotating", "DNS:localhost,IP:127.0.0.1")
            issued += 1
            time.sleep(1)
        for thread in clients:
            thread.join()
        check(not failures, f"{len(failures)} requests failed: {failures[:3]}")
        [lowest] = prometheus.query(port, f"min_over_time(up[{seconds}s])")
        [scrapes] = prometheus.query(port, f"count_over_time(up[{seconds}s])")
        check(lowest["value"][1] == "1", "Prometheus failed to scrape")
    check(len(serials) > issued / 2, f"clients saw {len(serials)} of {issued} certificates")
    print(
        f"rotation: {issued} certificates in {seconds} s, of which clients saw {len(serials)}; {sum(requests)} requests and "
        f"{scrapes['value'][1]} scrapes of Prometheus, none failed",
        flush=True,
    )


def check_handshakes(testbed):
    """Begins many handshakes. The server has to go on, within its limit of connections."""
    exporter = testbed.exporter("handshakes", testbed.tls())
    trust = ("--cacert", testbed.authority.certificate)
    with contextlib.ExitStack() as open_sockets:
        for _ in range(HALF_OPEN):
            half = open_sockets.enter_context(socket.create_connection(("127.0.0.1", exporter.port)))
            # The header of a record and of a ClientHello that does not follow.
            half.sendall(bytes([22, 3, 1, 2, 0, 1, 0, 1, 252]))
        start = time.monotonic()
        check(exporter.curl(*trust) == 200, "no page while handshakes are half open")
        took, descriptors = time.monotonic() - start, processes.descriptors(exporter.child.pid)
        check(descriptors < 250, f"{descriptors} descriptors")
    print(f"handshakes: a page after {took * 1000:.0f} ms beside {HALF_OPEN} half-open ones, {descriptors} descriptors", flush=True)


def check_reloads(testbed):
    """Reloads many times with other settings."""
    for number in range(JOBS):
        kubectl("create", "--filename=-", document=suspended_job(number))
    path = os.environ["KUBECONFIG"]
    one = {"name": "one", "kubernetes": {"kubeconfig": path}}
    two = {"name": "two", "kubernetes": {"kubeconfig": path}, "namespaces": {"include": ["default"]}}
    history = {"history": {"path": "history.redb"}}
    configurations = [
        {"targets": [one]},
        {"targets": [one, two], "thresholds": {"max_duration": "1h"}},
        {"targets": [one], "labels": {"team": "team"}, "label_scope": "all", "log": {"level": "warn"}},
        {"targets": [one | {"namespaces": {"include": ["default"]}}], "metrics": {"exclude": ["batch_job_created_*"]}},
    ]
    exporter = testbed.exporter("reloads", None, configurations[0] | history, "--web.enable-lifecycle")
    file = exporter.directory / "exporter.yaml"
    done, incomplete, scrapes = threading.Event(), [], [0]

    def scrape():
        while not done.is_set():
            status, _, body = processes.get(exporter.port, "/metrics")
            shown = body.count(b'batch_job_info{target="one",')
            if status != 200 or shown != JOBS:
                incomplete.append(f"status {status}, {shown} Jobs")
            scrapes[0] += 1

    def reload(settings, expected=200):
        file.write_text(json.dumps(settings | history))
        connection = http.client.HTTPConnection("127.0.0.1", exporter.port, timeout=30)
        connection.request("POST", "/-/reload")
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        check(response.status == expected, f"a reload has status {response.status}: {body}")
        return body

    problems = reload({"targets": [one], "stale_afer": "5m", "retain_deleted": "x"}, 500)
    check("stale_afer" in problems and "retain_deleted" in problems, f"not all problems: {problems}")
    check(exporter.value("job_status_exporter_config_last_reload_successful") == 0, "a failed reload does not show")
    scraper = threading.Thread(target=scrape)
    scraper.start()
    try:
        count, warm_up = testbed.options.reloads, 100
        pid = exporter.child.pid
        for number in range(warm_up + count):
            if number == warm_up:
                time.sleep(2)
                before = usage(pid)
                start = time.monotonic()
            reload(configurations[number % len(configurations)])
        took = time.monotonic() - start
    finally:
        done.set()
        scraper.join()
    check(not incomplete, f"{len(incomplete)} of {scrapes[0]} scrapes are not whole: {incomplete[:3]}")
    check(exporter.value("job_status_exporter_config_last_reload_successful") == 1, "a reload does not show")
    # Connections that end, and the last writes of the history.
    time.sleep(10)
    after = usage(pid)
    print(f"reloads: {count} in {took:.0f} s beside {scrapes[0]} whole scrapes; memory, descriptors, threads {before} -> {after}", flush=True)
    (memory, descriptors, threads), (memory_after, descriptors_after, threads_after) = before, after
    check(memory_after < memory * 1.2 + 2**20, "memory grew")
    check(descriptors_after <= descriptors + 3 and threads_after <= threads, "descriptors or threads grew")


def usage(pid):
    return processes.status(pid, "VmRSS"), processes.descriptors(pid), processes.status(pid, "Threads")


def suspended_job(number):
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "none"}]}}
    metadata = {"name": f"web-{number}", "namespace": "default", "labels": {"team": f"team-{number % 5}"}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"suspend": True, "template": template}}
